//! Redis, the messages between servers, and what waits to be made good.

use tidemark_cache::{NodeState, Stats};

use super::exposition::{Exposition, Kind};

/// Name, kind, help, and where the number is.
type One<T> = (&'static str, Kind, &'static str, fn(&T) -> u64);

/// Counters and gauges of each node.
const NODES: &[One<NodeState>] = &[
    ("tidemark_redis_node_up", Kind::Gauge, "1 while the node is connected and in use.", |n| {
        u64::from(n.usable)
    }),
    ("tidemark_redis_node_master", Kind::Gauge, "1 while the node owns slots.", |n| u64::from(n.master)),
    ("tidemark_redis_node_requests_total", Kind::Counter, "Exchanges begun with the node.", |n| n.requests),
    ("tidemark_redis_node_errors_total", Kind::Counter, "Exchanges answered with an error.", |n| n.errors),
    ("tidemark_redis_node_broken_total", Kind::Counter, "Exchanges whose connection broke.", |n| n.broken),
    ("tidemark_redis_node_timeouts_total", Kind::Counter, "Exchanges without an answer in time.", |n| {
        n.timeouts
    }),
    ("tidemark_redis_node_redirects_total", Kind::Counter, "Answers that named another node.", |n| {
        n.redirects
    }),
    ("tidemark_redis_node_connects_total", Kind::Counter, "Connections made to the node.", |n| n.connects),
    ("tidemark_redis_node_connect_failures_total", Kind::Counter, "Attempts to connect that failed.", |n| {
        n.connect_failures
    }),
    (
        "tidemark_redis_node_connect_timeouts_total",
        Kind::Counter,
        "Failed attempts to connect without an answer in time.",
        |n| n.connect_timeouts,
    ),
    ("tidemark_redis_node_connections_lost_total", Kind::Counter, "Connections that broke or hung.", |n| {
        n.connections_lost
    }),
];

/// Counters and gauges of this process.
const PROCESS: &[One<Stats>] = &[
    ("tidemark_cache_l2_configured", Kind::Gauge, "1 if a Redis is configured.", |s| {
        u64::from(s.l2.configured)
    }),
    ("tidemark_cache_l2_up", Kind::Gauge, "1 while Redis is reached; of a cluster, every master.", |s| {
        u64::from(s.l2.connected)
    }),
    ("tidemark_cache_l2_connects_total", Kind::Counter, "Connections made to Redis.", |s| s.l2.connects),
    ("tidemark_cache_l2_connect_failures_total", Kind::Counter, "Attempts to connect that failed.", |s| {
        s.l2.connect_failures
    }),
    (
        "tidemark_cache_l2_connect_timeouts_total",
        Kind::Counter,
        "Failed attempts to connect without an answer in time.",
        |s| s.l2.connect_timeouts,
    ),
    ("tidemark_cache_l2_connections_lost_total", Kind::Counter, "Connections that broke or hung.", |s| {
        s.l2.connections_lost
    }),
    ("tidemark_cache_l2_writes_in_flight", Kind::Gauge, "Writes to Redis under way.", |s| {
        s.l2_writes_in_flight
    }),
    ("tidemark_cache_recovery_entries", Kind::Gauge, "Entries that wait for Redis to come back.", |s| {
        s.coherence.recovery_entries
    }),
    ("tidemark_cache_recovery_bytes", Kind::Gauge, "Bytes of the entries that wait for Redis.", |s| {
        s.coherence.recovery_bytes
    }),
    ("tidemark_cache_recovery_queued_total", Kind::Counter, "Entries not written at once.", |s| {
        s.coherence.recovery_queued
    }),
    ("tidemark_cache_recovery_dropped_total", Kind::Counter, "Entries given up by the limit.", |s| {
        s.coherence.recovery_dropped
    }),
    ("tidemark_cache_recovered_total", Kind::Counter, "Entries made good.", |s| s.coherence.recovered),
    ("tidemark_cache_bus_trusted", Kind::Gauge, "1 while every known server is heard.", |s| {
        u64::from(s.coherence.trusted)
    }),
    ("tidemark_cache_bus_publishers", Kind::Gauge, "Other servers heard of.", |s| s.coherence.publishers),
    ("tidemark_cache_bus_doubts_total", Kind::Counter, "Times that memory was compared with Redis.", |s| {
        s.coherence.doubts
    }),
    ("tidemark_cache_bus_gaps_total", Kind::Counter, "Messages missed, by their numbers.", |s| {
        s.coherence.gaps
    }),
    ("tidemark_cache_bus_silences_total", Kind::Counter, "Times that a server fell silent.", |s| {
        s.coherence.silences
    }),
    ("tidemark_cache_bus_resubscriptions_total", Kind::Counter, "Subscriptions replaced.", |s| {
        s.coherence.resubscriptions
    }),
    ("tidemark_cache_bus_heard_total", Kind::Counter, "Messages heard, heartbeats among them.", |s| {
        s.coherence.messages_heard
    }),
    ("tidemark_cache_bus_announcements_total", Kind::Counter, "Versions taken in from others.", |s| {
        s.coherence.announcements_heard
    }),
    ("tidemark_cache_bus_sent_total", Kind::Counter, "Messages sent, heartbeats among them.", |s| {
        s.coherence.messages_sent
    }),
    ("tidemark_cache_bus_send_failures_total", Kind::Counter, "Attempts to send that failed.", |s| {
        s.coherence.send_failures
    }),
    ("tidemark_cache_bus_sends_refused_total", Kind::Counter, "Attempts to send that Redis refused.", |s| {
        s.coherence.sends_refused
    }),
    ("tidemark_cache_bus_overflows_total", Kind::Counter, "Times that too much waited to be sent.", |s| {
        s.coherence.overflows
    }),
    ("tidemark_cache_bus_waiting", Kind::Gauge, "Names that wait to be announced.", |s| {
        s.coherence.announcements_waiting
    }),
    ("tidemark_cache_clears_total", Kind::Counter, "Clears in the log since it was made.", |s| s.clears.head),
    ("tidemark_cache_clear_records", Kind::Gauge, "Clears kept in the log.", |s| s.clears.records),
    ("tidemark_cache_clear_records_active", Kind::Gauge, "Clears kept and not undone.", |s| s.clears.active),
];

/// Writes everything that is of the whole process, and of each node.
pub(super) fn write(out: &mut Exposition, stats: &Stats) {
    for (name, kind, help, read) in PROCESS {
        out.family(name, *kind, help).sample(&[], read(stats));
    }
    for (name, kind, help, read) in NODES {
        let mut family = out.family(name, *kind, help);
        for node in &stats.l2.nodes {
            family.sample(&[("node", &node.address)], read(node));
        }
    }
}
