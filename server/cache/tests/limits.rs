//! Limits: on loads, on memory, on names.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::*;
use tidemark_cache::{Cache, LoadError, Loaded, StaleReason, Want};
use tokio::sync::Semaphore;

#[tokio::test]
async fn too_many_loads_at_once_are_refused() {
    let cache = Cache::builder().max_flights(2).build().expect("builds");
    let texts = texts(&cache, steady());
    texts.set(&key("held"), Text("old".into()), 1);
    let gate = Arc::new(Semaphore::new(0));
    let mut waiting = Vec::new();
    for name in ["a", "b"] {
        let (texts, gate) = (texts.clone(), Arc::clone(&gate));
        waiting.push(tokio::spawn(async move {
            let load = move || async move {
                gate.acquire().await.expect("open").forget();
                Ok::<_, Down>(Loaded::new(Text("v".into()), 1))
            };
            texts.get_or_load(&key(name), Want::any(), load).await
        }));
    }
    until("two loads run", || cache.stats().categories["texts"].source.loads == 2).await;
    assert_eq!(load(&texts, "c", "v", 1).await.expect_err("refused"), LoadError::Overloaded);
    let hit = load_wanting(&texts, "held", Want::at_least(2), "new", 2).await.expect("fail-safe");
    assert!(matches!(hit.stale, Some(StaleReason::LoadFailed(_))), "{:?}", hit.stale);
    gate.add_permits(2);
    for task in waiting {
        task.await.expect("no panic").expect("an answer");
    }
    until("the flights have ended", || cache.stats().flights == 0).await;
    assert_eq!(load(&texts, "c", "v", 1).await.expect("room again").value.0, "v");
}

#[tokio::test]
async fn memory_stays_under_its_limit() {
    const LIMIT: u64 = 8 << 20;
    let cache = Cache::builder().l1_bytes(LIMIT).build().expect("builds");
    let texts = texts(&cache, steady());
    let others = cache.category::<u64, Text>("others", steady().l1_share(3)).expect("a category");
    let mut random = fastrand::Rng::with_seed(5);
    for i in 0..20_000u64 {
        let text = "x".repeat(random.usize(0..4_000));
        texts.set(&format!("key {i}"), Text(text.clone()), 1);
        others.set(&i, Text(text), 1);
        if i % 1_000 == 0 {
            let stats = cache.stats();
            assert!(stats.l1_bytes <= LIMIT, "{stats:?}");
        }
    }
    // One that is larger than the whole is not kept, and puts nothing out of order.
    texts.set(&key("huge"), Text("x".repeat(32 << 20)), 1);
    let stats = cache.stats();
    assert!(stats.l1_bytes <= LIMIT, "{stats:?}");
    let (a, b) = (stats.categories["texts"], stats.categories["others"]);
    assert!(a.l1.evictions > 0 && b.l1.evictions > 0);
    assert!(a.l1_limit_bytes <= LIMIT / 4 && b.l1_limit_bytes <= LIMIT / 4 * 3);
    assert!(a.l1_bytes > LIMIT / 16 && b.l1_bytes > LIMIT / 4, "the memory is used: {stats:?}");
    assert!(others.get(&19_999).await.is_some(), "the newest is there");
}

#[tokio::test]
async fn a_category_of_large_entries_keeps_one_as_large_as_its_part() {
    let cache = Cache::builder().l1_bytes(64 << 20).build().expect("builds");
    let tables = cache.category::<u64, Text>("tables", steady().large_entries(true)).expect("a category");
    let _others = cache.category::<u64, Text>("others", steady().l1_share(3)).expect("a category");
    let large = "x".repeat(12 << 20);
    tables.set(&1, Text(large.clone()), 1);
    assert!(tables.get(&1).await.is_some(), "12 of 16 MiB");
    tables.set(&1, Text(large.clone()), 2);
    assert_eq!(tables.get(&1).await.expect("the newer one").version, 2);
    tables.set(&2, Text(large), 1);
    let stats = cache.stats().categories["tables"];
    assert!(stats.l1_bytes <= stats.l1_limit_bytes && stats.l1_limit_bytes <= 16 << 20, "{stats:?}");
}

