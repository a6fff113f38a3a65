//! What goes into a read, and what comes out of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::entry::{Meta, Stored};

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
    /// The value; `None` when the source has no such thing.
    pub value: Option<V>,
    /// Its version, read in the same snapshot as the value. Larger is newer.
    pub version: u64,
    /// A soft life for this value alone. The hard life then follows at the distance that the policy sets.
    pub fresh_for: Option<Duration>,
    /// Names under which it can be cleared: at most 16, each of 1 to 64 bytes without spaces.
    pub tags: Vec<String>,
}

impl<V> Loaded<V> {
    /// A value with the lives of its category's policy.
    pub fn new(value: V, version: u64) -> Self {
        Self { value: Some(value), version, fresh_for: None, tags: Vec::new() }
    }

    /// No such thing, as of `version` of the source. Readers get [`LoadError::Absent`], and get it from memory for the
    /// policy's `negative_for`.
    pub fn absent(version: u64) -> Self {
        Self { value: None, version, fresh_for: None, tags: Vec::new() }
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
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
    LoadFailed(Arc<str>),
    /// The load has not ended within the soft timeout and goes on behind this answer.
    SlowLoad,
    /// The source itself had nothing newer, though a newer version was asked for.
    OldVersion,
    /// Other servers may have a newer one, and Redis cannot be asked; a load is under way behind this answer.
    Unverified,
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revalidating => f.write_str("being refreshed"),
            Self::Expired => f.write_str("past its soft life"),
            Self::LoadFailed(why) => write!(f, "load failed: {why}"),
            Self::SlowLoad => f.write_str("load is slow"),
            Self::OldVersion => f.write_str("source has nothing newer"),
            Self::Unverified => f.write_str("Redis cannot be asked whether it is the newest"),
        }
    }
}

/// A value shared with the cache. Cheap to clone; reads like a reference to the value.
pub struct Shared<V>(Arc<Stored<V>>);

impl<V> Shared<V> {
    pub(crate) fn new(stored: Stored<V>) -> Self {
        Self(Arc::new(stored))
    }

    #[inline]
    pub(crate) fn meta(&self) -> &Meta {
        &self.0.meta
    }

    /// Whether both are the same value in memory.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<V> Clone for Shared<V> {
    #[inline]
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> std::ops::Deref for Shared<V> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        &self.0.value
    }
}

impl<V: fmt::Debug> fmt::Debug for Shared<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<V: PartialEq> PartialEq<V> for Shared<V> {
    fn eq(&self, other: &V) -> bool {
        **self == *other
    }
}

/// An answer.
#[derive(Debug)]
pub struct Hit<V> {
    /// The value, shared with the cache.
    pub value: Shared<V>,
    /// Its version.
    pub version: u64,
    /// Where it came from.
    pub tier: Tier,
    /// Set when a fresher value was due.
    pub stale: Option<StaleReason>,
    /// Milliseconds. Small, like all of this: a hit in memory is little more than the copying of it.
    age_ms: u32,
}

impl<V> Hit<V> {
    #[inline]
    pub(crate) fn new(value: Shared<V>, now: u64, tier: Tier, stale: Option<StaleReason>) -> Self {
        let meta = value.meta();
        let age_ms = now.saturating_sub(meta.loaded_at).min(u64::from(u32::MAX)) as u32;
        Self { version: meta.version, age_ms, value, tier, stale }
    }

    /// Time since it was loaded from the source, in whole milliseconds; 49 days at most.
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms.into())
    }
}

impl<V> Clone for Hit<V> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            version: self.version,
            tier: self.tier,
            age_ms: self.age_ms,
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
    /// The load ended without a result, through no fault of the loader: encoding its value panicked, or the runtime of the
    /// cache shuts down.
    #[error("the load ended without a result")]
    Abandoned,
    /// The loader gave tags that an entry cannot carry; nothing was kept.
    #[error("bad tags: {0}")]
    Tags(crate::tags::TagError),
    /// The source has no such thing: it said so just now or a moment ago. Not a failure.
    #[error("there is no such entry")]
    Absent,
}
