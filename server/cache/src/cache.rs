//! The cache as a whole: what its categories share.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::builder::{Builder, ConfigError};
use crate::bus::{self, Coherence, Ear, Heard, Outbox, publish};
use crate::category::{Category, View};
use crate::clears::{ClearError, ClearRecord, Cleared, MAX_RECORDS, Mirror, Scope, Store, Struck, Undone};
use crate::codec::Value;
use crate::hot::{HotKey, HotList};
use crate::inspect::{self, Inspection};
use crate::key::{Key, entry_key, is_name};
use crate::l1::Memory;
use crate::l2::{Access, Failover, L2Error, L2State, Leases, NodeHealth, Ops, Router};
use crate::policy::Policy;
use crate::preview::{self, Preview};
use crate::recovery::{Limits, Recovery};
use crate::stats::{CategoryStats, ClearStats, CoherenceStats, Counters, Stats};
use crate::unsettled::Unsettled;
use crate::warm::remember_hot_keys;
use crate::writer::recover;

/// What is kept to be made good while Redis is away.
const RECOVERY: Limits = Limits { entries: 4_096, bytes: 32 << 20 };
/// An exchange about the clear log, asked for by an operator.
const CLEAR_TIMEOUT: Duration = Duration::from_secs(2);

/// A tiered cache: process memory, then Redis, then a loader. Cheap to clone; its jobs end with the last handle, those
/// of its categories included.
#[derive(Clone)]
pub struct Cache {
    shared: Arc<Shared>,
}

/// What all categories use.
pub(crate) struct Shared {
    pub namespace: String,
    pub runtime: Handle,
    pub mirror: Arc<Mirror>,
    pub coherence: Arc<Coherence>,
    pub l2: Option<L2>,
    pub max_entry_bytes: usize,
    /// Slots for loaders that run.
    pub loads: Semaphore,
    pub flights: AtomicUsize,
    pub max_flights: usize,
    l1_bytes: u64,
    categories: Mutex<BTreeMap<&'static str, CategoryParts>>,
    /// What clears of this process covered when they were made, by sequence.
    covered: Mutex<BTreeMap<u64, u64>>,
}

/// The Redis side.
pub(crate) struct L2 {
    pub router: Arc<Router>,
    pub ops: Ops,
    pub leases: Leases,
    pub outbox: Arc<Outbox>,
    pub recovery: Recovery,
    pub unsettled: Unsettled,
    heard: Arc<Heard>,
    store: Arc<Store>,
    /// Bound on one read or write of an entry.
    pub timeout: Duration,
    /// Slots for writes behind the reader.
    pub writes: Arc<Semaphore>,
    max_writes: usize,
    jobs: Vec<AbortHandle>,
}

impl Drop for L2 {
    fn drop(&mut self) {
        for job in &self.jobs {
            job.abort();
        }
    }
}

/// A category, its types forgotten.
#[derive(Clone)]
pub(crate) struct CategoryParts {
    pub share: u32,
    pub memory: Option<Arc<dyn Memory>>,
    pub counters: Arc<Counters>,
    /// Outlives the category: what was hot is remembered at the end, when nobody reads any more.
    pub hot: Arc<dyn HotList>,
    /// The category holds the cache: it must not be held by it.
    pub view: Weak<dyn View>,
}

impl Shared {
    pub fn counters_of(&self, category: &str) -> Option<Arc<Counters>> {
        self.categories.lock().get(category).map(|parts| Arc::clone(&parts.counters))
    }

    /// The hottest keys of each category, at most `most` of each.
    pub fn hot_keys(&self, most: usize) -> Vec<(&'static str, Vec<HotKey>)> {
        let categories = self.categories.lock();
        categories.iter().map(|(name, parts)| (*name, parts.hot.top(name, most))).collect()
    }

    /// The categories that are still in use.
    pub fn views(&self) -> Vec<(&'static str, Arc<dyn View>)> {
        let categories = self.categories.lock();
        categories.iter().filter_map(|(name, parts)| Some((*name, parts.view.upgrade()?))).collect()
    }

