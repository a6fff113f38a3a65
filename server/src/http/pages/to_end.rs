//! Answers that are made to their end, also when the client has left.
//!
//! What is dropped while a page is rendered drops the page's reactive values, too, while tasks that load its data go on and look
//! for them: they panic. So a page is rendered in a task of its own, and whole, before its first byte is sent.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::{sync::Semaphore, time::timeout};

use crate::http::problem::Problem;

/// Answers being made at once, those included whose client has left.
const MAX_AT_ONCE: usize = 2_048;
/// Longest time to make one. The waits in it have bounds of their own, which are shorter.
const LONGEST: Duration = Duration::from_secs(60);
/// Largest page, bytes.
const MAX_PAGE: usize = 32 << 20;

/// Places for answers being made. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tasks(Arc<Semaphore>);

impl Tasks {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_AT_ONCE)))
    }
}

/// Makes the answer in a task of its own.
pub(super) async fn to_end(State(tasks): State<Tasks>, request: Request, next: Next) -> Response {
    let Ok(permit) = tasks.0.try_acquire_owned() else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many calls at once").into_response();
    };
    let task = tokio::spawn(async move {
        let _permit = permit;
        timeout(LONGEST, whole(next.run(request))).await
    });
    match task.await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no answer in time").into_response(),
        // As it would have come without the task: the layer around answers it.
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping").into_response(),
    }
}

async fn whole(response: impl Future<Output = Response>) -> Response {
    let (mut parts, body) = response.await.into_parts();
    match to_bytes(body, MAX_PAGE).await {
        Ok(bytes) => {
            parts.headers.remove(header::TRANSFER_ENCODING);
            Response::from_parts(parts, Body::from(bytes))
        }
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be rendered").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn_with_state, routing::get};
    use tokio::sync::mpsc;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn an_answer_is_made_to_its_end_when_its_client_has_left() {
        let (begun, mut begins) = mpsc::channel(1);
        let (go, goes) = tokio::sync::watch::channel(false);
        let (ended, mut ends) = mpsc::channel(1);
        let handler = move || {
            let (begun, ended, mut goes) = (begun.clone(), ended.clone(), goes.clone());
            async move {
                begun.send(()).await.unwrap();
                goes.wait_for(|go| *go).await.unwrap();
                ended.send(()).await.unwrap();
            }
        };
        let routes = Router::new().route("/", get(handler));
        let routes = routes.layer(from_fn_with_state(Tasks::new(), to_end));
        let asking = tokio::spawn(routes.oneshot(Request::get("/").body(Body::empty()).unwrap()));
        begins.recv().await.unwrap();
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        go.send(true).unwrap();
        let ended = timeout(Duration::from_secs(20), ends.recv()).await;
        assert_eq!(ended.expect("the answer was dropped with its client"), Some(()));
    }
}
