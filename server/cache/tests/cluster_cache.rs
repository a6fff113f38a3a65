//! The cache on a real cluster: entries over all slots, clears, a master that dies.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::*;
use local_servers::{RedisCluster, key_slot};
use tidemark_cache::{Cache, ClearError, Loaded, Scope, Tier, Tiers, Want};

async fn cluster(node_timeout: Duration) -> Arc<RedisCluster> {
    let cluster = blocking(move || RedisCluster::ephemeral_with(3, 1, node_timeout, &[])).await;
    Arc::new(cluster.expect("the cluster starts"))
}

async fn cache_on_cluster(cluster: &RedisCluster) -> Cache {
    let cache = Cache::builder()
        .redis(Some(cluster.cluster_url()))
        .l2_timeout(Duration::from_secs(1))
        .build()
        .expect("builds");
    assert!(cache.wait_for_l2(PATIENCE).await, "connects: {:?}", cache.l2_state());
    cache
}

async fn with_cluster<T: Send + 'static>(
    cluster: &Arc<RedisCluster>,
    act: impl FnOnce(&RedisCluster) -> local_servers::Result<T> + Send + 'static,
) -> T {
    let cluster = Arc::clone(cluster);
    blocking(move || act(&cluster)).await.expect("the cluster does as told")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_of_all_slots_are_shared_and_cleared() {
    let cluster = cluster(Duration::from_secs(600)).await;
    let (a, b) = (cache_on_cluster(&cluster).await, cache_on_cluster(&cluster).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    for i in 0..100 {
        load(&in_a, &format!("k{i}"), "v", 1).await.expect("loads");
    }
    written(&a, "texts", 100).await;
    assert_eq!(a.stats().categories["texts"].l2.writes, 100);
    for i in 0..100 {
        let hit = load_failing(&in_b, &format!("k{i}")).await.expect("from Redis");
        assert_eq!((hit.tier, hit.stale), (Tier::L2, None));
    }
    assert!(a.ping().await.is_ok());
    let cleared = a.clear(Scope::Category("texts".into())).await.expect("recorded");
    assert!(in_a.get(&key("k1")).await.is_none());
    until_async("the other hears of it", || async { in_b.get(&key("k1")).await.is_none() }).await;
    b.undo(cleared.seq).await.expect("struck");
    assert!(in_b.get(&key("k1")).await.is_some());
    let state = a.l2_state();
    assert!(state.connected && state.nodes.iter().all(|n| n.errors == 0 && n.redirects == 0), "{state:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_fails_while_the_master_of_the_clear_log_dies() {
    let cluster = cluster(Duration::from_millis(1_500)).await;
    let cache = cache_on_cluster(&cluster).await;
    let remote = cache.category::<u64, Text>("remote", steady().tiers(Tiers::L2)).expect("a category");
    let (stop, reads) = (Arc::new(AtomicBool::new(false)), Calls::default());
    let readers: Vec<_> = (0..4u64)
        .map(|reader| {
            let (remote, stop, reads) = (remote.clone(), Arc::clone(&stop), reads.clone());
            tokio::spawn(async move {
                let mut key = reader;
                while !stop.load(Ordering::SeqCst) {
                    key = (key + 1) % 50;
                    let load = || async { Ok::<_, Down>(Loaded::new(Text("v".into()), 1)) };
                    remote.get_or_load(&key, Want::any(), load).await.expect("no read fails");
                    reads.add();
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    until("Redis answers", || cache.stats().categories["remote"].l2.hits > 100).await;
    let slot = key_slot(b"tm:clears");
    let master = with_cluster(&cluster, move |cluster| cluster.master_of_slot(slot)).await;
    with_cluster(&cluster, move |cluster| cluster.node(master).kill()).await;
    until("it is degraded", || cache.l2_state().degraded()).await;
    // Others go on being used, and a clear says what is wrong.
    let hits = cache.stats().categories["remote"].l2.hits;
    let refused = cache.clear(Scope::All).await;
    assert!(matches!(refused, Err(ClearError::Unavailable(_))), "{refused:?}");
    until("Redis answers for other slots", || cache.stats().categories["remote"].l2.hits > hits).await;
    until_async("clears are recorded again", || async { cache.clear(Scope::All).await.is_ok() }).await;
    assert!(cache.wait_for_l2(PATIENCE).await);
    let (from, writes) = (reads.get(), cache.stats().categories["remote"].l2.writes);
    until("reads go on", || reads.get() > from + 500).await;
    until("writes go on", || cache.stats().categories["remote"].l2.writes > writes).await;
    stop.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.expect("no read failed");
    }
}
