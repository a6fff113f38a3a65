//! What of Redis can be reached now.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::node::Node;
use super::router::{Access, Router};
use super::slots::Map;
use super::state::{Connections, L2Error, L2State, describe};

impl Router {
    /// Whether anything can be asked: the clear log was read, and some node is usable.
    pub fn is_open(&self) -> bool {
        self.log_is_read() && self.map().nodes().any(|node| node.is_usable())
    }

    /// Whether a node that may answer for `key` is usable now.
    pub fn is_open_for(&self, key: &str, access: Access) -> bool {
        self.log_is_read()
            && self.map().shard(self.slot(key)).is_some_and(|shard| {
                shard.master.is_usable()
                    || (!access.needs_master() && shard.replicas.iter().any(|r| r.is_usable()))
            })
    }

    /// Whether what is read of `key` is the newest that Redis has: no usable node that has it is cut off from the majority
    /// of the cluster.
    pub fn vouches_for(&self, key: &str) -> bool {
        // Mostly there are none, and then nobody looks.
        self.cut_offs.load(Ordering::Acquire) == 0
            || self.with_map(|map| {
                let doubtful = |node: &Arc<Node>| node.is_cut_off() && node.is_usable();
                map.shard(self.slot(key))
                    .is_none_or(|shard| !doubtful(&shard.master) && !shard.replicas.iter().any(doubtful))
            })
    }

    /// Returns when all slots' masters are reached.
    pub async fn wait_connected(&self) {
        let mut changed = self.changed.subscribe();
        // The sender lives as long as this does.
        let _ = changed.wait_for(|_| self.trouble(&self.map()).is_none()).await;
    }

    pub fn state(&self) -> L2State {
        let map = self.map();
        let trouble = self.trouble(&map);
        let nodes: Vec<_> = map.nodes().map(|node| describe(node, &map)).collect();
        let connected = trouble.is_none();
        let writes_refused = if connected { self.why_no_writes(&map) } else { None };
        let connections = self.connections();
        let messages_refused = if connected { self.channel.trouble() } else { None };
        L2State {
            configured: true,
            connected,
            address: Some(self.redis.address()),
            for_ms: crate::clock::millis(self.note_held(connected)),
            last_error: trouble,
            writes_refused,
            messages_refused,
            foreign_key: if connected { self.foreign.first() } else { None },
            shared: connected && self.is_shared(),
            connects: connections.made,
            connect_failures: connections.failed,
            connect_timeouts: connections.timed_out,
            connections_lost: connections.lost,
            nodes,
        }
    }

    /// Why some master has refused writes for a while, if one has.
    fn why_no_writes(&self, map: &Map) -> Option<String> {
        map.shards.iter().find_map(|shard| {
            let why = shard.master.why_no_writes()?;
            Some(if self.is_cluster() { format!("{}: {why}", shard.master.address) } else { why })
        })
    }

    /// Notes that the master of `key` took a write.
    #[inline]
    pub fn note_write_taken(&self, key: &str) {
        let slot = self.slot(key);
        self.with_map(|map| {
            if let Some(shard) = map.shard(slot) {
                shard.master.note_write_taken();
            }
        });
    }

    /// Notes that a key of ours holds another application's value. That is logged once, not by key.
    pub fn note_foreign(&self, key: &str) {
        if self.foreign.note(key) {
            tracing::warn!(
                redis.key = key,
                "Redis key {key} holds another application's value: it is left alone, and what belongs there is kept in \
                 memory only. Remove it, or choose another namespace"
            );
        } else {
            tracing::debug!(redis.key = key, "Redis key {key} holds another application's value");
        }
    }

    /// Notes that a key of ours holds what was written there.
    #[inline]
    pub fn note_ours(&self, key: &str) {
        if self.foreign.note_ours(key) {
            tracing::info!(
                redis.key = key,
                "no key is known any more that holds another application's value"
            );
        }
    }

    /// Logs why Redis is not used where no node's watchdog does: the map of the cluster, or the log.
    pub(super) fn say_trouble(&self) {
        let map = self.map();
        let all_reached = map.shards.iter().all(|shard| shard.master.is_usable());
        let of_nodes = if map.shards.is_empty() { self.map_error.lock().is_none() } else { !all_reached };
        match self.trouble(&map) {
            None => self.said.lock().clear(),
            Some(_) if of_nodes => {}
            Some(why) => {
                if self.said.lock().is_news(&why) {
                    tracing::warn!(error = why, "Redis is not used: {why}");
                }
            }
        }
    }

    /// How often a node was connected to.
    pub fn connects(&self) -> u64 {
        self.connections().made
    }

    /// What became of all connections so far.
    fn connections(&self) -> Connections {
        let members = self.members.lock();
        let now = members.values().map(|member| member.node.noted().connections);
        now.chain([*self.former_connections.lock()]).sum()
    }

    /// What is wrong, if anything is.
    pub(super) fn trouble(&self, map: &Map) -> Option<String> {
        let named = |node: &Arc<Node>, why: &str| {
            if self.is_cluster() { format!("{}: {why}", node.address) } else { why.to_owned() }
        };
        if map.shards.is_empty() {
            let of_seed = || {
                let members = self.members.lock();
                members.values().find_map(|m| Some(named(&m.node, m.node.noted().last_error.as_deref()?)))
            };
            let why = self.map_error.lock().clone();
            return Some(why.or_else(of_seed).unwrap_or_else(|| "first connection is under way".into()));
        }
        if let Some(node) = map.shards.iter().map(|s| &s.master).find(|node| !node.is_usable()) {
            let why = node.noted().last_error;
            return Some(named(node, why.as_deref().unwrap_or("just lost")));
        }
        if let Some(slot) = map.first_uncovered() {
            return Some(format!("no node serves slot {slot}"));
        }
        (!self.log_is_read()).then(|| "the clear log was not read yet".into())
    }

    /// Notes whether all is reached; returns how long it has been so.
    pub(super) fn note_held(&self, connected: bool) -> Duration {
        let mut held = self.held.lock();
        if held.0 != connected {
            *held = (connected, Instant::now());
        }
        held.1.elapsed()
    }

    /// The error while nothing may be asked.
    pub(super) fn closed(&self) -> L2Error {
        let why = self.trouble(&self.map()).unwrap_or_else(|| "just lost".into());
        L2Error::Disconnected(why)
    }
}
