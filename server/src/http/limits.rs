//! Limits that keep one caller from hurting the others.

use std::{any::Any, time::Duration};

use axum::{
    BoxError, Router,
    error_handling::HandleErrorLayer,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tower::{ServiceBuilder, limit::GlobalConcurrencyLimitLayer};
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer};

use super::{
    problem::Problem,
    rate::{Limited, RateLimits},
};

/// Most calls answered at once; more are told to come back.
const MOST_AT_ONCE: usize = 2_048;
/// Longest time for one call: above the longest wait for Postgres, and above the bound of a sign-in, which waits for more than
/// one thing.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// Largest request body, bytes.
const LARGEST_BODY: usize = 16 << 10;

/// Time, number and size limits around routes, each answered by a problem document. Each guard counts by itself.
pub fn guard<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    guard_limited(routes, Limited::all(RateLimits::off()))
}

/// The same, for callers who do not call too often. They are refused before they take a place.
pub(super) fn guard_limited<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    limited: Limited,
) -> Router<S> {
    let limits = ServiceBuilder::new()
        .layer(limited)
        .layer(HandleErrorLayer::new(refused))
        .load_shed()
        // One limit for all calls: the plain layer would count each route by itself.
        .layer(GlobalConcurrencyLimitLayer::new(MOST_AT_ONCE))
        .timeout(LONGEST_CALL)
        .map_response(explain_size)
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(CatchPanicLayer::custom(panicked));
    routes.layer(limits)
}

/// The limit on bodies answers in plain text.
fn explain_size(response: impl IntoResponse) -> Response {
    let response = response.into_response();
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let detail = format!("a body is at most {} KiB", LARGEST_BODY >> 10);
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).into_response();
    }
    response
}

async fn refused(error: BoxError) -> Problem {
    if error.is::<tower::timeout::error::Elapsed>() {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no answer within 10 seconds");
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many calls at once")
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that the layer calls")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = text, "a handler panicked: {text}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "an error of the server").into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Body,
        http::{Request, header},
        routing::post,
    };
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn a_body_that_is_too_large_is_answered_by_a_problem() {
        let routes: Router = guard(Router::new().route("/", post(|body: String| async move { body })));
        for (length, status) in [(LARGEST_BODY, 200), (LARGEST_BODY + 1, 413)] {
            let request = Request::post("/")
                .header(header::CONTENT_LENGTH, length)
                .body(Body::from("x".repeat(length)))
                .unwrap();
            let response = routes.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{length}");
            let problem = response.headers()[header::CONTENT_TYPE] == "application/problem+json";
            assert_eq!(problem, status == 413, "{length}");
        }
    }
}
