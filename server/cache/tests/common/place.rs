//! Where a test runs that is the same on one node and on a cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use local_servers::{RedisCluster, RedisServer, key_slot};
use redis::aio::MultiplexedConnection;
use tidemark_cache::{Builder, Cache};

use super::cluster::{ask, undisturbed, with};
use super::{connected, plain, redis};

/// One node, or a cluster that other tests use as well, and a key there that no other test has.
pub struct Place {
    /// A key; of one test after the other they are in different slots.
    pub key: String,
    namespace: String,
    url: String,
    servers: Servers,
}

enum Servers {
    Node { _server: Arc<RedisServer>, plain: MultiplexedConnection },
    Cluster(&'static RedisCluster),
}

static NUMBER: AtomicUsize = AtomicUsize::new(0);

impl Place {
    pub async fn node() -> Self {
        let server = redis().await;
        let (url, plain) = (server.url(), plain(&server).await);
        Self::new(url, Servers::Node { _server: server, plain })
    }

    pub async fn cluster() -> Self {
        let cluster = undisturbed().await;
        Self::new(cluster.cluster_url(), Servers::Cluster(cluster))
    }

    fn new(url: String, servers: Servers) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { key: format!("k{number}"), namespace: format!("place-{number}"), url, servers }
    }

    /// Settings of a cache here. A busy machine must not turn a hit into a miss.
    pub fn builder(&self) -> Builder {
        let builder = Cache::builder().redis(Some(self.url.clone())).namespace(&self.namespace);
        builder.l2_timeout(Duration::from_secs(1))
    }

    /// A cache here, connected.
    pub async fn cache(&self) -> Cache {
        connected(self.builder()).await
    }

    /// The key of the lease on loads of [`Place::key`] in the category `texts`.
    pub fn lease(&self) -> String {
        format!("{}:l:texts:{{{}}}", self.namespace, self.key)
    }

    /// The version of the entry of [`Place::key`] in the category `texts`.
    pub async fn version(&self) -> Option<u64> {
        let entry = format!("{}:e:texts:{{{}}}", self.namespace, self.key);
        let head = self.ask(vec!["GETRANGE".into(), entry, "48".into(), "55".into()]).await;
        head.try_into().ok().map(u64::from_be_bytes)
    }

    /// Who has the lease; nobody if empty.
    pub async fn holder(&self) -> Vec<u8> {
        self.ask(vec!["GET".into(), self.lease()]).await
    }

    /// The bytes that a command about [`Place::key`] is answered with, none for nil.
    async fn ask(&self, command: Vec<String>) -> Vec<u8> {
        match &self.servers {
            Servers::Node { plain, .. } => {
                let mut cmd = redis::cmd(&command[0]);
                let answer: Option<Vec<u8>> =
                    cmd.arg(&command[1..]).query_async(&mut plain.clone()).await.expect("answers");
                answer.unwrap_or_default()
            }
            Servers::Cluster(cluster) => {
                let slot = key_slot(self.key.as_bytes());
                let asked = move |cluster: &RedisCluster| {
                    let words: Vec<&str> = command.iter().map(String::as_str).collect();
                    ask(cluster, slot, &words)
                };
                with(cluster, asked).await.bytes()
            }
        }
    }
}

/// Makes of each function that takes a [`Place`] a test on one node and one on a cluster.
#[macro_export]
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod on_one_node {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::common::place::Place::node().await).await;
                }
            )*
        }
        mod on_a_cluster {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::common::place::Place::cluster().await).await;
                }
            )*
        }
    };
}
