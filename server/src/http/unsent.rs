//! The limit on answers that are made and not yet sent.
//!
//! An answer stays in memory until its client has taken it. Without a limit, clients that read slowly fill the memory with answers
//! that cost them one request each. A call is refused while its client, or all clients together, have too many bytes unsent.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    Error,
    body::Body,
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::{
    client::{BeyondLimit, Client, ClientKey},
    held::{hold, holding},
    problem::Problem,
    shares::{Full, Share, Shares},
};
use crate::config::{LoadLimits, TrustedProxies};

/// Bodies up to this size, bytes, are neither counted nor refused: a connection has one of them at most.
const SMALL: u64 = 16 << 10;
/// Largest answer, bytes, for a client that has nothing unsent while others have taken all: a page, not a batch of charts.
const RESERVE: usize = 1 << 20;
/// When a client that was refused may come back, seconds.
const RETRY: u32 = 5;

/// A layer that counts the bytes of answers until they are sent. Cheap to clone; the clones count together.
#[derive(Clone)]
pub(super) struct Unsent(Option<Counts>);

#[derive(Clone)]
struct Counts {
    bytes: Shares,
    /// Calls of one client at once that come through a proxy; without one its connections are as many.
    calls: Shares,
    proxies: Arc<TrustedProxies>,
}

impl Unsent {
    pub(super) fn new(limits: &LoadLimits, proxies: Arc<TrustedProxies>) -> Self {
        Self(Some(Counts {
            bytes: Shares::with_reserve(limits.unsent, limits.unsent_per_client, RESERVE),
            calls: Shares::new(usize::MAX, limits.connections_per_client),
            proxies,
        }))
    }

    /// Nothing is counted.
    pub(super) fn off() -> Self {
        Self(None)
    }

    /// What to count of this request; none of one that came over no connection.
    fn admit<B>(&self, request: &Request<B>) -> Result<Option<Admitted>, Problem> {
        if request.extensions().get::<BeyondLimit>().is_some() {
            let detail = "too many connections from one address";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail));
        }
        let Some(counts) = &self.0 else { return Ok(None) };
        let Some(client) = Client::of_request(request, &counts.proxies) else { return Ok(None) };
        let client = client.key();
        counts.bytes.check(client).map_err(refused)?;
        let call = if counts.proxies.is_empty() {
            None
        } else {
            Some(counts.calls.take_one(client).map_err(|_| {
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many calls at once from one address")
            })?)
        };
        Ok(Some(Admitted { client, bytes: counts.bytes.clone(), _call: call }))
    }
}

fn refused(full: Full) -> Problem {
    let (status, whose) = match full {
        Full::Client => (StatusCode::TOO_MANY_REQUESTS, "this address has not read its earlier answers"),
        Full::Server => (StatusCode::SERVICE_UNAVAILABLE, "too many answers are not read yet"),
    };
    Problem::new(status, whose).retry_after(RETRY)
}

/// A request whose answer is counted.
struct Admitted {
    client: ClientKey,
    bytes: Shares,
    /// Until the head of the answer.
    _call: Option<Share>,
}

impl Admitted {
    fn count(self, response: Response) -> Response {
        match response.body().size_hint().exact() {
            Some(size) if size <= SMALL => response,
            Some(size) => match self.bytes.take(self.client, usize::try_from(size).unwrap_or(usize::MAX)) {
                Ok(share) => hold(response, share),
                Err(full) => refused(full).into_response(),
            },
            None => response
                .map(|body| Body::new(CountedParts { body, client: self.client, bytes: self.bytes.clone() })),
        }
    }
}

/// A body of unknown size, such as a file. Each part is counted as it comes: the connection asks for one only when it has sent
/// most of those before.
struct CountedParts {
    body: Body,
    client: ClientKey,
    bytes: Shares,
}

impl http_body::Body for CountedParts {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let (client, shares) = (self.client, &self.bytes);
        let count = |bytes: Bytes| {
            let share = shares.take_anyway(client, bytes.len());
            holding(bytes, share)
        };
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(count))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<S> Layer<S> for Unsent {
    type Service = UnsentService<S>;

    fn layer(&self, inner: S) -> UnsentService<S> {
        UnsentService { inner, unsent: self.clone() }
    }
}

