//! What fails a file.

use candle_files::{FileError, Reject};

use crate::store::StoreError;

/// Why a file was not imported; nothing of it is stored. One line, without the path.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read, or does not tell what it is.
    #[error(transparent)]
    File(#[from] FileError),
    /// No line of the file makes a candle; what they have in common.
    #[error("no candle came of it: {0}")]
    Nothing(String),
    /// The file is not the one that its checksum is of.
    #[error("{0}")]
    Checksum(String),
    /// The source was to be the file's exchange.
    #[error("{0}")]
    Source(String),
    /// A line makes no candle, and the import is strict.
    #[error("line {}: {} (strict)", .0.line, .0.reason)]
    Strict(Reject),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reading thread panicked, which is in the log, or was canceled at shutdown.
    #[error("reading it stopped before its end")]
    Reader(#[from] tokio::task::JoinError),
}
