//! Redis away, killed, hung: reads go on, and it comes back by itself.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::*;
use local_servers::{FaultProxy, RedisServer};
use tidemark_cache::{Cache, Loaded, Tier, Tiers, Want};

async fn on_server(redis: &Arc<RedisServer>, act: fn(&RedisServer) -> local_servers::Result<()>) {
    let redis = Arc::clone(redis);
    blocking(move || act(&redis)).await.expect("the server does as told");
}

#[tokio::test]
async fn redis_away_at_the_start_then_comes() {
    let redis = redis().await;
    on_server(&redis, RedisServer::kill).await;
    let cache = Cache::builder().redis(Some(redis.url())).build().expect("builds without Redis");
    let texts = texts(&cache, steady());
    assert_eq!(load(&texts, "early", "v", 1).await.expect("loads").tier, Tier::Source);
    until("the refusal is seen", || cache.l2_state().last_error.is_some_and(|e| e.contains("refused"))).await;
    let state = cache.l2_state();
    assert!(state.degraded() && state.address == Some(format!("127.0.0.1:{}", redis.port())), "{state:?}");
    assert!(cache.ping().await.is_err());
    on_server(&redis, RedisServer::start).await;
    assert!(cache.wait_for_l2(PATIENCE).await);
    assert!(!cache.l2_state().degraded());
    // What was loaded before is still served from memory, and reaches Redis as new loads do.
    assert_eq!(load_failing(&texts, "early").await.expect("kept").tier, Tier::L1);
    load(&texts, "late", "v", 1).await.expect("loads");
    written(&cache, "texts", 2).await;
    assert_eq!(cache.stats().categories["texts"].l2.writes, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_under_load_no_read_fails_and_it_comes_back() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let both = cache
        .category::<u64, Text>("both", soft().retry_after(Duration::from_millis(10)))
        .expect("a category");
    let remote = cache.category::<u64, Text>("remote", steady().tiers(Tiers::L2)).expect("a category");
    let (stop, reads) = (Arc::new(AtomicBool::new(false)), Calls::default());
    let readers: Vec<_> = (0..8u64)
        .map(|reader| {
            let (both, remote, stop, reads) =
                (both.clone(), remote.clone(), Arc::clone(&stop), reads.clone());
            tokio::spawn(async move {
                let mut key = reader;
                while !stop.load(Ordering::SeqCst) {
                    key = (key + 1) % 50;
                    for category in [&both, &remote] {
                        let load = || async { Ok::<_, Down>(Loaded::new(Text("v".into()), 1)) };
                        category.get_or_load(&key, Want::any(), load).await.expect("no read fails");
                        reads.add();
                    }
                }
            })
        })
        .collect();
    for round in 1..=2u64 {
        let from = reads.get();
        until("reads go on", || reads.get() > from + 1_000).await;
        on_server(&redis, RedisServer::kill).await;
        until("it is degraded", || cache.l2_state().degraded()).await;
        let from = reads.get();
        until("reads go on without Redis", || reads.get() > from + 1_000).await;
        on_server(&redis, RedisServer::start).await;
        until("it is back", || !cache.l2_state().degraded()).await;
        assert!(cache.l2_state().connects > round);
        let hits = cache.stats().categories["remote"].l2.hits;
        until("Redis answers again", || cache.stats().categories["remote"].l2.hits > hits).await;
    }
    stop.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.expect("no read failed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_is_bounded_and_left_behind() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    load(&texts, "warm", "v", 1).await.expect("loads");
    on_server(&redis, RedisServer::pause).await;
    // No read fails and none hangs; soon none even tries.
    let reads = async {
        let mut i = 0;
        while !cache.l2_state().degraded() {
            i += 1;
            load(&texts, &format!("k{i}"), "v", 1).await.expect("loads");
        }
        let timeouts = cache.stats().categories["texts"].l2.timeouts;
        for i in 0..200 {
            load(&texts, &format!("l{i}"), "v", 1).await.expect("loads");
        }
        assert_eq!(cache.stats().categories["texts"].l2.timeouts, timeouts, "nothing waits once it is known");
    };
    tokio::time::timeout(PATIENCE, reads).await.expect("bounded");
    assert_eq!(load_failing(&texts, "warm").await.expect("from memory").tier, Tier::L1);
    on_server(&redis, RedisServer::resume).await;
    assert!(cache.wait_for_l2(PATIENCE).await);
    load(&texts, "after", "v", 1).await.expect("loads");
    until("a write gets through", || cache.stats().categories["texts"].l2.writes >= 1).await;
}

#[tokio::test]
async fn a_restart_with_nothing_kept_keeps_memory_and_clears() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    for name in ["keep", "dead"] {
        load(&texts, name, "v", 1).await.expect("loads");
    }
    cache.clear(tidemark_cache::Scope::Key("texts:dead".into())).await.expect("recorded");
    on_server(&redis, RedisServer::kill).await;
    until("it is degraded", || cache.l2_state().degraded()).await;
    on_server(&redis, RedisServer::start).await;
    assert!(cache.wait_for_l2(PATIENCE).await);
    assert_eq!(load_failing(&texts, "keep").await.expect("kept").tier, Tier::L1);
    assert!(texts.get(&key("dead")).await.is_none());
    assert_eq!(cache.stats().clears.active, 1);
}

#[tokio::test]
async fn the_jobs_end_with_the_last_handle() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    drop(cache);
    load(&texts, "k", "v", 1).await.expect("a category is a handle, too");
    let clients = |plain: &mut redis::aio::MultiplexedConnection| {
        let mut plain = plain.clone();
        async move {
            let list: String =
                redis::cmd("CLIENT").arg("LIST").query_async(&mut plain).await.expect("answers");
            list.lines().count()
        }
    };
    // Ours, the cache's for commands, and its for announcements, which may be a moment later.
    until_async("both connections are there", || async { clients(&mut plain.clone()).await == 3 }).await;
    drop(texts);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while clients(&mut plain).await != 1 {
        assert!(tokio::time::Instant::now() < deadline, "the connection stays open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_said_and_not_shown() {
    let redis = blocking(|| RedisServer::ephemeral_with(&[("maxclients", "100")])).await.expect("starts");
    let url = redis.url().replace("redis://", "redis://:hunter2@");
    let cache = Cache::builder().redis(Some(url)).build().expect("builds");
    until("the refusal is seen", || {
        cache
            .l2_state()
            .last_error
            .is_some_and(|e| e.to_lowercase().contains("password") || e.contains("AUTH"))
    })
    .await;
    let shown = format!("{cache:?} {:?}", cache.stats());
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_hangs_or_is_not_asked_is_counted_apart_and_nothing_of_it_as_refused() {
    let redis = redis().await;
    let (proxy, url) = proxy_before(&redis).await;
    let cache = connected(builder_at(url).l2_timeout(Duration::from_secs(1))).await;
    let texts = texts(&cache, steady().tiers(Tiers::L2));
    let counts = || cache.stats().categories["texts"].l2;
    let requests = || cache.l2_state().nodes[0].requests;
    let mut reads = 0;
    // On a busy machine they may have waited in vain before they are broken off.
    while counts().broken == 0 {
        assert!(reads < 1_000, "{:?}", counts());
        assert!(cache.wait_for_l2(PATIENCE).await);
        on(&proxy, FaultProxy::black_hole).await;
        let before = requests();
        let readers: Vec<_> = (0..50)
            .map(|i| {
                let texts = texts.clone();
                tokio::spawn(async move { texts.get(&format!("k{i}")).await.is_none() })
            })
            .collect();
        reads += readers.len() as u64;
        until("one is under way, or none will be", || {
            requests() > before || readers.iter().all(tokio::task::JoinHandle::is_finished)
        })
        .await;
        // Ends what has lost something, and lets new ones through.
        on(&proxy, FaultProxy::pass).await;
        for reader in readers {
            assert!(reader.await.expect("no panic"));
        }
    }
    let all = |l2: tidemark_cache::L2Counts| l2.broken + l2.skipped + l2.timeouts + l2.misses;
    assert_eq!((all(counts()), counts().errors), (reads, 0), "{:?}", counts());
    on(&proxy, FaultProxy::cut).await;
    until("heartbeats fail", || cache.stats().coherence.send_failures > 2).await;
    let skipped = counts().skipped;
    assert!(texts.get(&key("k")).await.is_none());
    assert_eq!((counts().skipped, counts().errors), (skipped + 1, 0));
    on(&proxy, FaultProxy::pass).await;
    assert!(cache.wait_for_l2(PATIENCE).await);
    // Nobody refused anything: that is no trouble of messages, not even a moment after it is back.
    assert_eq!(cache.stats().coherence.sends_refused, 0);
    assert_eq!(cache.l2_state().trouble(), None);
}
