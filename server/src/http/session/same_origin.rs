//! Changes by cookie are taken from our own pages alone.

use std::convert::Infallible;

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower::{Layer, ServiceExt};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::http::problem::Problem;

/// Refuses changes that other sites ask a browser for: by `Sec-Fetch-Site`, or by `Origin` beside `Host` where a browser does
/// not send it (on plain HTTP it does not).
pub(crate) async fn same_origin(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let checked = CsrfLayer::new().with_rejection_response(refused).layer(next).oneshot(request).await;
    let answer: Result<Response, Infallible> = checked;
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The same for calls that take a token, too: with `Authorization` a request passes, as no other site can make a browser send
/// that, and its cookie does not count then.
pub(crate) async fn same_origin_or_token(request: Request, next: Next) -> Response {
    if has_authorization(request.headers()) {
        return next.run(request).await;
    }
    same_origin(request, next).await
}

/// Whether a request brings its own credentials.
pub(crate) fn has_authorization(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer calls")]
fn refused(error: ProtectionError) -> Response {
    tracing::warn!(kind = ?error.kind(), "refused: asked for by another site");
    Problem::new(StatusCode::FORBIDDEN, "a change is taken from this site's own pages alone").into_response()
}
