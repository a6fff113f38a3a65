//! A flight: looking into Redis, then loading, for all who wait.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{Instant as Deadline, timeout_at};

use crate::cache::{Shared, SourceError};
use crate::category::Core;
use crate::clock;
use crate::codec::Value;
use crate::failure::{Failure, Trouble};
use crate::flight::{Flight, Landed, Progress};
use crate::hit::{Loaded, Tier};
use crate::key::Key;

/// A place among the flights under way.
pub(crate) struct Slot(Arc<Shared>);

impl Slot {
    /// `None` when all are taken.
    pub fn take<K: Key, V: Value>(core: &Core<K, V>) -> Option<Self> {
        let shared = &core.shared;
        // Built first: dropping it gives the place back.
        let slot = Self(Arc::clone(shared));
        (shared.flights.fetch_add(1, Ordering::Relaxed) < shared.max_flights).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.flights.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who flies: looks into Redis, then loads, tells all who wait, and takes the flight off the list, come what may.
pub(crate) struct Pilot<K: Key, V: Value> {
    core: Arc<Core<K, V>>,
    key: K,
    flight: Arc<Flight<V>>,
    progress: watch::Sender<Progress<V>>,
    #[expect(dead_code, reason = "held for its Drop, which gives the place back")]
    slot: Slot,
}

impl<K: Key, V: Value> Drop for Pilot<K, V> {
    fn drop(&mut self) {
        self.core.flights.remove(&self.key, &self.flight);
    }
}

impl<K: Key, V: Value> Pilot<K, V> {
    pub fn new(
        core: &Arc<Core<K, V>>,
        key: &K,
        flight: &Arc<Flight<V>>,
        progress: watch::Sender<Progress<V>>,
        slot: Slot,
    ) -> Self {
        Self { core: Arc::clone(core), key: key.clone(), flight: Arc::clone(flight), progress, slot }
    }

    /// Flies to the end. To be spawned: who waits may go away.
    pub async fn fly<E, F, Fut>(self, loader: F)
    where
        E: SourceError,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let text = self.key.to_string();
        if let Some(landed) = self.look_into_l2(&text).await {
            self.progress.send_replace(Progress::Landed(landed));
            return;
        }
        let landed = match self.load(loader).await {
            Ok((loaded, cost)) => self.take_in(text, loaded, cost),
            Err(failure) => {
                tracing::debug!(category = self.core.name, key = text, error = %failure.text, "load failed");
                if failure.is_about_the_key() {
                    self.core.remember(&self.key, Trouble::Failed(failure.clone()));
                }
                Landed::Failed(failure)
            }
        };
        self.progress.send_replace(Progress::Landed(landed));
    }

    /// The end of the flight, if Redis has what is wanted. What it has that is too old is told to who waits.
    async fn look_into_l2(&self, text: &str) -> Option<Landed<V>> {
        let core = &self.core;
        let entry = core.fetch(text).await?;
        // Memory may have had a newer one, which then answers; it is past its soft life, or nobody would fly.
        let entry = core.keep(&self.key, text, entry);
        if entry.is_fresh(clock::now()) && entry.version >= self.flight.min_version {
            core.forget_trouble(&self.key);
            return Some(Landed::Answer { entry, tier: Tier::L2, old: false });
        }
        self.progress.send_replace(Progress::Stale(entry));
        None
    }

    async fn load<E, F, Fut>(&self, loader: F) -> Result<(Loaded<V>, Duration), Failure>
    where
        E: SourceError,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let (shared, counters) = (&self.core.shared, &self.core.counters.source);
        let deadline = Deadline::now() + self.core.policy.hard_timeout;
        let Ok(Ok(slot)) = timeout_at(deadline, shared.loads.acquire()).await else {
            counters.overloaded.add(1);
            return Err(Failure::overloaded());
        };
        counters.loads.add(1);
        let begun = Instant::now();
        // A task of its own: a panic ends there.
        let mut task = shared.runtime.spawn(async move { loader().await });
        let result = timeout_at(deadline, &mut task).await;
        drop(slot);
        let cost = begun.elapsed();
        match result {
            Ok(Ok(Ok(loaded))) => {
                counters.load_us.add(clock::micros(cost));
                Ok((loaded, cost))
            }
            Ok(Ok(Err(error))) => {
                counters.failures.add(1);
                Err(Failure::source(error))
            }
            Ok(Err(_)) => {
                counters.failures.add(1);
                Err(Failure::panicked())
            }
            Err(_) => {
                task.abort();
                counters.timeouts.add(1);
                Err(Failure::timeout())
            }
        }
    }

    /// Puts what was loaded into the tiers. The answer is what memory holds then, which may be newer.
    fn take_in(&self, text: String, loaded: Loaded<V>, cost: Duration) -> Landed<V> {
        let core = &self.core;
        let entry = core.entry(loaded, self.flight.mark, text.len());
        let kept = core.keep(&self.key, &text, entry.clone());
        let is_ours = Arc::ptr_eq(&kept.value, &entry.value);
        if is_ours {
            core.write_behind(text, entry, cost);
        }
        // Asking again at once would bring the same.
        let old = kept.version < self.flight.min_version || (!is_ours && !kept.is_fresh(clock::now()));
        if old {
            let wanted = self.flight.min_version.max(kept.version);
            core.remember(&self.key, Trouble::OldVersion(wanted));
        } else {
            core.forget_trouble(&self.key);
        }
        Landed::Answer { entry: kept, tier: if is_ours { Tier::Source } else { Tier::L1 }, old }
    }
}
