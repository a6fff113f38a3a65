//! What can go wrong with a read.

use serde::{Deserialize, Serialize};

/// Why a read has no answer. The text is for the reader: it names what was asked, never internals.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum MarketError {
    /// No series of this symbol is stored.
    #[error("unknown symbol {symbol}")]
    UnknownSymbol {
        /// The symbol as asked.
        symbol: String,
    },
    /// A parameter is malformed or out of its range.
    #[error("bad {name}: {reason}")]
    BadParameter {
        /// Name of the parameter.
        name: String,
        /// What is wrong with it, and what is allowed.
        reason: String,
    },
    /// Neither the cache nor the source could answer in time.
    #[error("{reason}")]
    Unavailable {
        /// What is away.
        reason: String,
    },
}

impl MarketError {
    /// A [`MarketError::BadParameter`].
    pub fn bad(name: &str, reason: impl Into<String>) -> Self {
        Self::BadParameter { name: name.to_owned(), reason: reason.into() }
    }

    /// The HTTP status that says the same: 404, 400 or 503.
    #[must_use]
    pub const fn status_code(&self) -> u16 {
        match self {
            Self::UnknownSymbol { .. } => 404,
            Self::BadParameter { .. } => 400,
            Self::Unavailable { .. } => 503,
        }
    }
}
