//! One load a key, however its readers come and go.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tidemark_cache::{CodecError, LoadError, Loaded, StaleReason, Tier, Value, Want};
use tokio::sync::Semaphore;

use crate::common::*;

/// Polls once; whether it waits.
async fn waits<F: Future>(future: &mut Pin<Box<F>>) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

/// The load of a key, counted.
async fn read(texts: Texts, name: String, calls: Calls) -> Answer {
    let load = move || async move {
        calls.add();
        Ok(Loaded::new(Text("v".into()), 1))
    };
    texts.get_or_load(&name, Want::any(), load).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_do_not_wait_for_a_leader_that_is_not_polled() {
    let redis = redis().await;
    for in_redis in [false, true] {
        let (other, cache) = (cache_on(&redis).await, cache_on(&redis).await);
        let names: Vec<String> = (0..20).map(|i| format!("k{i}")).collect();
        if in_redis {
            let of_other = texts(&other, steady());
            for name in &names {
                load(&of_other, name, "v", 1).await.expect("loads");
            }
            written(&other, "texts", names.len() as u64).await;
        }
        let texts = texts(&cache, steady());
        settled(&[&other, &cache]).await;
        let calls = Calls::default();
        // On a busy machine Redis may have answered before the first poll ends.
        let mut waiting = None;
        for name in &names {
            let mut leader = Box::pin(read(texts.clone(), name.clone(), calls.clone()));
            if waits(&mut leader).await {
                waiting = Some((name, leader));
                break;
            }
        }
        let (name, leader) = waiting.expect("one of them waits for Redis");
        let reader = || tokio::spawn(read(texts.clone(), name.clone(), calls.clone()));
        let followers: Vec<_> = (0..10).map(|_| reader()).collect();
        for follower in followers {
            follower.await.expect("no panic").expect("an answer though nobody polls the leader");
        }
        let tier = if in_redis { Tier::L2 } else { Tier::Source };
        assert_eq!(leader.await.expect("an answer").tier, tier);
        assert_eq!(calls.get(), u64::from(!in_redis));
        cache.close(Duration::ZERO).await;
        drop((cache, other));
        let mut plain = plain(&redis).await;
        let () = redis::cmd("FLUSHALL").query_async(&mut plain).await.expect("done");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_for_a_batch_that_is_not_polled_nor_for_a_leader_that_goes_away() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    let texts = texts(&cache, steady());
    settled(&[&cache]).await;
    let calls = Calls::default();
    let keys = ["k".to_owned(), "l".to_owned()];
    let gate = Arc::new(Semaphore::new(0));
    let (in_batch, gate_of_load) = (calls.clone(), Arc::clone(&gate));
    let load = move |keys: Vec<String>| {
        let (calls, gate) = (in_batch.clone(), Arc::clone(&gate_of_load));
        async move {
            calls.add();
            gate.acquire().await.expect("open").forget();
            Ok::<_, Down>(keys.into_iter().map(|key| (key, Loaded::new(Text("v".into()), 1))).collect())
        }
    };
    let mut batch = Box::pin(texts.get_many_or_load(&keys, Want::any(), load));
    assert!(waits(&mut batch).await);
    let reader = tokio::spawn(read(texts.clone(), key("k"), calls.clone()));
    until("the reader has joined", || cache.stats().categories["texts"].source.coalesced == 1).await;
    gate.add_permits(1);
    let hit = reader.await.expect("no panic").expect("an answer though nobody polls the batch");
    assert_eq!(hit.tier, Tier::Source);
    assert_eq!(calls.get(), 1);
    assert!(batch.await.into_iter().all(|answer| answer.is_ok()));

    // A leader that goes away before anybody waits takes nothing with it.
    cache.clear(tidemark_cache::Scope::All).await.expect("cleared");
    let mut leader = Box::pin(read(texts.clone(), key("k"), calls.clone()));
    let _ = waits(&mut leader).await;
    drop(leader);
    until("its flight has ended", || cache.stats().flights == 0).await;
    read(texts.clone(), key("k"), calls.clone()).await.expect("an answer");
}

/// A value that cannot be encoded, and panics over it.
#[derive(Debug)]
struct Explosive;

impl Value for Explosive {
    const SCHEMA: u16 = 1;

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        panic!("on purpose")
    }

    fn decode(_: &[u8]) -> Result<Self, CodecError> {
        Ok(Self)
    }

    fn weight(&self) -> usize {
        0
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_whose_encoding_panics_answers_from_memory() {
    let redis = redis().await;
    let cache = cache_on(&redis).await;
    settled(&[&cache]).await;
    let values = cache.category::<String, Explosive>("values", steady()).expect("a category");
    let load = || async { Ok::<_, Down>(Loaded::new(Explosive, 1)) };
    let hit = values.get_or_load(&key("k"), Want::any(), load).await.expect("the loader did not panic");
    assert_eq!(hit.tier, Tier::L1);
    assert!(matches!(hit.stale, None | Some(StaleReason::Unverified)), "{:?}", hit.stale);
    until("the flight has ended", || cache.stats().flights == 0).await;

    // With nothing in memory there is no answer, but not for a panic of the loader.
    let policy = steady().tiers(tidemark_cache::Tiers::L2);
    let values = cache.category::<String, Explosive>("remote", policy).expect("a category");
    let error = values.get_or_load(&key("k"), Want::any(), load).await.expect_err("no answer");
    assert_eq!(error, LoadError::Abandoned);
}
