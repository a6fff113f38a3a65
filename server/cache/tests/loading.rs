//! Loading, lives, failures: memory and a loader, no Redis.

mod common;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::*;
use tidemark_cache::{Cache, Category, LoadError, Loaded, StaleReason, Tier, Want};
use tokio::sync::{Barrier, Semaphore, oneshot};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_readers_cause_one_load() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    let (calls, gate) = (Calls::default(), Arc::new(Semaphore::new(0)));
    let readers: Vec<_> = (0..1_000)
        .map(|_| {
            let (texts, calls, gate) = (texts.clone(), calls.clone(), Arc::clone(&gate));
            tokio::spawn(async move {
                texts
                    .get_or_load(&key("one"), Want::any(), move || async move {
                        calls.add();
                        gate.acquire().await.expect("open").forget();
                        Ok::<_, Down>(Loaded::new(Text("value".into()), 7))
                    })
                    .await
            })
        })
        .collect();
    until("all others wait", || cache.stats().categories["texts"].source.coalesced == 999).await;
    gate.add_permits(1);
    for reader in readers {
        let hit = reader.await.expect("no panic").expect("an answer");
        assert_eq!(
            (hit.value.0.as_str(), hit.version, hit.tier, hit.stale),
            ("value", 7, Tier::Source, None)
        );
    }
    assert_eq!(calls.get(), 1);
    until("the flight has ended", || cache.stats().flights == 0).await;
    let again = load(&texts, "one", "other", 8).await.expect("an answer");
    assert_eq!((again.value.0.as_str(), again.tier), ("value", Tier::L1));
}

#[tokio::test]
async fn a_reader_that_goes_away_cancels_nobodys_load() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    let gate = Arc::new(Semaphore::new(0));
    let first = tokio::spawn({
        let (texts, gate) = (texts.clone(), Arc::clone(&gate));
        async move {
            let load = move || async move {
                gate.acquire().await.expect("open").forget();
                Ok::<_, Down>(Loaded::new(Text("kept".into()), 1))
            };
            texts.get_or_load(&key("k"), Want::any(), load).await
        }
    });
    until("the load runs", || cache.stats().categories["texts"].source.loads == 1).await;
    first.abort();
    assert!(first.await.expect_err("aborted").is_cancelled());
    gate.add_permits(1);
    until_async("the value is there", || async { texts.get(&key("k")).await.is_some() }).await;
    assert_eq!(cache.stats().categories["texts"].source.loads, 1);
}

#[tokio::test]
async fn past_the_soft_life_the_old_value_answers_and_one_refresh_runs() {
    let cache = memory_only();
    let texts = texts(&cache, soft());
    load(&texts, "k", "old", 1).await.expect("loads");
    until_async("the soft life is over", || async {
        texts.get(&key("k")).await.expect("there").stale == Some(StaleReason::Expired)
    })
    .await;
    let (calls, gate) = (Calls::default(), Arc::new(Semaphore::new(0)));
    for _ in 0..10 {
        let (calls, gate) = (calls.clone(), Arc::clone(&gate));
        let refresh = move || async move {
            calls.add();
            gate.acquire().await.expect("open").forget();
            Ok::<_, Down>(Loaded::new(Text("new".into()), 1).fresh_for(Duration::from_secs(1_000)))
        };
        let hit = texts.get_or_load(&key("k"), Want::any(), refresh).await.expect("an answer");
        assert_eq!((hit.value.0.as_str(), hit.tier), ("old", Tier::L1));
        assert_eq!(hit.stale, Some(StaleReason::Revalidating));
    }
    gate.add_permits(1);
    until_async("the new value answers", || async {
        let hit = texts.get(&key("k")).await.expect("there");
        hit.value.0 == "new" && hit.stale.is_none()
    })
    .await;
    assert_eq!(calls.get(), 1);
}