/// See [`Unsent`].
#[derive(Clone)]
pub(super) struct UnsentService<S> {
    inner: S,
    unsent: Unsent,
}

impl<S, B> Service<Request<B>> for UnsentService<S>
where
    S: Service<Request<B>, Error = Infallible>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = Infallible;
    type Future = UnsentFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.unsent.admit(&request) {
            Ok(admitted) => UnsentFuture::Asked { answer: self.inner.call(request), admitted },
            Err(problem) => UnsentFuture::Refused { answer: Some(problem.into_response()) },
        }
    }
}

pin_project! {
    /// The answer, or the refusal.
    #[project = Projected]
    pub(super) enum UnsentFuture<F> {
        Asked { #[pin] answer: F, admitted: Option<Admitted> },
        Refused { answer: Option<Response> },
    }
}

impl<F, R> Future for UnsentFuture<F>
where
    F: Future<Output = Result<R, Infallible>>,
    R: IntoResponse,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Asked { answer, admitted } => {
                let response = match ready!(answer.poll(cx)) {
                    Ok(response) => response.into_response(),
                    Err(never) => match never {},
                };
                Poll::Ready(Ok(match admitted.take() {
                    Some(admitted) => admitted.count(response),
                    None => response,
                }))
            }
            // A future that is polled after its end never ends again.
            Projected::Refused { answer } => {
                answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::http::client::Peer;

    const SIZE: usize = 100_000;

    fn routes(limits: &LoadLimits) -> Router {
        let stream = || async {
            let parts = [Bytes::from(vec![0; SIZE]), Bytes::from(vec![0; SIZE])];
            Body::from_stream(futures::stream::iter(parts.map(Ok::<_, Infallible>)))
        };
        Router::new()
            .route("/large", get(|| async { vec![0_u8; SIZE] }))
            .route("/small", get(|| async { "small" }))
            .route("/stream", get(stream))
            .layer(Unsent::new(limits, Arc::default()))
    }

    async fn ask(routes: &Router, last: u8, path: &str) -> Response {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(([203, 0, 113, last], 9).into()));
        routes.clone().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_refused_and_others_are_not() {
        let limits =
            LoadLimits { unsent: 5 * SIZE / 2, unsent_per_client: 3 * SIZE / 2, ..LoadLimits::default() };
        let routes = routes(&limits);
        let unread = ask(&routes, 1, "/large").await;
        assert_eq!(unread.status(), StatusCode::OK);
        let refused = ask(&routes, 1, "/large").await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()["retry-after"], "5");
        assert_eq!(ask(&routes, 1, "/small").await.status(), StatusCode::OK);
        let other = ask(&routes, 2, "/large").await;
        assert_eq!(other.status(), StatusCode::OK);
        // All is taken. Who has nothing gets a page nevertheless, until there is twice as much; small answers go on.
        let mut late = Vec::new();
        for last in 3..=5 {
            late.push(ask(&routes, last, "/large").await);
        }
        assert!(late.iter().all(|answer| answer.status() == StatusCode::OK));
        assert_eq!(ask(&routes, 6, "/large").await.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ask(&routes, 6, "/small").await.status(), StatusCode::OK);
        drop(late);
        // Read to its end, it makes room.
        unread.into_body().collect().await.unwrap();
        assert_eq!(ask(&routes, 3, "/large").await.status(), StatusCode::OK);
        drop(other);
        assert_eq!(ask(&routes, 2, "/large").await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn parts_of_an_unknown_number_are_counted_as_they_come() {
        let limits = LoadLimits { unsent_per_client: SIZE, ..LoadLimits::default() };
        let routes = routes(&limits);
        let mut body = ask(&routes, 1, "/stream").await.into_body();
        let part = body.frame().await.unwrap().unwrap();
        // Even what is small is refused before any work is done for it.
        assert_eq!(ask(&routes, 1, "/small").await.status(), StatusCode::TOO_MANY_REQUESTS);
        drop(part);
        assert_eq!(ask(&routes, 1, "/small").await.status(), StatusCode::OK);
    }
}
