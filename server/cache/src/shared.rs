//! What all categories of a cache use.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::backend::L2;
use crate::bus::Coherence;
use crate::category::View;
use crate::clears::Mirror;
use crate::hot::{HotKey, HotList};
use crate::key::entry_key;
use crate::l1::Memory;
use crate::l2::L2Error;
use crate::stats::{CategoryStats, CoherenceStats, Counters};

/// What all categories use.
pub(crate) struct Shared {
    pub namespace: String,
    pub runtime: Handle,
    pub mirror: Arc<Mirror>,
    pub coherence: Arc<Coherence>,
    pub l2: Option<L2>,
    pub max_entry_bytes: usize,
    /// Slots for loaders that run.
    pub loads: Arc<Semaphore>,
    pub flights: AtomicUsize,
    pub max_flights: usize,
    pub l1_bytes: u64,
    pub categories: Mutex<BTreeMap<&'static str, CategoryParts>>,
    /// What clears of this process covered when they were made, by sequence.
    pub covered: Mutex<BTreeMap<u64, u64>>,
}

impl Shared {
    /// Unix milliseconds by the clock that all servers share, that of Redis, as far as it is known.
    pub fn unix_ms(&self) -> u64 {
        self.l2.as_ref().map_or_else(crate::clock::unix_ms, |l2| l2.router.unix_ms())
    }

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

    /// How this process keeps in step with the others.
    pub fn coherence_stats(&self) -> CoherenceStats {
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
            stats.sends_refused = read(&l2.outbox.refusals);
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
    /// The hard life of its policy.
    pub stale_for: Duration,
}

impl CategoryParts {
    pub fn stats(&self) -> CategoryStats {
        let memory = |read: fn(&dyn Memory) -> u64| self.memory.as_deref().map_or(0, read);
        CategoryStats {
            l1: self.counters.l1.read(),
            l1_bytes: memory(|m| m.bytes()),
            l1_limit_bytes: memory(|m| m.limit()),
            l1_entries: memory(|m| m.entries()),
            l2: self.counters.l2.read(),
            source: self.counters.source.read(),
            own: self.counters.own.read(),
        }
    }
}

/// Gives each category its part of the memory.
pub(crate) fn divide(bytes: u64, categories: &BTreeMap<&'static str, CategoryParts>) {
    let in_memory = || categories.values().filter_map(|c| Some((c.share, c.memory.as_ref()?)));
    let shares: u128 = in_memory().map(|(share, _)| u128::from(share)).sum();
    for (share, memory) in in_memory() {
        let part = u128::from(bytes) * u128::from(share) / shares.max(1);
        memory.set_limit(u64::try_from(part).unwrap_or(bytes));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use crate::testing::{Number, PATIENCE, plain, redis};
    use crate::{Cache, Policy, StaleReason, Tiers};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_process_whose_clock_is_wrong_writes_and_reads_by_that_of_redis() {
        let redis = redis().await;
        let cache = Cache::builder().redis(Some(redis.url())).build().expect("builds");
        assert!(cache.wait_for_l2(PATIENCE).await);
        let policy = Policy::default().tiers(Tiers::L2).jitter(0.0);
        let numbers = cache.category::<u64, Number>("numbers", policy).expect("a category");
        let deadline = Instant::now() + PATIENCE;
        while cache.clock_ahead_ms().is_none() {
            assert!(Instant::now() < deadline, "Redis is not asked for its time");
            sleep(Duration::from_millis(5)).await;
        }
        let (hour, minute) = (3_600_000, 60_000);
        let l2 = numbers.core.shared.l2.as_ref().expect("there");
        // As if this machine were an hour behind, then an hour ahead. It is asked again in ten seconds at the earliest.
        for (version, apart) in [(1, -hour), (2, hour)] {
            let now = crate::clock::unix_ms();
            let of_redis = now.saturating_add_signed(-apart);
            l2.router.clock_for_test().note(now, of_redis, now);
            assert!(numbers.unix_ms().abs_diff(of_redis) < minute as u64);
            numbers.set(&1, Number(version), version);
            let mut plain = plain(&redis).await;
            let created = loop {
                let head: Vec<u8> =
                    redis::cmd("GET").arg("tm:e:numbers:{1}").query_async(&mut plain).await.expect("answers");
                if let Some(peek) = crate::header::peek(&head).filter(|peek| peek.version == version) {
                    break peek.created_ms;
                }
                assert!(Instant::now() < deadline, "version {version} is not written");
                sleep(Duration::from_millis(5)).await;
            };
            assert!(created.abs_diff(of_redis) < minute as u64, "{created}, and Redis has {of_redis}");
            let hit = numbers.get(&1).await.expect("it is there, and not of the future");
            assert!(hit.age() < Duration::from_secs(60), "{:?}", hit.age());
            assert!(matches!(hit.stale, None | Some(StaleReason::Revalidating)), "{:?}", hit.stale);
        }
    }
}
