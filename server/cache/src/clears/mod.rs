//! Clears are records, not deletions. The log of them is one small key in Redis, mirrored in every process; an entry
//! carries the log's head at the start of its load and is dead if a later active record covers it.

mod log;
mod mirror;
mod owner;
mod scope;
mod store;

pub(crate) use log::MAX_RECORDS;
pub(crate) use log::{Log, Mark};
pub(crate) use mirror::Mirror;
pub use scope::{BadScope, MAX_SCOPE_TEXT, Scope};
pub(crate) use store::{Store, Struck};

use crate::l2::L2Error;

/// A clear that was recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cleared {
    /// Its place in the log: the handle for [`Cache::undo`](crate::Cache::undo).
    pub seq: u64,
}

/// A clear that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ClearRecord {
    /// The handle for [`Cache::undo`](crate::Cache::undo).
    pub seq: u64,
    /// What it covers, in words.
    pub scope: String,
    /// When it was made, Unix ms, by the clock of Redis.
    pub at_ms: u64,
    /// Whether it was undone.
    pub undone: bool,
}

/// What became of what an undone clear had covered. The numbers are of Redis, or of memory where there is no Redis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Undone {
    /// Entries alive again.
    pub revived: u64,
    /// Entries that were loaded anew since the clear; they stay.
    pub reloaded: u64,
    /// Entries that another clear covers as well: they stay dead.
    pub still_cleared: u64,
    /// Entries that expired or were evicted since; known to the process that made the clear and counted all of it, if no
    /// other clear covers any of them.
    pub gone: Option<u64>,
    /// Whether everything was looked at, in the second that there is for it.
    pub complete: bool,
}

/// Why a clear or an undo was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClearError {
    /// The scope cannot be recorded.
    #[error("clear scope: {0}")]
    Scope(#[from] BadScope),
    /// No such record: never made, or folded away since.
    #[error("no clear {0} in the log")]
    Unknown(u64),
    /// Redis holds the log and cannot be reached.
    #[error("the clear log cannot be reached: {0}")]
    Unavailable(#[from] L2Error),
}
