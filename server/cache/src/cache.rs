//! The cache as a whole: what its categories share.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::backend::{CLEAR_TIMEOUT, L2};
use crate::builder::{Builder, ConfigError};
use crate::bus::{Coherence, SILENCE};
use crate::category::Category;
use crate::clears::{ClearError, ClearRecord, Cleared, MAX_RECORDS, Mirror, Scope, Struck, Undone};
use crate::codec::Value;
use crate::hot::HotKey;
use crate::inspect::{self, Inspection};
use crate::key::{Key, is_name};
use crate::l2::{Failover, L2Error, L2State, NodeHealth};
use crate::policy::Policy;
use crate::preview::{self, Preview};
use crate::scan::{self, ForeignScan};
use crate::shared::{Shared, divide};
use crate::stats::{ClearStats, Stats};
use crate::warm::remember_hot_keys;
use crate::writer::recover;

/// A tiered cache: process memory, then Redis, then a loader. Cheap to clone; its jobs end with the last handle, those
/// of its categories included.
#[derive(Clone)]
pub struct Cache {
    shared: Arc<Shared>,
}

impl Cache {
    /// Starts with no Redis, 64 MiB of memory and the namespace `tm`.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Puts the parts together. Called by the builder, which has checked them.
    pub(crate) fn assemble(parts: &Builder, redis: Option<crate::l2::Redis>, runtime: Handle) -> Self {
        let alone = redis.is_none();
        let log = if alone { crate::clears::Log::fresh() } else { crate::clears::Log::unread() };
        let mirror = Arc::new(Mirror::new(log));
        let coherence = Arc::new(Coherence::new(Arc::clone(&mirror), alone));
        let l2 = redis.map(|redis| L2::start(parts, redis, &mirror, &coherence, &runtime));
        let shared = Arc::new(Shared {
            namespace: parts.namespace.clone(),
            runtime,
            mirror,
            coherence,
            l2,
            max_entry_bytes: parts.max_entry_bytes,
            loads: Arc::new(Semaphore::new(parts.max_loads)),
            flights: AtomicUsize::new(0),
            max_flights: parts.max_flights,
            l1_bytes: parts.l1_bytes,
            categories: Mutex::new(BTreeMap::new()),
            covered: Mutex::new(BTreeMap::new()),
        });
        if !alone && !parts.observer {
            // They hold the cache weakly, and end with it.
            shared.runtime.spawn(recover(Arc::downgrade(&shared)));
            shared.runtime.spawn(remember_hot_keys(Arc::downgrade(&shared)));
        }
        Self { shared }
    }

    /// Makes a category. Its name, `[a-z0-9_-]{1,32}`, can be used once in a cache.
    ///
    /// The memory limit is divided anew among all categories by their shares.
    pub fn category<K: Key, V: Value>(
        &self,
        name: &'static str,
        policy: Policy,
    ) -> Result<Category<K, V>, ConfigError> {
        if !is_name(name) {
            return Err(ConfigError::Name { what: "category", name: name.into() });
        }
        policy.validate().map_err(|(field, why)| ConfigError::Policy { category: name, field, why })?;
        let mut categories = self.shared.categories.lock();
        if categories.contains_key(name) {
            return Err(ConfigError::NameTaken(name));
        }
        let category = Category::new(name, policy, self.shared.l1_bytes, Arc::clone(&self.shared))?;
        categories.insert(name, category.parts());
        divide(self.shared.l1_bytes, &categories);
        Ok(category)
    }

    /// Records a clear: every entry that `scope` covers and whose load began before is dead from now on here, and
    /// within about a second in every other process. Takes the same time whatever it covers.
    pub async fn clear(&self, scope: Scope) -> Result<Cleared, ClearError> {
        scope.check()?;
        let seq = match &self.shared.l2 {
            None => self.shared.mirror.change(|log| log.append(scope, crate::clock::unix_us())),
            Some(l2) => {
                let begun = crate::clock::now();
                let seq = l2.append(&scope).await?;
                // What was set before was set before this clear.
                self.shared.settle(begun, Some(seq));
                l2.outbox.clears();
                seq
            }
        };
        Ok(Cleared { seq })
    }

