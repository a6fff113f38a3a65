//! What is remembered of Redis as a cluster.

use local_servers::ClusterAdmin;
use serde::{Deserialize, Serialize};

use crate::{parts::NODES, running::Running};

/// Redis as a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Port of the first node; the others follow.
    pub base_port: u16,
    /// The nodes' processes.
    pub nodes: [Option<Running>; NODES as usize],
}

impl Cluster {
    /// With nothing running.
    pub fn at(base_port: u16) -> Self {
        Self { base_port, nodes: Default::default() }
    }

    /// A node's port.
    pub fn port(&self, index: u8) -> u16 {
        self.base_port.saturating_add(u16::from(index))
    }

    /// To ask and steer it.
    pub fn admin(&self) -> ClusterAdmin {
        ClusterAdmin::new(&(0..NODES).map(|index| self.port(index)).collect::<Vec<_>>())
    }

    /// As the server's `REDIS_URL` takes it.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = (0..NODES).map(|index| format!("127.0.0.1:{}", self.port(index))).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }
}
