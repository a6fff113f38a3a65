//! The Redis tier on a real server: what is stored, what is refused.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use tidemark_cache::{ClearError, CodecError, Loaded, Scope, StaleReason, Tier, Tiers, Value, Want};
use tokio::sync::Semaphore;

#[tokio::test]
async fn after_a_restart_the_answer_comes_from_redis() {
    let redis = redis().await;
    let first = cache_on(&redis).await;
    load(&texts(&first, steady()), "BTC {x}", "value", 3).await.expect("loads");
    written(&first, "texts", 1).await;
    drop(first);

    let second = cache_on(&redis).await;
    // What it reads before it hears itself is compared once more when it does.
    settled(&[&second]).await;
    let texts = texts(&second, steady());
    let hit = load_failing(&texts, "BTC {x}").await.expect("from Redis");
    assert_eq!((hit.value.0.as_str(), hit.version, hit.tier, hit.stale), ("value", 3, Tier::L2, None));
    // What was read before this process heard itself, or in the same tick of the clock, is compared with Redis once more.
    until_async("memory answers", || async {
        let hit = load_failing(&texts, "BTC {x}").await.expect("from a tier");
        hit.value.0 == "value" && hit.tier == Tier::L1
    })
    .await;
    let counts = second.stats().categories["texts"];
    assert_eq!((counts.l1.hits, counts.source.loads), (1, 0));
    assert!(counts.l2.hits >= 1);
}

#[tokio::test]
async fn large_values_are_packed_and_come_back_whole() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady().tiers(Tiers::L2).compress_over(1_000));
    let long = "candle ".repeat(10_000);
    load(&texts, "k", &long, 1).await.expect("loads");
    written(&cache, "texts", 1).await;
    let hit = load_failing(&texts, "k").await.expect("from Redis");
    assert_eq!((hit.value.0.as_str(), hit.tier), (long.as_str(), Tier::L2));
    assert!(cache.stats().categories["texts"].l2.bytes_written < 10_000);
    let life: i64 = redis::cmd("PTTL")
        .arg("tm:e:texts:{k}")
        .query_async(&mut plain(&redis).await)
        .await
        .expect("answers");
    assert!((1..=10_000_000).contains(&life), "the hard life is the key's life: {life}");
}

#[tokio::test]
async fn a_stale_value_in_redis_answers_and_is_refreshed_behind() {
    let redis = redis().await;
    let first = cache_on(&redis).await;
    load(&texts(&first, soft()), "k", "old", 1).await.expect("loads");
    written(&first, "texts", 1).await;
    let second = cache_on(&redis).await;
    let texts = texts(&second, steady());
    until_async("the soft life is over", || async {
        texts.get(&key("k")).await.is_some_and(|hit| hit.stale == Some(StaleReason::Expired))
    })
    .await;
    let third = cache_on(&redis).await;
    let texts = common::texts(&third, steady());
    let gate = Arc::new(Semaphore::new(0));
    let refresh = {
        let gate = Arc::clone(&gate);
        move || async move {
            gate.acquire().await.expect("open").forget();
            Ok::<_, Down>(Loaded::new(Text("new".into()), 1))
        }
    };
    let hit = texts.get_or_load(&key("k"), Want::any(), refresh).await.expect("an answer");
    assert_eq!((hit.value.0.as_str(), hit.tier), ("old", Tier::L2));
    assert_eq!(hit.stale, Some(StaleReason::Revalidating));
    gate.add_permits(1);
    until_async("the refresh is in", || async {
        texts.get(&key("k")).await.is_some_and(|hit| hit.value.0 == "new" && hit.stale.is_none())
    })
    .await;
}

