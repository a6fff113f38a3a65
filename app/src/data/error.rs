//! Why a page has no data.

use leptos::{prelude::FromServerFnError, server_fn::error::ServerFnErrorErr};
use model::{AdminError, MarketError};
use serde::{Deserialize, Serialize};

use super::codec::JsonText;

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
        Self::Transport(error.to_string())
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
        Self::Transport(error.to_string())
    }
}
