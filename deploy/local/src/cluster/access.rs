//! A client's own way to a cluster.

use std::net::Ipv4Addr;

use super::RedisCluster;
use crate::{Fault, FaultProxy, Result};

/// One client's way to the nodes of a cluster: a [`FaultProxy`] before each, at a loopback address that is this client's
/// alone. What is done to them no other client notices, and no node. Dropping it closes the way.
#[derive(Debug)]
pub struct ClusterAccess {
    address: Ipv4Addr,
    proxies: Vec<FaultProxy>,
}

impl RedisCluster {
    /// The line of `redis.conf` with which nodes tell their ports alone and leave the address to the client, so that it stays
    /// on its own way. Redis 7 or later.
    pub const PORTS_ALONE: (&'static str, &'static str) =
        ("cluster-preferred-endpoint-type", "unknown-endpoint");

    /// Opens a way for a client, by its number from 0. Only where the nodes have [`RedisCluster::PORTS_ALONE`], and on
    /// Linux, where all of 127.0.0.0/8 is there.
    ///
    /// # Errors
    /// [`crate::Error::Io`] when this client has one already, or the system does not have the address.
    pub fn access(&self, client: u8) -> Result<ClusterAccess> {
        let address = Ipv4Addr::new(127, 0, 1, client);
        let before = |node: &super::ClusterNode| {
            FaultProxy::listening_at((address, node.port()).into(), node.server().port())
        };
        Ok(ClusterAccess { address, proxies: self.nodes.iter().map(before).collect::<Result<_>>()? })
    }
}

impl ClusterAccess {
    /// As [`RedisCluster::cluster_url`], by this way.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> =
            self.proxies.iter().map(|proxy| format!("{}:{}", self.address, proxy.port())).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// The way to a node.
    ///
    /// # Panics
    /// When there is no such node, as with a slice.
    #[must_use]
    pub fn proxy(&self, node: usize) -> &FaultProxy {
        &self.proxies[node]
    }

    /// Puts the same fault on the ways to all nodes.
    ///
    /// # Errors
    /// As [`FaultProxy::set`].
    pub fn set(&self, fault: Fault) -> Result<()> {
        self.proxies.iter().try_for_each(|proxy| proxy.set(fault))
    }

    /// Whether nothing bad is on any of them.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.proxies.iter().all(|proxy| proxy.fault() == Fault::None)
    }
}
