//! Promise 1 and 2: one load among all processes, and none lost. Each cache stands for a process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemark_cache::{Cache, LoadError, Loaded, Policy, Scope, Want};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::common::*;

/// So long that nothing in a test ends by it.
const NEVER: Duration = Duration::from_secs(60);

fn patient() -> Policy {
    steady().lease_for(NEVER).hard_timeout(NEVER)
}

/// A source that counts its calls and answers when it may.
#[derive(Clone)]
struct Source {
    calls: Calls,
    gate: Arc<Semaphore>,
}

impl Source {
    fn closed() -> Self {
        Self { calls: Calls::default(), gate: Arc::new(Semaphore::new(0)) }
    }

    fn open(&self) {
        self.gate.add_permits(1_000_000);
    }

    async fn read(self) -> Result<Loaded<Text>, Down> {
        self.calls.add();
        self.gate.acquire().await.expect("open").forget();
        Ok(Loaded::new(Text("v".into()), 1))
    }
}

/// So many readers of `k` in each of these.
fn readers(all: &[Texts], each: usize, source: &Source) -> JoinSet<Answer> {
    let mut tasks = JoinSet::new();
    for texts in all {
        for _ in 0..each {
            let (texts, source) = (texts.clone(), source.clone());
            tasks.spawn(async move { texts.get_or_load(&key("k"), Want::any(), || source.read()).await });
        }
    }
    tasks
}

async fn all_answered(mut tasks: JoinSet<Answer>) {
    while let Some(answer) = tokio::time::timeout(PATIENCE, tasks.join_next()).await.expect("answers in time")
    {
        let hit = answer.expect("no panic").expect("an answer");
        assert_eq!((hit.value.0.as_str(), hit.version, hit.stale), ("v", 1, None));
    }
}

async fn processes(
    redis: &local_servers::RedisServer,
    count: usize,
    policy: &Policy,
) -> (Vec<Cache>, Vec<Texts>) {
    let mut caches = Vec::new();
    for _ in 0..count {
        caches.push(cache_on(redis).await);
    }
    let all = caches.iter().map(|cache| texts(cache, policy.clone())).collect();
    (caches, all)
}

fn sum(caches: &[Cache], count: fn(&tidemark_cache::SourceCounts) -> u64) -> u64 {
    caches.iter().map(|cache| count(&cache.stats().categories["texts"].source)).sum()
}

