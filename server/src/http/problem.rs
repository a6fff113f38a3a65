//! Errors as RFC 9457 problem documents.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body::Body as _;
use model::MarketError;
use serde::Serialize;
use utoipa::ToSchema;

/// A problem document: what a program and a person read when a call fails.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong, and what would be right.
    detail: String,
    /// The parameter that is at fault, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// The request's id, as in the header `x-request-id` and in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    request_id: Option<Box<str>>,
    #[serde(skip)]
    is_late: bool,
    #[serde(skip)]
    retry_after: Option<u32>,
    #[serde(skip)]
    headers: Option<Box<HeaderMap>>,
}

impl Problem {
    /// A problem of this status; the detail is for the reader and holds no internals.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let retry = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            parameter: None,
            request_id: None,
            is_late: false,
            retry_after: retry.then_some(1),
            headers: None,
        }
    }

    /// The answer was begun, and not ready in time.
    pub(super) fn late(detail: impl Into<String>) -> Self {
        Self { is_late: true, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// When to come back, seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// With this header of lower case in the answer.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.get_or_insert_default().insert(HeaderName::from_static(name), value);
        self
    }

    /// A bad request: this parameter, for this reason.
    pub fn about(parameter: &str, reason: impl std::fmt::Display) -> Self {
        let problem = Self::new(StatusCode::BAD_REQUEST, format!("bad {parameter}: {reason}"));
        Self { parameter: Some(parameter.to_owned()), ..problem }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether the answer was begun, and not ready in time.
    pub(super) const fn is_late(&self) -> bool {
        self.is_late
    }

    /// When to come back, seconds, if that is known.
    pub(super) const fn seconds_to_wait(&self) -> Option<u32> {
        self.retry_after
    }
}

impl Problem {
    /// The problem of this error; an unknown symbol was sent in the parameter `symbol_in`.
    pub fn naming(error: MarketError, symbol_in: &str) -> Self {
        let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut problem = Self::new(status, error.to_string());
        problem.parameter = match error {
            MarketError::BadParameter { name, .. } => Some(name),
            MarketError::UnknownSymbol { .. } => Some(symbol_in.to_owned()),
            MarketError::Unavailable { .. } => None,
        };
        problem
    }
}

impl From<MarketError> for Problem {
    fn from(error: MarketError) -> Self {
        Self::naming(error, "symbol")
    }
}

impl Problem {
    /// The document. A struct of strings and numbers always serialises.
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Makes a problem document of an error that has no body, as routers and file servers answer. Its headers stay.
    pub(super) fn explain(response: Response) -> Response {
        let status = response.status();
        let is_error = status.is_client_error() || status.is_server_error();
        if !is_error || response.body().size_hint().exact() != Some(0) {
            return response;
        }
        let detail = match status {
            StatusCode::METHOD_NOT_ALLOWED => "this address does not take this method".to_owned(),
            _ => status.canonical_reason().unwrap_or("it failed").to_lowercase(),
        };
        let mut explained = Self::new(status, detail).into_response();
        let own: Vec<HeaderName> = explained.headers().keys().cloned().collect();
        let (parts, _) = response.into_parts();
        for (name, value) in &parts.headers {
            if *name != header::CONTENT_LENGTH && !own.contains(name) {
                explained.headers_mut().append(name, value.clone());
            }
        }
        explained
    }

    /// The problem that this answer has a document of.
    pub(super) fn take(response: &mut Response) -> Option<Self> {
        response.extensions_mut().remove::<Self>()
    }

    /// Writes the request's id into this answer's document, if it has one.
    pub(super) fn name_request(response: &mut Response, id: &str) {
        let Some(mut problem) = Self::take(response) else { return };
        problem.request_id = Some(id.into());
        *response.body_mut() = Body::from(problem.json());
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.json()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        headers.extend(self.headers.iter().flat_map(|more| HeaderMap::clone(more)));
        // For who knows more of the request on the way out.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_explained_keeps_each_of_its_headers() {
        let mut response = StatusCode::NOT_FOUND.into_response();
        for value in ["a=1", "b=2"] {
            response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(value));
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        let explained = Problem::explain(response);
        let cookies: Vec<_> = explained.headers().get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(explained.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
