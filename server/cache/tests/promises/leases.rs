//! Promise 1 and 2: one load among all processes, and none lost. Each cache stands for a process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemark_cache::{Cache, LoadError, Loaded, Policy, Scope, Want};
use tokio::sync::Semaphore;

use crate::common::place::Place;
use crate::common::*;
use crate::on_both;
use crate::sources::{Source, all_answered, readers};

/// So long that nothing in a test ends by it.
const NEVER: Duration = Duration::from_secs(60);

on_both! {
    many_readers_in_many_processes_cause_one_load,
    a_holder_that_dies_delays_the_others_by_the_lease_and_one_of_them_loads,
    a_load_that_fails_lets_the_next_process_try_at_once,
    without_a_lease_each_process_loads,
    a_load_whose_result_is_not_written_gives_its_lease_back,
    readers_that_go_away_leave_the_load_and_its_value,
    a_holder_whose_lease_has_ended_neither_overwrites_nor_frees,
    a_load_from_before_a_clear_is_not_waited_for,
}

fn patient() -> Policy {
    steady().lease_for(NEVER).hard_timeout(NEVER)
}

async fn processes(place: &Place, count: usize, policy: &Policy) -> (Vec<Cache>, Vec<Texts>) {
    let mut caches = Vec::new();
    for _ in 0..count {
        caches.push(place.cache().await);
    }
    let all = caches.iter().map(|cache| texts(cache, policy.clone())).collect();
    (caches, all)
}

fn sum(caches: &[Cache], count: fn(&tidemark_cache::SourceCounts) -> u64) -> u64 {
    caches.iter().map(|cache| count(&cache.stats().categories["texts"].source)).sum()
}

async fn lease_is_gone(place: &Place) {
    until_async("the lease was given back", || async { place.holder().await.is_empty() }).await;
}

async fn many_readers_in_many_processes_cause_one_load(place: Place) {
    let (caches, all) = processes(&place, 4, &patient()).await;
    let source = Source::closed();
    let tasks = readers(&all, &place.key, 250, &source);
    until("all others wait for the one that loads", || sum(&caches, |s| s.lease_waits) == 3).await;
    until("all readers wait", || sum(&caches, |s| s.coalesced) == 4 * 249).await;
    source.open();
    all_answered(tasks, 1).await;
    assert_eq!(source.calls.get(), 1);
    assert_eq!((sum(&caches, |s| s.loads), sum(&caches, |s| s.leases)), (1, 1));
    assert_eq!(sum(&caches, |s| s.lease_saved), 3);
    lease_is_gone(&place).await;
}

async fn a_holder_that_dies_delays_the_others_by_the_lease_and_one_of_them_loads(place: Place) {
    const LEASE: Duration = Duration::from_secs(2);
    let policy = patient().lease_for(LEASE);
    let holder = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let dying = Source::closed();
    holder.spawn({
        let (builder, name) = (place.builder(), place.key.clone());
        let (policy, dying) = (policy.clone(), dying.clone());
        async move {
            let texts = texts(&connected(builder).await, policy);
            let _ = texts.get_or_load(&name, Want::any(), || dying.read()).await;
        }
    });
    let (caches, all) = processes(&place, 3, &policy).await;
    until("the holder loads", || dying.calls.get() == 1).await;
    let source = Source::closed();
    let begun = Instant::now();
    let tasks = readers(&all, &place.key, 50, &source);
    holder.shutdown_background();
    until("another has the lease", || source.calls.get() > 0).await;
    assert!(begun.elapsed() < LEASE + Duration::from_secs(10), "{:?}", begun.elapsed());
    // The load takes a while: those who wait now wait for this one, not longer for the dead one.
    until("the third ones have come to know", || {
        sum(&caches, |s| s.lease_waits) >= 2 && begun.elapsed() > LEASE + Duration::from_millis(500)
    })
    .await;
    source.open();
    all_answered(tasks, 1).await;
    assert_eq!(source.calls.get(), 1, "beside the load that died");
}

async fn a_load_from_before_a_clear_is_not_waited_for(place: Place) {
    let (caches, all) = processes(&place, 2, &patient()).await;
    let slow = Source::closed();
    let tasks = readers(&all[..1], &place.key, 1, &slow);
    until("it loads", || slow.calls.get() == 1).await;
    let scope = Scope::Key(format!("texts:{}", place.key));
    let cleared = caches[1].clear(scope).await.expect("recorded");
    // Its lease has a minute to go.
    let after = tokio::time::timeout(PATIENCE, load(&all[1], &place.key, "after", 2)).await;
    assert_eq!(after.expect("is not waited for").expect("loads").version, 2);
    until("the other knows", || caches[0].stats().clears.head >= cleared.seq).await;
    slow.open();
    all_answered(tasks, 1).await;
    until_version(&all[0], &place.key, 2).await;
    assert_eq!(place.version().await, Some(2), "what was loaded before the clear stays out");
}

