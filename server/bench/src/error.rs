//! Why a measurement could not be made.

/// What went wrong, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BenchError(String);

impl BenchError {
    /// An error that says what could not be done.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// For `map_err`: puts what was being done before what went wrong.
    pub(crate) fn at<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

/// The result of a measurement.
pub type Result<T> = std::result::Result<T, BenchError>;