#[tokio::test]
async fn past_the_hard_life_it_is_gone() {
    let cache = memory_only();
    let brief = Duration::from_millis(30);
    let texts = texts(&cache, steady().fresh_for(brief).stale_for(brief));
    load(&texts, "k", "v", 1).await.expect("loads");
    until_async("the value is gone", || async { texts.get(&key("k")).await.is_none() }).await;
    assert_eq!(
        load_failing(&texts, "k").await.expect_err("nothing left"),
        LoadError::Source(Down("source is down"))
    );
}

#[tokio::test]
async fn a_failing_source_leaves_the_stale_value_until_the_hard_life_then_its_own_error() {
    let cache = memory_only();
    let texts = texts(&cache, soft().stale_for(Duration::from_secs(2)));
    load(&texts, "k", "v", 1).await.expect("loads");
    // A refresh fails behind a reader; whoever asks for a newer version hears why.
    let newer = || async { Err::<Loaded<Text>, _>(Down("source is down")) };
    let hit = texts.get_or_load(&key("k"), Want::at_least(2), newer).await.expect("fail-safe");
    assert_eq!((hit.value.0.as_str(), hit.tier), ("v", Tier::L1));
    assert_eq!(hit.stale, Some(StaleReason::LoadFailed("source is down".into())));
    until_async("the hard life is over", || async {
        load_failing(&texts, "k").await.is_err_and(|error| error == LoadError::Source(Down("source is down")))
    })
    .await;
    // The error was not remembered as an absence.
    assert_eq!(load(&texts, "k", "back", 3).await.expect("loads").value.0, "back");
}

#[tokio::test]
async fn without_fail_safe_the_error_comes_at_once() {
    let cache = memory_only();
    let texts = texts(&cache, steady().fail_safe(false));
    load(&texts, "k", "v", 1).await.expect("loads");
    let newer = || async { Err::<Loaded<Text>, _>(Down("no")) };
    let error = texts.get_or_load(&key("k"), Want::at_least(2), newer).await.expect_err("no fail-safe");
    assert_eq!(error, LoadError::Source(Down("no")));

    // Past the soft life, too, once the refresh has failed.
    let policy = soft().fail_safe(false).retry_after(Duration::from_secs(500));
    let texts = cache.category::<String, Text>("softer", policy).expect("a category");
    load(&texts, "k", "v", 1).await.expect("loads");
    until_async("the refresh has failed", || async { load_failing(&texts, "k").await.is_err() }).await;
}

#[tokio::test]
async fn after_a_failure_the_source_is_left_alone_for_a_while() {
    let cache = memory_only();
    let texts = texts(&cache, steady().retry_after(Duration::from_secs(500)));
    let calls = Calls::default();
    for _ in 0..5 {
        let calls = calls.clone();
        let load = move || async move {
            calls.add();
            Err::<Loaded<Text>, _>(Down("no"))
        };
        let error = texts.get_or_load(&key("k"), Want::any(), load).await.expect_err("fails");
        assert_eq!(error, LoadError::Source(Down("no")));
    }
    assert_eq!(calls.get(), 1);
    assert_eq!(cache.stats().categories["texts"].source.throttled, 4);
    // A value put there by other means answers all the same.
    texts.set(&key("k"), Text("set".into()), 1);
    assert_eq!(load_failing(&texts, "k").await.expect("there").value.0, "set");
}

#[tokio::test]
async fn an_error_of_another_type_is_nobodys_answer() {
    let cache = memory_only();
    let texts = texts(&cache, steady().retry_after(Duration::from_secs(500)));
    load_failing(&texts, "k").await.expect_err("fails");
    let hit = texts
        .get_or_load(&key("k"), Want::any(), || async { Ok::<_, String>(Loaded::new(Text("v".into()), 1)) })
        .await
        .expect("loads by itself");
    assert_eq!(hit.value.0, "v");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_hangs_ends_at_the_hard_timeout() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    let (dropped, was_dropped) = oneshot::channel::<()>();
    let hang = move || async move {
        let _held = dropped;
        std::future::pending::<Result<Loaded<Text>, Down>>().await
    };
    let error = texts.get_or_load(&key("k"), Want::any(), hang).await.expect_err("hangs");
    assert_eq!(error, LoadError::Timeout);
    // The loader itself was dropped, too.
    was_dropped.await.expect_err("its sender is gone");
    assert_eq!(cache.stats().categories["texts"].source.timeouts, 1);
}