async fn a_load_that_fails_lets_the_next_process_try_at_once(place: Place) {
    let (caches, all) = processes(&place, 2, &patient()).await;
    let gate = Arc::new(Semaphore::new(0));
    let failing = tokio::spawn({
        let (texts, gate, name) = (all[0].clone(), Arc::clone(&gate), place.key.clone());
        async move {
            let load = move || async move {
                gate.acquire().await.expect("open").forget();
                Err::<Loaded<Text>, _>(Down("source is down"))
            };
            texts.get_or_load(&name, Want::any(), load).await
        }
    });
    until("it holds the lease", || sum(&caches, |s| s.leases) == 1).await;
    let source = Source::closed();
    source.open();
    let tasks = readers(&all[1..], &place.key, 10, &source);
    until("the other waits", || sum(&caches, |s| s.lease_waits) == 1).await;
    gate.add_permits(1);
    assert_eq!(
        failing.await.expect("no panic").expect_err("fails"),
        LoadError::Source(Down("source is down"))
    );
    all_answered(tasks, 1).await;
    assert_eq!(source.calls.get(), 1);
    lease_is_gone(&place).await;
}

async fn without_a_lease_each_process_loads(place: Place) {
    let (caches, all) = processes(&place, 3, &patient().lease_for(Duration::ZERO)).await;
    let source = Source::closed();
    let tasks = readers(&all, &place.key, 20, &source);
    until("each loads", || source.calls.get() == 3).await;
    source.open();
    all_answered(tasks, 1).await;
    assert_eq!((source.calls.get(), sum(&caches, |s| s.leases)), (3, 0));
}

async fn a_load_whose_result_is_not_written_gives_its_lease_back(place: Place) {
    // An absence that is not remembered has nothing to write.
    let (caches, all) = processes(&place, 1, &patient().negative_for(Duration::ZERO)).await;
    let absent = || async { Ok::<_, Down>(Loaded::<Text>::absent(1)) };
    let answer = all[0].get_or_load(&place.key, Want::any(), absent).await;
    assert_eq!(answer.expect_err("absent"), LoadError::Absent);
    lease_is_gone(&place).await;
    // Nor has what was cleared while it was loaded.
    let source = Source::closed();
    let tasks = readers(&all, &place.key, 1, &source);
    until("it loads", || source.calls.get() == 1).await;
    caches[0].clear(Scope::All).await.expect("recorded");
    source.open();
    all_answered(tasks, 1).await;
    lease_is_gone(&place).await;
}

async fn readers_that_go_away_leave_the_load_and_its_value(place: Place) {
    let (caches, all) = processes(&place, 2, &patient()).await;
    let source = Source::closed();
    let mut tasks = readers(&all[..1], &place.key, 20, &source);
    until("it loads", || source.calls.get() == 1).await;
    // The only ones that wait.
    tasks.shutdown().await;
    let waiting = readers(&all[1..], &place.key, 1, &source);
    until("the other process waits", || sum(&caches, |s| s.lease_waits) == 1).await;
    source.open();
    all_answered(waiting, 1).await;
    assert_eq!(source.calls.get(), 1);
    until("its value is in memory", || caches[0].stats().categories["texts"].l1_entries == 1).await;
    assert_eq!(load_failing(&all[0], &place.key).await.expect("kept").version, 1);
}

/// Version 1 is loaded by a process whose lease is over, version 2 by the one that has it since.
async fn a_holder_whose_lease_has_ended_neither_overwrites_nor_frees(place: Place) {
    let (late, next) = (place.cache().await, place.cache().await);
    let in_late = texts(&late, patient().lease_for(Duration::from_millis(300)));
    let in_next = texts(&next, patient());
    settled(&[&late, &next]).await;
    let (old, new) = (Source::closed(), Source::closed().of_version(2));
    let first = readers(std::slice::from_ref(&in_late), &place.key, 5, &old);
    until("the first one loads", || old.calls.get() == 1).await;
    let second = readers(std::slice::from_ref(&in_next), &place.key, 5, &new);
    until("the second one loads", || new.calls.get() == 1).await;
    let holder = place.holder().await;
    assert!(!holder.is_empty(), "the second one has the lease");

    // The late one writes, since nothing newer is there, and leaves the lease to the other.
    old.open();
    all_answered(first, 1).await;
    written(&late, "texts", 1).await;
    assert_eq!((place.version().await, place.holder().await), (Some(1), holder));
    new.open();
    all_answered(second, 2).await;
    lease_is_gone(&place).await;
    assert_eq!(place.version().await, Some(2));
    until_version(&in_late, &place.key, 2).await;

    // And the other way round: what is late is refused.
    let (old, new) = (Source::closed().of_version(3), Source::closed().of_version(4));
    let reading = |texts: &Texts, source: &Source| {
        let (texts, name, source) = (texts.clone(), place.key.clone(), source.clone());
        let want = Want::at_least(source.version);
        tokio::spawn(async move { texts.get_or_load(&name, want, || source.read()).await })
    };
    let first = reading(&in_late, &old);
    until("the first one loads", || old.calls.get() == 1).await;
    let second = reading(&in_next, &new);
    until("the second one loads", || new.calls.get() == 1).await;
    new.open();
    assert!(second.await.expect("no panic").is_ok());
    until_async("it is written", || async { place.version().await == Some(4) }).await;
    old.open();
    assert!(first.await.expect("no panic").is_ok());
    until("it has ended", || {
        let stats = late.stats();
        (stats.flights, stats.l2_writes_in_flight, stats.coherence.recovery_entries) == (0, 0, 0)
    })
    .await;
    until_version(&in_late, &place.key, 4).await;
    assert_eq!(place.version().await, Some(4));
}
