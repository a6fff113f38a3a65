//! Why a load failed, and how that is told to a reader.

use model::reason;
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
    /// Too many wait for simulated prices already.
    #[error("too many simulated prices are asked for at once")]
    Drawing,
    /// The series went away between the directory's reading and its own.
    #[error("the series is no longer stored")]
    Gone,
}

/// One clause for the reader; internals stay in the log.
pub(super) fn load_reason(error: &LoadError<LoadFailure>) -> String {
    match error {
        LoadError::Source(LoadFailure::NoDatabase) => reason::NO_DATABASE,
        LoadError::Source(LoadFailure::Drawing) => reason::DRAWING,
        LoadError::Source(LoadFailure::Gone) => reason::GONE,
        LoadError::Source(LoadFailure::Codec(_)) => reason::UNREADABLE,
        LoadError::Source(LoadFailure::Store(StoreError::Schema { .. })) => reason::MIGRATION,
        LoadError::Source(LoadFailure::Store(_)) => reason::DATABASE_AWAY,
        LoadError::Timeout => reason::DATABASE_LATE,
        LoadError::Overloaded => reason::OVERLOADED,
        LoadError::Panicked | LoadError::Abandoned | LoadError::Tags(_) => reason::READ_FAILED,
        LoadError::Absent => reason::ABSENT,
    }
    .to_owned()
}

/// Why a stale value was served; nothing where a refresh is simply under way.
pub(super) fn stale_reason(why: &StaleReason) -> Option<String> {
    match why {
        StaleReason::Revalidating | StaleReason::Expired => None,
        StaleReason::OldVersion => Some(reason::CHANGING.to_owned()),
        StaleReason::Unverified => Some(reason::UNVERIFIED.to_owned()),
        StaleReason::SlowLoad => Some(reason::DATABASE_SLOW.to_owned()),
        StaleReason::LoadFailed(_) => Some(reason::DATABASE_AWAY.to_owned()),
    }
}