#[tokio::test(start_paused = true)]
async fn with_an_older_value_at_hand_a_slow_load_is_waited_for_softly() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    load(&texts, "k", "v1", 1).await.expect("loads");
    let gate = Arc::new(Semaphore::new(0));
    let slow = {
        let gate = Arc::clone(&gate);
        move || async move {
            gate.acquire().await.expect("open").forget();
            Ok::<_, Down>(Loaded::new(Text("v2".into()), 2))
        }
    };
    let hit = texts.get_or_load(&key("k"), Want::at_least(2), slow).await.expect("an answer");
    assert_eq!((hit.value.0.as_str(), hit.stale), ("v1", Some(StaleReason::SlowLoad)));
    gate.add_permits(1);
    until_async("the load has gone on behind", || async {
        texts.get(&key("k")).await.is_some_and(|hit| hit.version == 2)
    })
    .await;
}

#[tokio::test]
async fn a_panicking_loader_is_a_failure_and_nothing_hangs() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    let panics = || async { if true { panic!("on purpose") } else { Err::<Loaded<Text>, _>(Down("")) } };
    let error = texts.get_or_load(&key("k"), Want::any(), panics).await.expect_err("panics");
    assert_eq!(error, LoadError::Panicked);
    assert_eq!(load(&texts, "k", "fine", 1).await.expect("loads").value.0, "fine");
}

#[tokio::test]
async fn a_higher_version_wanted_is_loaded_and_lower_wants_are_met_by_it() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    load(&texts, "k", "v1", 10).await.expect("loads");
    let hit = load_wanting(&texts, "k", Want::at_least(11), "v2", 11).await.expect("loads");
    assert_eq!((hit.value.0.as_str(), hit.tier, hit.stale), ("v2", Tier::Source, None));
    let hit = load_wanting(&texts, "k", Want::at_least(11), "v3", 12).await.expect("hits");
    assert_eq!((hit.value.0.as_str(), hit.tier), ("v2", Tier::L1));
}

#[tokio::test]
async fn a_reader_of_a_newer_version_does_not_take_the_answer_of_an_older_flight() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    let gate = Arc::new(Semaphore::new(0));
    let first = tokio::spawn({
        let (texts, gate) = (texts.clone(), Arc::clone(&gate));
        async move {
            let old = move || async move {
                gate.acquire().await.expect("open").forget();
                Ok::<_, Down>(Loaded::new(Text("old".into()), 1))
            };
            texts.get_or_load(&key("k"), Want::any(), old).await
        }
    });
    until("the load runs", || cache.stats().categories["texts"].source.loads == 1).await;
    let second = tokio::spawn({
        let texts = texts.clone();
        async move { load_wanting(&texts, "k", Want::at_least(2), "new", 2).await }
    });
    until("the second waits", || cache.stats().categories["texts"].source.coalesced == 1).await;
    gate.add_permits(1);
    assert_eq!(first.await.expect("no panic").expect("an answer").value.0, "old");
    assert_eq!(second.await.expect("no panic").expect("an answer").value.0, "new");
}

