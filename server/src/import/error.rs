//! What fails a file.

use std::io;

use super::Reject;
use crate::store::StoreError;

/// Why a file was not imported; nothing of it is stored. One line, without the path.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Symbol or interval are neither given nor in the name.
    #[error("{0}")]
    Name(String),
    /// The file cannot be opened.
    #[error("{0}")]
    Open(String),
    /// The file breaks off or cannot be unpacked.
    #[error("after line {line}: {reason}")]
    Read {
        /// The last line that was read whole.
        line: u64,
        /// What happened.
        reason: String,
    },
    /// The file is of no layout that is known.
    #[error("unknown layout: {0}")]
    Layout(String),
    /// A line makes no candle, and the import is strict.
    #[error("line {}: {} (strict)", .0.line, .0.reason)]
    Strict(Reject),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImportError {
    pub(super) fn open(error: &io::Error) -> Self {
        Self::Open(match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "may not be read: permission denied".to_owned(),
            _ => format!("cannot be opened: {error}"),
        })
    }

    /// The reading thread panicked or was cancelled at shutdown.
    pub(super) fn reader(error: tokio::task::JoinError) -> Self {
        Self::Open(format!("reading stopped: {error}"))
    }
}