    /// Ends the soft life of an entry in Redis, and tells the others. `version`: what is held here, for them.
    pub async fn expire(&self, category: &'static str, text: &str, version: u64) -> Result<(), L2Error> {
        let Some(l2) = &self.l2 else { return Ok(()) };
        let key = entry_key(&self.namespace, category, text);
        let found = l2.ops.expire(&l2.router, l2.timeout, &key, self.max_entry_bytes).await?;
        l2.outbox.version(category, text, found.unwrap_or(version).max(version), true);
        Ok(())
    }
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
            loads: Semaphore::new(parts.max_loads),
            flights: AtomicUsize::new(0),
            max_flights: parts.max_flights,
            l1_bytes: parts.l1_bytes,
            categories: Mutex::new(BTreeMap::new()),
            covered: Mutex::new(BTreeMap::new()),
        });
        if !alone {
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
        covered.insert(cleared.seq, preview.entries());
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

    /// Strikes the clear of this sequence. What was reloaded since stays; what expired stays gone; both are counted.
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

    /// Waits until Redis is connected, at most for `limit`; true if it is. For tools that need it; a server does not wait.
    pub async fn wait_for_l2(&self, limit: Duration) -> bool {
        let Some(l2) = &self.shared.l2 else { return false };
        timeout(limit, l2.router.wait_connected()).await.is_ok()
    }

    /// Sets a key of a short life in Redis, reads its life, deletes it; returns the time of the three.
    pub async fn ping(&self) -> Result<Duration, L2Error> {
        let l2 = self.shared.l2.as_ref().ok_or(L2Error::NotConfigured)?;
        l2.ops.probe(&l2.router, CLEAR_TIMEOUT, &self.shared.namespace).await
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

impl Shared {
    fn coherence_stats(&self) -> CoherenceStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut stats = CoherenceStats {
            trusted: self.coherence.is_trusted(),
            doubts: read(&self.coherence.doubts),
            announcements_heard: read(&self.coherence.announced),
            ..CoherenceStats::default()
        };
        if let Some(l2) = &self.l2 {
            (stats.recovery_entries, stats.recovery_bytes) = l2.recovery.depth();
            stats.recovery_queued = read(&l2.recovery.queued);
            stats.recovery_dropped = read(&l2.recovery.dropped);
            stats.recovered = read(&l2.recovery.recovered);
            stats.announcements_waiting = l2.outbox.len() as u64;
            stats.messages_sent = read(&l2.outbox.messages);
            stats.send_failures = read(&l2.outbox.failures);
            stats.overflows = read(&l2.outbox.overflows);
            stats.messages_heard = read(&l2.heard.messages);
            stats.gaps = read(&l2.heard.gaps);
            stats.silences = read(&l2.heard.silences);
            stats.resubscriptions = read(&l2.heard.resubscriptions);
            stats.publishers = read(&l2.heard.publishers);
        }
        stats
    }
}

impl L2 {
    fn start(
        parts: &Builder,
        redis: crate::l2::Redis,
        mirror: &Arc<Mirror>,
        coherence: &Arc<Coherence>,
        runtime: &Handle,
    ) -> Self {
        let store = Arc::new(Store::new(&parts.namespace, Arc::clone(mirror)));
        let router = Router::start(redis, Arc::clone(&store), runtime);
        let outbox = Arc::new(Outbox::new());
        let heard = Arc::new(Heard::default());
        let channel = bus::channel(&parts.namespace);
        let ear = Ear {
            router: Arc::clone(&router),
            coherence: Arc::clone(coherence),
            heard: Arc::clone(&heard),
            channel: channel.clone(),
            own: outbox.publisher,
        };
        let jobs = vec![
            runtime.spawn(ear.listen()).abort_handle(),
            runtime.spawn(publish(Arc::clone(&outbox), Arc::clone(&router), channel)).abort_handle(),
        ];
        Self {
            router,
            ops: Ops::new(),
            leases: Leases::new(),
            outbox,
            recovery: Recovery::new(RECOVERY),
            unsettled: Unsettled::default(),
            heard,
            store,
            timeout: parts.l2_timeout,
            writes: Arc::new(Semaphore::new(parts.max_writes)),
            max_writes: parts.max_writes,
            jobs,
        }
    }

    fn writes_in_flight(&self) -> u64 {
        self.max_writes.saturating_sub(self.writes.available_permits()) as u64
    }

    async fn append(&self, scope: &Scope) -> Result<u64, L2Error> {
        let store = &self.store;
        let exchange = |mut conn| async move {
            match store.append(&mut conn, scope).await {
                // The log was lost since the last poll: put it back first.
                Err(error) if error.code() == Some("NOLOG") => {
                    store.sync(&mut conn).await?;
                    store.append(&mut conn, scope).await
                }
                other => other,
            }
        };
        self.router.run(CLEAR_TIMEOUT, store.key(), Access::Write, exchange).await
    }

    async fn undo(&self, seq: u64) -> Result<Struck, L2Error> {
        let store = &self.store;
        let exchange = |mut conn| async move { store.undo(&mut conn, seq).await };
        self.router.run(CLEAR_TIMEOUT, store.key(), Access::Write, exchange).await
    }
}

impl CategoryParts {
    fn stats(&self) -> CategoryStats {
        let memory = |read: fn(&dyn Memory) -> u64| self.memory.as_deref().map_or(0, read);
        CategoryStats {
            l1: self.counters.l1.read(),
            l1_bytes: memory(|m| m.bytes()),
            l1_limit_bytes: memory(|m| m.limit()),
            l1_entries: memory(|m| m.entries()),
            l2: self.counters.l2.read(),
            source: self.counters.source.read(),
        }
    }
}

/// Gives each category its part of the memory.
fn divide(bytes: u64, categories: &BTreeMap<&'static str, CategoryParts>) {
    let in_memory = || categories.values().filter_map(|c| Some((c.share, c.memory.as_ref()?)));
    let shares: u128 = in_memory().map(|(share, _)| u128::from(share)).sum();
    for (share, memory) in in_memory() {
        let part = u128::from(bytes) * u128::from(share) / shares.max(1);
        memory.set_limit(u64::try_from(part).unwrap_or(bytes));
    }
}

/// Bounds on the error of a loader: waiters share it, and it must say what happened.
pub trait SourceError: Clone + Display + Send + Sync + 'static {}

impl<E: Clone + Display + Send + Sync + 'static> SourceError for E {}