#[tokio::test]
async fn a_source_with_nothing_newer_is_not_asked_by_every_reader() {
    let cache = memory_only();
    let texts = texts(&cache, steady().retry_after(Duration::from_secs(500)));
    for _ in 0..4 {
        let hit = load_wanting(&texts, "k", Want::at_least(9), "v", 8).await.expect("an answer");
        assert_eq!((hit.version, hit.stale), (8, Some(StaleReason::OldVersion)));
    }
    assert_eq!(cache.stats().categories["texts"].source.loads, 1);
    // A version that is newer still is another question.
    let hit = load_wanting(&texts, "k", Want::at_least(10), "new", 10).await.expect("an answer");
    assert_eq!((hit.version, hit.stale), (10, None));
}

#[tokio::test]
async fn no_reader_sees_a_version_go_back() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    texts.set(&key("k"), Text("v5".into()), 5);
    texts.set(&key("k"), Text("v4".into()), 4);
    assert_eq!(texts.get(&key("k")).await.expect("there").version, 5);
    // A load that ends with an older version gets the newer one for an answer.
    let gate = Arc::new(Semaphore::new(0));
    let slow = tokio::spawn({
        let (texts, gate) = (texts.clone(), Arc::clone(&gate));
        async move {
            let load = move || async move {
                gate.acquire().await.expect("open").forget();
                Ok::<_, Down>(Loaded::new(Text("v6".into()), 6))
            };
            texts.get_or_load(&key("k"), Want::at_least(6), load).await
        }
    });
    until("the load runs", || cache.stats().categories["texts"].source.loads == 1).await;
    texts.set(&key("k"), Text("v7".into()), 7);
    gate.add_permits(1);
    assert_eq!(slow.await.expect("no panic").expect("an answer").version, 7);
    assert_eq!(texts.get(&key("k")).await.expect("there").version, 7);
    assert_eq!(cache.stats().categories["texts"].l1.refused, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn versions_only_rise_under_concurrent_writers_and_readers() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    texts.set(&key("k"), Text("v".into()), 0);
    let start = Arc::new(Barrier::new(6));
    let mut tasks = Vec::new();
    for writer in 0..3u64 {
        let (texts, start) = (texts.clone(), Arc::clone(&start));
        tasks.push(tokio::spawn(async move {
            start.wait().await;
            for version in 0..3_000 {
                texts.set(&key("k"), Text("v".into()), version * 3 + (version + writer) % 3);
                tokio::task::consume_budget().await;
            }
        }));
    }
    for _ in 0..3 {
        let (texts, start) = (texts.clone(), Arc::clone(&start));
        tasks.push(tokio::spawn(async move {
            start.wait().await;
            let mut last = 0;
            while last < 8_999 {
                let version = texts.get(&key("k")).await.expect("there").version;
                assert!(version >= last, "{version} after {last}");
                last = version;
                tokio::task::consume_budget().await;
            }
        }));
    }
    for task in tasks {
        tokio::time::timeout(PATIENCE, task).await.expect("ends").expect("no panic");
    }
}

/// A key that stops its reader between its look into memory and its flight, until it may go on.
#[derive(Clone, Debug)]
struct Stopping {
    text: &'static str,
    stop: Option<Arc<Stop>>,
}

#[derive(Debug)]
struct Stop {
    hashes: AtomicU32,
    reached: mpsc::SyncSender<()>,
    go_on: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Hash for Stopping {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        let Some(stop) = &self.stop else { return };
        // Memory is asked twice, then, as there was trouble with some key, whether there was with this one.
        if stop.hashes.fetch_add(1, Ordering::SeqCst) == 2 {
            stop.reached.send(()).expect("the test waits");
            stop.go_on.lock().expect("not poisoned").recv_timeout(PATIENCE).expect("it may go on");
        }
    }
}

