//! The cache's figures, as pages get them.

use model::{
    CacheStats, CategoryStats, ClearRecord, CoherenceStats, Connections, FailoverStats, HotKeyStats, L1Stats,
    L2Stats, NodeReport, NodeStats, SharedTier, SourceStats, UnixMs,
};
use tidemark_cache::{Cache, NodeHealth, NodeRole};

use super::cache::undo_until;
use crate::{config::OWN_CATEGORIES, feed::now_ms};

/// Hot keys shown.
const HOT_KEYS: usize = 20;

/// All figures. Takes at most half a second: the nodes are asked.
pub(super) async fn of(cache: &Cache) -> CacheStats {
    let nodes = cache.nodes().await;
    let stats = cache.stats();
    let cleared = cache.cleared_in_memory().await;
    let now = now_ms();
    let bus = stats.coherence;
    CacheStats {
        as_of: now,
        memory_bytes: stats.l1_bytes,
        memory_limit_bytes: stats.l1_limit_bytes,
        categories: stats
            .categories
            .iter()
            .map(|(name, figures)| category(name, figures, cleared.get(name).copied().unwrap_or_default()))
            .collect(),
        redis: SharedTier {
            configured: stats.l2.configured,
            connected: stats.l2.connected,
            address: stats.l2.address,
            last_error: (stats.l2.last_error)
                .or(stats.l2.writes_refused)
                .or(stats.l2.messages_refused)
                .or_else(|| {
                    stats.l2.foreign_key.map(|key| format!("{key} holds another application's value"))
                }),
            for_ms: stats.l2.for_ms,
            connections: Connections {
                made: stats.l2.connects,
                failed: stats.l2.connect_failures,
                timed_out: stats.l2.connect_timeouts,
                lost: stats.l2.connections_lost,
            },
            writes_in_flight: stats.l2_writes_in_flight,
            flights: stats.flights,
        },
        nodes: nodes.into_iter().map(node).collect(),
        failovers: cache
            .failovers()
            .into_iter()
            .map(|f| FailoverStats {
                from: f.from,
                to: f.to,
                seen_at: unix(f.seen_at_ms),
                took_ms: f.took_ms,
            })
            .collect(),
        coherence: CoherenceStats {
            trusted: bus.trusted,
            others: bus.publishers,
            gaps: bus.gaps,
            silences: bus.silences,
            waiting_entries: bus.recovery_entries,
            waiting_bytes: bus.recovery_bytes,
            given_up: bus.recovery_dropped,
        },
        hot_keys: cache
            .hot_keys(HOT_KEYS)
            .into_iter()
            .map(|hot| HotKeyStats {
                key: format!("{}:{}", hot.category, hot.key),
                per_second: hot.per_second,
                bytes: hot.bytes,
            })
            .collect(),
        clears: cache.clears().into_iter().map(|record| clear(cache, record, now)).collect(),
    }
}

fn unix(ms: u64) -> UnixMs {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn clear(cache: &Cache, record: tidemark_cache::ClearRecord, now: UnixMs) -> ClearRecord {
    let at = unix(record.at_ms);
    let undo_until = undo_until(cache, &record.scope, at);
    let left = if record.undone { 0 } else { undo_until.saturating_sub(now) };
    ClearRecord {
        handle: record.seq,
        scope: record.scope,
        at,
        undone: record.undone,
        undo_until,
        undo_left_ms: u64::try_from(left).unwrap_or(0),
    }
}

/// `cleared_keys` and `cleared_bytes`: what clears cover of the category's memory.
fn category(
    name: &str,
    figures: &tidemark_cache::CategoryStats,
    (cleared_keys, cleared_bytes): (u64, u64),
) -> CategoryStats {
    let (l1, l2, source) = (figures.l1, figures.l2, figures.source);
    CategoryStats {
        name: name.to_owned(),
        is_own: OWN_CATEGORIES.contains(&name),
        reads: figures.reads(),
        answered_by_cache: figures.answered_by_cache(),
        saved_us: figures.saved_us(),
        saved_bytes: figures.saved_bytes(),
        keys: figures.l1_entries,
        bytes: figures.l1_bytes,
        limit_bytes: figures.l1_limit_bytes,
        cleared_keys,
        cleared_bytes,
        memory: L1Stats {
            hits: l1.hits,
            stale: l1.stale,
            misses: l1.misses,
            inserts: l1.inserts,
            evictions: l1.evictions,
            oversized: l1.oversized,
        },
        redis: L2Stats {
            hits: l2.hits,
            stale: l2.stale,
            misses: l2.misses,
            dead: l2.dead,
            invalid: l2.invalid,
            foreign: l2.foreign,
            timeouts: l2.timeouts,
            broken: l2.broken,
            errors: l2.errors,
            skipped: l2.skipped,
            writes: l2.writes,
            foreign_writes: l2.foreign_writes,
            write_errors: l2.write_errors,
            bytes_read: l2.bytes_read,
            bytes_written: l2.bytes_written,
        },
        source: SourceStats {
            loads: source.loads,
            failures: source.failures,
            timeouts: source.timeouts,
            overloaded: source.overloaded,
            coalesced: source.coalesced,
            lease_saved: source.lease_saved,
            early: source.early,
            negative: source.negative,
            load_us: source.load_us,
        },
    }
}

fn node(health: NodeHealth) -> NodeStats {
    let NodeHealth { state, role, failed, slots, slots_moving, report, unanswered, .. } = health;
    let role = role.map(|role| match role {
        NodeRole::Master => "master".to_owned(),
        NodeRole::Replica => "replica".to_owned(),
    });
    NodeStats {
        address: state.address,
        role,
        usable: state.usable,
        failed,
        for_ms: state.for_ms,
        last_error: state.last_error,
        slots,
        slots_moving,
        requests: state.requests,
        errors: state.errors,
        broken: state.broken,
        timeouts: state.timeouts,
        connections: Connections {
            made: state.connects,
            failed: state.connect_failures,
            timed_out: state.connect_timeouts,
            lost: state.connections_lost,
        },
        report: report.map(|r| NodeReport {
            server: r.server,
            version: r.version,
            uptime_s: r.uptime_s,
            keys: r.keys,
            memory_used: r.memory_used,
            memory_max: r.memory_max,
            ops_per_s: r.ops_per_s,
            hit_ratio: r.hit_ratio,
            evicted: r.evicted,
            clients: r.clients,
            lag_bytes: r.lag_bytes,
            lag_s: r.lag_s,
            master_link_up: r.master_link_up,
        }),
        unanswered,
    }
}
