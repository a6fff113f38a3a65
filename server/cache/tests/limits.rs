//! Limits: on loads, on memory, on names.

mod common;

use std::sync::Arc;

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
async fn a_name_is_used_once_and_a_bad_policy_is_named() {
    let cache = memory_only();
    let _texts = texts(&cache, steady());
    let refusal =
        |name, policy| cache.category::<String, Text>(name, policy).expect_err("refused").to_string();
    assert_eq!(refusal("texts", steady()), "category `texts` exists already");
    assert!(refusal("a:b", steady()).contains("a:b"));
    assert!(refusal("bad", steady().jitter(2.0)).contains("`bad`: jitter: 2"));
}
