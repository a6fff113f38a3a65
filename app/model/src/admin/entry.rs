//! One entry of the cache.

use serde::{Deserialize, Serialize};

/// All that is known of one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheEntry {
    /// In the memory of this server.
    pub memory: Option<EntryCopy>,
    /// In Redis.
    pub redis: Option<EntryCopy>,
    /// Its key in Redis.
    pub redis_key: String,
    /// Its hash slot in a cluster.
    pub slot: u16,
    /// It is being loaded, for so long at most, ms.
    pub lease_ms: Option<u64>,
    /// Why Redis could not be asked.
    pub redis_error: Option<String>,
}

/// One copy of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryCopy {
    /// `value`, `absent` or `removed`.
    pub kind: String,
    /// Version of the value.
    pub version: u64,
    /// Whether no clear covers it and its hard life is not over.
    pub alive: bool,
    /// Time since the load, ms.
    pub age_ms: u64,
    /// What is left of its soft life, ms.
    pub fresh_for_ms: u64,
    /// What is left of its hard life, ms.
    pub stale_for_ms: u64,
    /// What the load cost, µs.
    pub load_us: u64,
    /// Bytes that it takes.
    pub bytes: u64,
    /// Bytes before compression; in Redis only.
    pub raw_bytes: Option<u64>,
    /// Its tags.
    pub tags: Vec<String>,
}
