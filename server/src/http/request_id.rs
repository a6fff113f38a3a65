//! An id for each request, in the answer and in the log; requests that are refused whatever they ask for; and refusals as a program
//! or a person reads them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::{
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version, header, uri::Authority,
    },
    response::{IntoResponse, Response},
};
use uuid::Builder;

use super::{
    admission::Admission, client::Peer, head::AskedByHead, health, problem::Problem, refusal_page::Reader,
};

/// The header, of requests and answers.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken over, bytes.
const LONGEST_ID: usize = 128;
/// Longest query, bytes: the longest list of symbols that a call takes, and some.
const LONGEST_QUERY: usize = 16 << 10;
/// Bytes of a path that are logged.
const PATH_SHOWN: usize = 200;

/// The caller's id if it is 1 to 128 letters, digits, dots, hyphens and underscores; otherwise a new one.
fn id_of(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(X_REQUEST_ID).filter(|id| {
        (1..=LONGEST_ID).contains(&id.len())
            && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
    });
    given.cloned().unwrap_or_else(new_id)
}

/// A UUID of version 7. Unlike a secret it need not be hard to guess: a fast generator does.
fn new_id() -> HeaderValue {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let mut text = uuid::Uuid::encode_buffer();
    let id = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    // Digits and hyphens always are a header.
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text))
        .unwrap_or_else(|_| HeaderValue::from_static("none"))
}

/// Gives each request an id. As a layer it stands within the compression: it writes into documents.
#[derive(Clone, Copy)]
pub(super) struct RequestIds;

impl Admission for RequestIds {
    type Admitted = Asked;

    fn admit<B>(&self, request: &Request<B>) -> Result<Asked, Box<Response>> {
        let by_head = request.extensions().get::<AskedByHead>().is_some();
        let method = if by_head { Method::HEAD } else { request.method().clone() };
        let asked = Asked {
            id: id_of(request.headers()),
            method,
            uri: request.uri().clone(),
            reader: Reader::of(request).map(Box::new),
            begun: Instant::now(),
        };
        match refusal(request) {
            None => Ok(asked),
            Some(problem) => Err(Box::new(Self::finish(asked, problem.into_response()))),
        }
    }

    fn finish(asked: Asked, response: Response) -> Response {
        asked.finish(response)
    }
}

/// What is remembered of a request for its answer.
pub(super) struct Asked {
    id: HeaderValue,
    method: Method,
    uri: Uri,
    /// Who reads a refusal, if it is a person.
    reader: Option<Box<Reader>>,
    begun: Instant,
}

impl Asked {
    fn finish(&self, response: Response) -> Response {
        let mut response = Problem::explain(response);
        // Made of visible ASCII.
        let id = self.id.to_str().unwrap_or_default();
        match &self.reader {
            Some(reader) => reader.show(&mut response, &self.uri, id),
            None => Problem::name_request(&mut response, id),
        }
        if response.status().is_server_error() {
            self.log(id, response.status());
        }
        response.headers_mut().insert(X_REQUEST_ID, self.id.clone());
        response
    }

    /// Without the query: it may hold what is nobody's business.
    fn log(&self, id: &str, status: StatusCode) {
        let path: String = self.uri.path().chars().take(PATH_SHOWN).collect();
        let (method, status) = (self.method.as_str(), status.as_u16());
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Quoted, a path cannot pass for another line of the log.
        tracing::warn!(method, path = ?path, status, ms, request_id = id, "a request failed: {method} {path:?} {status}");
    }
}

/// Why a request is refused before anything looks at it.
fn refusal<B>(request: &Request<B>) -> Option<Problem> {
    let uri = request.uri();
    if uri.query().is_some_and(|query| query.len() > LONGEST_QUERY) {
        let detail = format!("the query is longer than {} KiB", LONGEST_QUERY >> 10);
        return Some(Problem::new(StatusCode::URI_TOO_LONG, detail));
    }
    let bad = |detail: &str| Some(Problem::new(StatusCode::BAD_REQUEST, detail));
    // `*` is for OPTIONS and `host:port` for CONNECT (RFC 9112 section 3.2), which are not served.
    let other_form = matches!(*request.method(), Method::OPTIONS | Method::CONNECT);
    if !uri.path().starts_with('/') && !other_form {
        return bad("the request's target must be a path");
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => bad("there must be one Host header"),
        (Some(host), None) if !is_host(host) => bad("the Host header must be a name or an address"),
        // Requests that are made here, as in tests, come over no connection. Some balancers ask for health without it.
        (None, None)
            if request.version() == Version::HTTP_11
                && request.extensions().get::<Peer>().is_some()
                && !health::is_path(uri.path()) =>
        {
            bad("there must be a Host header")
        }
        _ => None,
    }
}

/// Whether this is a host with or without a port (RFC 9110 section 7.2).
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    if text.is_empty() {
        return true;
    }
    text.parse::<Authority>().is_ok_and(|authority| !authority.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_id_is_kept_and_another_is_replaced_by_a_uuid() {
        let of = |id: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
            id_of(&headers).to_str().unwrap().to_owned()
        };
        for good in ["a", "A-z_0.9", &"x".repeat(LONGEST_ID)] {
            assert_eq!(of(good.as_bytes()), good);
        }
        for bad in ["", "a b", "a\"b", "a/b", &"x".repeat(LONGEST_ID + 1)] {
            let id = uuid::Uuid::parse_str(&of(bad.as_bytes())).unwrap();
            assert_eq!(id.get_version_num(), 7, "{bad}");
        }
        assert!(uuid::Uuid::parse_str(&of(b"\xff")).is_ok());
        assert_ne!(new_id(), new_id());
    }
}
