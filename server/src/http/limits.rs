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

use super::problem::Problem;

/// Most calls answered at once; more are told to come back.
const MOST_AT_ONCE: usize = 2_048;
/// Longest time for one call, above every timeout of the layers below.
const LONGEST_CALL: Duration = Duration::from_secs(10);
/// Largest request body, bytes.
const LARGEST_BODY: usize = 16 << 10;

/// Time, number and size limits around the API, each answered by a problem document.
pub fn guard<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    let limits = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(refused))
        .load_shed()
        // One limit for all calls: the plain layer would count each route by itself.
        .layer(GlobalConcurrencyLimitLayer::new(MOST_AT_ONCE))
        .timeout(LONGEST_CALL)
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(CatchPanicLayer::custom(panicked));
    routes.layer(limits)
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
