//! Clears and their undoing, across caches on one real Redis.

mod common;

use std::sync::Arc;

use common::*;
use tidemark_cache::{Cache, ClearError, Loaded, Scope, Tier, Tiers, Want};
use tokio::sync::Semaphore;

const NAMES: [&str; 3] = ["BTC:1h", "BTC:1d", "ETH:1h"];

async fn present(texts: &Texts) -> Vec<&'static str> {
    let mut there = Vec::new();
    for name in NAMES {
        if texts.get(&key(name)).await.is_some() {
            there.push(name);
        }
    }
    there
}

async fn fill(cache: &Cache, texts: &Texts) {
    for name in NAMES {
        texts.set(&key(name), Text(name.into()), 1);
    }
    written(cache, "texts", NAMES.len() as u64).await;
}

#[tokio::test]
async fn each_scope_kills_what_it_covers_everywhere_and_undo_revives_it() {
    let redis = redis().await;
    let (a, b) = (cache_on(&redis).await, cache_on(&redis).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    fill(&a, &in_a).await;
    assert_eq!(present(&in_b).await, NAMES, "`b` has them in memory");
    let cases = [
        (Scope::All, vec![]),
        (Scope::Category("texts".into()), vec![]),
        (Scope::Category("other".into()), NAMES.to_vec()),
        (Scope::Prefix("texts:BTC".into()), vec!["ETH:1h"]),
        (Scope::Key("texts:BTC:1d".into()), vec!["BTC:1h", "ETH:1h"]),
    ];
    for (scope, left) in cases {
        let cleared = a.clear(scope.clone()).await.expect("recorded");
        assert_eq!(present(&in_a).await, left, "{scope} in the clearing process, at once");
        until("the other process knows", || b.stats().clears.head == cleared.seq).await;
        assert_eq!(present(&in_b).await, left, "{scope} in the other process");
        let c = cache_on(&redis).await;
        assert_eq!(present(&texts(&c, steady())).await, left, "{scope} in Redis");
        b.undo(cleared.seq).await.expect("undone");
        assert_eq!(present(&in_b).await, NAMES, "{scope} undone in the undoing process");
        let c = cache_on(&redis).await;
        assert_eq!(present(&texts(&c, steady())).await, NAMES, "{scope} undone in Redis");
        until("the first process knows", || a.stats().clears.active == 0).await;
        assert_eq!(present(&in_a).await, NAMES, "{scope} undone in the clearing process");
    }
}

#[tokio::test]
async fn what_was_reloaded_since_stays_after_an_undo() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    fill(&cache, &texts).await;
    let cleared = cache.clear(Scope::All).await.expect("recorded");
    // A dead entry of a higher version does not refuse a write: the source was put back to an earlier state.
    let hit = load(&texts, "BTC:1h", "reloaded", 0).await.expect("loads");
    assert_eq!((hit.value.0.as_str(), hit.tier), ("reloaded", Tier::Source));
    written(&cache, "texts", 4).await;
    assert_eq!(cache.stats().categories["texts"].l2.refused, 0);
    cache.undo(cleared.seq).await.expect("undone");
    let other = cache_on(&redis).await;
    let in_other = common::texts(&other, steady());
    for texts in [&texts, &in_other] {
        assert_eq!(texts.get(&key("BTC:1h")).await.expect("there").value.0, "reloaded");
        assert_eq!(texts.get(&key("BTC:1d")).await.expect("revived").value.0, "BTC:1d");
    }
}

#[tokio::test]
async fn a_load_that_began_before_a_clear_is_dead_after_it() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    let gate = Arc::new(Semaphore::new(0));
    let early = tokio::spawn({
        let (texts, gate) = (texts.clone(), Arc::clone(&gate));
        async move {
            let load = move || async move {
                gate.acquire().await.expect("open").forget();
                Ok::<_, Down>(Loaded::new(Text("from before".into()), 1))
            };
            texts.get_or_load(&key("k"), Want::any(), load).await
        }
    });
    until("the load runs", || cache.stats().categories["texts"].source.loads == 1).await;
    cache.clear(Scope::Key("texts:k".into())).await.expect("recorded");
    // Who asks after the clear does not wait for the load from before it.
    let late = load(&texts, "k", "from after", 1).await.expect("loads");
    assert_eq!((late.value.0.as_str(), late.tier), ("from after", Tier::Source));
    gate.add_permits(1);
    early.await.expect("no panic").expect("an answer for who asked before");
    written(&cache, "texts", 1).await;
    assert_eq!(texts.get(&key("k")).await.expect("there").value.0, "from after");
    let other = cache_on(&redis).await;
    assert_eq!(common::texts(&other, steady()).get(&key("k")).await.expect("there").value.0, "from after");
}

#[tokio::test]
async fn without_redis_clears_work_in_memory() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    for name in NAMES {
        texts.set(&key(name), Text(name.into()), 1);
    }
    let cleared = cache.clear(Scope::Prefix("texts:BTC".into())).await.expect("recorded");
    assert_eq!(present(&texts).await, ["ETH:1h"]);
    cache.undo(cleared.seq).await.expect("undone");
    assert_eq!(present(&texts).await, NAMES);
    assert_eq!(cache.undo(99).await, Err(ClearError::Unknown(99)));
}

