//! What is said of a node's health.

use serde::Serialize;

use super::info::Info;
use super::state::NodeState;

/// What a node is in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeRole {
    /// Owns slots, or could. A single node that replicates nothing is one, too.
    Master,
    /// Copies a master.
    Replica,
}

/// How a node is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeHealth {
    /// What this process knows of it.
    #[serde(flatten)]
    pub state: NodeState,
    /// Its identity in the cluster.
    pub id: Option<String>,
    /// By its own word, or that of the other nodes.
    pub role: Option<NodeRole>,
    /// Whether the other nodes take it for failed.
    pub failed: bool,
    /// How many slots it owns; 0 outside a cluster.
    pub slots: u64,
    /// Which, as (first, last).
    pub slot_ranges: Vec<(u16, u16)>,
    /// Slots on their way to or from it.
    pub slots_moving: u64,
    /// What it answered; none when it did not within 500 ms, and then `unanswered` says why.
    pub report: Option<NodeReport>,
    /// Why there is no report.
    pub unanswered: Option<String>,
}

/// A node's own numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeReport {
    /// What it is: `redis`, or `valkey`, which also tells the release of Redis that it is compatible with.
    pub server: String,
    /// Its own release.
    pub version: String,
    /// Since its start, in seconds.
    pub uptime_s: u64,
    /// Keys it holds.
    pub keys: u64,
    /// Bytes in use.
    pub memory_used: u64,
    /// Limit in bytes; 0 for none.
    pub memory_max: u64,
    /// What goes when the limit is reached, as `maxmemory-policy` says it.
    pub memory_policy: String,
    /// Commands a second just now.
    pub ops_per_s: u64,
    /// Part of the key look-ups that found something, since its start; none before the first.
    pub hit_ratio: Option<f64>,
    /// Keys evicted since its start.
    pub evicted: u64,
    /// Clients connected.
    pub clients: u64,
    /// Of a replica: bytes that it is behind its master, if that one answered.
    pub lag_bytes: Option<u64>,
    /// Of a replica: seconds since it heard of its master. Of a master: since it heard of its most silent replica.
    pub lag_s: Option<u64>,
    /// Of a replica: whether it is connected to its master.
    pub master_link_up: Option<bool>,
    /// How far this machine's clock is ahead of its, in milliseconds, the way there and back left out; none where the user may
    /// not ask for the time.
    pub clock_ahead_ms: Option<i64>,
}

/// Reads a node's own numbers. How far it is behind its master takes the master's word, too.
pub(super) fn report(info: &Info<'_>) -> NodeReport {
    let number = |field| info.number(field).unwrap_or(0);
    let (hits, misses) = (number("keyspace_hits"), number("keyspace_misses"));
    // Exact up to 2^53 look-ups, and a ratio all the same past it.
    let hit_ratio = (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64);
    let (server, version) = match info.text("valkey_version") {
        Some(version) => ("valkey", Some(version)),
        None => ("redis", info.text("redis_version")),
    };
    let is_replica = info.text("role") == Some("slave");
    NodeReport {
        server: server.to_owned(),
        version: version.unwrap_or_default().to_owned(),
        uptime_s: number("uptime_in_seconds"),
        keys: info.keys(),
        memory_used: number("used_memory"),
        memory_max: number("maxmemory"),
        memory_policy: info.text("maxmemory_policy").unwrap_or_default().to_owned(),
        ops_per_s: number("instantaneous_ops_per_sec"),
        hit_ratio,
        evicted: number("evicted_keys"),
        clients: number("connected_clients"),
        lag_bytes: None,
        lag_s: if is_replica {
            info.number("master_last_io_seconds_ago")
        } else {
            info.replicas().iter().map(|(_, lag)| *lag).max()
        },
        master_link_up: info.text("master_link_status").map(|link| link == "up"),
        clock_ahead_ms: None,
    }
}
