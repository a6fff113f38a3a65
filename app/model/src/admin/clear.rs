//! Clears of the cache.

use serde::{Deserialize, Serialize};

use crate::UnixMs;

/// What to clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClearScope {
    /// Everything.
    All,
    /// A category: `charts`.
    Category(String),
    /// Entries whose full name begins so: `charts:BTC/`.
    Prefix(String),
    /// Entries that carry this tag: `coin:BTC`.
    Tag(String),
    /// The entry of this full name: `prices:recorded`.
    Key(String),
}

/// What is known of the number of keys in Redis. The cache's own type says the same, and the pages cannot use it: their wasm
/// must not contain the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// There is no Redis: the memory of this server is all there is.
    #[default]
    NoRedis,
    /// No node could be looked at: nothing is known.
    Unknown,
    /// Some nodes could not be looked at: there are at least as many as were found.
    AtLeast,
    /// An estimate from a part, with its error.
    Estimate,
    /// All were counted.
    Exact,
}

/// What a clear would cover, or did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearPreview {
    /// What `keys` is: a count, an estimate, a lower bound, or nothing.
    pub counted: Counted,
    /// Keys: in Redis; in this server's memory where there is no Redis.
    pub keys: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// An estimate is within this of the truth, with a confidence of 95 %; otherwise 0.
    pub keys_error: u64,
    /// Keys in the memory of this server. Exact.
    pub memory_keys: u64,
    /// Bytes of those.
    pub memory_bytes: u64,
    /// Keys that may or may not be covered: of long names only the beginning is known.
    pub uncertain: u64,
    /// Nodes of Redis that could not be looked at, and why.
    pub errors: Vec<String>,
    /// Some of the full names.
    pub sample: Vec<String>,
}

/// A clear that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleared {
    /// For undo.
    pub handle: u64,
    /// Until when an undo can bring something back, Unix ms: then the last of what was covered has expired.
    pub undo_until: UnixMs,
    /// What it covered.
    pub covered: ClearPreview,
}

/// What became of what an undone clear had covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// Entries alive again.
    pub revived: u64,
    /// Entries that were loaded anew since; they stay.
    pub reloaded: u64,
    /// Entries that another clear covers as well: they stay cleared.
    pub still_cleared: u64,
    /// Entries that expired or were evicted since; known to the server that made the clear, if it could count all.
    pub gone: Option<u64>,
    /// Whether everything was looked at, in the second that there is for it.
    pub complete: bool,
}

/// A clear that is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearRecord {
    /// For undo.
    pub handle: u64,
    /// What it covers, in words: `category charts`.
    pub scope: String,
    /// When it was made, Unix ms.
    pub at: UnixMs,
    /// Whether it was undone.
    pub undone: bool,
    /// Until when an undo can bring something back, Unix ms.
    pub undo_until: UnixMs,
    /// What is left until then, ms; 0 when it is over or undone.
    pub undo_left_ms: u64,
}