    /// As [`clear`](Self::clear), after counting what it covers: within a second, see [`Preview`].
    pub async fn clear_counted(&self, scope: Scope) -> Result<(Cleared, Preview), ClearError> {
        let preview = self.preview_clear(&scope).await?;
        let cleared = self.clear(scope).await?;
        let mut covered = self.shared.covered.lock();
        if let Some(entries) = preview.entries() {
            covered.insert(cleared.seq, entries);
        }
        while covered.len() > MAX_RECORDS {
            covered.pop_first();
        }
        Ok((cleared, preview))
    }

    /// Counts what a clear of `scope` would cover, and shows some of it. Changes nothing. Redis is looked through for at
    /// most a second; see [`Preview`] for what its numbers mean then.
    pub async fn preview_clear(&self, scope: &Scope) -> Result<Preview, ClearError> {
        scope.check()?;
        Ok(preview::preview(&self.shared, scope).await)
    }

    /// Looks for keys of entries that hold another application's value: those are left alone, and what belongs there is kept
    /// in memory only. Takes at most a second.
    pub async fn foreign_keys(&self) -> ForeignScan {
        scan::find_foreign(&self.shared, preview::LIMIT).await
    }

    /// Strikes the clear of this sequence. What was reloaded since stays; what expired stays gone; what another clear covers
    /// stays dead. All are counted.
    pub async fn undo(&self, seq: u64) -> Result<Undone, ClearError> {
        let Some((scope, was_undone)) = self.shared.mirror.record(seq) else {
            // Another process may have made it a moment ago.
            return self.strike(seq).await.map(|()| Undone::default());
        };
        let before = if was_undone {
            preview::Tally::default()
        } else {
            preview::since(&self.shared, &scope, seq).await
        };
        self.strike(seq).await?;
        let covered = self.shared.covered.lock().remove(&seq);
        Ok(before.undone(covered))
    }

    async fn strike(&self, seq: u64) -> Result<(), ClearError> {
        let found = match &self.shared.l2 {
            None => self.shared.mirror.change(|log| log.undo(seq)),
            Some(l2) => {
                let struck = l2.undo(seq).await? == Struck::Struck;
                l2.outbox.clears();
                struck
            }
        };
        if found { Ok(()) } else { Err(ClearError::Unknown(seq)) }
    }

    /// The clears that are remembered, newest first.
    pub fn clears(&self) -> Vec<ClearRecord> {
        let log = self.shared.mirror.log();
        let records = log.records.into_iter().rev();
        records
            .map(|r| ClearRecord {
                seq: r.seq,
                scope: r.scope.to_string(),
                at_ms: r.at_us / 1_000,
                undone: r.undone,
            })
            .collect()
    }

