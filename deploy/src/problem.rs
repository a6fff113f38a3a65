//! Why a verb could not do its work.

/// What the functions of this tool return.
pub type Result<T> = std::result::Result<T, Problem>;

/// Why a verb could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The operator stopped it by a signal.
    #[error("interrupted")]
    Interrupted,
    /// The command line asks for what there is not.
    #[error("{0}")]
    Usage(String),
    /// Something failed; the text says what and where, and if known what to do.
    #[error("{0}")]
    Said(String),
    /// A local server could not be started or stopped.
    #[error(transparent)]
    Server(#[from] local_servers::Error),
}

impl Problem {
    /// A problem in plain words.
    pub fn said(text: impl Into<String>) -> Self {
        Self::Said(text.into())
    }

    /// Wraps an I/O error with what was tried, for `map_err`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |error| Self::Said(format!("{what}: {error}"))
    }
}