async fn lease_is_gone(redis: &local_servers::RedisServer) {
    let plain = plain(redis).await;
    until_async("the lease was given back", || {
        let mut plain = plain.clone();
        async move {
            let there: bool =
                redis::cmd("EXISTS").arg("tm:l:texts:{k}").query_async(&mut plain).await.expect("answers");
            !there
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_readers_in_many_processes_cause_one_load() {
    let redis = redis().await;
    let (caches, all) = processes(&redis, 4, &patient()).await;
    let source = Source::closed();
    let tasks = readers(&all, 250, &source);
    until("all others wait for the one that loads", || sum(&caches, |s| s.lease_waits) == 3).await;
    until("all readers wait", || sum(&caches, |s| s.coalesced) == 4 * 249).await;
    source.open();
    all_answered(tasks).await;
    assert_eq!(source.calls.get(), 1);
    assert_eq!((sum(&caches, |s| s.loads), sum(&caches, |s| s.leases)), (1, 1));
    assert_eq!(sum(&caches, |s| s.lease_saved), 3);
    lease_is_gone(&redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_dies_delays_the_others_by_the_lease_and_one_of_them_loads() {
    const LEASE: Duration = Duration::from_secs(2);
    let redis = redis().await;
    let policy = patient().lease_for(LEASE);
    let holder = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let dying = Source::closed();
    holder.spawn({
        let (url, policy, dying) = (redis.url(), policy.clone(), dying.clone());
        async move {
            let cache = connected(builder_at(url).l2_timeout(Duration::from_secs(1))).await;
            let texts = texts(&cache, policy);
            let _ = texts.get_or_load(&key("k"), Want::any(), || dying.read()).await;
        }
    });
    let (caches, all) = processes(&redis, 3, &policy).await;
    until("the holder loads", || dying.calls.get() == 1).await;
    let source = Source::closed();
    let begun = Instant::now();
    let tasks = readers(&all, 50, &source);
    holder.shutdown_background();
    until("another has the lease", || source.calls.get() > 0).await;
    assert!(begun.elapsed() < LEASE + Duration::from_secs(10), "{:?}", begun.elapsed());
    // The load takes a while: those who wait now wait for this one, not longer for the dead one.
    until("the third ones have come to know", || {
        sum(&caches, |s| s.lease_waits) >= 2 && begun.elapsed() > LEASE + Duration::from_millis(500)
    })
    .await;
    source.open();
    all_answered(tasks).await;
    assert_eq!(source.calls.get(), 1, "beside the load that died");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_fails_lets_the_next_process_try_at_once() {
    let redis = redis().await;
    let (caches, all) = processes(&redis, 2, &patient()).await;
    let gate = Arc::new(Semaphore::new(0));
    let failing = tokio::spawn({
        let (texts, gate) = (all[0].clone(), Arc::clone(&gate));
        async move {
            let load = move || async move {
                gate.acquire().await.expect("open").forget();
                Err::<Loaded<Text>, _>(Down("source is down"))
            };
            texts.get_or_load(&key("k"), Want::any(), load).await
        }
    });
    until("it holds the lease", || sum(&caches, |s| s.leases) == 1).await;
    let source = Source::closed();
    source.open();
    let tasks = readers(&all[1..], 10, &source);
    until("the other waits", || sum(&caches, |s| s.lease_waits) == 1).await;
    gate.add_permits(1);
    assert_eq!(
        failing.await.expect("no panic").expect_err("fails"),
        LoadError::Source(Down("source is down"))
    );
    all_answered(tasks).await;
    assert_eq!(source.calls.get(), 1);
    lease_is_gone(&redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_lease_each_process_loads() {
    let redis = redis().await;
    let (caches, all) = processes(&redis, 3, &patient().lease_for(Duration::ZERO)).await;
    let source = Source::closed();
    let tasks = readers(&all, 20, &source);
    until("each loads", || source.calls.get() == 3).await;
    source.open();
    all_answered(tasks).await;
    assert_eq!((source.calls.get(), sum(&caches, |s| s.leases)), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_whose_result_is_not_written_gives_its_lease_back() {
    let redis = redis().await;
    // An absence that is not remembered has nothing to write.
    let (caches, all) = processes(&redis, 1, &patient().negative_for(Duration::ZERO)).await;
    let absent = || async { Ok::<_, Down>(Loaded::<Text>::absent(1)) };
    let answer = all[0].get_or_load(&key("k"), Want::any(), absent).await;
    assert_eq!(answer.expect_err("absent"), LoadError::Absent);
    lease_is_gone(&redis).await;
    // Nor has what was cleared while it was loaded.
    let source = Source::closed();
    let tasks = readers(&all, 1, &source);
    until("it loads", || source.calls.get() == 1).await;
    caches[0].clear(Scope::All).await.expect("recorded");
    source.open();
    all_answered(tasks).await;
    lease_is_gone(&redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_go_away_leave_the_load_and_its_value() {
    let redis = redis().await;
    let (caches, all) = processes(&redis, 2, &patient()).await;
    let source = Source::closed();
    let mut tasks = readers(&all[..1], 20, &source);
    until("it loads", || source.calls.get() == 1).await;
    // The only ones that wait.
    tasks.shutdown().await;
    let waiting = readers(&all[1..], 1, &source);
    until("the other process waits", || sum(&caches, |s| s.lease_waits) == 1).await;
    source.open();
    all_answered(waiting).await;
    assert_eq!(source.calls.get(), 1);
    until("its value is in memory", || caches[0].stats().categories["texts"].l1_entries == 1).await;
    assert_eq!(load_failing(&all[0], "k").await.expect("kept").version, 1);
}