    /// The hard life of each category by its policy. A value that states a soft life of its own lives as much longer or
    /// shorter.
    pub fn lives(&self) -> BTreeMap<&'static str, Duration> {
        self.shared.categories.lock().iter().map(|(name, parts)| (*name, parts.stale_for)).collect()
    }

    /// All that is known of the entry `category:key text`, in memory and in Redis.
    pub async fn inspect(&self, category: &str, key: &str) -> Inspection {
        inspect::inspect(&self.shared, category, key).await
    }

    /// The keys that this process reads most, of all categories, hottest first.
    pub fn hot_keys(&self, most: usize) -> Vec<HotKey> {
        let mut keys: Vec<HotKey> =
            self.shared.hot_keys(most).into_iter().flat_map(|(_, keys)| keys).collect();
        keys.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
        keys.truncate(most);
        keys
    }

    /// Health of each Redis node, asked of all at once, within half a second.
    pub async fn nodes(&self) -> Vec<NodeHealth> {
        match &self.shared.l2 {
            Some(l2) => l2.router.health().await,
            None => Vec::new(),
        }
    }

    /// The last failover of each part of a cluster, as this process saw it.
    pub fn failovers(&self) -> Vec<Failover> {
        self.shared.l2.as_ref().map_or_else(Vec::new, |l2| l2.router.failovers())
    }

    /// Makes good what it can, remembers the hot keys, and tells the others that no more will come; waits for it, at
    /// most for `limit`. For the end of a process. The cache can still be used, but nobody hears of what it writes.
    pub async fn close(&self, limit: Duration) {
        let Some(l2) = &self.shared.l2 else { return };
        let _ = timeout(limit, async {
            // What was written before anybody heard of this process waits. Half of the time is for what follows.
            if l2.router.is_open() && l2.outbox.is_mute() {
                let _ = timeout(limit / 2, l2.outbox.wait_heard()).await;
            }
            self.shared.recover_now().await;
            // All slots free: all writes have ended.
            let all = u32::try_from(l2.max_writes).unwrap_or(u32::MAX);
            let _ = l2.writes.acquire_many(all).await;
            self.shared.remember_hot_keys().await;
            l2.outbox.farewell(limit).await;
        })
        .await;
    }

    /// The connection to Redis. Cheap enough for every health check.
    pub fn l2_state(&self) -> L2State {
        self.shared.l2.as_ref().map_or_else(L2State::none, |l2| l2.router.state())
    }

    /// Entries and bytes in memory that clears cover, by category: they answer nothing, and stay until they are replaced,
    /// evicted or expire, so that an undo can revive them. Walks through memory if anything was cleared, on a thread for
    /// what blocks: that may take a while.
    pub async fn cleared_in_memory(&self) -> BTreeMap<&'static str, (u64, u64)> {
        let log = self.shared.mirror.log();
        if log.floor == 0 && log.records.iter().all(|record| record.undone) {
            return BTreeMap::new();
        }
        let views = self.shared.views();
        let walk = move || views.into_iter().map(|(name, view)| (name, view.cleared())).collect();
        self.shared.runtime.spawn_blocking(walk).await.unwrap_or_default()
    }

    /// Waits until Redis is connected, at most for `limit`; true if it is. Then it waits a moment for others to hear of this
    /// process, 2.5 s at most, so that what is written next is written at once; an [observer](Builder::observer) does not. For
    /// tools that need it; a server does not wait.
    pub async fn wait_for_l2(&self, limit: Duration) -> bool {
        let Some(l2) = &self.shared.l2 else { return false };
        let connected = timeout(limit, l2.router.wait_connected()).await.is_ok();
        if connected && !l2.is_observer {
            let _ = timeout(limit.min(SILENCE), l2.outbox.wait_heard()).await;
        }
        connected
    }

    /// Sets a key of a short life in Redis, reads its life, deletes it, by a script as the cache writes; on a cluster on every
    /// master. Returns the time of it.
    pub async fn ping(&self) -> Result<Duration, L2Error> {
        let l2 = self.shared.l2.as_ref().ok_or(L2Error::NotConfigured)?;
        l2.router.probe_all(CLEAR_TIMEOUT, &self.shared.namespace).await
    }

    /// Subscribes to the channel on which processes tell each other of their writes, and publishes there what they leave
    /// alone; returns the time until it came back. For a cache that [observes](Builder::observer).
    pub async fn ping_channel(&self) -> Result<Duration, L2Error> {
        let l2 = self.shared.l2.as_ref().ok_or(L2Error::NotConfigured)?;
        l2.router.probe_channel(CLEAR_TIMEOUT, &l2.channel).await
    }

    /// Says which installation this cache is of, as [`Builder::owner`] does, for what is known later.
    pub fn set_owner(&self, owner: &str) {
        if let Some(l2) = &self.shared.l2 {
            l2.set_owner(owner);
        }
    }

    /// How far this machine's clock is ahead of that of Redis, in milliseconds, as last asked; none before.
    pub fn clock_ahead_ms(&self) -> Option<i64> {
        self.shared.l2.as_ref().and_then(|l2| l2.router.clock_ahead_ms())
    }

    /// All numbers.
    pub fn stats(&self) -> Stats {
        let log = self.shared.mirror.log();
        let categories: BTreeMap<_, _> = self
            .shared
            .categories
            .lock()
            .iter()
            .map(|(name, registered)| (*name, registered.stats()))
            .collect();
        Stats {
            l2: self.l2_state(),
            l2_writes_in_flight: self.shared.l2.as_ref().map_or(0, L2::writes_in_flight),
            flights: self.shared.flights.load(Ordering::Relaxed) as u64,
            l1_limit_bytes: self.shared.l1_bytes,
            l1_bytes: categories.values().map(|c| c.l1_bytes).sum(),
            coherence: self.shared.coherence_stats(),
            clears: ClearStats {
                head: log.head,
                floor: log.floor,
                records: log.records.len() as u64,
                active: log.records.iter().filter(|r| !r.undone).count() as u64,
            },
            categories,
        }
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("namespace", &self.shared.namespace)
            .field("l2", &self.l2_state())
            .finish_non_exhaustive()
    }
}

/// Bounds on the error of a loader: waiters share it, and it must say what happened.
pub trait SourceError: Clone + Display + Send + Sync + 'static {}

impl<E: Clone + Display + Send + Sync + 'static> SourceError for E {}
