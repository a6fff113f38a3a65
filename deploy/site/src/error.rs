//! Why a site could not be made.

use std::{fmt::Display, io, path::Path};

/// What the functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a site could not be made: a text that names the file or the tool, and the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    /// An error with this text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// What failed, and why.
    pub(crate) fn caused(what: impl Display, cause: impl Display) -> Self {
        Self(format!("{what}: {cause}"))
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Adds the path that was worked on to an I/O error.
pub(crate) fn at<T>(path: &Path, result: io::Result<T>) -> Result<T> {
    result.map_err(|error| Error::caused(path.display(), error))
}
