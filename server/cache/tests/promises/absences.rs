//! Promise 8 and removals: an absence is remembered for a while, an error never is one, and what was removed stays out.

use std::sync::Arc;
use std::time::Duration;

use tidemark_cache::{LoadError, Loaded, Scope, Tiers, Want};
use tokio::sync::Semaphore;

use crate::common::*;

async fn load_absent(texts: &Texts, name: &str, version: u64, calls: &Calls) -> Answer {
    let calls = calls.clone();
    let load = move || async move {
        calls.add();
        Ok(Loaded::absent(version))
    };
    texts.get_or_load(&key(name), Want::any(), load).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absence_is_remembered_for_its_time_and_shared() {
    let redis = redis().await;
    let (a, b) = (cache_on(&redis).await, cache_on(&redis).await);
    let policy = steady().negative_for(Duration::from_secs(3));
    let (in_a, in_b) = (texts(&a, policy.clone()), texts(&b, policy));
    let calls = Calls::default();
    assert_eq!(load_absent(&in_a, "k", 1, &calls).await.expect_err("absent"), LoadError::Absent);
    written(&a, "texts", 1).await;
    for texts in [&in_a, &in_b, &in_a, &in_b] {
        assert_eq!(load_absent(texts, "k", 1, &calls).await.expect_err("absent"), LoadError::Absent);
        assert!(texts.get(&key("k")).await.is_none());
    }
    // On a machine so busy that three seconds went by it was forgotten; it is never asked for each time.
    assert!(calls.get() <= 2, "{}", calls.get());
    let inspected = b.inspect("texts", "k").await;
    assert!(inspected.l2.is_none_or(|entry| entry.kind == "absent" && entry.stale_for_ms <= 3_000));
    let before = calls.get();
    until_async("it is forgotten", || async {
        let _ = load_absent(&in_b, "k", 1, &calls).await;
        calls.get() > before
    })
    .await;
    // There is one now: it takes the absence's place at once, everywhere.
    in_a.set(&key("k"), Text("v".into()), 2);
    until_version(&in_b, "k", 2).await;
    // And it is gone again.
    assert!(in_a.set_loaded(&key("k"), Loaded::absent(3)).is_ok());
    until_async("the other knows", || async { in_b.get(&key("k")).await.is_none() }).await;
}

#[tokio::test]
async fn an_error_is_never_an_absence_and_no_memory_means_none() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady().negative_for(Duration::ZERO));
    assert_eq!(
        load_failing(&texts, "k").await.expect_err("fails"),
        LoadError::Source(Down("source is down"))
    );
    assert_eq!(load(&texts, "k", "v", 1).await.expect("there is one").value.0, "v");
    let calls = Calls::default();
    for _ in 0..3 {
        assert_eq!(load_absent(&texts, "none", 1, &calls).await.expect_err("absent"), LoadError::Absent);
    }
    assert_eq!(calls.get(), 3);
    // A source that is down leaves the value, not an absence.
    texts.expire(&key("k")).await.expect("expired");
    let hit = load_failing(&texts, "k").await.expect("the stale value");
    assert!(hit.stale.is_some() && hit.value.0 == "v");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_removed_does_not_come_back_from_a_load_or_write_under_way() {
    let redis = redis().await;
    let (a, b) = (cache_on(&redis).await, cache_on(&redis).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    in_a.set(&key("k"), Text("v".into()), 1);
    until_version(&in_b, "k", 1).await;
    // Both processes have read version 2 of the source, and are slow.
    let gate = Arc::new(Semaphore::new(0));
    let mut slow = Vec::new();
    for texts in [&in_a, &in_b] {
        let (texts, gate) = (texts.clone(), Arc::clone(&gate));
        slow.push(tokio::spawn(async move {
            let load = move || async move {
                gate.acquire().await.expect("open").forget();
                Ok::<_, Down>(Loaded::new(Text("late".into()), 2))
            };
            let _ = texts.get_or_load(&key("k"), Want::at_least(2), load).await;
        }));
    }
    until("one loads", || {
        a.stats().categories["texts"].source.loads + b.stats().categories["texts"].source.loads >= 1
    })
    .await;
    in_a.remove(&key("k"), 2);
    until_async("the other knows", || async { in_b.get(&key("k")).await.is_none() }).await;
    gate.add_permits(10);
    for task in slow {
        tokio::time::timeout(PATIENCE, task).await.expect("ends").expect("no panic");
    }
    // A write that was overtaken.
    in_b.set(&key("k"), Text("late".into()), 2);
    until("nothing is under way", || {
        [&a, &b].iter().all(|cache| {
            let stats = cache.stats();
            stats.flights == 0 && stats.l2_writes_in_flight == 0 && stats.coherence.recovery_entries == 0
        })
    })
    .await;
    let third = cache_on(&redis).await;
    let in_third = texts(&third, steady());
    for texts in [&in_a, &in_b, &in_third] {
        assert!(texts.get(&key("k")).await.is_none());
    }
    assert_eq!(in_redis(&mut plain(&redis).await, "k").await, Some((2, 2)), "the tombstone");
    let inspected = a.inspect("texts", "k").await;
    assert_eq!(inspected.l1.map(|entry| (entry.kind, entry.version)), Some(("removed", 2)));
    // Something newer is there again.
    in_third.set(&key("k"), Text("new".into()), 3);
    until_version(&in_a, "k", 3).await;
    until_version(&in_b, "k", 3).await;
    // A clear covers a tombstone as it does all else: what is loaded after it may be of any version.
    in_a.remove(&key("k"), 9);
    until_async("the other knows", || async { in_third.get(&key("k")).await.is_none() }).await;
    a.clear(Scope::All).await.expect("recorded");
    assert_eq!(load(&in_a, "k", "restored", 1).await.expect("loads").version, 1);
}

#[tokio::test]
async fn what_is_absent_and_was_removed_later_is_not_asked_for_each_time() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady().retry_after(Duration::from_secs(100)));
    texts.remove(&key("k"), 5);
    let calls = Calls::default();
    for _ in 0..3 {
        // As of before the removal, by a source that has not caught up.
        assert_eq!(load_absent(&texts, "k", 4, &calls).await.expect_err("absent"), LoadError::Absent);
    }
    assert_eq!(calls.get(), 1);
    // Who wants something newer than the removal is not told of an absence before it.
    let hit = load_wanting(&texts, "k", Want::at_least(6), "v", 6).await.expect("loads");
    assert_eq!((hit.version, hit.stale), (6, None));
    texts.remove(&key("k"), 7);
    assert_eq!(load_absent(&texts, "k", 6, &calls).await.expect_err("absent"), LoadError::Absent);
    texts.set(&key("k"), Text("again".into()), 8);
    assert_eq!(load_absent(&texts, "k", 6, &calls).await.expect("there").version, 8);
    assert_eq!(calls.get(), 2);
}

