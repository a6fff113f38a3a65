//! Promise 1 with true processes: this very test binary, started again as readers.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tidemark_cache::{Loaded, Want};
use tokio::task::JoinSet;

use crate::common::*;

const PROCESSES: usize = 4;
const READERS: usize = 2_500;
/// Tells the child where Redis is.
const URL: &str = "TIDEMARK_TEST_REDIS";
/// Tells the child how long a lease lasts, ms.
const LEASE: &str = "TIDEMARK_TEST_LEASE_MS";

/// Not a test: what the processes of the tests below do. It ends well if all readers have had the value.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the tests of this file"]
async fn a_process_full_of_readers() {
    let (Ok(url), Ok(lease)) = (std::env::var(URL), std::env::var(LEASE)) else { return };
    let lease = Duration::from_millis(lease.parse().expect("a number"));
    let mut plain = plain_at(&url).await;
    let cache = connected(builder_at(url).l2_timeout(Duration::from_secs(1))).await;
    let texts = texts(&cache, steady().lease_for(lease).hard_timeout(Duration::from_secs(100)));
    let _: u64 = plain.incr("connected", 1).await.expect("counted");
    there(&mut plain, "start").await;
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (texts, plain) = (texts.clone(), plain.clone());
        readers.spawn(
            async move { texts.get_or_load(&key("k"), Want::any(), move || slow_source(plain)).await },
        );
    }
    until("all readers wait", || cache.stats().categories["texts"].source.coalesced == READERS as u64 - 1)
        .await;
    let _: u64 = plain.incr("waiting", 1).await.expect("counted");
    while let Some(answer) = readers.join_next().await {
        let hit = answer.expect("no panic").expect("an answer");
        assert_eq!((hit.version, hit.stale), (1, None));
    }
}

/// Counts the load, says who does it, and waits to be let on.
async fn slow_source(mut plain: MultiplexedConnection) -> Result<Loaded<Text>, Down> {
    let _: u64 = plain.incr("loads", 1).await.expect("counted");
    let _: () = plain.set("holder", std::process::id()).await.expect("said");
    there(&mut plain, "open").await;
    Ok(Loaded::new(Text("v".into()), 1))
}

/// Waits until a key is there.
async fn there(plain: &mut MultiplexedConnection, name: &str) {
    count(plain, name, 1).await;
}

/// Waits until a counter has come so far.
async fn count(plain: &mut MultiplexedConnection, name: &str, least: u64) {
    until_async(&format!("{name} is {least}"), || {
        let mut plain = plain.clone();
        async move { plain.get::<_, Option<u64>>(name).await.expect("answers").is_some_and(|n| n >= least) }
    })
    .await;
}

/// The processes; killed when the test ends early.
struct Children(Vec<Child>);

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Children {
    fn start(url: &str, lease: Duration) -> Self {
        let start = |_| {
            Command::new(std::env::current_exe().expect("a path"))
                .args(["--exact", "processes::a_process_full_of_readers", "--ignored", "--nocapture"])
                .env(URL, url)
                .env(LEASE, lease.as_millis().to_string())
                .stdout(Stdio::null())
                .spawn()
                .expect("starts")
        };
        Self((0..PROCESSES).map(start).collect())
    }

    async fn all_ended_well(mut self) {
        for mut child in std::mem::take(&mut self.0) {
            until("the process ends", || child.try_wait().expect("known").is_some()).await;
            assert!(child.wait().expect("known").success());
        }
    }
}

/// Starts the processes and waits until all their readers wait for one load.
async fn all_waiting(url: &str, lease: Duration, plain: &mut MultiplexedConnection) -> Children {
    let children = Children::start(url, lease);
    count(plain, "connected", PROCESSES as u64).await;
    let _: () = plain.set("start", 1).await.expect("said");
    count(plain, "waiting", PROCESSES as u64).await;
    children
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_readers_in_four_processes_cause_one_load() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let children = all_waiting(&redis.url(), Duration::from_secs(60), &mut plain).await;
    let _: () = plain.set("open", 1).await.expect("said");
    children.all_ended_well().await;
    assert_eq!(plain.get::<_, u64>("loads").await.expect("answers"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_holder_costs_one_load_more() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let mut children = all_waiting(&redis.url(), Duration::from_secs(10), &mut plain).await;
    let holder: u32 = plain.get("holder").await.expect("answers");
    let at = children.0.iter().position(|child| child.id() == holder).expect("one of ours");
    let mut dead = children.0.swap_remove(at);
    dead.kill().expect("killed");
    dead.wait().expect("ended");
    assert_eq!(plain.get::<_, u64>("loads").await.expect("answers"), 1);
    count(&mut plain, "loads", 2).await;
    let _: () = plain.set("open", 1).await.expect("said");
    children.all_ended_well().await;
    assert_eq!(plain.get::<_, u64>("loads").await.expect("answers"), 2);
}
