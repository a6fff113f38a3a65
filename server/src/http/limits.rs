//! Limits that keep one client from hurting the others.

use std::{any::Any, time::Duration};

use axum::{
    BoxError, Router,
    error_handling::HandleErrorLayer,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tower::{ServiceBuilder, limit::GlobalConcurrencyLimitLayer};
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    admission::AdmissionLayer, problem::Problem, rate::RateLimits, request_body::ReadBody, unsent::Unsent,
};

/// Most calls answered at once; more are told to come back.
const MOST_AT_ONCE: usize = 2_048;
/// Longest time for one call: above the longest wait for Postgres, and above the bound of a sign-in, which waits for more than
/// one thing.
pub(super) const LONGEST_CALL: Duration = Duration::from_secs(10);

/// Time, number and size limits around routes, each answered by a problem document. Each guard counts by itself.
pub fn guard<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    guard_limited(routes, RateLimits::off(), Unsent::off())
}

/// The same, for clients that do not call too often and read their answers. Others are refused before they take a permit.
pub(super) fn guard_limited<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    rate: RateLimits,
    unsent: Unsent,
) -> Router<S> {
    let limits = ServiceBuilder::new()
        .layer(AdmissionLayer(rate))
        .layer(AdmissionLayer(unsent))
        // Reads the body before a permit is taken, so that slow uploads hold no permit, and outside the timeout for the same reason.
        .layer(ReadBody::new())
        .layer(HandleErrorLayer::new(refused))
        .load_shed()
        // One limit for all calls: the plain layer would count each route by itself.
        .layer(GlobalConcurrencyLimitLayer::new(MOST_AT_ONCE))
        .layer(HandleErrorLayer::new(refused))
        .timeout(LONGEST_CALL)
        .layer(CatchPanicLayer::custom(panicked));
    routes.layer(limits)
}

async fn refused(error: BoxError) -> Problem {
    if error.is::<tower::timeout::error::Elapsed>() {
        return Problem::late("no answer within 10 seconds");
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many calls at once")
}

/// The hook logs the panic, and the failed request is logged with its id: nothing is left to log here.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "an error of the server").into_response()
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, Bytes},
        http::Request,
        routing::any,
    };
    use futures::stream;
    use tower::ServiceExt;

    use super::*;
    use crate::log_limit::tests::logged;

    #[test]
    fn a_panic_of_a_handler_is_left_to_the_hook_to_log() {
        async fn handler() {
            panic!("a handler's own")
        }
        let routes = guard(Router::new().route("/", any(handler)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let text = logged(|| {
            let asking = routes.oneshot(Request::get("/").body(Body::empty()).unwrap());
            assert_eq!(runtime.block_on(asking).unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
        });
        assert!(!text.contains("ERROR"), "{text}");
    }

    #[tokio::test]
    async fn half_bodies_take_no_places_of_calls() {
        let routes = guard(Router::new().route("/", any(|body: Bytes| async move { body })));
        let mut waiting = Vec::new();
        for _ in 0..MOST_AT_ONCE {
            let body = Body::from_stream(stream::pending::<Result<Bytes, BoxError>>());
            let request = Request::post("/").body(body).unwrap();
            let mut call = Box::pin(routes.clone().oneshot(request));
            assert!(futures::poll!(&mut call).is_pending());
            waiting.push(call);
        }
        let answer = routes.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
}
