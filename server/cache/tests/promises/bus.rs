//! Promise 3 and 6: what one process writes the others know soon, also when messages are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tidemark_cache::{Cache, CoherenceStats, Loaded, StaleReason, Want};
use tokio::task::JoinHandle;

use crate::common::*;

const CHANNEL: &str = "{tm:bus}";
/// What is promised, and as much again for a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Two caches that hold version 1 of `k` in memory, and a look into Redis.
async fn two_that_hold_it(
    redis: &local_servers::RedisServer,
) -> ((Cache, Texts), (Cache, Texts), MultiplexedConnection) {
    let (a, b) = (cache_on(redis).await, cache_on(redis).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    settled(&[&a, &b]).await;
    in_a.set(&key("k"), Text("v".into()), 1);
    until_version(&in_b, "k", 1).await;
    ((a, in_a), (b, in_b), plain(redis).await)
}

/// Puts a version into Redis that nobody announces, as when the message was lost.
async fn write_unheard(plain: &mut MultiplexedConnection, version: u64) {
    let name = "tm:e:texts:{k}";
    let old: Vec<u8> = plain.get(name).await.expect("there");
    let () = plain.set(name, with_version(&old, version)).await.expect("set");
}

/// A publisher whose messages the test makes up. It repeats its heartbeat until it is to fall silent.
struct Voice {
    number: Arc<AtomicU64>,
    plain: MultiplexedConnection,
    heartbeats: JoinHandle<()>,
}

fn message(number: u64, items: &[u8]) -> Vec<u8> {
    let mut bytes = b"TB\x01".to_vec();
    for part in [4_711, 1, number] {
        bytes.extend_from_slice(&u64::to_be_bytes(part));
    }
    bytes.extend_from_slice(items);
    bytes
}

impl Voice {
    fn new(plain: &MultiplexedConnection) -> Self {
        let number = Arc::new(AtomicU64::new(0));
        let heartbeats = tokio::spawn({
            let (mut plain, number) = (plain.clone(), Arc::clone(&number));
            async move {
                loop {
                    let heartbeat = message(number.load(Ordering::SeqCst), &[]);
                    let _: u64 = plain.publish(CHANNEL, heartbeat).await.expect("published");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        });
        Self { number, plain: plain.clone(), heartbeats }
    }

    /// Says something under a number that leaves out `lost` before it.
    async fn say(&mut self, lost: u64, items: &[u8]) {
        let number = self.number.fetch_add(lost + 1, Ordering::SeqCst) + lost + 1;
        let _: u64 = self.plain.publish(CHANNEL, message(number, items)).await.expect("published");
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.heartbeats.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_writes_the_other_has_at_once() {
    let redis = redis().await;
    let ((_a, in_a), (b, in_b), _) = two_that_hold_it(&redis).await;
    let before = b.stats().coherence;
    for version in 2..20 {
        in_a.set(&key("k"), Text("v".into()), version);
        until_version(&in_b, "k", version).await;
    }
    let after = b.stats().coherence;
    assert!(after.announcements_heard > before.announcements_heard, "{after:?}");
    // The soft life ends everywhere, too.
    in_a.expire(&key("k")).await.expect("expired");
    until_async("it is past its soft life", || async {
        in_b.get(&key("k")).await.is_some_and(|hit| hit.stale == Some(StaleReason::Expired))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_and_a_silence_make_memory_be_compared_with_redis() {
    let redis = redis().await;
    let (_a, (b, in_b), mut plain) = two_that_hold_it(&redis).await;
    let mut voice = Voice::new(&plain);
    until("it is known", || b.stats().coherence.publishers == 2).await;
    let of_b = |count: fn(&CoherenceStats) -> u64| count(&b.stats().coherence);

    // One in order: nothing to doubt.
    let gaps = of_b(|c| c.gaps);
    voice.say(0, &[3]).await;
    // A message after two that were lost.
    write_unheard(&mut plain, 2).await;
    voice.say(2, &[3]).await;
    until("the gap is noticed", || of_b(|c| c.gaps) == gaps + 1).await;
    until_version(&in_b, "k", 2).await;

    // The last one was lost: the heartbeat tells.
    write_unheard(&mut plain, 3).await;
    voice.number.fetch_add(1, Ordering::SeqCst);
    until("the gap is noticed", || of_b(|c| c.gaps) == gaps + 2).await;
    until_version(&in_b, "k", 3).await;

    // It dropped announcements, and says so; so does a kind of item that is not known yet.
    for (version, kind) in [(4, 4), (5, 200)] {
        write_unheard(&mut plain, version).await;
        voice.say(0, &[kind]).await;
        until_version(&in_b, "k", version).await;
    }

    // It falls silent: whoever it is, it may be cut off and writing.
    let silences = of_b(|c| c.silences);
    write_unheard(&mut plain, 6).await;
    drop(voice);
    until("the silence is noticed", || of_b(|c| c.silences) > silences).await;
    until_version(&in_b, "k", 6).await;
    until("it is waited for", || !b.stats().coherence.trusted).await;
    // Until then memory is compared with Redis now and then.
    write_unheard(&mut plain, 7).await;
    let begun = Instant::now();
    until_version(&in_b, "k", 7).await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_messages_nobody_is_behind_for_long() {
    let redis = redis().await;
    let ((_a, in_a), (b, in_b), mut plain) = two_that_hold_it(&redis).await;
    let mut acl = redis::cmd("ACL");
    let () = acl.arg(&["SETUSER", "default", "resetchannels"]).query_async(&mut plain).await.expect("set");
    let begun = Instant::now();
    in_a.set(&key("k"), Text("v".into()), 2);
    until_version(&in_b, "k", 2).await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // Its own subscription is replaced, in vain, until messages pass again.
    let mut acl = redis::cmd("ACL");
    let () = acl.arg(&["SETUSER", "default", "allchannels"]).query_async(&mut plain).await.expect("set");
    until("messages are trusted again", || b.stats().coherence.trusted).await;
    in_a.set(&key("k"), Text("v".into()), 3);
    until_version(&in_b, "k", 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_cut_off_says_so_and_is_right_soon_after() {
    let redis = redis().await;
    let (proxy, url) = proxy_before(&redis).await;
    let (a, b) = (cache_on(&redis).await, connected(builder_at(url)).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    settled(&[&a, &b]).await;
    for version in 1..4 {
        in_a.set(&key("k"), Text("v".into()), 2 * version);
        until_version(&in_b, "k", 2 * version).await;
        on(&proxy, move |proxy| if version == 1 { proxy.black_hole() } else { proxy.cut() }).await;
        let begun = Instant::now();
        in_a.set(&key("k"), Text("v".into()), 2 * version + 1);
        until_async("the old one is marked", || async {
            in_b.get(&key("k")).await.is_some_and(|hit| hit.stale == Some(StaleReason::Unverified))
        })
        .await;
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        // Who may load gets the newest behind the marked one.
        until_async("the source has told", || async {
            let load = move || async move { Ok::<_, Down>(Loaded::new(Text("v".into()), 2 * version + 1)) };
            let hit = in_b.get_or_load(&key("k"), Want::any(), load).await.expect("an answer");
            assert!(hit.stale.is_some() || hit.version == 2 * version + 1, "{hit:?}");
            hit.stale.is_none()
        })
        .await;
        on(&proxy, |proxy| proxy.pass()).await;
        until("it is trusted again", || b.stats().coherence.trusted).await;
        until_version(&in_b, "k", 2 * version + 1).await;
    }
    assert!(b.stats().coherence.doubts > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_took_effect_unseen_is_announced_all_the_same() {
    let redis = redis().await;
    let (proxy, url) = proxy_before(&redis).await;
    let (a, b) = (connected(builder_at(url)).await, cache_on(&redis).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    let mut plain = plain(&redis).await;
    settled(&[&a, &b]).await;
    in_b.set(&key("k"), Text("v".into()), 1);
    until_version(&in_a, "k", 1).await;
    // Slow enough that answers to writes come too late, not so slow that nothing else gets through.
    on(&proxy, |proxy| proxy.delay(Duration::from_millis(150))).await;
    in_a.set(&key("k"), Text("v".into()), 2);
    until_async("it took effect", || {
        let mut plain = plain.clone();
        async move { in_redis(&mut plain, "k").await == Some((2, 0)) }
    })
    .await;
    until("it counts as failed", || a.stats().coherence.recovery_queued > 0).await;
    on(&proxy, |proxy| proxy.pass()).await;
    until_version(&in_b, "k", 2).await;
    let _ = &mut plain;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_announced_counts_for_who_holds_nothing() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    settled(&[&cache]).await;
    let mut plain = plain(&redis).await;
    let other = cache_on(&redis).await;
    common_set(&other).await;
    // As when a replica answers, or a new master that had not got the last write.
    let mut voice = Voice::new(&plain);
    voice.say(0, &[&[1, 5][..], b"texts", &[0, 1], b"k", &u64::to_be_bytes(9)].concat()).await;
    until("it is heard", || cache.stats().coherence.announcements_heard > 0).await;
    assert_eq!(in_redis(&mut plain, "k").await, Some((1, 0)));
    until_async("what Redis has is marked", || async {
        texts
            .get(&key("k"))
            .await
            .is_some_and(|hit| (hit.version, hit.stale) == (1, Some(StaleReason::Unverified)))
    })
    .await;
    until_async("the source has told", || async {
        let hit = load(&texts, "k", "v", 9).await.expect("an answer");
        assert!(hit.version == 9 || hit.stale.is_some(), "{hit:?}");
        hit.version == 9
    })
    .await;
}

/// Another process puts version 1 of `k` into Redis.
async fn common_set(cache: &Cache) {
    texts(cache, steady()).set(&key("k"), Text("v".into()), 1);
    written(cache, "texts", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_the_channel_does_no_harm() {
    let redis = redis().await;
    let ((_a, in_a), (b, in_b), mut plain) = two_that_hold_it(&redis).await;
    let good = message(1, &[&[1, 5][..], b"texts", &[0, 1], b"k", &u64::to_be_bytes(9)].concat());
    let mut random = fastrand::Rng::with_seed(17);
    for _ in 0..2_000 {
        let mut bytes = good.clone();
        let len = random.usize(..100);
        match random.u8(..4) {
            0 => bytes.truncate(len.min(bytes.len())),
            1 => bytes = std::iter::repeat_with(|| random.u8(..)).take(len).collect(),
            2 => bytes[27..].fill_with(|| random.u8(..)),
            _ => bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(50)),
        }
        let _: u64 = plain.publish(CHANNEL, bytes).await.expect("published");
    }
    let _: u64 = plain.publish(CHANNEL, vec![1; 4 << 20]).await.expect("published");
    // Whatever they claimed was written is not there: what is there answers, at last unmarked.
    until_async("it answers", || async {
        load(&in_b, "k", "v", 1).await.expect("an answer").stale.is_none()
    })
    .await;
    in_a.set(&key("k"), Text("v".into()), 10_000);
    until_version(&in_b, "k", 10_000).await;
    assert!(!b.l2_state().degraded());
}
