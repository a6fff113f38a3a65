//! Security headers.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
};
use leptos::config::LeptosOptions;
use tower_http::set_header::SetResponseHeaderLayer;

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

/// Headers of every response. A page has set its own policy before.
pub fn headers(routes: Router) -> Router {
    let fixed: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    fixed.into_iter().fold(routes, |routes, (name, value)| {
        let layer = SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
        routes.layer(layer)
    })
}
