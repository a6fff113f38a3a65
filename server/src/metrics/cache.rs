//! What the cache counts, by category.

use tidemark_cache::{CategoryStats, Stats};

use super::exposition::{Exposition, Kind};

/// A number of each category, as (labels beside the category, number).
type Read = fn(&CategoryStats) -> Vec<(&'static [(&'static str, &'static str)], u64)>;

/// Counters and gauges of each category.
const FAMILIES: &[(&str, Kind, &str, Read)] = &[
    ("tidemark_cache_reads_total", Kind::Counter, "Reads of a tier by what it had.", |c| {
        vec![
            (&[("tier", "l1"), ("result", "hit")], c.l1.hits),
            (&[("tier", "l1"), ("result", "stale")], c.l1.stale),
            (&[("tier", "l1"), ("result", "miss")], c.l1.misses),
            (&[("tier", "l2"), ("result", "hit")], c.l2.hits),
            (&[("tier", "l2"), ("result", "stale")], c.l2.stale),
            (&[("tier", "l2"), ("result", "miss")], c.l2.misses),
            (&[("tier", "l2"), ("result", "dead")], c.l2.dead),
            (&[("tier", "l2"), ("result", "invalid")], c.l2.invalid),
            (&[("tier", "l2"), ("result", "foreign")], c.l2.foreign),
            (&[("tier", "l2"), ("result", "timeout")], c.l2.timeouts),
            (&[("tier", "l2"), ("result", "broken")], c.l2.broken),
            (&[("tier", "l2"), ("result", "error")], c.l2.errors),
        ]
    }),
    ("tidemark_cache_l2_skipped_total", Kind::Counter, "Reads not tried without Redis.", |c| {
        vec![(&[], c.l2.skipped)]
    }),
    ("tidemark_cache_l2_writes_total", Kind::Counter, "Writes to Redis by how they ended.", |c| {
        vec![
            (&[("result", "stored")], c.l2.writes),
            (&[("result", "refused")], c.l2.refused),
            (&[("result", "foreign")], c.l2.foreign_writes),
            (&[("result", "deferred")], c.l2.deferred),
            (&[("result", "outlived")], c.l2.outlived),
            (&[("result", "error")], c.l2.write_errors),
        ]
    }),
    ("tidemark_cache_l2_read_bytes_total", Kind::Counter, "Bytes of entries read from Redis.", |c| {
        vec![(&[], c.l2.bytes_read)]
    }),
    ("tidemark_cache_l2_written_bytes_total", Kind::Counter, "Bytes of entries written to Redis.", |c| {
        vec![(&[], c.l2.bytes_written)]
    }),
    ("tidemark_cache_l1_inserts_total", Kind::Counter, "Entries put into memory.", |c| {
        vec![(&[], c.l1.inserts)]
    }),
    ("tidemark_cache_l1_refused_total", Kind::Counter, "Puts into memory refused for a newer entry.", |c| {
        vec![(&[], c.l1.refused)]
    }),
    ("tidemark_cache_l1_evictions_total", Kind::Counter, "Entries put out of memory by its limit.", |c| {
        vec![(&[], c.l1.evictions)]
    }),
    ("tidemark_cache_l1_oversized_total", Kind::Counter, "Entries too large to be kept in memory.", |c| {
        vec![(&[], c.l1.oversized)]
    }),
    ("tidemark_cache_l1_bytes", Kind::Gauge, "Bytes in memory, bookkeeping included.", |c| {
        vec![(&[], c.l1_bytes)]
    }),
    ("tidemark_cache_l1_limit_bytes", Kind::Gauge, "Bytes that memory may take.", |c| {
        vec![(&[], c.l1_limit_bytes)]
    }),
    ("tidemark_cache_l1_entries", Kind::Gauge, "Entries in memory.", |c| vec![(&[], c.l1_entries)]),
    ("tidemark_cache_loads_total", Kind::Counter, "Loads from the source begun.", |c| {
        vec![(&[], c.source.loads)]
    }),
    ("tidemark_cache_load_failures_total", Kind::Counter, "Loads without a value, by reason.", |c| {
        vec![
            (&[("reason", "error")], c.source.failures),
            (&[("reason", "timeout")], c.source.timeouts),
            (&[("reason", "overloaded")], c.source.overloaded),
        ]
    }),
    ("tidemark_cache_coalesced_total", Kind::Counter, "Readers that waited for another's load.", |c| {
        vec![(&[], c.source.coalesced)]
    }),
    ("tidemark_cache_throttled_total", Kind::Counter, "Reads told of a failure a moment before.", |c| {
        vec![(&[], c.source.throttled)]
    }),
    ("tidemark_cache_absent_total", Kind::Counter, "Loads that found no such thing.", |c| {
        vec![(&[], c.source.absent)]
    }),
    ("tidemark_cache_negative_hits_total", Kind::Counter, "Reads told of an absence from memory.", |c| {
        vec![(&[], c.source.negative)]
    }),
    ("tidemark_cache_early_refreshes_total", Kind::Counter, "Refreshes begun before the soft end.", |c| {
        vec![(&[], c.source.early)]
    }),
    ("tidemark_cache_leases_total", Kind::Counter, "Loads begun under a lease.", |c| {
        vec![(&[], c.source.leases)]
    }),
    ("tidemark_cache_lease_waits_total", Kind::Counter, "Loads left to another process.", |c| {
        vec![(&[], c.source.lease_waits)]
    }),
    ("tidemark_cache_lease_saved_total", Kind::Counter, "Loads that another process saved.", |c| {
        vec![(&[], c.source.lease_saved)]
    }),
];

/// Writes everything that is counted by category.
pub(super) fn write(out: &mut Exposition, stats: &Stats) {
    for (name, kind, help, read) in FAMILIES {
        let mut family = out.family(name, *kind, help);
        for (category, numbers) in &stats.categories {
            for (labels, number) in read(numbers) {
                let mut all = vec![("category", *category)];
                all.extend_from_slice(labels);
                family.sample(&all, number);
            }
        }
    }
    let mut family = out.family(
        "tidemark_cache_load_seconds_total",
        Kind::Counter,
        "Time that successful loads took together.",
    );
    for (category, numbers) in &stats.categories {
        family.sample(&[("category", category)], seconds(numbers.source.load_us));
    }
    // An estimate by the average load, which may fall: no counter.
    let mut family = out.family(
        "tidemark_cache_saved_seconds",
        Kind::Gauge,
        "Estimated load time that the cache saved since the start.",
    );
    for (category, numbers) in &stats.categories {
        family.sample(&[("category", category)], seconds(numbers.saved_us().unwrap_or(0)));
    }
    out.family("tidemark_cache_flights", Kind::Gauge, "Keys being loaded or looked up.")
        .sample(&[], stats.flights);
}

/// Exact up to 2^53 µs, 285 years.
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
