//! What goes into a read, and what comes out of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

/// What a reader asks for beyond the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Want {
    /// Entries of a lower version are no answer, unless loading fails or is slow: then they answer, marked stale.
    pub min_version: u64,
}

impl Want {
    /// Any version will do.
    pub fn any() -> Self {
        Self::default()
    }

    /// Not older than `min_version`.
    pub fn at_least(min_version: u64) -> Self {
        Self { min_version }
    }
}

/// What a loader returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<V> {
    /// The value.
    pub value: V,
    /// Its version, read in the same snapshot as the value. Larger is newer.
    pub version: u64,
    /// A soft life for this value alone. The hard life then follows at the distance that the policy sets.
    pub fresh_for: Option<Duration>,
}

impl<V> Loaded<V> {
    /// A value with the lives of its category's policy.
    pub fn new(value: V, version: u64) -> Self {
        Self { value, version, fresh_for: None }
    }

    /// Sets a soft life for this value alone.
    #[must_use]
    pub fn fresh_for(mut self, fresh_for: Duration) -> Self {
        self.fresh_for = Some(fresh_for);
        self
    }
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Process memory.
    L1,
    /// Redis.
    L2,
    /// The loader.
    Source,
}

/// Why an answer is not the freshest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaleReason {
    /// Past its soft life; a refresh is under way behind this answer.
    Revalidating,
    /// Past its soft life; nobody asked for a refresh ([`Category::get`](crate::Category::get) never loads).
    Expired,
    /// The load failed with this message, or failed a moment ago and waits for its retry.
    LoadFailed(String),
    /// The load has not ended within the soft timeout and goes on behind this answer.
    SlowLoad,
    /// The source itself had nothing newer, though a newer version was asked for.
    OldVersion,
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revalidating => f.write_str("being refreshed"),
            Self::Expired => f.write_str("past its soft life"),
            Self::LoadFailed(why) => write!(f, "load failed: {why}"),
            Self::SlowLoad => f.write_str("load is slow"),
            Self::OldVersion => f.write_str("source has nothing newer"),
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Hit<V> {
    /// The value, shared with the cache.
    pub value: Arc<V>,
    /// Its version.
    pub version: u64,
    /// Where it came from.
    pub tier: Tier,
    /// Time since it was loaded from the source.
    pub age: Duration,
    /// Set when a fresher value was due.
    pub stale: Option<StaleReason>,
}

impl<V> Clone for Hit<V> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            version: self.version,
            tier: self.tier,
            age: self.age,
            stale: self.stale.clone(),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError<E> {
    /// The loader's own error.
    #[error("{0}")]
    Source(E),
    /// The load took longer than the hard timeout.
    #[error("the load exceeded its hard timeout")]
    Timeout,
    /// Too many loads at once.
    #[error("too many loads at once")]
    Overloaded,
    /// The loader panicked.
    #[error("the loader panicked")]
    Panicked,
}
