//! The oldest Redis that is supported, 6.2, and Valkey: each alone and as a cluster.
//!
//! The programs are named by `TIDEMARK_TEST_REDIS_6_2` and `TIDEMARK_TEST_VALKEY`; `cargo deploy test` fetches them and sets
//! both, on Linux on x86-64. Without one its tests say so and check nothing, except there under `CI=true`, where they fail.

mod common;

use std::path::PathBuf;
use std::time::Duration;

use common::*;
use local_servers::{RedisCluster, RedisServer};
use tidemark_cache::{Cache, Scope, Tier, Want};

const REDIS_6_2: &str = "TIDEMARK_TEST_REDIS_6_2";
const VALKEY: &str = "TIDEMARK_TEST_VALKEY";

/// The program that a variable names; none where the test cannot be made.
fn program(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    if path.is_none() {
        let is_available = cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"));
        let is_ci = is_available && std::env::var_os("CI").is_some_and(|it| it == "true");
        assert!(!is_ci, "{variable} is not set: `cargo deploy test` fetches the program and sets it");
        eprintln!("skipped: {variable} is not set; `cargo deploy test` fetches the program and sets it");
    }
    path
}

/// Two processes share an entry, hear each other, and know of each other's clears; no node is lost meanwhile.
async fn all_works(url: &str, server: &str, version: &str) {
    let builder = || Cache::builder().redis(Some(url.to_owned())).l2_timeout(Duration::from_secs(1));
    let (a, b) = (connected(builder()).await, connected(builder()).await);
    settled(&[&a, &b]).await;
    let connects = (a.l2_state().connects, b.l2_state().connects);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    for i in 0..30 {
        load(&in_a, &format!("k{i}"), "v1", 1).await.expect("loads");
    }
    written(&a, "texts", 30).await;
    for i in 0..30 {
        let hit = load_failing(&in_b, &format!("k{i}")).await.expect("from Redis");
        assert_eq!((hit.tier, hit.version), (Tier::L2, 1));
    }
    // An announcement has binary arguments: where its command is unknown, the error would cost the connection.
    load_wanting(&in_a, "k0", Want::at_least(2), "v2", 2).await.expect("loads");
    until_version(&in_b, "k0", 2).await;
    let cleared = a.clear(Scope::All).await.expect("clears");
    until("the clear is known", || b.stats().clears.head >= cleared.seq).await;
    let state = a.l2_state();
    assert_eq!((state.connects, b.l2_state().connects), connects, "no node was lost: {state:?}");
    assert_eq!((state.trouble(), b.l2_state().trouble()), (None, None));
    for node in a.nodes().await {
        let report = node.report.expect("it reports");
        assert_eq!(report.server, server);
        assert!(report.version.starts_with(version), "{}", report.version);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_6_2_alone() {
    let Some(program) = program(REDIS_6_2) else { return };
    let redis = blocking(move || RedisServer::ephemeral_by(&program)).await.expect("starts");
    all_works(&redis.url(), "redis", "6.2.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_6_2_as_a_cluster() {
    let Some(program) = program(REDIS_6_2) else { return };
    let cluster = blocking(move || RedisCluster::ephemeral_by(&program)).await.expect("starts");
    all_works(&cluster.cluster_url(), "redis", "6.2.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valkey_alone() {
    let Some(program) = program(VALKEY) else { return };
    let redis = blocking(move || RedisServer::ephemeral_by(&program)).await.expect("starts");
    all_works(&redis.url(), "valkey", "9.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valkey_as_a_cluster() {
    let Some(program) = program(VALKEY) else { return };
    let cluster = blocking(move || RedisCluster::ephemeral_by(&program)).await.expect("starts");
    all_works(&cluster.cluster_url(), "valkey", "9.").await;
}