impl PartialEq for Stopping {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Stopping {}

impl fmt::Display for Stopping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// Has a reader miss, then `between` happen, then the reader go on with `read`, given its key.
async fn after_a_miss<T: Send + 'static, R: Future<Output = T> + Send + 'static>(
    texts: &Category<Stopping, Text>,
    between: impl Future<Output = ()>,
    read: impl FnOnce(Stopping) -> R + Send + 'static,
) -> T {
    let trouble = || async { Err::<Loaded<Text>, _>(Down("no")) };
    let other = Stopping { text: "other", stop: None };
    texts.set(&Stopping { text: "there", stop: None }, Text("so that memory is looked into".into()), 1);
    texts.get_or_load(&other, Want::any(), trouble).await.expect_err("fails");
    let (reached, is_reached) = mpsc::sync_channel(1);
    let (go, go_on) = mpsc::sync_channel(1);
    let stop = Stop { hashes: AtomicU32::new(0), reached, go_on: go_on.into() };
    let key = Stopping { text: "k", stop: Some(Arc::new(stop)) };
    let reader = tokio::spawn(read(key));
    blocking(move || is_reached.recv_timeout(PATIENCE)).await.expect("the reader has missed");
    between.await;
    go.send(()).expect("the reader waits");
    reader.await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_load_that_lands_between_a_miss_and_a_flight_is_not_repeated() {
    let cache = memory_only();
    let policy = steady().retry_after(Duration::from_secs(500));
    let texts = cache.category::<Stopping, Text>("texts", policy).expect("a category");
    let calls = Calls::default();
    let load = {
        let calls = calls.clone();
        move || {
            let calls = calls.clone();
            async move {
                calls.add();
                Ok::<_, Down>(Loaded::new(Text("v".into()), 1))
            }
        }
    };
    let plain = Stopping { text: "k", stop: None };
    let misses = || cache.stats().categories["texts"].l1.misses;
    for (round, batch) in [false, true].into_iter().enumerate() {
        let before = misses();
        let between = async {
            texts.get_or_load(&plain, Want::any(), load.clone()).await.expect("loads");
        };
        let (of_reader, load) = (texts.clone(), load.clone());
        let hit = after_a_miss(&texts, between, move |key| async move {
            if batch {
                let load = move |keys: Vec<Stopping>| {
                    let load = load.clone();
                    async move { Ok::<_, Down>(vec![(keys[0].clone(), load().await?)]) }
                };
                of_reader.get_many_or_load(&[key], Want::any(), load).await.remove(0)
            } else {
                of_reader.get_or_load(&key, Want::any(), load).await
            }
        })
        .await;
        let hit = hit.expect("an answer");
        assert_eq!((hit.tier, hit.stale), (Tier::L1, None));
        assert_eq!(calls.get(), round as u64 + 1);
        // The key in trouble, the reader before it was stopped, and the one that loaded.
        assert_eq!(misses(), before + 3, "the reader had missed");
        cache.clear(tidemark_cache::Scope::All).await.expect("cleared");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_one_soft_timeout_and_one_hard_timeout_however_many_keys_it_has() {
    let (soft, hard) = (Duration::from_millis(300), Duration::from_secs(5));
    let cache = memory_only();
    let texts = texts(&cache, steady().soft_timeout(soft).hard_timeout(hard));
    let names: Vec<String> = (0..60).map(|i| format!("k{i}")).collect();
    for name in &names {
        texts.set(name, Text("v1".into()), 1);
    }
    let hang = |_: Vec<String>| std::future::pending::<Result<Vec<(String, Loaded<Text>)>, Down>>();
    let begun = tokio::time::Instant::now();
    let wanted = |name: &String| Want::at_least(if name == "k0" { 1 } else { 2 });
    let answers = texts.get_each_or_load(&names, wanted, hang).await;
    // The clock of the test stands still but for what is waited for.
    assert_eq!(begun.elapsed().as_millis(), soft.as_millis());
    for (name, answer) in names.iter().zip(answers) {
        let hit = answer.expect("the older one");
        assert_eq!((hit.version, hit.stale), (1, (name != "k0").then_some(StaleReason::SlowLoad)));
    }
    // Joined by a batch with nothing at hand, whose keys are each loaded by a reader of its own.
    let others: Vec<String> = (0..9).map(|i| format!("other{i}")).collect();
    let mut readers = tokio::task::JoinSet::new();
    for name in others.clone() {
        let texts = texts.clone();
        readers.spawn(async move {
            let hang = std::future::pending::<Result<Loaded<Text>, Down>>;
            texts.get_or_load(&name, Want::any(), hang).await.is_err()
        });
    }
    until("all load", || cache.stats().categories["texts"].source.loads == 10).await;
    let begun = tokio::time::Instant::now();
    let answers = texts.get_many_or_load(&others, Want::any(), hang).await;
    assert!(begun.elapsed() <= hard, "{:?}", begun.elapsed());
    assert!(answers.iter().all(|answer| *answer.as_ref().expect_err("hangs") == LoadError::Timeout));
    assert!(readers.join_all().await.into_iter().all(|failed| failed));
}

#[tokio::test(start_paused = true)]
async fn a_call_in_parts_with_nothing_at_hand_waits_for_one_hard_timeout() {
    let hard = Duration::from_secs(5);
    let cache = memory_only();
    let texts = texts(&cache, steady().hard_timeout(hard));
    let hang = |_: Vec<String>| std::future::pending::<Result<Vec<(String, Loaded<Text>)>, Down>>();
    let begun = tokio::time::Instant::now();
    let limits = texts.limits();
    for part in 0..5 {
        let names: Vec<String> = (0..9).map(|i| format!("{part}-{i}")).collect();
        let answers = texts.get_each_or_load_within(&names, |_| Want::any(), limits, hang).await;
        assert!(answers.iter().all(|answer| *answer.as_ref().expect_err("hangs") == LoadError::Timeout));
    }
    // The first part's loads take the whole timeout, and the others share the two seconds that are kept beyond it.
    let took = begun.elapsed();
    assert!(hard < took && took <= hard + Duration::from_secs(2) + Duration::from_millis(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_for_one_flight_after_another_waits_no_longer_than_for_one() {
    let cache = memory_only();
    let texts = texts(&cache, steady().hard_timeout(Duration::from_secs(5)));
    // Loads that fail with an error of another type than the reader's, one after the other.
    let failing = tokio::spawn({
        let texts = texts.clone();
        async move {
            loop {
                let fail = || async {
                    tokio::time::sleep(Duration::from_secs(4)).await;
                    Err::<Loaded<Text>, _>(Down("down"))
                };
                texts.get_or_load(&key("k"), Want::any(), fail).await.expect_err("fails");
            }
        }
    });
    until("it loads", || cache.stats().categories["texts"].source.loads == 1).await;
    let never = || async { Err::<Loaded<Text>, _>("another type".to_owned()) };
    let name = key("k");
    let read = texts.get_or_load(&name, Want::any(), never);
    let error = tokio::time::timeout(Duration::from_secs(600), read).await.expect("ends").expect_err("none");
    assert_eq!(error, LoadError::Timeout);
    failing.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_loader_that_blocks_past_its_hard_timeout_still_counts_as_a_load() {
    let cache = Cache::builder().max_loads(1).build().expect("builds");
    let texts = texts(&cache, steady().soft_timeout(Duration::ZERO).hard_timeout(Duration::from_millis(100)));
    let (go, go_on) = mpsc::channel::<()>();
    let blocks = move || async move {
        let _ = go_on.recv_timeout(PATIENCE);
        Ok::<_, Down>(Loaded::new(Text("late".into()), 1))
    };
    let error = texts.get_or_load(&key("a"), Want::any(), blocks).await.expect_err("too late");
    assert_eq!(error, LoadError::Timeout);
    assert_eq!(load(&texts, "b", "v", 1).await.expect_err("the slot is taken"), LoadError::Overloaded);
    drop(go);
    until_async("the slot is free", || async { load(&texts, "b", "v", 1).await.is_ok() }).await;
}
