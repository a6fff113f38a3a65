//! Redis without the cache: one multiplexed connection a node, commands sent to the owner of the slot.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionAddr, IntoConnectionInfo, Pipeline};

use crate::error::{BenchError, Result};

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);
const SLOTS: usize = 16_384;

/// Connections to one Redis, or to all masters of a cluster. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bare {
    nodes: Vec<MultiplexedConnection>,
    /// Whose each slot is; empty for one node.
    owners: std::sync::Arc<[u8]>,
}

impl Bare {
    /// Connects. `url` as the cache takes it.
    pub async fn connect(url: &str) -> Result<Self> {
        let Some(hosts) = url.strip_prefix("redis-cluster://") else {
            return Ok(Self { nodes: vec![open(url, None).await?], owners: [].into() });
        };
        let (user, hosts) = hosts.rsplit_once('@').unwrap_or(("", hosts));
        let first = hosts.split(',').next().unwrap_or_default();
        let seed =
            if user.is_empty() { format!("redis://{first}") } else { format!("redis://{user}@{first}") };
        let ranges: Vec<Vec<redis::Value>> = redis::cmd("CLUSTER")
            .arg("SLOTS")
            .query_async(&mut open(&seed, None).await?)
            .await
            .map_err(BenchError::at("CLUSTER SLOTS"))?;
        let mut owners = vec![0u8; SLOTS];
        let (mut addresses, mut nodes) = (Vec::new(), Vec::new());
        for range in ranges {
            let [first, last, master, ..] = &range[..] else { continue };
            let read = redis::from_redis_value_ref::<(usize, usize, (String, u16))>;
            let line = redis::Value::Array(vec![first.clone(), last.clone(), only_address(master)]);
            let (first, last, address) = read(&line).map_err(BenchError::at("CLUSTER SLOTS"))?;
            let at = match addresses.iter().position(|known| *known == address) {
                Some(at) => at,
                None => {
                    nodes.push(open(&seed, Some(&address)).await?);
                    addresses.push(address);
                    addresses.len() - 1
                }
            };
            for owner in owners.iter_mut().take(last + 1).skip(first) {
                *owner = u8::try_from(at).map_err(BenchError::at("more than 255 masters"))?;
            }
        }
        if nodes.is_empty() {
            return Err(BenchError::new("the cluster has no masters"));
        }
        Ok(Self { nodes, owners: owners.into() })
    }

    /// Which of the nodes has a key.
    pub fn owner(&self, key: &str) -> usize {
        self.owners.get(usize::from(local_servers::key_slot(key.as_bytes()))).copied().unwrap_or(0).into()
    }

    /// How many nodes.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// Sends a command to one of the nodes.
    pub async fn call(&self, node: usize, command: &Cmd) -> Result<redis::Value> {
        let mut connection = self.nodes[node].clone();
        command.query_async(&mut connection).await.map_err(BenchError::at("a bare command"))
    }

    /// Sets a key for ten minutes.
    pub async fn set(&self, key: &str, value: &[u8]) -> Result<()> {
        self.call(self.owner(key), redis::cmd("SET").arg(key).arg(value).arg("EX").arg(600)).await.map(drop)
    }

