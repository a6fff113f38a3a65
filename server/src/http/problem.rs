//! Errors as RFC 9457 problem documents.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use model::MarketError;
use serde::Serialize;

/// A problem document: what a program and a person read when a call fails.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    #[serde(skip)]
    retry_after: Option<u32>,
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
            retry_after: retry.then_some(1),
        }
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

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        // A struct of strings and numbers always serialises.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
