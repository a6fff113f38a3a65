//! Leases on a key whose slot is on its way to another master. Entry and lease are two keys: until both are on the same
//! side, a script about both is answered by TRYAGAIN there.

use std::time::Duration;

use local_servers::{RedisCluster, key_slot};
use tidemark_cache::{Cache, Policy, SourceCounts};

use crate::common::cluster::{undisturbed, with};
use crate::common::place::Place;
use crate::common::*;
use crate::sources::{Source, all_answered, readers};

const CACHES: usize = 3;
const READERS: usize = 20;

/// Three caches whose leases do not end while a test runs.
struct Three {
    place: Place,
    cluster: &'static RedisCluster,
    slot: u16,
    caches: Vec<Cache>,
    texts: Vec<Texts>,
}

impl Three {
    async fn new() -> Self {
        let (place, cluster) = (Place::cluster().await, undisturbed().await);
        let never = Duration::from_secs(60);
        let policy: Policy = steady().lease_for(never).hard_timeout(never);
        let mut caches = Vec::new();
        for _ in 0..CACHES {
            caches.push(place.cache().await);
        }
        let texts = caches.iter().map(|cache| texts(cache, policy.clone())).collect();
        Self { slot: key_slot(place.key.as_bytes()), place, cluster, caches, texts }
    }

    fn sum(&self, count: fn(&SourceCounts) -> u64) -> u64 {
        self.caches.iter().map(|cache| count(&cache.stats().categories["texts"].source)).sum()
    }

    /// Opens the slot for its move, and moves the keys that are there if told so; where it goes.
    async fn begin_move(&self, keys: bool) -> usize {
        let slot = self.slot;
        with(&self.cluster, move |cluster| {
            let to = (cluster.master_of_slot(slot)? + 1) % 3;
            cluster.begin_move(slot, to)?;
            if keys {
                assert_eq!(cluster.move_some_keys(slot, to, 10)?, 1, "the lease");
            }
            Ok(to)
        })
        .await
    }

    async fn finish_move(&self, to: usize) {
        let slot = self.slot;
        with(&self.cluster, move |cluster| cluster.finish_move(slot, to)).await;
    }
}

/// Others wait for a load when the slot begins to move, with the lease or without it.
async fn a_lease_holds_while_its_slot_moves(lease_goes_first: bool) {
    let three = Three::new().await;
    let source = Source::closed();
    let tasks = readers(&three.texts, &three.place.key, READERS, &source);
    until("the others wait", || three.sum(|s| s.lease_waits) == CACHES as u64 - 1).await;
    let to = three.begin_move(lease_goes_first).await;
    source.open();
    until_async("the entry is written", || async { three.place.version().await == Some(1) }).await;
    // While the lease is on the one side and the entry on the other, nobody can see both: they wait on.
    if lease_goes_first {
        all_answered(tasks, 1).await;
        three.finish_move(to).await;
    } else {
        three.finish_move(to).await;
        all_answered(tasks, 1).await;
    }
    assert_eq!((source.calls.get(), three.sum(|s| s.loads)), (1, 1));
    assert_eq!(three.place.version().await, Some(1), "it has moved as well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_moves_first_holds() {
    a_lease_holds_while_its_slot_moves(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_moves_last_holds() {
    a_lease_holds_while_its_slot_moves(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_key_of_a_slot_under_way_is_loaded_and_kept_without_a_lease() {
    let three = Three::new().await;
    let to = three.begin_move(false).await;
    let source = Source::closed();
    source.open();
    all_answered(readers(&three.texts, &three.place.key, READERS, &source), 1).await;
    // Nobody could get a lease; a process that came later may have found the entry.
    let loads = source.calls.get();
    assert!((1..=CACHES as u64).contains(&loads) && three.sum(|s| s.leases) == 0, "{loads} loads");
    until_async("the entry is written", || async { three.place.version().await == Some(1) }).await;
    three.finish_move(to).await;
    assert_eq!((three.place.version().await, three.place.holder().await), (Some(1), Vec::new()));

    // The move is over: again one load among all.
    let newer = Source::closed().of_version(2);
    let tasks = readers(&three.texts, &three.place.key, READERS, &newer);
    until("the others wait", || three.sum(|s| s.lease_waits) == CACHES as u64 - 1).await;
    newer.open();
    all_answered(tasks, 2).await;
    assert_eq!((newer.calls.get(), three.place.version().await), (1, Some(2)));
    until_async("the lease was given back", || async { three.place.holder().await.is_empty() }).await;
}
