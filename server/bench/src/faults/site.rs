//! The servers that fail, and how they do.

use std::time::Duration;

use local_servers::{
    Fault as ProxyFault, FaultProxy, RedisCluster, RedisServer, RespClient, Result, key_slot, wait_until,
};

use super::catalogue::{Kind, Place};
use crate::servers::NODE_TIMEOUT;

/// Longest wait for the others to notice that a master is gone: the field's worst case is 30 s.
const NOTICE: Duration = Duration::from_secs(45);
/// Longest wait for a node's answer.
const ANSWER: Duration = Duration::from_secs(2);
/// So little that nothing fits once it is in force.
const NOTHING_FITS: &str = "1mb";
/// What the servers are started with.
const ENOUGH: &str = "256mb";

/// One node behind a proxy, or a cluster whose nodes are. Gone when dropped.
#[derive(Debug)]
pub(super) enum Site {
    Node { server: Box<RedisServer>, proxy: FaultProxy },
    Cluster { cluster: RedisCluster, master: usize, slot: u16 },
}

impl Site {
    /// Starts it; blocks. `probe` is the key whose slot's master is the one to fail in a cluster.
    pub fn start(place: Place, probe: &str) -> Result<Self> {
        match place {
            Place::Node => {
                let server = Box::new(RedisServer::ephemeral()?);
                let proxy = FaultProxy::before(server.port())?;
                Ok(Self::Node { server, proxy })
            }
            Place::Cluster => {
                let cluster = RedisCluster::ephemeral_behind_proxies()?;
                let timeout = NODE_TIMEOUT.as_millis().to_string();
                for index in 0..cluster.size() {
                    cluster.command(index, &["CONFIG", "SET", "cluster-node-timeout", &timeout])?;
                }
                let slot = key_slot(probe.as_bytes());
                let master = cluster.master_of_slot(slot)?;
                Ok(Self::Cluster { cluster, master, slot })
            }
        }
    }

    /// As the cache takes it.
    pub fn url(&self) -> String {
        match self {
            Self::Node { proxy, .. } => format!("redis://127.0.0.1:{}", proxy.port()),
            Self::Cluster { cluster, .. } => cluster.cluster_url(),
        }
    }

    /// The server that fails.
    fn victim(&self) -> &RedisServer {
        match self {
            Self::Node { server, .. } => server,
            Self::Cluster { cluster, master, .. } => cluster.node(*master).server(),
        }
    }

    /// All masters: before anything failed, the first half of the nodes.
    fn masters(&self) -> Vec<&RedisServer> {
        match self {
            Self::Node { server, .. } => vec![server],
            Self::Cluster { cluster, .. } => {
                (0..cluster.size() / 2).map(|index| cluster.node(index).server()).collect()
            }
        }
    }

    fn proxy(&self, fault: ProxyFault) -> Result<()> {
        match self {
            Self::Node { proxy, .. } => proxy.set(fault),
            Self::Cluster { cluster, master, .. } => {
                cluster.node(*master).client_proxy().map_or(Ok(()), |proxy| proxy.set(fault))
            }
        }
    }

    fn tell_masters(&self, command: &[&str]) -> Result<()> {
        for server in self.masters() {
            RespClient::connect(server.port(), ANSWER)?.call(command)?;
        }
        Ok(())
    }

    /// Where a slot of the victim can go.
    fn another_master(&self) -> usize {
        match self {
            Self::Node { .. } => 0,
            Self::Cluster { master, .. } => (master + 1) % self.masters().len(),
        }
    }

    /// Makes it fail; blocks.
    pub fn begin(&self, kind: Kind) -> Result<()> {
        match (kind, self) {
            (Kind::Nothing, _) => Ok(()),
            (Kind::Pause, _) => self.victim().pause(),
            (Kind::Kill, _) => self.victim().kill(),
            (Kind::BlackHole, _) => self.proxy(ProxyFault::BlackHole),
            // A quarter of a second each way.
            (Kind::Delay, _) => self.proxy(ProxyFault::Delay(Duration::from_millis(250))),
            (Kind::Flush, _) => self.tell_masters(&["FLUSHALL"]),
            (Kind::Full, _) => self.tell_masters(&["CONFIG", "SET", "maxmemory", NOTHING_FITS]),
            (Kind::MastersGone, _) => self.masters().into_iter().try_for_each(RedisServer::kill),
            (Kind::Failover, Self::Cluster { cluster, master, .. }) => {
                cluster.failover(cluster.replica_of(*master)?).map(drop)
            }
            (Kind::SlotMove, Self::Cluster { cluster, slot, .. }) => {
                cluster.begin_move(*slot, self.another_master())?;
                cluster.move_some_keys(*slot, self.another_master(), 3).map(drop)
            }
            (Kind::Minority, Self::Cluster { cluster, master, .. }) => cluster.part(*master),
            (Kind::Failover | Kind::SlotMove | Kind::Minority, Self::Node { .. }) => Ok(()),
        }
    }

    /// Waits until another node has the slots of the one that failed; blocks. Says whether one has.
    pub fn wait_until_replaced(&self) -> bool {
        match self {
            Self::Node { .. } => false,
            Self::Cluster { cluster, master, slot } => {
                wait_until(NOTICE, || cluster.master_of_slot(*slot).is_ok_and(|now| now != *master))
            }
        }
    }

    /// Undoes it; blocks.
    pub fn end(&self, kind: Kind) -> Result<()> {
        match (kind, self) {
            (Kind::Pause, _) => self.victim().resume(),
            (Kind::Kill, _) => self.victim().start(),
            (Kind::BlackHole | Kind::Delay, _) => self.proxy(ProxyFault::None),
            (Kind::Full, _) => self.tell_masters(&["CONFIG", "SET", "maxmemory", ENOUGH]),
            (Kind::MastersGone, _) => self.masters().into_iter().try_for_each(RedisServer::start),
            (Kind::SlotMove, Self::Cluster { cluster, slot, .. }) => {
                cluster.finish_move(*slot, self.another_master())
            }
            (Kind::Minority, Self::Cluster { cluster, master, .. }) => cluster.rejoin(*master),
            (Kind::Nothing | Kind::Flush | Kind::Failover | Kind::SlotMove | Kind::Minority, _) => Ok(()),
        }
    }
}
