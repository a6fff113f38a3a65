//! All that is known of the cache, in one document.

use std::collections::BTreeMap;

use serde::Serialize;
use tidemark_cache::{Cache, ClearRecord, Failover, HotKey, NodeHealth, Stats};

use crate::config::OWN_CATEGORIES;

/// Hot keys shown.
const HOT_KEYS: usize = 20;

/// What the cache does, of this process; the nodes by their own word.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    stats: Stats,
    /// Entries in memory that clears cover, by category.
    cleared: BTreeMap<&'static str, Covered>,
    /// What the cache spared the source and Redis, by category.
    savings: BTreeMap<&'static str, Saved>,
    /// Health of each Redis node.
    nodes: Vec<NodeHealth>,
    /// The last failover of each part of a cluster.
    failovers: Vec<Failover>,
    /// The keys that are read most, hottest first.
    hot_keys: Vec<HotKey>,
    /// The clears that are remembered, newest first.
    clear_log: Vec<ClearRecord>,
}

/// What clears cover of a category's memory: it answers nothing, and stays until it is replaced or expires.
#[derive(Serialize)]
struct Covered {
    entries: u64,
    bytes: u64,
}

/// What a category saved. Estimates, from the average load and the average entry; none before there is an average.
#[derive(Serialize)]
struct Saved {
    /// Whether the server reads the category for itself, at each request, and not for a reader.
    own: bool,
    reads: u64,
    answered_by_cache: u64,
    load_us: Option<u64>,
    bytes: Option<u64>,
}

impl Report {
    /// Takes at most half a second: the nodes are asked.
    pub(super) async fn of(cache: &Cache) -> Self {
        let nodes = cache.nodes().await;
        let stats = cache.stats();
        let cleared = cache
            .cleared_in_memory()
            .await
            .into_iter()
            .map(|(name, (entries, bytes))| (name, Covered { entries, bytes }))
            .collect();
        let savings = stats
            .categories
            .iter()
            .map(|(name, category)| {
                let saved = Saved {
                    own: OWN_CATEGORIES.contains(name),
                    reads: category.reads(),
                    answered_by_cache: category.answered_by_cache(),
                    load_us: category.saved_us(),
                    bytes: category.saved_bytes(),
                };
                (*name, saved)
            })
            .collect();
        Self {
            stats,
            cleared,
            savings,
            nodes,
            failovers: cache.failovers(),
            hot_keys: cache.hot_keys(HOT_KEYS),
            clear_log: cache.clears(),
        }
    }
}
