//! The one error type of this crate.

use std::{io, path::Path, time::Duration};

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a local server could not be started, reached or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program that is needed is not installed, or not where it is looked for.
    #[error("{program} was not found ({hint})")]
    Missing {
        /// The program's name.
        program: String,
        /// Where it was looked for.
        hint: String,
    },
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path or program it was tried on.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program ended early or with a failure.
    #[error("{what} failed: {detail}")]
    Failed {
        /// What was run.
        what: String,
        /// Its exit status and the last lines that it wrote.
        detail: String,
    },
    /// A server answered a command with an error.
    #[error("{what}: {reason}")]
    Refused {
        /// The command's beginning, and the server's port.
        what: String,
        /// The server's words, such as `MOVED 42 127.0.0.1:7001`.
        reason: String,
    },
    /// Something did not happen within its bound.
    #[error("{what} did not happen within {} s{detail}", after.as_secs_f32())]
    Timeout {
        /// What was waited for.
        what: String,
        /// The bound.
        after: Duration,
        /// The last lines of the log, or nothing.
        detail: String,
    },
    /// No free port was found in the range that is searched.
    #[error("no free port between {first} and {last} on 127.0.0.1")]
    NoFreePort {
        /// Lowest port tried.
        first: u16,
        /// Highest port tried.
        last: u16,
    },
}

impl Error {
    /// Wraps an I/O error with what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Wraps an I/O error on a path.
    pub(crate) fn path(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(format!("cannot {verb} {}", path.display()))
    }
}
