//! What fails a file as a whole.

use std::io;

/// Why a file cannot be read. One line, without the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
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
    /// The file is of another kind, which is recognized, and of which no candles are read.
    #[error("{0}")]
    Kind(String),
    /// The file is of no layout that is known, or not of the one that was asked for.
    #[error("unknown layout: {0}")]
    Layout(String),
    /// What the candles are is said neither by the caller nor by the file, or cannot be taken.
    #[error("{0}")]
    Heading(String),
}

impl FileError {
    pub(crate) fn open(error: &io::Error) -> Self {
        Self::Open(match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "may not be read: permission denied".to_owned(),
            _ => format!("cannot be opened: {error}"),
        })
    }
}

/// A field in a message: quoted, control characters escaped, not too long.
pub(crate) fn shown(field: &str) -> String {
    format!("{:?}", field.chars().take(40).collect::<String>())
}