#[tokio::test]
async fn a_removal_without_redis_or_without_memory() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    for (name, tiers) in [("memory", Tiers::L1), ("remote", Tiers::L2)] {
        let texts = cache.category::<String, Text>(name, steady().tiers(tiers)).expect("a category");
        texts.set(&key("k"), Text("v".into()), 1);
        until_async("it is there", || async { texts.get(&key("k")).await.is_some() }).await;
        texts.remove(&key("k"), 1);
        until_async("it is gone", || async { texts.get(&key("k")).await.is_none() }).await;
    }
}

#[tokio::test]
async fn expired_in_every_tier_it_is_loaded_anew() {
    let redis = redis().await;
    let (a, b) = (cache_on(&redis).await, cache_on(&redis).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    in_a.set(&key("k"), Text("old".into()), 1);
    until_version(&in_b, "k", 1).await;
    in_a.expire(&key("k")).await.expect("expired");
    // The same version: the source has not changed, what is computed of it has.
    let hit = load(&in_a, "k", "new", 1).await.expect("an answer");
    assert!(hit.value.0 == "new" || hit.stale.is_some());
    for texts in [&in_a, &in_b] {
        until_async("it is loaded anew", || async {
            let hit = load(texts, "k", "new", 1).await.expect("an answer");
            hit.value.0 == "new" && hit.stale.is_none()
        })
        .await;
    }
    in_a.expire(&key("nothing there")).await.expect("nothing to expire is fine");
}
