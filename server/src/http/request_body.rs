//! Bodies of requests: of a charset that is read, and read whole before the call, with limits on size and time.

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures::future::{BoxFuture, Either};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::timeout;
use tower::{Layer, Service};

use super::problem::Problem;

/// Largest body, bytes.
const MAX_BODY: usize = 16 << 10;
/// Longest time to send one.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// How much of a larger body of unknown size is read and thrown away before it is refused, bytes, and for how long: a proxy that is
/// cut off while it sends takes the answer for a failure.
const MAX_DRAINED: usize = 1 << 20;
const DRAIN_WITHIN: Duration = Duration::from_secs(2);
/// Longest name of a charset that is shown, characters.
const MAX_SHOWN: usize = 40;

/// A layer that reads the body of each request before the call. One of GET and HEAD has no meaning (RFC 9110 section 9.3.1) and is
/// not read.
#[derive(Clone, Copy)]
pub(super) struct ReadBody {
    within: Duration,
}

impl ReadBody {
    pub(super) fn new() -> Self {
        Self { within: BODY_WITHIN }
    }
}

impl<S> Layer<S> for ReadBody {
    type Service = ReadBodyService<S>;

    fn layer(&self, inner: S) -> ReadBodyService<S> {
        ReadBodyService { inner, within: self.within }
    }
}

/// See [`ReadBody`].
#[derive(Clone)]
pub(super) struct ReadBodyService<S> {
    inner: S,
    within: Duration,
}

impl<S> Service<Request> for ReadBodyService<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    // Most requests have no body, and need no box.
    type Future = Either<S::Future, BoxFuture<'static, Result<Response, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.body().is_end_stream() {
            return Either::Left(self.inner.call(request));
        }
        let (parts, body) = request.into_parts();
        if parts.method.is_safe() {
            return Either::Left(self.inner.call(Request::from_parts(parts, Body::empty())));
        }
        if let Some(charset) = foreign_charset(&parts.headers) {
            let problem = other_charset(&charset);
            return Either::Right(Box::pin(async { Ok(problem.into_response()) }));
        }
        // Known from its head: nothing of it is read.
        if body.size_hint().lower() > MAX_BODY as u64 {
            return Either::Right(Box::pin(async { Ok(too_large().into_response()) }));
        }
        let within = self.within;
        // The one that was asked whether it is ready makes the call.
        let spare = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, spare);
        Either::Right(Box::pin(async move {
            match read(body, within).await {
                Ok(bytes) => inner.call(Request::from_parts(parts, Body::from(bytes))).await,
                Err(problem) => Ok(problem.into_response()),
            }
        }))
    }
}

/// The charset of the body's type, if it is one that is not read: bodies are UTF-8, of which ASCII is a part.
fn foreign_charset(headers: &HeaderMap) -> Option<String> {
    let media = String::from_utf8_lossy(headers.get(header::CONTENT_TYPE)?.as_bytes());
    let named = media.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_owned())
    })?;
    let is_read =
        ["utf-8", "utf8", "us-ascii", "ascii"].iter().any(|known| named.eq_ignore_ascii_case(known));
    (!is_read).then_some(named)
}

fn other_charset(named: &str) -> Problem {
    let shown: String = named.chars().take(MAX_SHOWN).collect();
    let detail = format!("the body must be UTF-8; its content-type says charset {shown:?}");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

async fn read(body: Body, within: Duration) -> Result<Bytes, Problem> {
    timeout(within, whole(body)).await.unwrap_or_else(|_| {
        let detail = format!("the body did not come within {} s", BODY_WITHIN.as_secs());
        let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, detail);
        Err(problem.with_header("connection", HeaderValue::from_static("close")))
    })
}

async fn whole(mut body: Body) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            // Usually nobody is left to read it.
            return Err(Problem::new(StatusCode::BAD_REQUEST, "the body broke off"));
        };
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > MAX_BODY {
            // How that ends makes no difference.
            let _ = timeout(DRAIN_WITHIN, drain(body, bytes.len() + data.len())).await;
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

async fn drain(mut body: Body, mut read: usize) {
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MAX_DRAINED {
            return;
        }
    }
}

fn too_large() -> Problem {
    let detail = format!("a body is at most {} KiB", MAX_BODY >> 10);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::header, routing::any};
    use futures::{StreamExt, stream};
    use tower::ServiceExt;

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    async fn ask(method: &str, body: Body) -> u16 {
        let routes = Router::new()
            .route("/", any(|body: Bytes| async move { body }))
            .layer(ReadBody { within: SHORT });
        let request = Request::builder().method(method).uri("/").body(body).unwrap();
        let soon = Duration::from_secs(20);
        let response = timeout(soon, routes.oneshot(request)).await.expect("it waits for the body").unwrap();
        let status = response.status().as_u16();
        let problem = response.headers()[header::CONTENT_TYPE] == "application/problem+json";
        assert_eq!(problem, status >= 400);
        status
    }

    fn chunks(sizes: &[usize]) -> Body {
        let chunks: Vec<_> = sizes.iter().map(|size| Ok::<_, Infallible>(vec![0_u8; *size])).collect();
        Body::from_stream(stream::iter(chunks))
    }

    #[test]
    fn only_a_charset_that_is_not_read_is_named() {
        let of = |media: &'static str| {
            foreign_charset(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media))]))
        };
        for read in [
            "application/json",
            "application/json; charset=utf-8",
            "application/json;Charset=\"UTF-8\"",
            "application/x-www-form-urlencoded; a=b; charset=US-ASCII",
            "charset=utf-16",
        ] {
            assert_eq!(of(read), None, "{read}");
        }
        for other in ["application/json;charset=utf-16", "text/plain; a=b; CHARSET = \"utf-16\""] {
            assert_eq!(of(other).as_deref(), Some("utf-16"), "{other}");
        }
        assert_eq!(foreign_charset(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused_whether_or_not_its_size_is_known() {
        for (size, status) in [(MAX_BODY, 200), (MAX_BODY + 1, 413), (900 << 10, 413)] {
            assert_eq!(ask("POST", Body::from(vec![0; size])).await, status, "{size}");
            assert_eq!(ask("POST", chunks(&[size])).await, status, "{size}");
        }
        assert_eq!(ask("POST", chunks(&[9_000, 9_000, 9_000])).await, 413);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_a_408_and_that_of_a_get_is_not_waited_for() {
        let half = || {
            let first = stream::once(async { Ok::<_, Infallible>(vec![0_u8; 10]) });
            Body::from_stream(first.chain(stream::pending()))
        };
        assert_eq!(ask("POST", half()).await, 408);
        assert_eq!(ask("GET", half()).await, 200);
    }
}
