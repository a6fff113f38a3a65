//! Clusters for a test: on free ports, with nothing to keep.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    RedisCluster,
    admin::{ClusterAdmin, Endpoint},
    node::Proxies,
    options::settings,
    source_of,
};
use crate::{BUS_OFFSET, FaultProxy, RedisServer, Result, free_base_port};

/// Node timeout of an ephemeral cluster: short for quick failovers, yet longer than a busy machine holds up a process.
const QUICK: Duration = Duration::from_secs(2);

/// The certificate of the nodes of a cluster behind TLS, as PEM files.
#[derive(Debug, Clone)]
pub struct ClusterTls {
    /// The certificate, for 127.0.0.1.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Who issued it: the nodes check each other.
    pub authority: PathBuf,
}

/// What an ephemeral cluster is to be like.
struct Wanted<'a> {
    masters: u16,
    replicas: u16,
    node_timeout: Duration,
    extra: &'a [(&'a str, &'a str)],
    proxied: bool,
    tls: Option<&'a ClusterTls>,
    program: Option<&'a Path>,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self {
            masters: 3,
            replicas: 1,
            node_timeout: QUICK,
            extra: &[],
            proxied: false,
            tls: None,
            program: None,
        }
    }
}

impl RedisCluster {
    /// Starts three masters (nodes 0 to 2) with a replica each (3 to 5), on free ports, with nothing to keep and a node
    /// timeout of 2 s. It is healthy when this returns, after about 4 s.
    ///
    /// # Errors
    /// As [`RedisServer::ephemeral`] and [`ClusterAdmin::form`].
    pub fn ephemeral() -> Result<Self> {
        Self::make(&Wanted::default())
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
        Self::make(&Wanted { masters, replicas, node_timeout, extra, ..Wanted::default() })
    }

    /// As [`RedisCluster::ephemeral`], with a [`FaultProxy`] before each node's client port and another before its bus port.
    /// The nodes announce the proxies' ports, so that clients and nodes go through them.
    ///
    /// # Errors
    /// As [`RedisCluster::ephemeral`].
    pub fn ephemeral_behind_proxies() -> Result<Self> {
        Self::ephemeral_behind_proxies_with(&[])
    }

    /// As [`RedisCluster::ephemeral_behind_proxies`], with further lines of `redis.conf`.
    ///
    /// # Errors
    /// As [`RedisCluster::ephemeral`].
    pub fn ephemeral_behind_proxies_with(extra: &[(&str, &str)]) -> Result<Self> {
        Self::make(&Wanted { extra, proxied: true, ..Wanted::default() })
    }

    /// As [`RedisCluster::ephemeral`], behind TLS: clients use it at [`RedisCluster::cluster_url`], nodes for the bus and for
    /// replication. Only what looks after the nodes comes by ports without it. Clients need no certificate of their own.
    ///
    /// # Errors
    /// As [`RedisCluster::ephemeral`]; [`crate::Error::Failed`] when a file is of no use, or Redis was built without TLS.
    pub fn ephemeral_behind_tls(tls: &ClusterTls) -> Result<Self> {
        Self::make(&Wanted { tls: Some(tls), ..Wanted::default() })
    }

    /// As [`RedisCluster::ephemeral`], of masters alone, by another program than the `redis-server` on PATH.
    ///
    /// # Errors
    /// As [`RedisCluster::ephemeral`].
    pub fn ephemeral_by(program: &Path) -> Result<Self> {
        Self::make(&Wanted { replicas: 0, program: Some(program), ..Wanted::default() })
    }

    fn make(wanted: &Wanted<'_>) -> Result<Self> {
        let count = wanted.masters.saturating_mul(wanted.replicas.saturating_add(1));
        let base = free_base_port(count)?;
        let tls = wanted.tls.map(|tls| free_base_port(count).map(|base| (tls, base))).transpose()?;
        let mut started = Vec::new();
        let mut endpoints = Vec::new();
        for index in 0..count {
            let port = base + index;
            let proxies = if wanted.proxied {
                Some(Proxies {
                    client: FaultProxy::before(port)?,
                    bus: FaultProxy::before(port + BUS_OFFSET)?,
                })
            } else {
                None
            };
            let announced = proxies.as_ref().map_or(port, |it| it.client.port());
            let announced_bus = proxies.as_ref().map_or(port + BUS_OFFSET, |it| it.bus.port());
            let mut lines = settings(wanted.node_timeout, announced, announced_bus);
            if let Some(source) = proxies.as_ref().and(source_of(started.len())) {
                lines.push(("bind-source-addr".to_owned(), source.to_string()));
            }
            let tls_port = tls.map(|(tls, base)| {
                lines.extend(tls_lines(tls, base + index, port + BUS_OFFSET));
                base + index
            });
            lines.extend(wanted.extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            started.push((
                RedisServer::ephemeral_at(port, lines, wanted.program.map(Path::to_owned))?,
                proxies,
                tls_port,
            ));
            endpoints.push(Endpoint { port, announced, announced_bus });
        }
        Self::join(started, ClusterAdmin { endpoints }, usize::from(wanted.masters))
    }
}

/// What puts a node of a cluster behind TLS.
fn tls_lines(tls: &ClusterTls, port: u16, bus: u16) -> Vec<(String, String)> {
    let file = |path: &PathBuf| format!("\"{}\"", path.display());
    [
        ("tls-port", port.to_string()),
        ("tls-cluster", "yes".to_owned()),
        ("tls-replication", "yes".to_owned()),
        ("tls-cert-file", file(&tls.certificate)),
        ("tls-key-file", file(&tls.key)),
        ("tls-ca-cert-file", file(&tls.authority)),
        ("tls-auth-clients", "no".to_owned()),
        ("cluster-announce-tls-port", port.to_string()),
        // By itself it would be derived from the port with TLS.
        ("cluster-port", bus.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
