//! Figures of the cache, of one server since its start.

use serde::{Deserialize, Serialize};

use super::{ClearRecord, FailoverStats, NodeStats};
use crate::UnixMs;

/// What the cache of a server does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CacheStats {
    /// When it was read, Unix ms.
    pub as_of: UnixMs,
    /// Bytes in the memory of this server.
    pub memory_bytes: u64,
    /// Limit of those.
    pub memory_limit_bytes: u64,
    /// By category, by name.
    pub categories: Vec<CategoryStats>,
    /// The connection to Redis.
    pub redis: SharedTier,
    /// Each node of Redis.
    pub nodes: Vec<NodeStats>,
    /// The last failover of each part of a cluster.
    pub failovers: Vec<FailoverStats>,
    /// How this server keeps in step with the others.
    pub coherence: CoherenceStats,
    /// The keys that are read most, hottest first.
    pub hot_keys: Vec<HotKeyStats>,
    /// The clears that are remembered, newest first.
    pub clears: Vec<ClearRecord>,
}

/// The figures of one category.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryStats {
    /// Its name.
    pub name: String,
    /// Whether the server reads it for itself, at each request, and not for a reader.
    pub is_own: bool,
    /// Reads answered, whatever answered: of readers, not those to warm up or to refresh behind a reader.
    pub reads: u64,
    /// Of those, the ones that memory or Redis answered.
    pub answered_by_cache: u64,
    /// Time of the database that these saved, µs: each of them a load of average cost. None before the first load.
    pub saved_us: Option<u64>,
    /// Bytes that memory saved from being read from Redis. None before any.
    pub saved_bytes: Option<u64>,
    /// Keys in memory.
    pub keys: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Limit of those.
    pub limit_bytes: u64,
    /// Keys in memory that a clear covers: they answer nothing, and stay until they are replaced or expire.
    pub cleared_keys: u64,
    /// Bytes of those.
    pub cleared_bytes: u64,
    /// The memory tier.
    pub memory: L1Stats,
    /// The Redis tier.
    pub redis: L2Stats,
    /// Loads from the database.
    pub source: SourceStats,
}

/// Reads and writes of the memory tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct L1Stats {
    /// Reads answered, fresh.
    pub hits: u64,
    /// Reads answered past the soft life.
    pub stale: u64,
    /// Reads not answered.
    pub misses: u64,
    /// Entries put in.
    pub inserts: u64,
    /// Entries put out to stay within the limit.
    pub evictions: u64,
    /// Entries not kept, because each is too large.
    pub oversized: u64,
}

/// Reads and writes of the Redis tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct L2Stats {
    /// Reads answered, fresh.
    pub hits: u64,
    /// Reads answered past the soft life.
    pub stale: u64,
    /// Reads that found nothing.
    pub misses: u64,
    /// Reads that found an entry covered by a clear.
    pub dead: u64,
    /// Reads that found something of no use.
    pub invalid: u64,
    /// Reads that found another application's value.
    #[serde(default)]
    pub foreign: u64,
    /// Reads without an answer in time.
    pub timeouts: u64,
    /// Reads whose connection broke.
    #[serde(default)]
    pub broken: u64,
    /// Reads that Redis answered with an error.
    pub errors: u64,
    /// Reads not tried, for want of a connection.
    pub skipped: u64,
    /// Entries written.
    pub writes: u64,
    /// Writes left undone, because another application's value is there.
    #[serde(default)]
    pub foreign_writes: u64,
    /// Writes that failed.
    pub write_errors: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
}

/// Loads from the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStats {
    /// Loads begun.
    pub loads: u64,
    /// Loads that failed.
    pub failures: u64,
    /// Loads given up.
    pub timeouts: u64,
    /// Loads refused, because too many were under way.
    pub overloaded: u64,
    /// Readers that waited for a load begun by another.
    pub coalesced: u64,
    /// Loads of another server that saved one of ours.
    pub lease_saved: u64,
    /// Refreshes begun before the soft life ended.
    pub early: u64,
    /// Reads answered from the memory that there is no such thing.
    pub negative: u64,
    /// Time that the successful loads took together, µs.
    pub load_us: u64,
}

/// The connection to Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedTier {
    /// Whether a Redis is configured at all.
    pub configured: bool,
    /// Whether it is reached now: the breaker is closed. Of a cluster, whether every slot's master is.
    pub connected: bool,
    /// Where it is, without credentials.
    pub address: Option<String>,
    /// The error that ended the last connection or attempt; while connected, why it takes no writes or passes on no messages, if
    /// it does not, or which key holds another application's value.
    pub last_error: Option<String>,
    /// How long it has been so, ms.
    pub for_ms: u64,
    /// What became of its connections so far, all nodes together.
    #[serde(default)]
    pub connections: Connections,
    /// Writes to Redis under way.
    pub writes_in_flight: u64,
    /// Loads and looks into Redis under way.
    pub flights: u64,
}

/// What became of connections to Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Connections made.
    pub made: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Of those, the ones without an answer in time.
    pub timed_out: u64,
    /// Connections that broke, or were taken out of use for want of answers.
    pub lost: u64,
}

/// How a server keeps in step with the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoherenceStats {
    /// The others are heard; if not, memory is compared with Redis.
    pub trusted: bool,
    /// Others heard of.
    pub others: u64,
    /// Messages missed.
    pub gaps: u64,
    /// Times that another fell silent.
    pub silences: u64,
    /// Entries that wait for Redis to come back.
    pub waiting_entries: u64,
    /// Bytes of those.
    pub waiting_bytes: u64,
    /// Entries given up to stay within the limit of those.
    pub given_up: u64,
}

/// A key that is read often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HotKeyStats {
    /// Its full name, `category:text`.
    pub key: String,
    /// Reads in a second, over the last minutes; from a sample.
    pub per_second: f64,
    /// Bytes in memory; 0 when unknown.
    pub bytes: u64,
}
