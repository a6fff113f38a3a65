//! Promise 4 on one node: whatever becomes of Redis, no read fails while the source works, none takes long, and nobody
//! has to be started again.

use std::sync::Arc;
use std::time::Duration;

use local_servers::{FaultProxy, RedisServer};
use tidemark_cache::Cache;

use crate::common::*;
use crate::readers::Readers;

/// A cache with readers, behind a proxy, on a Redis of these settings.
async fn disturbed(
    settings: &'static [(&'static str, &'static str)],
) -> (Arc<RedisServer>, Arc<FaultProxy>, Cache, Readers) {
    let redis = blocking(|| RedisServer::ephemeral_with(settings)).await.expect("Redis starts");
    let (proxy, url) = proxy_before(&redis).await;
    let cache = connected(builder_at(url)).await;
    let readers = Readers::start(&cache);
    readers.come_back(&cache, "at the start").await;
    (Arc::new(redis), proxy, cache, readers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_is_killed_or_emptied() {
    let (redis, _proxy, cache, readers) = disturbed(&[]).await;
    on(&redis, RedisServer::pause).await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    readers.go_on("stopped").await;
    on(&redis, RedisServer::resume).await;
    readers.come_back(&cache, "stopped").await;

    on(&redis, RedisServer::kill).await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    readers.go_on("killed").await;
    on(&redis, RedisServer::start).await;
    readers.come_back(&cache, "killed").await;

    let () = redis::cmd("FLUSHALL").query_async(&mut plain(&redis).await).await.expect("flushed");
    readers.go_on("emptied").await;
    readers.come_back(&cache, "emptied").await;
    readers.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_delays_trickles_or_breaks() {
    let (_redis, proxy, cache, readers) = disturbed(&[]).await;
    on(&proxy, FaultProxy::black_hole).await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    readers.go_on("black hole").await;
    on(&proxy, FaultProxy::pass).await;
    readers.come_back(&cache, "black hole").await;

    // Too late for a read, in time for the watchdog, which finds it alive each time.
    on(&proxy, |proxy| proxy.delay(Duration::from_millis(250))).await;
    let timeouts = || cache.l2_state().nodes.iter().map(|node| node.timeouts).sum::<u64>();
    let from = timeouts();
    until("it is noticed", || timeouts() > from + 3).await;
    readers.go_on("half a second later").await;
    on(&proxy, FaultProxy::pass).await;
    readers.come_back(&cache, "half a second later").await;

    on(&proxy, |proxy| proxy.trickle(200)).await;
    readers.go_on("a trickle").await;
    on(&proxy, FaultProxy::pass).await;
    readers.come_back(&cache, "a trickle").await;

    for round in 0..5 {
        on(&proxy, move |proxy| proxy.drop_after(100 + 777 * round)).await;
        readers.go_on("answers that break off").await;
    }
    on(&proxy, FaultProxy::cut).await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    readers.go_on("cut").await;
    on(&proxy, FaultProxy::pass).await;
    readers.come_back(&cache, "cut").await;
    readers.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_full_refuses_or_evicts() {
    let (redis, _proxy, cache, readers) = disturbed(&[("maxmemory-policy", "noeviction")]).await;
    let mut plain = plain(&redis).await;
    let texts = texts(&cache, steady());
    let mut set = async |name: &str, value: &str| {
        let mut cmd = redis::cmd("CONFIG");
        let () = cmd.arg(&["SET", name, value]).query_async(&mut plain).await.expect("set");
    };
    set("maxmemory", "1").await;
    texts.set(&key("k"), Text("v".into()), 1);
    let failed = || cache.stats().categories["texts"].l2.write_errors;
    until("a write is refused", || failed() > 0).await;
    readers.go_on("full, refusing").await;
    assert!(!cache.l2_state().degraded(), "it answers");
    set("maxmemory", "256mb").await;
    readers.come_back(&cache, "full, refusing").await;
    until("what was refused is made good", || cache.stats().coherence.recovery_entries == 0).await;

    // The clear log has no life of its own: it stays, whatever goes.
    let cleared = cache.clear(tidemark_cache::Scope::Key("texts:dead".into())).await.expect("recorded");
    set("maxmemory-policy", "volatile-lfu").await;
    set("maxmemory", "4mb").await;
    let long: String = std::iter::repeat_with(fastrand::alphanumeric).take(50_000).collect();
    for i in 0..200 {
        texts.set(&format!("k{i}"), Text(long.clone()), 1);
    }
    let mut evicted = 0;
    until_async("some are evicted", || {
        let nodes = cache.nodes();
        async move { nodes.await.iter().any(|node| node.report.as_ref().is_some_and(|r| r.evicted > 0)) }
    })
    .await;
    evicted += 1;
    readers.go_on("full, evicting").await;
    readers.come_back(&cache, "full, evicting").await;
    assert_eq!((cache.stats().clears.head, evicted), (cleared.seq, 1));
    readers.stop().await;
}
