//! What the operator's pages ask for and get: sign-in, the cache's figures, clears.
//!
//! Errors are enums with fields, so that a page can say them in the reader's language; `Display` is English, for logs.

mod clear;
mod entry;
mod error;
mod nodes;
mod session;
mod stats;

pub use clear::{ClearPreview, ClearRecord, ClearScope, Cleared, Counted, Undone};
pub use entry::{CacheEntry, EntryCopy};
pub use error::{AdminError, BadName, ScopePart, ScopeProblem, Unavailable};
pub use nodes::{FailoverStats, NodeReport, NodeStats};
pub use session::{Credentials, Session};
pub use stats::{
    CacheStats, CategoryStats, CoherenceStats, Connections, HotKeyStats, L1Stats, L2Stats, SharedTier,
    SourceStats,
};
