//! Answers that are made to their end, also when the client has left.
//!
//! What is dropped while a page is rendered drops the page's reactive values, too, while tasks that load its data go on and look
//! for them: they panic. So a page is rendered in a task of its own, and whole, before its first byte is sent.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use crate::{
    config::{LoadLimits, TrustedProxies},
    http::{
        client::{Client, ClientKey},
        problem::Problem,
        shares::Shares,
    },
};

/// Answers being made at once, those included whose client has left.
const MAX_AT_ONCE: usize = 2_048;
/// Longest time to make one. The client waits for less, see [`LONGEST_CALL`](crate::http::limits::LONGEST_CALL); what is made is not
/// dropped then, as that would cause the panics.
const LONGEST: Duration = Duration::from_secs(60);
/// When a client that was refused may come back, seconds.
const RETRY: u32 = 1;
/// Largest page, bytes.
const MAX_PAGE: usize = 32 << 20;

/// Limits answers being made per client, whether or not the client still waits. Cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct Tasks {
    permits: Shares,
    proxies: Arc<TrustedProxies>,
}

impl Tasks {
    /// A client may have as many as connections.
    pub(in crate::http) fn new(limits: &LoadLimits, proxies: Arc<TrustedProxies>) -> Self {
        Self { permits: Shares::new(MAX_AT_ONCE, limits.connections_per_client), proxies }
    }
}

/// Makes the answer in a task of its own.
pub(super) async fn to_end(State(tasks): State<Tasks>, request: Request, next: Next) -> Response {
    // Without a connection, as in tests, all are one client.
    let client = Client::of_request(&request, &tasks.proxies)
        .map_or_else(|| ClientKey::of(Ipv4Addr::UNSPECIFIED.into()), Client::key);
    let permit = match tasks.permits.take_one(client) {
        Ok(permit) => permit,
        Err(full) => return full.problem("pages", RETRY).into_response(),
    };
    let task = tokio::spawn(async move {
        let _permit = permit;
        timeout(LONGEST, whole(next.run(request))).await.unwrap_or_else(|_| {
            tracing::warn!("a page was given up: it took more than {} s", LONGEST.as_secs());
            Problem::late("no answer in time").into_response()
        })
    });
    match task.await {
        Ok(response) => response,
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
    use crate::http::client::Peer;

    fn tasks(connections_per_client: usize) -> Tasks {
        Tasks::new(&LoadLimits { connections_per_client, ..LoadLimits::default() }, Arc::default())
    }

    #[tokio::test]
    async fn who_leaves_and_asks_again_takes_no_permits_of_others() {
        let (begun, mut begins) = mpsc::channel(4);
        let (go, goes) = tokio::sync::watch::channel(false);
        let handler = move || {
            let (begun, mut goes) = (begun.clone(), goes.clone());
            async move {
                begun.send(()).await.unwrap();
                goes.wait_for(|go| *go).await.unwrap();
            }
        };
        let routes = Router::new().route("/", get(handler)).layer(from_fn_with_state(tasks(2), to_end));
        let ask = |last: u8| {
            let mut request = Request::get("/").body(Body::empty()).unwrap();
            request.extensions_mut().insert(Peer(([203, 0, 113, last], 9).into()));
            tokio::spawn(timeout(Duration::from_secs(20), routes.clone().oneshot(request)))
        };
        for _ in 0..2 {
            let asking = ask(1);
            begins.recv().await.unwrap();
            asking.abort();
            assert!(asking.await.unwrap_err().is_cancelled());
        }
        // What those left behind is still being made.
        let refused = ask(1).await.unwrap().expect("it was let in").unwrap();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        let other = ask(2);
        begins.recv().await.unwrap();
        go.send(true).unwrap();
        assert_eq!(other.await.unwrap().unwrap().unwrap().status(), StatusCode::OK);
        let answered = async {
            while ask(1).await.unwrap().unwrap().unwrap().status() != StatusCode::OK {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), answered).await.expect("no permit came back");
    }

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
        let routes = routes.layer(from_fn_with_state(tasks(2_048), to_end));
        let asking = tokio::spawn(routes.oneshot(Request::get("/").body(Body::empty()).unwrap()));
        begins.recv().await.unwrap();
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        go.send(true).unwrap();
        let ended = timeout(Duration::from_secs(20), ends.recv()).await;
        assert_eq!(ended.expect("the answer was dropped with its client"), Some(()));
    }

    #[tokio::test]
    async fn an_answer_that_takes_longer_than_its_client_waits_is_made_to_its_end() {
        let (go, goes) = tokio::sync::watch::channel(false);
        let (ended, mut ends) = mpsc::channel(1);
        let ended = std::sync::Mutex::new(Some(ended));
        let handler = move || {
            // The only one: if the handler is dropped, the other end sees it.
            let (ended, mut goes) = (ended.lock().unwrap().take().unwrap(), goes.clone());
            async move {
                goes.wait_for(|go| *go).await.unwrap();
                ended.send(()).await.unwrap();
            }
        };
        let handler = std::sync::Arc::new(handler);
        let routes = Router::new().route("/", get(move || handler()));
        let routes = crate::http::guard(routes.layer(from_fn_with_state(tasks(2_048), to_end)));
        let answer = routes.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        // That it is not dropped can only be seen for a while.
        assert!(timeout(Duration::from_secs(1), ends.recv()).await.is_err());
        go.send(true).unwrap();
        assert_eq!(timeout(Duration::from_secs(20), ends.recv()).await.unwrap(), Some(()));
    }
}
