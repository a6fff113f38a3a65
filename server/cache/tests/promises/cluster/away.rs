//! One master of three does not answer, and nobody takes its place: batches, clears and reads by replicas go on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use local_servers::{RedisCluster, key_slot};
use tidemark_cache::{Cache, Category, Counted, Scope, Tier, Tiers, Want};

use crate::batches::{Source, all, read};
use crate::common::cluster::{NEVER, Own, all_nodes_known, cache_on_cluster, names_by_master, own, with};
use crate::common::*;

const EACH: usize = 20;
/// A batch may take the limit of Redis some times, and what a busy machine adds.
const BOUND: Duration = Duration::from_secs(8);

struct Site {
    cluster: Own,
    /// The node that goes away: it has neither the clear log nor the messages.
    victim: usize,
    names: BTreeMap<usize, Vec<String>>,
    /// With the limits as they are shipped.
    cache: Cache,
    /// Past memory, by masters, and by replicas too.
    plain: Category<String, Text>,
    spread: Category<String, Text>,
}

impl Site {
    async fn new() -> Self {
        let cluster = own(|| RedisCluster::ephemeral_with(3, 1, NEVER, &[])).await;
        let needed = ["tm:clears", "{tm:bus}"].map(|key| key_slot(key.as_bytes()));
        let victim = with(&cluster, move |cluster| {
            let nodes = cluster.nodes()?;
            let free = |slots: [u16; 2]| {
                nodes.iter().find(|node| node.slot_count() > 0 && !slots.iter().any(|slot| node.owns(*slot)))
            };
            Ok(free(needed).expect("three masters, two keys").index)
        })
        .await;
        let cache = connected(builder_at(cluster.cluster_url())).await;
        all_nodes_known(&cache, cluster.size()).await;
        let policy = || steady().tiers(Tiers::L2);
        let site = Self {
            victim,
            names: names_by_master(&cluster, "k", EACH).await,
            plain: cache.category("plain", policy()).expect("a category"),
            spread: cache.category("spread", policy().read_replicas(true)).expect("a category"),
            cluster,
            cache,
        };
        for name in site.all_names() {
            site.plain.set(&name, Text(name.clone()), 1);
            site.spread.set(&name, Text(name.clone()), 1);
        }
        // Some had to wait for a moment.
        until("all is written", || {
            let stats = site.cache.stats();
            let written = |name: &str| stats.categories[name].l2.writes;
            (written("plain"), written("spread")) == (3 * EACH as u64, 3 * EACH as u64)
        })
        .await;
        until_async("the replicas have all", || async {
            let mut found = true;
            for name in site.all_names() {
                // Both nodes of its shard.
                found &= site.spread.get(&name).await.is_some() && site.spread.get(&name).await.is_some();
            }
            found
        })
        .await;
        site
    }

    fn all_names(&self) -> Vec<String> {
        self.names.values().flatten().cloned().collect()
    }

    /// Names that nobody has written, one of each master.
    async fn cold(&self, prefix: &str) -> Vec<String> {
        names_by_master(&self.cluster, prefix, 1).await.into_values().flatten().collect()
    }

    /// One batch of all names and some cold ones: all answered in time, by one call of the source at most.
    async fn batch(&self, category: &Category<String, Text>, cold: &[String]) -> Vec<String> {
        let names: Vec<String> = self.all_names().into_iter().chain(cold.iter().cloned()).collect();
        let (source, begun) = (Source::open(1), Instant::now());
        let hits = all(read(category, &names, Want::any(), &source).await);
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        for (name, hit) in names.iter().zip(hits) {
            assert_eq!((&hit.value.0, hit.stale), (name, None));
        }
        let mut asked = source.asked();
        assert!(asked.len() <= 1, "one call for all that is missing: {asked:?}");
        let mut missing = asked.pop().unwrap_or_default();
        missing.sort();
        missing
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_master_away_all_is_answered() {
    let site = Site::new().await;
    let (victim, cache) = (site.victim, &site.cache);
    with(&site.cluster, move |cluster| cluster.node(victim).pause()).await;

    // Whoever is asked first waits for it in vain; who has it known asks its replica.
    let mut rounds = 0;
    until_async("the replica answers for it", || {
        rounds += 1;
        let prefix = format!("cold-{rounds}-");
        let site = &site;
        async move {
            let mut cold = site.cold(&prefix).await;
            cold.sort();
            site.batch(&site.spread, &cold).await;
            site.batch(&site.plain, &cold).await == cold
        }
    })
    .await;
    until("it is noticed", || cache.l2_state().degraded()).await;
    reads_by_the_replica(&site).await;
    clears_by_the_others(&site).await;

    with(&site.cluster, move |cluster| cluster.node(victim).resume()).await;
    assert!(cache.wait_for_l2(PATIENCE).await, "{:?}", cache.l2_state());
    until("what could not be written is made good", || cache.stats().coherence.recovery_entries == 0).await;
    let other = cache_on_cluster(&site.cluster, "tm").await;
    let plain = other.category::<String, Text>("plain", steady()).expect("a category");
    let cold = site.cold(&format!("cold-{rounds}-")).await;
    assert_eq!(site.batch(&plain, &cold).await, Vec::<String>::new(), "all of it is in Redis");
}

/// Reads are served, and by the replica alone.
async fn reads_by_the_replica(site: &Site) {
    for category in [&site.spread, &site.plain] {
        for name in site.names[&site.victim].iter().chain(&site.names[&site.victim]) {
            let hit = load_failing(category, name).await.expect("from Redis");
            assert_eq!((&hit.value.0, hit.tier, hit.stale), (name, Tier::L2, None));
        }
    }
}

/// A preview says what it could not look at, a clear covers it all the same.
async fn clears_by_the_others(site: &Site) {
    let (cache, victim) = (&site.cache, site.victim);
    // Of the names that all masters had before, not of those that were loaded since.
    let scope = || Scope::Prefix("spread:k".into());
    let preview = cache.preview_clear(&scope()).await.expect("counted");
    assert!(!preview.complete && preview.errors.len() == 1, "{preview:?}");
    assert_eq!((preview.l2_found, preview.l2_entries), (2 * EACH as u64, 2 * EACH as u64), "{preview:?}");
    assert_eq!((preview.l2_counted, preview.l2_entries_error), (Counted::AtLeast, 0));
    let cleared = cache.clear(scope()).await.expect("recorded: the log is elsewhere");
    for name in site.all_names() {
        assert!(site.spread.get(&name).await.is_none(), "{name}");
    }
    let undone = cache.undo(cleared.seq).await.expect("undone");
    assert!(!undone.complete && undone.revived == 2 * EACH as u64, "{undone:?}");
    for name in &site.names[&victim] {
        assert!(site.spread.get(name).await.is_some(), "{name}");
    }
}
