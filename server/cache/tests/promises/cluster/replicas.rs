//! Reads that replicas may answer.

use std::collections::BTreeMap;

use tidemark_cache::{Cache, Category, Tiers};

use crate::common::cluster::{cache_on_cluster, names_by_master, undisturbed};
use crate::common::*;

const EACH: usize = 20;
const ROUNDS: usize = 5;

fn requests(cache: &Cache) -> BTreeMap<String, (bool, u64)> {
    let nodes = cache.stats().l2.nodes;
    nodes.into_iter().map(|node| (node.address, (node.master, node.requests))).collect()
}

/// Reads all names some times past memory; whether all were there.
async fn reads(category: &Category<String, Text>, names: &[String]) -> bool {
    let mut found = true;
    for _ in 0..ROUNDS {
        for name in names {
            found &= category.get(name).await.is_some();
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_load_is_spread_where_the_policy_allows_it() {
    let cluster = undisturbed().await;
    let names: Vec<String> =
        names_by_master(&cluster, "spread", EACH).await.into_values().flatten().collect();
    let cache = cache_on_cluster(cluster, "replicas").await;
    let policy = || steady().tiers(Tiers::L2);
    let spread = cache.category("spread", policy().read_replicas(true)).expect("a category");
    let plain = cache.category("plain", policy()).expect("a category");
    for name in &names {
        spread.set(name, Text("v".into()), 1);
        plain.set(name, Text("v".into()), 1);
    }
    written(&cache, "spread", names.len() as u64).await;
    written(&cache, "plain", names.len() as u64).await;
    until_async("the replicas have all", || reads(&spread, &names)).await;

    let before = requests(&cache);
    assert!(reads(&spread, &names).await);
    let after = requests(&cache);
    let begun = |address: &str| after[address].1 - before[address].1;
    // Each shard is read a hundred times, by its two nodes in turn.
    let fair = (EACH * ROUNDS / 4) as u64;
    for (address, (master, _)) in &after {
        assert!(begun(address) >= fair, "{address}, master: {master}: {}", begun(address));
    }

    assert!(reads(&plain, &names).await);
    for (address, (master, now)) in requests(&cache) {
        let begun = now - after[&address].1;
        let right = if master { begun >= 3 * fair } else { begun == 0 };
        assert!(right, "{address}, master: {master}: {begun}, though only masters may answer");
    }
    let hits = cache.stats().categories["spread"].l2;
    assert_eq!((hits.timeouts, hits.errors), (0, 0), "{hits:?}");
}
