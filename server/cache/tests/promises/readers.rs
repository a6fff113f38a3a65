//! Readers that never stop, to be there when something breaks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tidemark_cache::{Cache, Category, Loaded, Policy, Tiers, Want};
use tokio::task::JoinSet;

use crate::common::*;

const READERS: u64 = 50;
const KEYS: u64 = 40;
/// A read may take the limit of Redis some times, and what a busy machine adds.
const BOUND: Duration = Duration::from_secs(8);

/// The readers of a cache, of a source that always works.
pub struct Readers {
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    slowest: Arc<AtomicU64>,
    failures: Arc<Mutex<BTreeMap<String, u64>>>,
    remote: Category<u64, Text>,
}

impl Readers {
    /// Of two categories: one in both tiers whose values are always past their soft life, one in Redis only.
    pub fn start(cache: &Cache) -> Self {
        let short = Duration::from_millis(10);
        let policy = |policy: Policy| policy.retry_after(short).lease_for(Duration::from_millis(500));
        let both = cache.category::<u64, Text>("both", policy(soft())).expect("a category");
        let remote =
            cache.category::<u64, Text>("remote", policy(steady()).tiers(Tiers::L2)).expect("a category");
        let mut readers = Self {
            tasks: JoinSet::new(),
            stop: Arc::default(),
            reads: Arc::default(),
            slowest: Arc::default(),
            failures: Arc::default(),
            remote: remote.clone(),
        };
        for reader in 0..READERS {
            let (both, remote) = (both.clone(), remote.clone());
            let (stop, reads) = (Arc::clone(&readers.stop), Arc::clone(&readers.reads));
            let (slowest, failures) = (Arc::clone(&readers.slowest), Arc::clone(&readers.failures));
            readers.tasks.spawn(async move {
                let mut number = reader;
                while !stop.load(Ordering::SeqCst) {
                    number += 1;
                    let category = if number.is_multiple_of(2) { &both } else { &remote };
                    let load = || async { Ok::<_, Down>(Loaded::new(Text("v".into()), 1)) };
                    let begun = Instant::now();
                    if let Err(error) = category.get_or_load(&(number % KEYS), Want::any(), load).await {
                        *failures.lock().expect("not poisoned").entry(error.to_string()).or_default() += 1;
                    }
                    let took = u64::try_from(begun.elapsed().as_millis()).expect("not so long");
                    slowest.fetch_max(took, Ordering::SeqCst);
                    reads.fetch_add(1, Ordering::SeqCst);
                    // Other tests want the processor, too.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        }
        readers
    }

    /// Waits until some more reads have been answered, begun after this call for the most part.
    pub async fn go_on(&self, what: &str) {
        let from = self.reads.load(Ordering::SeqCst);
        until(&format!("reads go on: {what}"), || self.reads.load(Ordering::SeqCst) > from + 4 * READERS)
            .await;
        self.none_failed(what);
    }

    /// Waits until Redis answers again, also for what it lost.
    pub async fn come_back(&self, cache: &Cache, what: &str) {
        assert!(cache.wait_for_l2(PATIENCE).await, "{what}: {:?}", cache.l2_state());
        let hits = || cache.stats().categories["remote"].l2.hits;
        let from = hits();
        until(&format!("Redis answers again: {what}"), || hits() > from + READERS).await;
        let fresh = fastrand::u64(1_000_000..);
        self.remote.set(&fresh, Text("new".into()), 1);
        until_async(&format!("a write gets through: {what}"), || async {
            self.remote.get(&fresh).await.is_some_and(|hit| hit.value.0 == "new")
        })
        .await;
        self.none_failed(what);
    }

    fn none_failed(&self, what: &str) {
        let failures = self.failures.lock().expect("not poisoned");
        assert!(failures.is_empty(), "{what}: reads failed: {failures:?}");
        let slowest = Duration::from_millis(self.slowest.swap(0, Ordering::SeqCst));
        assert!(slowest < BOUND, "{what}: a read took {slowest:?}");
    }

    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) =
            tokio::time::timeout(PATIENCE, self.tasks.join_next()).await.expect("they end")
        {
            ended.expect("no panic");
        }
        self.none_failed("at the end");
    }
}
