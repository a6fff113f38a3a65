//! What every request and response goes through: ids, security headers and compression.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
};
use leptos::config::LeptosOptions;
use tower::ServiceBuilder;
use tower_http::{compression::CompressionLayer, set_header::SetResponseHeaderLayer};

use super::{admission::AdmissionLayer, head, request_id::RequestIds};
use crate::metrics::RequestMetrics;

/// The policy of a page: own scripts by nonce, own styles, nothing else.
#[must_use]
pub fn page_policy(nonce: &str, options: &LeptosOptions) -> String {
    // In development the reload script opens a socket on a port of its own.
    let reload = if std::env::var_os("LEPTOS_WATCH").is_some() {
        format!(" ws://127.0.0.1:{0} ws://localhost:{0}", options.reload_port)
    } else {
        String::new()
    };
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'{reload}; manifest-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// The policy of a page in place of one that was refused: its styles by nonce, the site's icon, nothing else.
pub(super) fn refusal_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// Sets a header that the response lacks.
fn default(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// An id for every request, headers of every response (a page has set its own policy before), compression for those who
/// take it, with `Vary`, and HEAD; each is counted and timed. One stack, since every layer put on a router by itself boxes each request once more.
pub fn wrap(routes: Router, requests: &RequestMetrics) -> Router {
    let stack = ServiceBuilder::new()
        .layer(requests.layer())
        .map_request(head::as_get)
        .layer(default(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(default(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(default(header::REFERRER_POLICY, "same-origin"))
        .layer(default(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(CompressionLayer::new())
        .layer(AdmissionLayer(RequestIds));
    routes.layer(stack)
}
