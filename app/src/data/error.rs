//! Why a page has no data.

use leptos::{prelude::FromServerFnError, server_fn::error::ServerFnErrorErr};
use model::{AdminError, MarketError};
use serde::{Deserialize, Serialize};

use super::codec::JsonText;

/// What went wrong between page and server. Bad arguments are the client's fault: the answer is 400, without the error's text,
/// which contains type and field names of the program. A form keeps its own status, which leads it back to its page.
#[cfg(feature = "ssr")]
fn transport_error(error: &ServerFnErrorErr) -> String {
    use axum::http::{StatusCode, header, request::Parts};
    use leptos::prelude::use_context;

    use ServerFnErrorErr::{Args, Deserialization, MissingArg};
    if !matches!(error, Args(_) | Deserialization(_) | MissingArg(_)) {
        return error.to_string();
    }
    let accept = use_context::<Parts>().and_then(|parts| parts.headers.get(header::ACCEPT).cloned());
    let form = accept.is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
    if let (Some(response), false) = (use_context::<leptos_axum::ResponseOptions>(), form) {
        response.set_status(StatusCode::BAD_REQUEST);
    }
    "the arguments are not as expected".to_owned()
}

/// What went wrong between page and server.
#[cfg(not(feature = "ssr"))]
fn transport_error(error: &ServerFnErrorErr) -> String {
    error.to_string()
}

/// What a page shows instead of data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DataError {
    /// The server's own answer.
    Market(MarketError),
    /// The server could not be asked, or its answer not be read.
    Transport(String),
}

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Market(error) => error.fmt(f),
            Self::Transport(_) => f.write_str("the server cannot be reached"),
        }
    }
}

impl From<MarketError> for DataError {
    fn from(error: MarketError) -> Self {
        Self::Market(error)
    }
}

impl FromServerFnError for DataError {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        Self::Transport(transport_error(&error))
    }
}

/// Why a page of the operator's has no data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConsoleError {
    /// The server's own answer.
    Admin(AdminError),
    /// The server could not be asked, or its answer not be read.
    Transport(String),
}

impl std::fmt::Display for ConsoleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Admin(error) => error.fmt(f),
            Self::Transport(_) => f.write_str("the server cannot be reached"),
        }
    }
}

impl From<AdminError> for ConsoleError {
    fn from(error: AdminError) -> Self {
        Self::Admin(error)
    }
}

impl FromServerFnError for ConsoleError {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        Self::Transport(transport_error(&error))
    }
}