    /// The bytes at a key.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>> {
        let mut connection = self.nodes[self.owner(key)].clone();
        let found: Option<Vec<u8>> =
            Cmd::get(key).query_async(&mut connection).await.map_err(BenchError::at("a bare GET"))?;
        found.ok_or_else(|| BenchError::new("a bare GET found nothing"))
    }

    /// The bytes at many keys: one pipeline a node, all at once.
    pub async fn get_many(&self, keys: &[String]) -> Result<usize> {
        let mut pipelines = vec![Pipeline::new(); self.size()];
        for key in keys {
            pipelines[self.owner(key)].get(key);
        }
        let asked = pipelines.iter().zip(&self.nodes).map(|(pipeline, node)| {
            let mut node = node.clone();
            async move { pipeline.query_async::<Vec<Option<Vec<u8>>>>(&mut node).await }
        });
        let answers =
            futures_util::future::try_join_all(asked).await.map_err(BenchError::at("a pipeline"))?;
        Ok(answers.iter().flatten().flatten().count())
    }

    /// Removes all keys that begin so. Gives up after ten seconds, as on a server with very many other keys.
    pub async fn remove(&self, prefix: &str) -> Result<()> {
        let until = tokio::time::Instant::now() + Duration::from_secs(10);
        for node in &self.nodes {
            let (mut node, mut cursor) = (node.clone(), 0u64);
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(1_000);
                let (next, keys): (u64, Vec<String>) =
                    scan.query_async(&mut node).await.map_err(BenchError::at("SCAN"))?;
                // One by one, in a pipeline: they are of different slots.
                let mut unlinks = Pipeline::new();
                for key in &keys {
                    unlinks.unlink(key).ignore();
                }
                if !keys.is_empty() {
                    unlinks.query_async::<()>(&mut node).await.map_err(BenchError::at("UNLINK"))?;
                }
                cursor = next;
                if cursor == 0 || tokio::time::Instant::now() > until {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The library's own client of a cluster, as it comes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ClusterClient(ClusterConnection);

impl ClusterClient {
    /// Connects. `None` when `url` is not that of a cluster.
    pub async fn connect(url: &str) -> Result<Option<Self>> {
        let Some(hosts) = url.strip_prefix("redis-cluster://") else { return Ok(None) };
        let (user, hosts) = hosts.rsplit_once('@').map_or((None, hosts), |(user, hosts)| (Some(user), hosts));
        let seeds: Vec<String> = hosts
            .split(',')
            .map(|host| {
                user.map_or_else(|| format!("redis://{host}"), |user| format!("redis://{user}@{host}"))
            })
            .collect();
        let client = redis::cluster::ClusterClientBuilder::new(seeds)
            .connection_timeout(ANSWER)
            .response_timeout(ANSWER)
            .build()
            // The library's own text could repeat a password.
            .map_err(|_| BenchError::new("a Redis URL cannot be used"))?;
        let connection = client.get_async_connection().await;
        connection
            .map(|connection| Some(Self(connection)))
            .map_err(BenchError::at("the library's cluster client"))
    }

    /// The bytes at a key.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>> {
        let found: Option<Vec<u8>> = Cmd::get(key)
            .query_async(&mut self.0.clone())
            .await
            .map_err(BenchError::at("a GET by the library's cluster client"))?;
        found.ok_or_else(|| BenchError::new("a GET by the library's cluster client found nothing"))
    }

    /// The bytes at many keys, by MGET, which it splits by slot.
    pub async fn get_many(&self, keys: &[String]) -> Result<usize> {
        let found: Vec<Option<Vec<u8>>> = redis::cmd("MGET")
            .arg(keys)
            .query_async(&mut self.0.clone())
            .await
            .map_err(BenchError::at("an MGET by the library's cluster client"))?;
        Ok(found.iter().flatten().count())
    }
}

/// The address alone: what follows it differs between versions of Redis.
fn only_address(node: &redis::Value) -> redis::Value {
    match node {
        redis::Value::Array(parts) => redis::Value::Array(parts.iter().take(2).cloned().collect()),
        other => other.clone(),
    }
}

/// A connection to `url`, or with its credentials to another host.
async fn open(url: &str, host: Option<&(String, u16)>) -> Result<MultiplexedConnection> {
    // The library's own text could repeat a password.
    let unusable = |_| BenchError::new("a Redis URL cannot be used");
    let mut info = url.into_connection_info().map_err(unusable)?;
    if let Some((host, port)) = host {
        info = info.set_addr(ConnectionAddr::Tcp(host.clone(), *port));
    }
    let tcp = redis::io::tcp::TcpSettings::default().set_nodelay(true);
    let client = Client::open(info.set_tcp_settings(tcp)).map_err(unusable)?;
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(Some(ANSWER));
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .map_err(BenchError::at("a bare connection to Redis"))
}
