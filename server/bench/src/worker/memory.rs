//! What entries in memory really take, in a process that holds nothing else.

use tidemark_cache::{Cache, Policy, Tiers};

use super::Said;
use crate::error::{BenchError, Result};
use crate::value::{Blob, Blobs};

pub(super) async fn work(entries: u64, bytes: usize, limit: u64) -> Result<Said> {
    let before = resident();
    let cache = Cache::builder().l1_bytes(limit).build().map_err(BenchError::at("building a cache"))?;
    let policy = Policy::default().tiers(Tiers::L1);
    let blobs: Blobs = cache.category("memory", policy).map_err(BenchError::at("a category"))?;
    for i in 0..entries {
        blobs.set(&format!("SYM{i}:1h"), Blob(vec![1; bytes]), 1);
    }
    let resident = resident().saturating_sub(before);
    let stats = cache.stats();
    let entries = stats.categories.get("memory").map_or(0, |it| it.l1_entries);
    Ok(Said::Held { entries, counted: stats.l1_bytes, resident })
}

/// Resident memory of this process in bytes, from `/proc`; 0 where there is none.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024
}
