//! A private Redis Cluster.

mod access;
mod admin;
mod check;
mod ephemeral;
mod fix;
mod form;
mod node;
mod options;
mod slots;
mod topology;

use std::{
    net::{IpAddr, Ipv4Addr},
    ops::Deref,
};

pub use access::ClusterAccess;
pub use admin::ClusterAdmin;
pub use check::ClusterProblem;
pub use ephemeral::ClusterTls;
pub use node::ClusterNode;
pub use options::ClusterOptions;
pub use topology::{NodeInfo, Role, SLOTS, SlotOwners, key_slot};

use crate::{Error, FaultProxy, RedisServer, Result};
use node::Proxies;

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
    /// Starts the nodes as told and joins them, or what is missing of both. Nodes that already run on these ports must have
    /// been ended before.
    ///
    /// # Errors
    /// As [`RedisServer::start_with`] and [`ClusterAdmin::form`]; what was started by then is left running.
    pub fn start(options: &ClusterOptions) -> Result<Self> {
        let servers =
            (0..options.size()).map(|index| Ok((RedisServer::start_with(options.node(index))?, None, None)));
        let servers = servers.collect::<Result<Vec<_>>>()?;
        Self::join(servers, ClusterAdmin::new(&options.ports()), usize::from(options.masters))
    }

    fn join(
        servers: Vec<(RedisServer, Option<Proxies>, Option<u16>)>,
        admin: ClusterAdmin,
        masters: usize,
    ) -> Result<Self> {
        admin.form(masters)?;
        let node = |(index, (server, proxies, tls_port))| ClusterNode {
            index,
            server,
            proxies,
            tls_port,
            admin: admin.clone(),
        };
        Ok(Self { nodes: servers.into_iter().enumerate().map(node).collect(), admin })
    }

    /// `redis-cluster://127.0.0.1:PORT,127.0.0.1:PORT,…` with every node, as the server's `REDIS_URL` takes it; with
    /// `rediss-cluster` if it is behind TLS.
    #[must_use]
    pub fn cluster_url(&self) -> String {
        let scheme = if self.nodes.iter().any(|it| it.tls_port.is_some()) {
            "rediss-cluster"
        } else {
            "redis-cluster"
        };
        let port = |it: &ClusterNode| it.tls_port.unwrap_or_else(|| it.port());
        let hosts: Vec<String> = self.nodes.iter().map(|it| format!("127.0.0.1:{}", port(it))).collect();
        format!("{scheme}://{}", hosts.join(","))
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
