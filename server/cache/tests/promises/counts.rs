//! What an operator is told: what a clear would cover, what undoing it brought back, what is hot, what an entry is.

use std::time::Duration;

use local_servers::RedisServer;
use tidemark_cache::{Counted, LoadError, Loaded, Scope, Tiers, Undone, Want, WarmUp};

use crate::common::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_of_few_is_exact_and_changes_nothing() {
    let redis = redis().await;
    let (a, b) = (cache_on(&redis).await, cache_on(&redis).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    for i in 0..30 {
        let loaded = Loaded::new(Text("v".into()), 1).tag(if i < 10 { "few" } else { "many" });
        in_a.set_loaded(&format!("a{i}"), loaded).expect("good tags");
    }
    in_a.set(&"long ".repeat(100), Text("v".into()), 1);
    in_a.remove(&key("removed"), 1);
    written(&a, "texts", 32).await;
    in_b.get(&key("a3")).await.expect("from Redis");
    let cases = [
        (Scope::All, 31, 0),
        (Scope::Category("texts".into()), 31, 0),
        (Scope::Category("other".into()), 0, 0),
        (Scope::Prefix("texts:a1".into()), 11, 0),
        (Scope::Key("texts:a1".into()), 1, 0),
        (Scope::Tag("few".into()), 10, 0),
        // Of a long key the beginning is known: whether this one is meant cannot be told.
        (Scope::Prefix(format!("texts:{}", "long ".repeat(60))), 0, 1),
    ];
    for (scope, count, uncertain) in cases {
        let preview = b.preview_clear(&scope).await.expect("counted");
        assert!(preview.complete && preview.errors.is_empty(), "{scope}: {preview:?}");
        assert_eq!(preview.l2_counted, Counted::Exact, "{scope}");
        assert_eq!(
            (preview.l2_entries, preview.l2_found, preview.l2_entries_error, preview.uncertain),
            (count, count, 0, uncertain),
            "{scope}"
        );
        assert_eq!(preview.l2_bytes > 0, count > 0, "{scope}");
        assert!(preview.sample.len() as u64 >= count.min(20), "{scope}: {preview:?}");
        assert_eq!(preview.l1_entries, u64::from(scope == Scope::All || in_memory(&scope)), "{scope}");
    }
    assert_eq!(b.stats().clears.records, 0);
    assert!(b.preview_clear(&Scope::Category("No!".into())).await.is_err());
}

/// Whether `a3` is covered.
fn in_memory(scope: &Scope) -> bool {
    *scope == Scope::Category("texts".into()) || *scope == Scope::Tag("few".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undoing_counts_what_came_back_what_was_reloaded_and_what_is_gone() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    for i in 0..20 {
        texts.set(&format!("k{i}"), Text("v".into()), 1);
    }
    written(&cache, "texts", 20).await;
    let (cleared, preview) = cache.clear_counted(Scope::All).await.expect("recorded");
    assert_eq!((preview.l1_entries, preview.l2_entries), (20, 20));
    for i in 0..5 {
        load(&texts, &format!("k{i}"), "anew", 1).await.expect("loads");
    }
    written(&cache, "texts", 25).await;
    let mut plain = plain(&redis).await;
    for i in 5..8 {
        let () = redis::cmd("DEL")
            .arg(format!("tm:e:texts:{{k{i}}}"))
            .query_async(&mut plain)
            .await
            .expect("gone");
    }
    let undone = cache.undo(cleared.seq).await.expect("undone");
    assert_eq!(undone, Undone { revived: 12, reloaded: 5, still_cleared: 0, gone: Some(3), complete: true });
    // Once more changes and counts nothing.
    assert_eq!(cache.undo(cleared.seq).await.expect("still known").revived, 0);
    let records = cache.clears();
    assert!(records.len() == 1 && records[0].undone && records[0].scope == "all", "{records:?}");

    let alone = memory_only();
    let texts = common_texts(&alone);
    for name in ["a", "b", "c"] {
        texts.set(&key(name), Text("v".into()), 1);
    }
    let (cleared, preview) = alone.clear_counted(Scope::Category("texts".into())).await.expect("recorded");
    assert_eq!((preview.l1_entries, preview.entries()), (3, Some(3)));
    texts.set(&key("a"), Text("anew".into()), 1);
    let undone = alone.undo(cleared.seq).await.expect("undone");
    assert_eq!(undone, Undone { revived: 2, reloaded: 1, still_cleared: 0, gone: Some(0), complete: true });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undoing_revives_nothing_that_another_clear_covers_and_says_so() {
    let redis = redis().await;
    for cache in [cache_on(&redis).await, memory_only()] {
        let texts = texts(&cache, steady());
        let others = cache.category::<u64, Text>("others", steady()).expect("a category");
        for i in 0..5 {
            texts.set(&format!("k{i}"), Text("v".into()), 1);
        }
        others.set(&1, Text("v".into()), 1);
        others.set(&2, Text("v".into()), 1);
        if cache.l2_state().configured {
            written(&cache, "texts", 5).await;
            written(&cache, "others", 2).await;
        }
        assert!(cache.cleared_in_memory().await.is_empty());
        cache.clear_counted(Scope::Category("texts".into())).await.expect("recorded");
        let (all, preview) = cache.clear_counted(Scope::All).await.expect("recorded");
        assert_eq!(preview.entries(), Some(2), "the others are dead already: {preview:?}");
        let cleared = cache.cleared_in_memory().await;
        assert_eq!((cleared["texts"].0, cleared["others"].0), (5, 2));
        let stats = cache.stats();
        assert_eq!(cleared["texts"].1, stats.categories["texts"].l1_bytes, "all of it");
        let undone = cache.undo(all.seq).await.expect("undone");
        let expected = Undone { revived: 2, reloaded: 0, still_cleared: 5, gone: None, complete: true };
        assert_eq!(undone, expected);
        assert!(others.get(&1).await.is_some() && texts.get(&key("k1")).await.is_none());
        let cleared = cache.cleared_in_memory().await;
        assert_eq!((cleared["texts"].0, cleared["others"]), (5, (0, 0)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_hangs_a_preview_says_nothing_of_its_content() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    for i in 0..7 {
        texts.set(&format!("k{i}"), Text("v".into()), 1);
    }
    written(&cache, "texts", 7).await;
    on(&redis, RedisServer::pause).await;
    let preview = cache.preview_clear(&Scope::All).await.expect("counted");
    on(&redis, RedisServer::resume).await;
    assert_eq!((preview.l2_counted, preview.l2_entries, preview.l2_bytes), (Counted::Unknown, 0, 0));
    assert_eq!((preview.l1_entries, preview.entries(), preview.errors.len()), (7, None, 1), "{preview:?}");
}

fn common_texts(cache: &tidemark_cache::Cache) -> Texts {
    texts(cache, steady())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_hot_is_warm_in_the_next_process() {
    let redis = redis().await;
    let first = cache_on(&redis).await;
    let in_first = texts(&first, steady().tiers(Tiers::L2));
    for name in ["hot", "warm", "gone"] {
        in_first.set(&key(name), Text("v".into()), 1);
    }
    written(&first, "texts", 3).await;
    for (name, reads) in [("hot", 900), ("gone", 400), ("warm", 100)] {
        for _ in 0..reads {
            in_first.get(&key(name)).await.expect("there");
        }
    }
    let hot: Vec<String> = in_first.hot_keys(2).into_iter().map(|hot| hot.key).collect();
    assert_eq!(hot, ["hot", "gone"]);
    assert_eq!(first.hot_keys(10).len(), 3);
    in_first.remove(&key("gone"), 1);
    until_async("it is gone", || async { in_first.get(&key("gone")).await.is_none() }).await;
    // Its last act is to say what was hot.
    // At the end of a process nobody reads any more: who was hot is still known.
    drop(in_first);
    first.close(PATIENCE).await;
    drop(first);

    let second = cache_on(&redis).await;
    let in_second = texts(&second, steady());
    let calls = Calls::default();
    let source = {
        let calls = calls.clone();
        move |key: String| {
            calls.add();
            async move { Err::<Loaded<Text>, _>(if key == "gone" { Down("no such") } else { Down("not asked") }) }
        }
    };
    let how = WarmUp { most: 10, at_once: 2, limit: PATIENCE };
    let warmed = in_second.warm(how, |text| Some(text.to_owned()), source.clone()).await;
    assert_eq!((warmed.remembered, warmed.loaded, warmed.failed, warmed.out_of_time), (3, 2, 1, false));
    assert_eq!((calls.get(), second.stats().categories["texts"].l1_entries >= 2), (1, true));
    // What nobody asked for is no read, however it ended.
    let counts = second.stats().categories["texts"];
    assert_eq!((counts.own.reads, counts.own.by_cache), (3, 2));
    assert_eq!((counts.reads(), counts.answered_by_cache()), (0, 0), "{counts:?}");
    let least = WarmUp { most: 1, ..how };
    assert_eq!(in_second.warm(least, |text| Some(text.to_owned()), source.clone()).await.remembered, 1);
    // Without Redis there is nothing to remember.
    let alone = memory_only();
    let nothing = texts(&alone, steady()).warm(how, |text| Some(text.to_owned()), source).await;
    assert_eq!(nothing.remembered, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_read_counts_once_and_refreshes_behind_a_reader_do_not() {
    let cache = memory_only();
    let texts = texts(&cache, soft());
    let counts = || cache.stats().categories["texts"];
    let of_readers = || (counts().reads(), counts().answered_by_cache());
    load(&texts, "k", "v", 1).await.expect("loads");
    assert_eq!(of_readers(), (1, 0));
    // Answered from memory again and again, and refreshed behind that.
    let mut reads = 1;
    while counts().source.loads < 4 {
        load(&texts, "k", "v", 1).await.expect("an answer");
        reads += 1;
        tokio::task::yield_now().await;
    }
    assert_eq!(of_readers(), (reads, reads - 1));
    // A load that fails, one that says that there is no such thing, the memory of that, and a batch.
    load_failing(&texts, "down").await.expect_err("fails");
    assert_eq!(of_readers(), (reads + 1, reads - 1));
    let absent = || async { Ok::<_, Down>(Loaded::<Text>::absent(1)) };
    let name = key("none");
    assert_eq!(texts.get_or_load(&name, Want::any(), absent).await.expect_err("none"), LoadError::Absent);
    assert_eq!(of_readers(), (reads + 2, reads - 1));
    assert_eq!(texts.get_or_load(&name, Want::any(), absent).await.expect_err("none"), LoadError::Absent);
    assert_eq!(of_readers(), (reads + 3, reads));
    let all = |keys: Vec<String>| async {
        Ok::<_, Down>(keys.into_iter().map(|key| (key, Loaded::new(Text("v".into()), 1))).collect())
    };
    let names = [key("x"), key("y")];
    assert!(texts.get_many_or_load(&names, Want::any(), all).await.iter().all(Result::is_ok));
    assert_eq!(of_readers(), (reads + 5, reads));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_is_told_all_about() {
    let redis = redis().await;
    let (a, b) = (cache_on(&redis).await, cache_on(&redis).await);
    let (in_a, _in_b) = (texts(&a, steady().compress_over(100)), texts(&b, steady()));
    let long = "candle ".repeat(1_000);
    let loaded = Loaded::new(Text(long.clone()), 7).tag("t").fresh_for(Duration::from_secs(100));
    let load = move || async move { Ok::<_, LoadErrorOf>(loaded) };
    in_a.get_or_load(&key("k"), Want::any(), load).await.expect("loads");
    written(&a, "texts", 1).await;
    let told = a.inspect("texts", "k").await;
    let (l1, l2) = (told.l1.expect("in memory"), told.l2.expect("in Redis"));
    for entry in [&l1, &l2] {
        assert_eq!((entry.kind, entry.version, entry.alive), ("value", 7, true));
        assert_eq!(entry.tags, ["t"]);
        assert!(entry.fresh_for_ms <= 100_000 && entry.stale_for_ms <= 9_100_000, "{entry:?}");
        assert!(entry.age_ms < 60_000);
    }
    assert!(
        l1.bytes > 7_000 && l2.bytes < 1_000 && l2.raw_bytes == Some(7_002) && l2.schema == Some(1),
        "{l2:?}"
    );
    assert_eq!((told.l2_key.as_str(), told.lease_ms, told.l2_error), ("tm:e:texts:{k}", None, None));
    assert_eq!(told.slot, local_servers::key_slot(b"tm:e:texts:{k}"));
    assert!(b.inspect("texts", "k").await.l1.is_none());
    b.clear(Scope::Key("texts:k".into())).await.expect("recorded");
    assert!(b.inspect("texts", "k").await.l2.is_some_and(|entry| !entry.alive));
    assert_eq!(a.inspect("texts", "none").await.l2, None);
    on(&redis, local_servers::RedisServer::kill).await;
    until("it is noticed", || a.l2_state().degraded()).await;
    assert!(a.inspect("texts", "k").await.l2_error.is_some());
}

type LoadErrorOf = LoadError<String>;
