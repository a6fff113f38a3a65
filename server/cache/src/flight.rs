//! Loads under way: one a key, however many ask.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use quick_cache::DefaultHashBuilder;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::clears::Mark;
use crate::entry::Entry;
use crate::failure::Failure;
use crate::hit::Tier;
use crate::key::Key;

/// How far a flight has come.
#[derive(Debug)]
pub(crate) enum Progress<V> {
    /// Nothing yet.
    Pending,
    /// Redis had a value past its soft life or too old; the load goes on.
    Stale(Entry<V>),
    /// The end.
    Landed(Landed<V>),
    /// The end without a word: who flew it went away.
    Left,
}

impl<V> Clone for Progress<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Pending => Self::Pending,
            Self::Stale(entry) => Self::Stale(entry.clone()),
            Self::Landed(landed) => Self::Landed(landed.clone()),
            Self::Left => Self::Left,
        }
    }
}

/// An answer, or why there is none.
#[derive(Debug)]
pub(crate) enum Landed<V> {
    Answer {
        entry: Entry<V>,
        tier: Tier,
        /// The source had nothing as new as was asked for.
        old: bool,
    },
    Failed(Failure),
}

impl<V> Clone for Landed<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Answer { entry, tier, old } => {
                Self::Answer { entry: entry.clone(), tier: *tier, old: *old }
            }
            Self::Failed(failure) => Self::Failed(failure.clone()),
        }
    }
}

/// A load under way. One allocation: most flights end before anybody joins.
#[derive(Debug)]
pub(crate) struct Flight<V> {
    progress: Mutex<Progress<V>>,
    changed: Notify,
    /// The version that it was begun for.
    pub min_version: u64,
    /// Entries loaded before this, by the monotonic clock, are no use to it.
    pub newer_than: u64,
    /// Where the clear log stood when it began.
    pub mark: Mark,
}

impl<V> Flight<V> {
    pub fn new(min_version: u64, newer_than: u64, mark: Mark) -> Arc<Self> {
        let progress = Mutex::new(Progress::Pending);
        Arc::new(Self { progress, changed: Notify::new(), min_version, newer_than, mark })
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress<V> {
        self.progress.lock().clone()
    }

    /// Tells all who wait.
    pub fn tell(&self, progress: Progress<V>) {
        *self.progress.lock() = progress;
        self.changed.notify_waiters();
    }

    /// Tells all who wait that there will be no word, if there was none.
    pub fn leave(&self) {
        let mut progress = self.progress.lock();
        if !matches!(*progress, Progress::Landed(_)) {
            *progress = Progress::Left;
            drop(progress);
            self.changed.notify_waiters();
        }
    }

    /// Ends when it has come further than at this call: to be called before [`progress`](Self::progress).
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

/// The flights of one category.
#[derive(Debug)]
pub(crate) struct Flights<K, V>(Mutex<HashMap<K, Arc<Flight<V>>, DefaultHashBuilder>>);

impl<K: Key, V> Flights<K, V> {
    pub fn new() -> Self {
        Self(Mutex::default())
    }

    /// The flight for `key` if `joinable`; otherwise the one that `start` makes, which takes its place.
    /// True with a flight that was there.
    pub fn join_or<X>(
        &self,
        key: &K,
        joinable: impl FnOnce(&Flight<V>) -> bool,
        start: impl FnOnce() -> Result<Arc<Flight<V>>, X>,
    ) -> Result<(Arc<Flight<V>>, bool), X> {
        let mut flights = self.0.lock();
        if let Some(flight) = flights.get(key)
            && joinable(flight)
        {
            return Ok((Arc::clone(flight), true));
        }
        let flight = start()?;
        flights.insert(key.clone(), Arc::clone(&flight));
        Ok((flight, false))
    }

    /// Takes `flight` off the list, unless another took its place.
    pub fn remove(&self, key: &K, flight: &Arc<Flight<V>>) {
        let mut flights = self.0.lock();
        if flights.get(key).is_some_and(|listed| Arc::ptr_eq(listed, flight)) {
            flights.remove(key);
        }
    }
}
