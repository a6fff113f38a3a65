//! The limit on answers that are made and not yet sent.
//!
//! An answer stays in memory until its client has taken it. Without a limit, clients that read slowly fill the memory with answers
//! that cost them one request each. A call is refused while its client, or all clients together, have too many bytes unsent.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::{
    admission::Admission,
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
/// Room that there must be for a body of unknown size, bytes: a part of a file.
const PART: usize = 64 << 10;
/// When a client that was refused may come back, seconds.
const RETRY: u32 = 5;
/// The same of one with too many calls at once, seconds.
const CALL_RETRY: u32 = 1;

/// UnsentLimits the bytes of answers until they are sent. Cheap to clone; the clones count together.
#[derive(Clone)]
pub(super) struct Unsent(Option<UnsentLimits>);

#[derive(Clone)]
struct UnsentLimits {
    bytes: Shares,
    /// Calls of one client at once that come through a proxy; without one its connections are as many.
    calls: Shares,
    proxies: Arc<TrustedProxies>,
}

impl Unsent {
    pub(super) fn new(limits: &LoadLimits, proxies: Arc<TrustedProxies>) -> Self {
        Self(Some(UnsentLimits {
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
    fn check<B>(&self, request: &Request<B>) -> Result<Option<Counted>, Problem> {
        if request.extensions().get::<BeyondLimit>().is_some() {
            let detail = "too many connections from one address";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail));
        }
        let Some(limits) = &self.0 else { return Ok(None) };
        let Some(client) = Client::of_request(request, &limits.proxies) else { return Ok(None) };
        let client = client.key();
        limits.bytes.check(client).map_err(refused)?;
        let call = if limits.proxies.is_empty() {
            None
        } else {
            Some(limits.calls.take_one(client).map_err(|full| full.problem("calls", CALL_RETRY))?)
        };
        Ok(Some(Counted { client, bytes: limits.bytes.clone(), _call: call }))
    }
}

fn refused(full: Full) -> Problem {
    let (status, whose) = match full {
        Full::Client => (StatusCode::TOO_MANY_REQUESTS, "this address has not read its earlier answers"),
        Full::Server => (StatusCode::SERVICE_UNAVAILABLE, "too many answers are not read yet"),
    };
    Problem::new(status, whose).retry_after(RETRY)
}

impl Admission for Unsent {
    type Admitted = Option<Counted>;

    fn admit<B>(&self, request: &Request<B>) -> Result<Self::Admitted, Box<Response>> {
        self.check(request).map_err(|problem| Box::new(problem.into_response()))
    }

    fn finish(counted: Self::Admitted, response: Response) -> Response {
        match counted {
            Some(counted) => counted.count(response).unwrap_or_else(|full| refused(full).into_response()),
            None => response,
        }
    }
}

/// A request whose answer is counted.
pub(super) struct Counted {
    client: ClientKey,
    bytes: Shares,
    /// Until the head of the answer.
    _call: Option<Share>,
}

impl Counted {
    fn count(self, response: Response) -> Result<Response, Full> {
        let exact = response.body().size_hint().exact();
        // The body of a file does not know its size, and its head does.
        let length = || response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        if exact.or_else(length).is_some_and(|size| size <= SMALL) {
            return Ok(response);
        }
        let (client, bytes) = (self.client, self.bytes);
        if let Some(size) = exact {
            let share = bytes.take(client, usize::try_from(size).unwrap_or(usize::MAX))?;
            return Ok(hold(response, share));
        }
        // A file or an export. Each part is counted as it comes: the connection asks for one only when it has sent most of those
        // before. Once the body has begun it cannot be refused, so there must be room for its first part.
        drop(bytes.take(client, PART)?);
        Ok(response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                frame.map_data(|part| {
                    let share = bytes.take_anyway(client, part.len());
                    holding(part, share)
                })
            }))
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::{Router, routing::get};
    use bytes::Bytes;
    use tower::ServiceExt;

    use super::*;
    use crate::http::{admission::AdmissionLayer, client::Peer};

    const SIZE: usize = 100_000;

    /// A body that does not know its size.
    fn streamed(parts: &[&'static [u8]]) -> Body {
        let parts: Vec<_> = parts.iter().map(|part| Ok::<_, Infallible>(Bytes::from_static(part))).collect();
        Body::from_stream(futures::stream::iter(parts))
    }

    fn routes(limits: &LoadLimits) -> Router {
        let stream = || async { streamed(&[&[0; SIZE], &[0; SIZE]]) };
        Router::new()
            .route("/large", get(|| async { vec![0_u8; SIZE] }))
            .route("/small", get(|| async { "small" }))
            .route("/stream", get(stream))
            .route("/small_file", get(|| async { ([(header::CONTENT_LENGTH, "5")], streamed(&[b"small"])) }))
            .layer(AdmissionLayer(Unsent::new(limits, Arc::default())))
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

    #[tokio::test]
    async fn a_body_of_unknown_size_begins_only_while_there_is_room() {
        let limits = LoadLimits { unsent: SIZE, unsent_per_client: 10 * SIZE, ..LoadLimits::default() };
        let routes = routes(&limits);
        let mut body = ask(&routes, 1, "/stream").await.into_body();
        let part = body.frame().await.unwrap().unwrap();
        // All is taken: the same client has to wait, others get as much as a page until there is twice the limit.
        assert_eq!(ask(&routes, 1, "/stream").await.status(), StatusCode::SERVICE_UNAVAILABLE);
        let mut other = ask(&routes, 2, "/stream").await.into_body();
        let second = other.frame().await.unwrap().unwrap();
        assert_eq!(ask(&routes, 3, "/stream").await.status(), StatusCode::SERVICE_UNAVAILABLE);
        // A small one by its head is no matter.
        assert_eq!(ask(&routes, 3, "/small_file").await.status(), StatusCode::OK);
        // What has begun goes on.
        drop((part, second));
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), SIZE);
        assert_eq!(ask(&routes, 3, "/stream").await.status(), StatusCode::OK);
    }
}
