//! Many keys in one call: one look into Redis, one load, none twice.

use std::sync::{Arc, Mutex};

use tidemark_cache::{Hit, LoadError, Loaded, StaleReason, Tier, Want};
use tokio::sync::Semaphore;

use crate::common::*;

/// A source that notes what it is asked for, and answers when it may.
#[derive(Clone)]
pub struct Source {
    asked: Arc<Mutex<Vec<Vec<String>>>>,
    gate: Arc<Semaphore>,
    version: u64,
}

impl Source {
    pub fn open(version: u64) -> Self {
        Self { asked: Arc::default(), gate: Arc::new(Semaphore::new(1_000)), version }
    }

    fn closed(version: u64) -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), ..Self::open(version) }
    }

    /// All but those that begin with `no`.
    async fn read(self, keys: Vec<String>) -> Result<Vec<(String, Loaded<Text>)>, Down> {
        self.asked.lock().expect("not poisoned").push(keys.clone());
        self.gate.acquire().await.expect("open").forget();
        let found = keys.into_iter().filter(|key| !key.starts_with("no"));
        Ok(found.map(|key| (key.clone(), Loaded::new(Text(key), self.version))).collect())
    }

    pub fn asked(&self) -> Vec<Vec<String>> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

pub async fn read(texts: &Texts, keys: &[String], want: Want, source: &Source) -> Vec<Answer> {
    let source = source.clone();
    texts.get_many_or_load(keys, want, move |keys| source.clone().read(keys)).await
}

fn names(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|i| format!("k{i}")).collect()
}

pub fn all(answers: Vec<Answer>) -> Vec<Hit<Text>> {
    answers.into_iter().map(|answer| answer.expect("an answer")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_look_and_one_load_for_what_is_missing() {
    let redis = redis().await;
    let (a, b) = (cache_on(&redis).await, cache_on(&redis).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    settled(&[&a, &b]).await;
    let source = Source::open(1);
    all(read(&in_a, &names(0..60), Want::any(), &source).await);
    assert_eq!(source.asked(), [names(0..60)]);
    written(&a, "texts", 60).await;

    // 60 are in Redis, 40 nowhere, some absent, some twice.
    let mut keys = names(0..100);
    keys.extend(["no such".to_owned(), "k3".to_owned(), "k99".to_owned(), "no such".to_owned()]);
    let of_b = || b.l2_state().nodes[0].requests;
    let (requests, source) = (of_b(), Source::open(1));
    let answers = read(&in_b, &keys, Want::any(), &source).await;
    assert!(of_b() - requests < 50, "one exchange, not one a key: {}", of_b() - requests);
    let mut missing = names(60..100);
    missing.push("no such".into());
    assert_eq!(source.asked(), [missing]);
    for (key, answer) in keys.iter().zip(&answers) {
        match answer {
            Ok(hit) => assert_eq!(&hit.value.0, key),
            Err(error) => assert!(key == "no such" && *error == LoadError::Absent, "{key}: {error}"),
        }
    }
    let tiers: Vec<Tier> = answers.iter().flatten().map(|hit| hit.tier).collect();
    assert_eq!(tiers[..60], [Tier::L2; 60]);
    assert_eq!(tiers[60..100], [Tier::Source; 40]);
    // Now they are in memory, the absence as well.
    let again = read(&in_b, &keys, Want::any(), &source).await;
    assert_eq!(again.iter().filter(|answer| answer.is_ok()).count(), 102);
    assert_eq!(source.asked().len(), 1);
    assert!(read(&in_b, &[], Want::any(), &source).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_readers_and_other_batches_share_the_load() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    let source = Source::closed(1);
    let batch = |keys: Vec<String>| {
        let (texts, source) = (texts.clone(), source.clone());
        tokio::spawn(async move { read(&texts, &keys, Want::any(), &source).await })
    };
    let first = batch(names(0..10));
    until("it loads", || source.asked().len() == 1).await;
    let second = batch(names(5..15));
    until("the other loads the rest", || source.asked().len() == 2).await;
    let single = tokio::spawn({
        let texts = texts.clone();
        async move { load(&texts, "k7", "never", 9).await }
    });
    until("it waits, too", || cache.stats().categories["texts"].source.coalesced == 6).await;
    source.gate.add_permits(2);
    assert_eq!(all(first.await.expect("no panic")).len(), 10);
    assert_eq!(all(second.await.expect("no panic")).len(), 10);
    assert_eq!(single.await.expect("no panic").expect("an answer").value.0, "k7");
    assert_eq!(source.asked(), [names(0..10), names(10..15)]);

    // The other way round: a batch joins a single reader.
    let gate = Arc::new(Semaphore::new(0));
    let single = tokio::spawn({
        let (texts, gate) = (texts.clone(), Arc::clone(&gate));
        async move {
            let load = move || async move {
                gate.acquire().await.expect("open").forget();
                Ok::<_, Down>(Loaded::new(Text("by itself".into()), 1))
            };
            texts.get_or_load(&key("k20"), Want::at_least(5), load).await
        }
    });
    until("it loads", || cache.stats().categories["texts"].source.loads == 3).await;
    let joined = Source::open(5);
    let batch = tokio::spawn({
        let (texts, source) = (texts.clone(), joined.clone());
        async move { read(&texts, &names(20..22), Want::at_least(5), &source).await }
    });
    until("it joins", || cache.stats().categories["texts"].source.coalesced == 7).await;
    gate.add_permits(1);
    // The source had nothing as new as was wanted: that is an answer, marked, for both.
    let hit = single.await.expect("no panic").expect("an answer");
    assert_eq!((hit.version, hit.stale), (1, Some(StaleReason::OldVersion)));
    let hits = all(batch.await.expect("no panic"));
    assert_eq!((hits[0].value.0.as_str(), &hits[0].stale), ("by itself", &Some(StaleReason::OldVersion)));
    assert_eq!((hits[1].version, &hits[1].stale), (5, &None));
    assert_eq!(joined.asked(), [names(21..22)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_fails_leaves_what_is_at_hand_and_says_the_rest() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    let source = Source::open(1);
    all(read(&texts, &names(0..3), Want::any(), &source).await);
    let failing = |_: Vec<String>| async { Err::<Vec<(String, Loaded<Text>)>, _>(Down("source is down")) };
    let answers = texts.get_many_or_load(&names(0..6), Want::at_least(2), failing).await;
    for answer in &answers[..3] {
        let hit = answer.as_ref().expect("the older one");
        assert!(
            matches!(&hit.stale, Some(StaleReason::LoadFailed(why)) if **why == *"source is down"),
            "{hit:?}"
        );
    }
    for answer in &answers[3..] {
        assert_eq!(answer.as_ref().err(), Some(&LoadError::Source(Down("source is down"))));
    }
    // A reader that goes away leaves the load.
    let source = Source::closed(2);
    let reader = tokio::spawn({
        let (texts, source) = (texts.clone(), source.clone());
        async move { read(&texts, &names(10..12), Want::any(), &source).await }
    });
    until("it loads", || source.asked().len() == 1).await;
    reader.abort();
    source.gate.add_permits(1);
    until_version(&texts, "k11", 2).await;
}