#[tokio::test]
async fn an_entry_may_take_a_shard_of_its_own_categorys_part_and_a_larger_one_is_counted() {
    let cache = Cache::builder().l1_bytes(64 << 20).build().expect("builds");
    let texts = texts(&cache, steady());
    let _others = cache.category::<u64, Text>("others", steady().l1_share(2)).expect("a category");
    // A third is 21.3 MiB: shards of 5.3 MiB at least, however many cores there are.
    texts.set(&key("large"), Text("x".repeat(5 << 20)), 1);
    assert!(texts.get(&key("large")).await.is_some(), "{:?}", cache.stats());
    texts.set(&key("huge"), Text("x".repeat(22 << 20)), 1);
    assert!(texts.get(&key("huge")).await.is_none());
    // What takes its place is too large as well: nothing older answers any more.
    texts.set(&key("large"), Text("x".repeat(22 << 20)), 2);
    assert!(texts.get(&key("large")).await.is_none());
    let l1 = cache.stats().categories["texts"].l1;
    assert_eq!((l1.inserts, l1.oversized, l1.evictions), (1, 2, 0));
}

#[tokio::test]
async fn a_newer_value_puts_nothing_out() {
    let cache = Cache::builder().build().expect("builds");
    let texts = texts(&cache, steady());
    for version in 1..=200 {
        texts.set(&key("price"), Text(version.to_string()), version);
    }
    let stats = cache.stats().categories["texts"];
    assert_eq!((stats.l1.inserts, stats.l1.evictions, stats.l1_entries), (200, 0, 1));
    // Nor for a moment: who reads the counter meanwhile would see it fall.
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(cache.stats().categories["texts"].l1.evictions, 0);
            }
        });
        for version in 201..=50_000 {
            texts.set(&key("price"), Text(version.to_string()), version);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[tokio::test]
async fn a_scan_of_values_tags_and_markers_stays_within_the_limit() {
    const LIMIT: u64 = 4 << 20;
    let cache = Cache::builder().l1_bytes(LIMIT).build().expect("builds");
    let texts = texts(&cache, steady());
    let within = || {
        let stats = cache.stats();
        assert!(stats.l1_bytes <= LIMIT, "{stats:?}");
    };
    let tag = "t".repeat(64);
    for i in 0..200_000u64 {
        let name = format!("key {i}");
        match i % 4 {
            0 => texts.set(&name, Text("v".into()), 1),
            1 => {
                let tagged =
                    (0..16).fold(Loaded::new(Text("v".into()), 1), |loaded, _| loaded.tag(tag.clone()));
                texts.set_loaded(&name, tagged).expect("good tags");
            }
            2 => texts.set_loaded(&name, Loaded::absent(1)).expect("no tags"),
            _ => texts.remove(&name, 1),
        }
        if i % 2_000 == 0 {
            within();
        }
    }
    within();
    let stats = cache.stats().categories["texts"];
    assert!(stats.l1.evictions > 150_000 && stats.l1_entries < 40_000, "{stats:?}");
    // Tags weigh: of entries with 16 of them there cannot be more than the limit has room for.
    let before = stats.l1_bytes / stats.l1_entries;
    assert!(before > 200, "an entry is said to take {before} bytes");
}

#[tokio::test]
async fn a_name_is_used_once_and_a_bad_policy_is_named() {
    let cache = memory_only();
    let _texts = texts(&cache, steady());
    let refusal =
        |name, policy| cache.category::<String, Text>(name, policy).expect_err("refused").to_string();
    assert_eq!(refusal("texts", steady()), "category `texts` exists already");
    assert!(refusal("a:b", steady()).contains("a:b"));
    assert!(refusal("bad", steady().jitter(2.0)).contains("`bad`: jitter: 2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_to_a_redis_that_hangs_are_dropped_not_piled_up() {
    let redis = redis().await;
    let cache = Cache::builder()
        .redis(Some(redis.url()))
        .l2_timeout(Duration::from_secs(1))
        .max_writes(2)
        .build()
        .expect("builds");
    assert!(cache.wait_for_l2(PATIENCE).await);
    let texts = texts(&cache, steady());
    blocking({
        let redis = Arc::clone(&redis);
        move || redis.pause()
    })
    .await
    .expect("paused");
    for i in 0..50 {
        texts.set(&format!("k{i}"), Text("v".into()), 1);
    }
    let stats = cache.stats();
    assert!(stats.l2_writes_in_flight <= 2, "{stats:?}");
    let l2 = stats.categories["texts"].l2;
    assert!(l2.deferred + l2.skipped >= 40, "{l2:?}");
    // Every write that was begun ends, and gives its place back.
    until("the writes have ended", || cache.stats().l2_writes_in_flight == 0).await;
    blocking({
        let redis = Arc::clone(&redis);
        move || redis.resume()
    })
    .await
    .expect("resumed");
    assert!(cache.wait_for_l2(PATIENCE).await);
    texts.set(&key("late"), Text("v".into()), 1);
    until("a write gets through", || cache.stats().categories["texts"].l2.writes >= 1).await;
    assert_eq!(texts.get(&key("k0")).await.expect("memory has it all the same").value.0, "v");
}
