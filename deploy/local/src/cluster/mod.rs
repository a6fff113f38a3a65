//! A private Redis Cluster.

mod admin;
mod check;
mod fix;
mod form;
mod node;
mod slots;
mod topology;

use std::{ops::Deref, path::PathBuf, time::Duration};

pub use admin::ClusterAdmin;
pub use check::ClusterProblem;
pub use node::ClusterNode;
pub use topology::{NodeInfo, Role, SLOTS, SlotOwners, key_slot};

use crate::{BUS_OFFSET, Durability, FaultProxy, RedisOptions, RedisServer, Result, free_base_port};
use admin::Endpoint;
use node::Proxies;

/// Node timeout of an ephemeral cluster: short for quick failovers, yet longer than a busy machine holds up a process.
const QUICK: Duration = Duration::from_secs(2);

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
            extra: settings(self.node_timeout, port, port.saturating_add(BUS_OFFSET)),
        }
    }
}

/// What makes a server a node of a cluster that serves a cache, as further lines of `redis.conf`.
fn settings(node_timeout: Duration, announced: u16, announced_bus: u16) -> Vec<(String, String)> {
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

/// A Redis Cluster that this process started. All methods take `&self`, also those of [`ClusterAdmin`], to which it
/// dereferences: `nodes`, `check`, `failover`, `move_slot` and others.
///
/// An ephemeral one is killed and its folders removed on drop; any other is left running.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<ClusterNode>,
    admin: ClusterAdmin,
}

impl RedisCluster {
    /// Starts three masters (nodes 0 to 2) with a replica each (3 to 5), on free ports, with nothing to keep and a node
    /// timeout of 2 s. It is healthy when this returns, after about 4 s.
    ///
    /// # Errors
    /// As [`RedisServer::ephemeral`] and [`ClusterAdmin::form`].
    pub fn ephemeral() -> Result<Self> {
        Self::ephemeral_with(3, 1, QUICK, &[])
    }

    /// As [`RedisCluster::ephemeral`], with so many masters, replicas each, node timeout and further lines of `redis.conf`.
    ///
    /// # Errors
    /// As [`RedisCluster::ephemeral`].
    pub fn ephemeral_with(
        masters: u16,
        replicas: u16,
        node_timeout: Duration,
        extra: &[(&str, &str)],
    ) -> Result<Self> {
        Self::make(masters, replicas, node_timeout, extra, false)
    }

    /// As [`RedisCluster::ephemeral`], with a [`FaultProxy`] before each node's client port and another before its bus port.
    /// The nodes announce the proxies' ports, so that clients and nodes go through them.
    ///
    /// # Errors
    /// As [`RedisCluster::ephemeral`].
    pub fn ephemeral_behind_proxies() -> Result<Self> {
        Self::make(3, 1, QUICK, &[], true)
    }

    fn make(
        masters: u16,
        replicas: u16,
        timeout: Duration,
        extra: &[(&str, &str)],
        proxied: bool,
    ) -> Result<Self> {
        let count = masters.saturating_mul(replicas.saturating_add(1));
        let base = free_base_port(count)?;
        let mut started = Vec::new();
        let mut endpoints = Vec::new();
        for port in base..base + count {
            let proxies = if proxied {
                Some(Proxies {
                    client: FaultProxy::before(port)?,
                    bus: FaultProxy::before(port + BUS_OFFSET)?,
                })
            } else {
                None
            };
            let announced = proxies.as_ref().map_or(port, |it| it.client.port());
            let announced_bus = proxies.as_ref().map_or(port + BUS_OFFSET, |it| it.bus.port());
            let mut lines = settings(timeout, announced, announced_bus);
            lines.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            started.push((RedisServer::ephemeral_at(port, lines)?, proxies));
            endpoints.push(Endpoint { port, announced, announced_bus });
        }
        Self::join(started, ClusterAdmin { endpoints }, usize::from(masters))
    }

    /// Starts the nodes as told and joins them, or what is missing of both. Nodes that already run on these ports must have
    /// been ended before.
    ///
    /// # Errors
    /// As [`RedisServer::start_with`] and [`ClusterAdmin::form`]; what was started by then is left running.
    pub fn start(options: &ClusterOptions) -> Result<Self> {
        let servers =
            (0..options.size()).map(|index| Ok((RedisServer::start_with(options.node(index))?, None)));
        let servers = servers.collect::<Result<Vec<_>>>()?;
        Self::join(servers, ClusterAdmin::new(&options.ports()), usize::from(options.masters))
    }

    fn join(
        servers: Vec<(RedisServer, Option<Proxies>)>,
        admin: ClusterAdmin,
        masters: usize,
    ) -> Result<Self> {
        admin.form(masters)?;
        let node = |(index, (server, proxies))| ClusterNode { index, server, proxies, admin: admin.clone() };
        Ok(Self { nodes: servers.into_iter().enumerate().map(node).collect(), admin })
    }

    /// `redis-cluster://127.0.0.1:PORT,127.0.0.1:PORT,…` with every node, as the server's `REDIS_URL` takes it.
    #[must_use]
    pub fn cluster_url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|it| format!("127.0.0.1:{}", it.port())).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// `redis://127.0.0.1:PORT` of each node.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|it| format!("redis://127.0.0.1:{}", it.port())).collect()
    }

    /// A node by its index.
    ///
    /// # Panics
    /// When there is no such node, as with a slice.
    #[must_use]
    pub fn node(&self, index: usize) -> &ClusterNode {
        &self.nodes[index]
    }

    /// Ends all nodes in an orderly way.
    ///
    /// # Errors
    /// As [`RedisServer::stop`]; the others are stopped all the same.
    pub fn stop(&self) -> Result<()> {
        self.nodes.iter().map(|it| it.server.stop()).fold(Ok(()), Result::and)
    }
}

impl Deref for RedisCluster {
    type Target = ClusterAdmin;

    fn deref(&self) -> &ClusterAdmin {
        &self.admin
    }
}
