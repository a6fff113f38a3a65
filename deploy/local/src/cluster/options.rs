//! How the nodes are run.

use std::{path::PathBuf, time::Duration};

use crate::{BUS_OFFSET, Durability, RedisOptions, redis::PATIENCE};

/// How to start a cluster that is kept.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Folder of the nodes' folders, which are called `1`, `2` and so on.
    pub dir: PathBuf,
    /// Port of the first node; the others follow. Bus ports are [`BUS_OFFSET`] higher.
    pub base_port: u16,
    /// How many masters.
    pub masters: u16,
    /// How many replicas each.
    pub replicas: u16,
    /// Past this silence a node counts as failed. A failover takes one and a half times this, and a bit.
    pub node_timeout: Duration,
    /// What the nodes keep. Their identities are kept in any case.
    pub durability: Durability,
    /// Memory limit of each node in bytes, see [`RedisOptions::max_memory`].
    pub max_memory: u64,
    /// Folder of the logs `redis-1.log` and so on; no logs if `None`.
    pub logs: Option<PathBuf>,
}

impl ClusterOptions {
    /// Three masters with a replica each, which keep their data.
    #[must_use]
    pub fn kept(dir: PathBuf, base_port: u16) -> Self {
        Self {
            dir,
            base_port,
            masters: 3,
            replicas: 1,
            node_timeout: Duration::from_secs(5),
            durability: Durability::SnapshotAndLog,
            max_memory: 256 << 20,
            logs: None,
        }
    }

    /// How many nodes.
    #[must_use]
    pub fn size(&self) -> u16 {
        self.masters.saturating_mul(self.replicas.saturating_add(1))
    }

    /// The nodes' ports, in order.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        (0..self.size()).map(|index| self.base_port.saturating_add(index)).collect()
    }

    /// How to start one node, counted from 0.
    #[must_use]
    pub fn node(&self, index: u16) -> RedisOptions {
        let port = self.base_port.saturating_add(index);
        RedisOptions {
            dir: self.dir.join((index + 1).to_string()),
            port,
            durability: self.durability,
            max_memory: self.max_memory,
            log: self.logs.as_ref().map(|logs| logs.join(format!("redis-{}.log", index + 1))),
            patience: PATIENCE,
            extra: settings(self.node_timeout, port, port.saturating_add(BUS_OFFSET)),
        }
    }
}

/// What makes a server a node of a cluster that serves a cache, as further lines of `redis.conf`.
pub(super) fn settings(node_timeout: Duration, announced: u16, announced_bus: u16) -> Vec<(String, String)> {
    [
        ("cluster-enabled", "yes".to_owned()),
        ("cluster-config-file", "nodes.conf".to_owned()),
        ("cluster-node-timeout", node_timeout.as_millis().to_string()),
        // A part that is away must not take the rest with it, and an old value is better than none.
        ("cluster-require-full-coverage", "no".to_owned()),
        ("cluster-allow-reads-when-down", "yes".to_owned()),
        // With one replica a master, its death must not stop the writes.
        ("min-replicas-to-write", "0".to_owned()),
        // A replica that was cut off for more than ten timeouts and ten seconds does not take over by itself: what was
        // cleared since would be back.
        ("cluster-replica-validity-factor", "10".to_owned()),
        ("cluster-announce-ip", "127.0.0.1".to_owned()),
        ("cluster-announce-port", announced.to_string()),
        ("cluster-announce-bus-port", announced_bus.to_string()),
        // All replicas of a master on one machine come at once: do not wait for more.
        ("repl-diskless-sync-delay", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