#[tokio::test]
async fn an_older_version_replaces_no_newer_one() {
    let redis = redis().await;
    let (a, b) = (cache_on(&redis).await, cache_on(&redis).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    // Versions beyond 2^53 and 2^63 are told apart exactly.
    let top = u64::MAX - 1;
    in_a.set(&key("k"), Text("newer".into()), top);
    written(&a, "texts", 1).await;
    in_b.set(&key("k"), Text("older".into()), top - 1);
    written(&b, "texts", 1).await;
    assert_eq!(b.stats().categories["texts"].l2.refused, 1);
    let c = cache_on(&redis).await;
    let in_c = texts(&c, steady());
    assert_eq!(in_c.get(&key("k")).await.expect("there").value.0, "newer");
    in_b.set(&key("k"), Text("newest".into()), top + 1);
    written(&b, "texts", 2).await;
    let d = cache_on(&redis).await;
    assert_eq!(texts(&d, steady()).get(&key("k")).await.expect("there").value.0, "newest");
}

#[tokio::test]
async fn a_version_wanted_is_taken_from_redis_if_it_is_there_and_loaded_if_not() {
    let redis = redis().await;
    let (a, b) = (cache_on(&redis).await, cache_on(&redis).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    load(&in_a, "k", "v1", 1).await.expect("loads");
    written(&a, "texts", 1).await;
    assert_eq!(load_failing(&in_b, "k").await.expect("from Redis").version, 1);
    // `a` loads version 2; `b`, told of it, finds it in Redis.
    load_wanting(&in_a, "k", Want::at_least(2), "v2", 2).await.expect("loads");
    written(&a, "texts", 2).await;
    let hit = load_wanting(&in_b, "k", Want::at_least(2), "never", 9).await.expect("from Redis");
    assert_eq!((hit.value.0.as_str(), hit.tier), ("v2", Tier::L2));
    let hit = load_wanting(&in_b, "k", Want::at_least(3), "v3", 3).await.expect("loads");
    assert_eq!((hit.value.0.as_str(), hit.tier, hit.stale), ("v3", Tier::Source, None));
}

#[tokio::test]
async fn whatever_is_wrong_with_an_entry_is_a_counted_miss() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady().tiers(Tiers::L2));
    let name = |i: usize| format!("tm:e:texts:{{k{i}}}");
    load(&texts, "good", "value", 1).await.expect("loads");
    written(&cache, "texts", 1).await;
    let good: Vec<u8> =
        redis::cmd("GET").arg("tm:e:texts:{good}").query_async(&mut plain).await.expect("there");
    let mut flipped = good.clone();
    *flipped.last_mut().expect("bytes") ^= 1;
    let mut other_schema = good.clone();
    other_schema[7] = 2;
    // A version that cannot be beaten, in an entry that cannot be read: it must not lock the key.
    let mut poisoned = good.clone();
    poisoned[48..56].fill(0xff);
    let mut oversized = good.clone();
    oversized.resize(9 << 20, 0);
    let mut other_format = good.clone();
    other_format[4] = 99;
    let bad = [flipped, other_schema, good[..50].to_vec(), other_format, oversized, poisoned];
    for (i, bytes) in bad.iter().enumerate() {
        let () = redis::cmd("SET").arg(name(i)).arg(bytes).query_async(&mut plain).await.expect("set");
    }
    for i in 0..bad.len() {
        assert!(texts.get(&format!("k{i}")).await.is_none(), "entry {i}");
    }
    let counts = cache.stats().categories["texts"].l2;
    assert_eq!((counts.invalid, counts.foreign), (bad.len() as u64, 0));
    assert_eq!((counts.errors, counts.timeouts), (0, 0));
    for i in 0..bad.len() {
        let hit = load(&texts, &format!("k{i}"), "value", 1).await.expect("loads");
        assert_eq!(hit.tier, Tier::Source);
    }
    written(&cache, "texts", 1 + bad.len() as u64).await;
    for i in 0..bad.len() {
        assert!(texts.get(&format!("k{i}")).await.is_some(), "entry {i} was replaced");
    }
    assert!(!cache.l2_state().degraded());
}

#[tokio::test]
async fn tags_and_markers_that_are_wrong_are_counted_misses_too() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady().tiers(Tiers::L2));
    let tagged = Loaded::new(Text("value".into()), 1).tag("coin:BTC").tag("x");
    texts.set_loaded(&key("tagged"), tagged).expect("good tags");
    texts.remove(&key("removed"), 1);
    texts.set_loaded(&key("absent"), Loaded::absent(1)).expect("no tags");
    written(&cache, "texts", 3).await;
    let mut entry = async |name: &str| -> Vec<u8> {
        redis::cmd("GET").arg(format!("tm:e:texts:{{{name}}}")).query_async(&mut plain).await.expect("there")
    };
    let (tagged, removed, absent) = (entry("tagged").await, entry("removed").await, entry("absent").await);
    // Each with a true checksum, so that what is behind it is looked at.
    let patched = |bytes: &[u8], at: usize, with: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + with.len()].copy_from_slice(with);
        with_version(&bytes, 1)
    };
    let longer = |bytes: &[u8]| with_version(&[bytes, b"payload"].concat(), 1);
    let bad = [
        patched(&tagged, 80, &[200]),
        patched(&tagged, 81, b" "),
        patched(&tagged, 81, &[0xff]),
        patched(&tagged, 10, &[0xff, 0xff]),
        patched(&tagged, 10, &[0, 3]),
        patched(&tagged, 8, &[0, 2]),
        patched(&tagged, 8, &[0, 3]),
        patched(&absent, 8, &[1, 0]),
        patched(&absent, 40, &[0xff; 8]),
        longer(&removed),
        longer(&absent),
        removed[..79].to_vec(),
    ];
    for (i, bytes) in bad.iter().enumerate() {
        let () = redis::cmd("SET")
            .arg(format!("tm:e:texts:{{k{i}}}"))
            .arg(bytes)
            .query_async(&mut plain)
            .await
            .expect("set");
    }
    for i in 0..bad.len() {
        assert!(texts.get(&format!("k{i}")).await.is_none(), "entry {i}");
    }
    let counts = cache.stats().categories["texts"].l2;
    assert_eq!((counts.invalid, counts.errors), (bad.len() as u64, 0), "{counts:?}");
    // None of them is in the way of a write, nor of a clear by tag or a look at all.
    cache.clear(Scope::Tag("coin:BTC".into())).await.expect("recorded");
    for (i, bytes) in bad.iter().enumerate() {
        let () = redis::cmd("SET")
            .arg(format!("tm:e:texts:{{k{i}}}"))
            .arg(bytes)
            .query_async(&mut plain)
            .await
            .expect("set");
        assert!(!cache.inspect("texts", &format!("k{i}")).await.l2_key.is_empty());
    }
    cache.preview_clear(&Scope::All).await.expect("counted");
    for i in 0..bad.len() {
        assert_eq!(load(&texts, &format!("k{i}"), "value", 1).await.expect("loads").value.0, "value");
        until_async("it was replaced", || async { texts.get(&format!("k{i}")).await.is_some() }).await;
    }
}

