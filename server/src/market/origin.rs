//! Why a load failed, and how that is told to a reader.

use tidemark_cache::{CodecError, LoadError, StaleReason};

use crate::store::StoreError;

/// Why Postgres gave no value.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadFailure {
    /// No `DATABASE_URL` is set.
    #[error("no database is configured")]
    NoDatabase,
    /// The store's own error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The value cannot be serialised.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The series went away between the directory's reading and its own.
    #[error("the series is no longer stored")]
    Gone,
}

/// One clause for the reader; internals stay in the log.
pub(super) fn load_reason(error: &LoadError<LoadFailure>) -> String {
    match error {
        LoadError::Source(LoadFailure::NoDatabase) => "no database is configured",
        LoadError::Source(LoadFailure::Gone) => "the series is no longer stored",
        LoadError::Source(LoadFailure::Codec(_)) => "the stored data cannot be read",
        LoadError::Source(LoadFailure::Store(StoreError::Schema { .. })) => "the database needs a migration",
        LoadError::Source(LoadFailure::Store(_)) => "the database does not answer",
        LoadError::Timeout => "the database does not answer in time",
        LoadError::Overloaded => "too many reads of the database at once",
        LoadError::Panicked | LoadError::Tags(_) => "the read failed",
        LoadError::Absent => "there is no such data",
    }
    .to_owned()
}

/// Why a stale value was served; nothing where a refresh is simply under way.
pub(super) fn stale_reason(reason: &StaleReason) -> Option<String> {
    match reason {
        StaleReason::Revalidating | StaleReason::Expired => None,
        StaleReason::OldVersion => Some("a change is being read".to_owned()),
        StaleReason::Unverified => Some("another server may have newer data".to_owned()),
        StaleReason::SlowLoad => Some("the database is slow".to_owned()),
        StaleReason::LoadFailed(_) => Some("the database does not answer".to_owned()),
    }
}
