//! Promise 5: what could not be written while Redis was away is there after it is back, the newest only.

use std::sync::Arc;
use std::time::Duration;

use local_servers::FaultProxy;
use tidemark_cache::{Cache, Scope, Tier};

use crate::common::*;

/// A cache behind a proxy, one that is not, and what they keep.
struct Two {
    redis: Arc<local_servers::RedisServer>,
    proxy: Arc<FaultProxy>,
    url: String,
    other: Cache,
    in_other: Texts,
}

impl Two {
    async fn new() -> Self {
        let redis = redis().await;
        let (proxy, url) = proxy_before(&redis).await;
        let other = cache_on(&redis).await;
        let in_other = texts(&other, steady());
        Self { redis, proxy, url, other, in_other }
    }

    /// Waits until Redis has a tombstone of this version.
    async fn until_barred(&self, name: &str, version: u64) {
        let plain = plain(&self.redis).await;
        until_async("the older one is barred", || {
            let mut plain = plain.clone();
            async move { in_redis(&mut plain, name).await == Some((version, 2)) }
        })
        .await;
    }
}

/// Waits until a reader of `k` gets this version, which the source has, and gets it as fresh.
async fn until_newest(texts: &Texts, version: u64) {
    until_async("the newest is the answer", || async {
        let hit = load(texts, "k", "v", version).await.expect("an answer");
        (hit.version, hit.stale) == (version, None)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_is_made_good_and_what_was_cleared_meanwhile_stays_out() {
    let two = Two::new().await;
    let cache = connected(builder_at(two.url.clone())).await;
    let texts = texts(&cache, steady());
    settled(&[&cache, &two.other]).await;
    let mut plain = plain(&two.redis).await;
    two.in_other.set(&key("k"), Text("v".into()), 1);
    two.in_other.set(&key("gone"), Text("v".into()), 1);
    until_version(&texts, "k", 1).await;
    on(&two.proxy, |proxy| proxy.cut()).await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    for version in 2..=5 {
        texts.set(&key("k"), Text("v".into()), version);
    }
    // Out of order: it changes nothing.
    texts.set(&key("k"), Text("old".into()), 3);
    for name in ["dead 1", "dead 2"] {
        texts.set(&key(name), Text("v".into()), 1);
    }
    texts.remove(&key("gone"), 2);
    two.other.clear(Scope::Prefix("texts:dead".into())).await.expect("recorded");
    // Meanwhile the other one has gone on with a key.
    texts.set(&key("ahead"), Text("v".into()), 1);
    two.in_other.set(&key("ahead"), Text("v".into()), 2);
    let waiting = cache.stats().coherence;
    assert_eq!((waiting.recovery_entries, waiting.recovery_dropped), (5, 0), "one of a key");
    assert!(waiting.recovery_bytes > 0);
    on(&two.proxy, |proxy| proxy.pass()).await;
    until("all is made good", || {
        let now = cache.stats().coherence;
        now.recovered == 5 && (now.recovery_entries, now.recovery_bytes) == (0, 0)
    })
    .await;
    assert_eq!(in_redis(&mut plain, "k").await, Some((5, 0)));
    assert_eq!(in_redis(&mut plain, "gone").await, Some((2, 2)), "a tombstone");
    assert_eq!(in_redis(&mut plain, "ahead").await, Some((2, 0)));
    for name in ["dead%201", "dead%202"] {
        assert_eq!(
            in_redis(&mut plain, name).await,
            Some((0, 2)),
            "barred, as it may be newer than the clear"
        );
    }
    assert_eq!(cache.stats().categories["texts"].l2.writes, 4, "the newest only, and the bars");
    // Who held an older one was told.
    until_version(&two.in_other, "k", 5).await;
    until_async("the removal is known", || async { two.in_other.get(&key("gone")).await.is_none() }).await;
    until_version(&texts, "ahead", 2).await;
    assert!(texts.get(&key("dead 1")).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_clear_killed_unheard_is_known_to_be_newer() {
    let two = Two::new().await;
    let cache = connected(builder_at(two.url.clone())).await;
    let texts = texts(&cache, steady());
    settled(&[&cache, &two.other]).await;
    on(&two.proxy, |proxy| proxy.cut()).await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    two.other.clear(Scope::Key("texts:k".into())).await.expect("recorded");
    two.in_other.set(&key("k"), Text("older".into()), 1);
    // It cannot know that this is after the clear.
    texts.set(&key("k"), Text("newer".into()), 2);
    on(&two.proxy, |proxy| proxy.pass()).await;
    // In Redis, so that who missed the word of it sees it, too.
    two.until_barred("k", 1).await;
    for texts in [&two.in_other, &texts] {
        until_newest(texts, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_bounded_and_the_latest_are_kept() {
    const SET: u64 = 5_000;
    const KEPT: u64 = 4_096;
    let two = Two::new().await;
    let cache = connected(builder_at(two.url.clone())).await;
    let texts = texts(&cache, steady());
    on(&two.proxy, |proxy| proxy.cut()).await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    for i in 0..SET {
        texts.set(&i.to_string(), Text("v".into()), 1);
    }
    let waiting = cache.stats().coherence;
    assert_eq!((waiting.recovery_entries, waiting.recovery_dropped), (KEPT, SET - KEPT));
    on(&two.proxy, |proxy| proxy.pass()).await;
    until("all is made good", || cache.stats().coherence.recovered == KEPT).await;
    let mut plain = plain(&two.redis).await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("tm:e:*").query_async(&mut plain).await.expect("answers");
    assert_eq!(keys.len() as u64, KEPT);
    assert!(in_redis(&mut plain, "4999").await.is_some() && in_redis(&mut plain, "0").await.is_none());
    assert_eq!(texts.get(&key("0")).await.expect("in memory all the same").tier, Tier::L1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_set_before_redis_was_ever_reached_gets_there() {
    let two = Two::new().await;
    two.in_other.set(&key("k"), Text("of the last life".into()), 1);
    two.in_other.set(&key("cleared"), Text("v".into()), 1);
    written(&two.other, "texts", 2).await;
    two.other.clear(Scope::Key("texts:cleared".into())).await.expect("recorded");
    on(&two.proxy, |proxy| proxy.cut()).await;
    let cache = builder_at(two.url.clone()).build().expect("builds");
    let texts = texts(&cache, steady());
    texts.set(&key("k"), Text("new".into()), 2);
    texts.set(&key("cleared"), Text("perhaps from before the clear".into()), 2);
    assert_eq!(two.in_other.get(&key("k")).await.expect("there").version, 1);
    on(&two.proxy, |proxy| proxy.pass()).await;
    until_version(&two.in_other, "k", 2).await;
    until("nothing waits", || cache.stats().coherence.recovery_entries == 0).await;
    assert_eq!(texts.get(&key("k")).await.expect("there").value.0, "new");
    assert!(two.in_other.get(&key("cleared")).await.is_none() && texts.get(&key("cleared")).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_lost_is_not_replaced_by_an_older_one_that_waited() {
    let two = Two::new().await;
    let cache = connected(builder_at(two.url.clone())).await;
    let texts = texts(&cache, steady());
    settled(&[&cache, &two.other]).await;
    two.in_other.set(&key("k"), Text("v".into()), 1);
    until_version(&texts, "k", 1).await;
    on(&two.proxy, |proxy| proxy.cut()).await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    // The one cut off has an older one to make good; the newest is in Redis, and then in the other's memory alone.
    texts.set(&key("k"), Text("v".into()), 2);
    two.in_other.set(&key("k"), Text("v".into()), 3);
    written(&two.other, "texts", 2).await;
    let mut plain = plain(&two.redis).await;
    let () = redis::cmd("FLUSHALL").query_async(&mut plain).await.expect("flushed");
    on(&two.proxy, |proxy| proxy.pass()).await;
    // Nobody asks the one that has the newest.
    until_newest(&texts, 3).await;
    until_version(&two.in_other, "k", 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_told_to_all() {
    let two = Two::new().await;
    let cache = connected(builder_at(two.url.clone())).await;
    let texts = texts(&cache, steady());
    settled(&[&cache, &two.other]).await;
    two.in_other.set(&key("k"), Text("v".into()), 1);
    until_version(&texts, "k", 1).await;
    on(&two.proxy, |proxy| proxy.cut()).await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    texts.set(&key("k"), Text("v".into()), 2);
    for i in 0..5_000 {
        texts.set(&i.to_string(), Text("v".into()), 1);
    }
    assert!(cache.stats().coherence.recovery_dropped > 900);
    on(&two.proxy, |proxy| proxy.pass()).await;
    until_newest(&two.in_other, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_for_longer_than_a_tombstone_may_live_only_bars_what_is_older() {
    let two = Two::new().await;
    let cache = connected(builder_at(two.url.clone())).await;
    let short = Duration::from_millis(200);
    let texts = texts(&cache, steady().lease_for(short).soft_timeout(short).hard_timeout(short));
    settled(&[&cache, &two.other]).await;
    on(&two.proxy, |proxy| proxy.cut()).await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    two.in_other.set(&key("k"), Text("v".into()), 2);
    texts.set(&key("k"), Text("removed by another since, for all it knows".into()), 3);
    // Tombstones of this category live for ten seconds more than the two limits; five are left to spare.
    tokio::time::sleep(2 * short + Duration::from_secs(6)).await;
    on(&two.proxy, |proxy| proxy.pass()).await;
    two.until_barred("k", 2).await;
    for texts in [&two.in_other, &texts] {
        until_newest(texts, 4).await;
    }
}
