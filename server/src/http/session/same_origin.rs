//! Changes by cookie are taken from our own pages alone.

use std::{convert::Infallible, net::Ipv4Addr};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use tower::{Layer, ServiceExt};
use tower_http::csrf::{CsrfLayer, ProtectionError, ProtectionErrorKind};

use crate::{
    config::TRUSTED_PROXIES,
    http::{
        Edge,
        client::{Peer, forwarded_hosts},
        problem::Problem,
    },
};

/// Where a form of the operator's that was refused leads.
const SIGN_IN_PAGE: &str = "/admin?error=cross_origin";
/// Longest part of a header that is shown, characters.
const MAX_SHOWN: usize = 100;

/// Refuses changes that other sites ask a browser for: by `Sec-Fetch-Site`, or by `Origin` beside `Host` where a browser does
/// not send it (on plain HTTP it does not). The host that a trusted proxy names counts as `Host` does: no other site can make a
/// browser send such a header.
pub(crate) async fn same_origin(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    take_forwarded_host(&mut request, &edge);
    let seen = RefusedChange::of(&request);
    // No browser sends it empty, and the check below would take it for missing.
    if seen.origin.as_deref() == Some("") {
        return seen.refused(None);
    }
    let checked = CsrfLayer::new().layer(next).oneshot(request).await;
    let answer: Result<Response, Infallible> = checked;
    let response = match answer {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.extensions().get::<ProtectionError>() {
        Some(error) => seen.refused(Some(error.kind())),
        None => response,
    }
}

/// The same for calls that take a token, too: with `Authorization` a request passes, as no other site can make a browser send
/// that, and its cookie does not count then.
pub(crate) async fn same_origin_or_token(edge: State<Edge>, request: Request, next: Next) -> Response {
    if has_authorization(request.headers()) {
        return next.run(request).await;
    }
    same_origin(edge, request, next).await
}

/// Whether a request brings its own credentials.
pub(crate) fn has_authorization(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}

/// Puts the host that a trusted proxy names in place of `Host`, if it is that of `Origin`.
fn take_forwarded_host(request: &mut Request, edge: &Edge) {
    let peer = request.extensions().get::<Peer>();
    let peer = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |Peer(peer)| peer.ip());
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()?.split_once("://"));
    let Some((scheme, origin)) = origin else { return };
    // Browsers leave the usual port out, and some proxies do not.
    let usual_port = if scheme == "https" { ":443" } else { ":80" };
    let host = forwarded_hosts(peer, headers, edge.proxies())
        .find(|host| host.strip_suffix(usual_port).unwrap_or(host).eq_ignore_ascii_case(origin));
    if let Some(host) = host.and_then(|_| HeaderValue::from_str(origin).ok()) {
        request.headers_mut().insert(header::HOST, host);
    }
}

/// What is logged and answered if a change is refused.
struct RefusedChange {
    origin: Option<String>,
    host: String,
    /// Where its form leads; `None` for anything but a form.
    form: Option<&'static str>,
}

impl RefusedChange {
    fn of(request: &Request) -> Self {
        let headers = request.headers();
        let text = |name: &HeaderName| {
            let value = headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).chars().take(MAX_SHOWN).collect::<String>())
        };
        let accepts_html = text(&header::ACCEPT).is_some_and(|accept| accept.contains("text/html"));
        let form = match request.uri().path() {
            "/fn/toggle_watch" => Some("/"),
            path if path.starts_with("/fn/") => Some(SIGN_IN_PAGE),
            _ => None,
        };
        Self {
            origin: text(&header::ORIGIN),
            host: text(&header::HOST).unwrap_or_default(),
            form: form.filter(|_| accepts_html),
        }
    }

    fn refused(self, kind: Option<ProtectionErrorKind>) -> Response {
        const OWN: &str = "a change is taken from this site's own pages alone";
        let Self { origin, host, form } = self;
        let origin = origin.unwrap_or_default();
        if kind != Some(ProtectionErrorKind::CrossOriginRequestFromOldBrowser) {
            tracing::warn!(?kind, ?origin, ?host, "refused a change that another site asked for: {origin:?}");
            return Problem::new(StatusCode::FORBIDDEN, OWN).into_response();
        }
        // It may be our own page behind a proxy that sends another name.
        let detail = format!(
            "{OWN}: Origin {origin} is not Host {host}; a reverse proxy has to pass Host on, or to send X-Forwarded-Host and be \
             named in {TRUSTED_PROXIES}"
        );
        // Quoted, what the client sent cannot pass for another line of the log.
        tracing::warn!(?origin, ?host, "refused a change: {detail:?}");
        if let Some(page) = form {
            return ([(header::CACHE_CONTROL, "no-store")], Redirect::to(page)).into_response();
        }
        Problem::new(StatusCode::FORBIDDEN, detail).into_response()
    }
}
