//! A private Redis Cluster.

mod admin;
mod check;
mod fix;
mod form;
mod node;
mod options;
mod slots;
mod topology;

use std::{
    net::{IpAddr, Ipv4Addr},
    ops::Deref,
    time::Duration,
};

pub use admin::ClusterAdmin;
pub use check::ClusterProblem;
pub use node::ClusterNode;
pub use options::ClusterOptions;
pub use topology::{NodeInfo, Role, SLOTS, SlotOwners, key_slot};

use crate::{BUS_OFFSET, Error, FaultProxy, RedisServer, Result, free_base_port};
use admin::Endpoint;
use node::Proxies;
use options::settings;

/// Node timeout of an ephemeral cluster: short for quick failovers, yet longer than a busy machine holds up a process.
const QUICK: Duration = Duration::from_secs(2);

/// Where a node behind proxies connects from, by which they tell it from clients and other nodes.
fn source_of(index: usize) -> Option<IpAddr> {
    let last = u8::try_from(index).ok()?.checked_add(11)?;
    // Other systems have 127.0.0.1 alone.
    cfg!(target_os = "linux").then(|| Ipv4Addr::new(127, 0, 0, last).into())
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
            if let Some(source) = proxies.as_ref().and(source_of(started.len())) {
                lines.push(("bind-source-addr".to_owned(), source.to_string()));
            }
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

    /// Parts a node from all others, on the bus and in replication; clients reach it as before. A master among them goes on
    /// with writes until the node timeout is over, and its replica takes over: what was written meanwhile is lost when it is
    /// back. Only behind proxies, and on Linux, where each node has a loopback address of its own.
    ///
    /// # Errors
    /// [`Error::Failed`] where that cannot be.
    pub fn part(&self, index: usize) -> Result<()> {
        self.between(index, FaultProxy::shut_out)
    }

    /// Undoes [`RedisCluster::part`].
    ///
    /// # Errors
    /// As [`RedisCluster::part`].
    pub fn rejoin(&self, index: usize) -> Result<()> {
        self.between(index, FaultProxy::let_in)
    }

    /// Does something to all proxies between a node and the others, in both directions.
    fn between(&self, index: usize, act: impl Fn(&FaultProxy, IpAddr)) -> Result<()> {
        let impossible = || Error::Failed {
            what: format!("parting node {index} from the others"),
            detail: "the cluster has no proxies, or the system no loopback addresses to tell nodes by"
                .to_owned(),
        };
        for other in (0..self.nodes.len()).filter(|other| *other != index) {
            for (from, to) in [(index, other), (other, index)] {
                let source = source_of(from).ok_or_else(impossible)?;
                let proxies = self.node(to).proxies.as_ref().ok_or_else(impossible)?;
                act(&proxies.client, source);
                act(&proxies.bus, source);
            }
        }
        Ok(())
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