#[tokio::test]
async fn an_entry_from_the_far_future_is_not_used_and_keeps_nobody_out() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady().tiers(Tiers::L2));
    load(&texts, "k", "value", 1).await.expect("loads");
    written(&cache, "texts", 1).await;
    let mut bytes: Vec<u8> =
        redis::cmd("GET").arg("tm:e:texts:{k}").query_async(&mut plain).await.expect("there");
    bytes[24..32].copy_from_slice(&(u64::MAX / 2).to_be_bytes());
    let mut whole = bytes[..72].to_vec();
    whole.extend_from_slice(&bytes[80..]);
    let sum = xxhash_rust::xxh3::xxh3_64(&whole);
    bytes[72..80].copy_from_slice(&sum.to_be_bytes());
    let () = redis::cmd("SET").arg("tm:e:texts:{k}").arg(&bytes).query_async(&mut plain).await.expect("set");
    assert!(texts.get(&key("k")).await.is_none());
    assert_eq!(load(&texts, "k", "value", 1).await.expect("loads").tier, Tier::Source);
    written(&cache, "texts", 2).await;
    let hit = texts.get(&key("k")).await.expect("replaced");
    assert!(hit.stale.is_none() && hit.age() < PATIENCE);
}

struct Stubborn;

impl Value for Stubborn {
    const SCHEMA: u16 = 1;
    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        Err(CodecError::new("will not"))
    }
    fn decode(_: &[u8]) -> Result<Self, CodecError> {
        Err(CodecError::new("will not"))
    }
    fn weight(&self) -> usize {
        0
    }
}

#[tokio::test]
async fn a_value_that_does_not_encode_is_served_all_the_same() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let stubborn = cache.category::<String, Stubborn>("stubborn", steady()).expect("a category");
    stubborn.set(&key("k"), Stubborn, 1);
    assert!(stubborn.get(&key("k")).await.is_some());
    until("the failure is counted", || cache.stats().categories["stubborn"].l2.write_errors == 1).await;
}

#[tokio::test]
async fn tiers_are_kept_apart() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let memory = cache.category::<String, Text>("memory", steady().tiers(Tiers::L1)).expect("a category");
    let remote = cache.category::<String, Text>("remote", steady().tiers(Tiers::L2)).expect("a category");
    memory.set(&key("k"), Text("m".into()), 1);
    remote.set(&key("k"), Text("r".into()), 1);
    written(&cache, "remote", 1).await;
    assert_eq!(memory.get(&key("k")).await.expect("there").tier, Tier::L1);
    assert_eq!(remote.get(&key("k")).await.expect("there").tier, Tier::L2);
    let keys: Vec<String> =
        redis::cmd("KEYS").arg("tm:e:*").query_async(&mut plain(&redis).await).await.expect("answers");
    assert_eq!(keys, ["tm:e:remote:{k}"]);
}

#[tokio::test]
async fn a_full_redis_refuses_writes_and_nothing_else() {
    let redis = Arc::new(
        blocking(|| {
            local_servers::RedisServer::ephemeral_with(&[
                ("maxmemory", "1"),
                ("maxmemory-policy", "noeviction"),
            ])
        })
        .await
        .expect("Redis starts"),
    );
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    assert_eq!(load(&texts, "k", "v", 1).await.expect("loads").value.0, "v");
    until("the write failed", || cache.stats().categories["texts"].l2.write_errors == 1).await;
    assert!(!cache.l2_state().degraded(), "it answers");
    assert!(matches!(cache.clear(Scope::All).await, Err(ClearError::Unavailable(_))));
    // With room again writes get through.
    let () = redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory", "100mb"])
        .query_async(&mut plain(&redis).await)
        .await
        .expect("set");
    load(&texts, "k2", "v", 1).await.expect("loads");
    until("the write got through", || cache.stats().categories["texts"].l2.writes == 1).await;
}

#[tokio::test]
async fn ping_sets_reads_and_deletes() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    assert!(cache.ping().await.expect("answers") < Duration::from_secs(2));
    let keys: Vec<String> =
        redis::cmd("KEYS").arg("tm:probe:*").query_async(&mut plain(&redis).await).await.expect("answers");
    assert!(keys.is_empty());
}