#[tokio::test]
async fn bad_clears_are_refused() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    assert!(matches!(cache.clear(Scope::Category("No!".into())).await, Err(ClearError::Scope(_))));
    assert!(matches!(cache.clear(Scope::Key("x".repeat(2_000))).await, Err(ClearError::Scope(_))));
    assert_eq!(cache.undo(1).await, Err(ClearError::Unknown(1)));
    blocking({
        let redis = Arc::clone(&redis);
        move || redis.kill()
    })
    .await
    .expect("killed");
    until("it is noticed", || cache.l2_state().degraded()).await;
    assert!(matches!(cache.clear(Scope::All).await, Err(ClearError::Unavailable(_))));
    assert!(matches!(cache.undo(1).await, Err(ClearError::Unavailable(_))));
}

#[tokio::test]
async fn a_full_log_folds_and_brings_nothing_back() {
    let redis = redis().await;
    let (cache, other) = (cache_on(&redis).await, cache_on(&redis).await);
    let texts = texts(&cache, steady().tiers(Tiers::L2));
    fill(&cache, &texts).await;
    let first = cache.clear(Scope::Key("texts:BTC:1h".into())).await.expect("recorded");
    for i in 0..256 {
        cache.clear(Scope::Key(format!("nobody:{i}"))).await.expect("recorded");
    }
    assert_eq!(present(&texts).await, Vec::<&str>::new(), "the floor covers more than was asked, never less");
    let clears = cache.stats().clears;
    assert_eq!((clears.records, clears.head, clears.floor), (256, 257, first.seq));
    assert_eq!(cache.undo(first.seq).await, Err(ClearError::Unknown(first.seq)));
    until("the other process has the same log", || other.stats().clears == clears).await;
    fill_again(&texts, &cache).await;
    assert_eq!(present(&texts).await, NAMES);
}

async fn fill_again(texts: &Texts, cache: &Cache) {
    for name in NAMES {
        texts.set(&key(name), Text(name.into()), 1);
    }
    written(cache, "texts", 2 * NAMES.len() as u64).await;
}

#[tokio::test]
async fn after_a_flushall_clears_still_hold_and_sequences_go_on() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    fill(&cache, &texts).await;
    let cleared = cache.clear(Scope::Prefix("texts:BTC".into())).await.expect("recorded");
    let () = redis::cmd("FLUSHALL").query_async(&mut plain(&redis).await).await.expect("flushed");
    // At once, before the next poll: the log is put back first.
    let next = cache.clear(Scope::Category("other".into())).await.expect("recorded");
    assert_eq!(next.seq, cleared.seq + 1);
    assert_eq!(present(&texts).await, ["ETH:1h"]);
    let other = cache_on(&redis).await;
    assert_eq!(other.stats().clears.head, next.seq, "another process reads what was put back");
    cache.undo(cleared.seq).await.expect("undone");
    assert_eq!(present(&texts).await, NAMES);
}

#[tokio::test]
async fn a_log_that_starts_anew_or_goes_back_kills_everything() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    let log: Vec<(String, String)> =
        redis::cmd("HGETALL").arg("tm:clears").query_async(&mut plain).await.expect("read");
    cache.clear(Scope::Category("other".into())).await.expect("recorded");
    fill(&cache, &texts).await;
    assert_eq!(present(&texts).await, NAMES);
    // Redis came back with its state of a second ago: the clear is lost, its sequence will be given again.
    let mut restore = redis::pipe();
    restore.atomic().cmd("DEL").arg("tm:clears").ignore();
    restore.cmd("HSET").arg("tm:clears").arg(&log).ignore();
    let () = restore.query_async(&mut plain).await.expect("restored");
    until_async("nothing of before is trusted", || async { present(&texts).await.is_empty() }).await;
    assert_eq!(cache.stats().clears.head, 0);
    for name in NAMES {
        texts.set(&key(name), Text(name.into()), 1);
    }
    assert_eq!(present(&texts).await, NAMES);
    // Flushed, and made anew by a process that knew nothing.
    let () = redis::pipe()
        .atomic()
        .cmd("FLUSHALL")
        .cmd("HSET")
        .arg("tm:clears")
        .arg(&["format", "1", "epoch", "77", "head", "0", "floor", "0", "rev", "0.77"])
        .exec_async(&mut plain)
        .await
        .expect("made anew");
    until_async("nothing of before is trusted", || async { present(&texts).await.is_empty() }).await;
    load(&texts, "BTC:1h", "anew", 1).await.expect("loads");
    assert_eq!(present(&texts).await, ["BTC:1h"]);
}

#[tokio::test]
async fn a_malformed_log_is_said_and_deleting_it_helps() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let cache = cache_on(&redis).await;
    let () = redis::cmd("HSET")
        .arg("tm:clears")
        .arg(&["rev", "x", "r1", "nonsense"])
        .query_async(&mut plain)
        .await
        .expect("set");
    until("it is said", || cache.l2_state().last_error.is_some_and(|e| e.contains("tm:clears is malformed")))
        .await;
    let () = redis::cmd("DEL").arg("tm:clears").query_async(&mut plain).await.expect("deleted");
    assert!(cache.wait_for_l2(PATIENCE).await);
}
