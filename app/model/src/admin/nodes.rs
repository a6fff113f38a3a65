//! The nodes of Redis.

use serde::{Deserialize, Serialize};

use super::Connections;
use crate::UnixMs;

/// How a node of Redis is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeStats {
    /// Where it is.
    pub address: String,
    /// `master` or `replica`; none when nobody says.
    pub role: Option<String>,
    /// Whether this server is connected to it and its breaker is closed.
    pub usable: bool,
    /// Whether the other nodes take it for failed.
    pub failed: bool,
    /// How long it has been usable, or not, ms.
    pub for_ms: u64,
    /// The error that ended the last connection or attempt; none while usable.
    pub last_error: Option<String>,
    /// Slots that it owns; 0 outside a cluster.
    pub slots: u64,
    /// Slots on their way to or from it.
    pub slots_moving: u64,
    /// Exchanges of this server with it.
    pub requests: u64,
    /// Of those, the ones that it answered with an error.
    pub errors: u64,
    /// Of those, the ones whose connection broke.
    #[serde(default)]
    pub broken: u64,
    /// Of those, the ones without an answer in time.
    pub timeouts: u64,
    /// What became of the connections to it.
    #[serde(default)]
    pub connections: Connections,
    /// What it says of itself; none when it did not answer in time.
    pub report: Option<NodeReport>,
    /// Why it says nothing.
    pub unanswered: Option<String>,
}

/// A node's own numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeReport {
    /// What it is: `redis` or `valkey`.
    #[serde(default)]
    pub server: String,
    /// Its release.
    pub version: String,
    /// Since its start, seconds.
    pub uptime_s: u64,
    /// Keys.
    pub keys: u64,
    /// Bytes in use.
    pub memory_used: u64,
    /// Limit of those; 0 for none.
    pub memory_max: u64,
    /// Commands a second just now.
    pub ops_per_s: u64,
    /// Part of its look-ups that found something, 0 to 1; none before the first.
    pub hit_ratio: Option<f64>,
    /// Keys evicted since its start.
    pub evicted: u64,
    /// Clients connected.
    pub clients: u64,
    /// Of a replica: bytes that it is behind its master.
    pub lag_bytes: Option<u64>,
    /// Seconds since it heard of its master, or of its most silent replica.
    pub lag_s: Option<u64>,
    /// Of a replica: whether it is connected to its master.
    pub master_link_up: Option<bool>,
}

impl NodeReport {
    /// The name of what it is, as its makers write it.
    #[must_use]
    pub fn product(&self) -> &'static str {
        if self.server == "valkey" { "Valkey" } else { "Redis" }
    }
}

/// A replica took the place of its master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverStats {
    /// The old master.
    pub from: String,
    /// The new one.
    pub to: String,
    /// When it was seen, Unix ms.
    pub seen_at: UnixMs,
    /// From the loss to the first write, ms; none while it is not over.
    pub took_ms: Option<u64>,
}
