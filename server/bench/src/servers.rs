//! The Redis servers that are measured: our own, or those that the environment names.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use local_servers::{RedisCluster, RedisServer};
use tidemark_cache::{Builder, Cache};

use crate::bare::Bare;
use crate::error::{BenchError, Result};

/// Names the one node to measure with; not on the command line, since it may hold a password.
pub(crate) const NODE_URL: &str = "TIDEMARK_BENCH_REDIS_URL";
/// Names the cluster to measure with.
pub(crate) const CLUSTER_URL: &str = "TIDEMARK_BENCH_CLUSTER_URL";
/// Node timeout of the cluster as it is shipped.
pub(crate) const NODE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a first connection.
const CONNECT: Duration = Duration::from_secs(20);

/// Where one node and one cluster are. Servers of ours end with it.
pub(crate) struct Servers {
    pub node: String,
    pub cluster: String,
    own: (Option<RedisServer>, Option<RedisCluster>),
}

impl Servers {
    /// Takes those that the environment names, and starts what it does not.
    pub async fn start() -> Result<Self> {
        blocking(|| {
            let told = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
            let (node, server) = match told(NODE_URL) {
                Some(url) => (url, None),
                None => {
                    let server = RedisServer::ephemeral().map_err(BenchError::at("starting Redis"))?;
                    (server.url(), Some(server))
                }
            };
            let (cluster, servers) = match told(CLUSTER_URL) {
                Some(url) => (url, None),
                None => {
                    let cluster = RedisCluster::ephemeral_with(3, 1, NODE_TIMEOUT, &[])
                        .map_err(BenchError::at("starting a Redis cluster"))?;
                    (cluster.cluster_url(), Some(cluster))
                }
            };
            Ok(Self { node, cluster, own: (server, servers) })
        })
        .await
    }

    /// Whether the cluster is ours: then others like it can be had.
    pub fn are_own(&self) -> bool {
        self.own.1.is_some()
    }

    /// Removes from servers that are not ours what this process left there: entries end by themselves, logs of clears do
    /// not.
    pub async fn tidy(&self) -> Result<()> {
        let told = [(&self.node, self.own.0.is_none()), (&self.cluster, self.own.1.is_none())];
        for (url, _) in told.into_iter().filter(|(_, is_told)| *is_told) {
            Bare::connect(url).await?.remove(&PREFIX).await?;
        }
        Ok(())
    }
}

/// What all namespaces of this process begin with.
static PREFIX: LazyLock<String> = LazyLock::new(|| format!("bench-{:08x}-", fastrand::u32(..)));
static NAMESPACES: AtomicU32 = AtomicU32::new(0);

/// A namespace of its own, so that nothing of an earlier measurement answers.
pub(crate) fn namespace() -> String {
    format!("{}{}", *PREFIX, NAMESPACES.fetch_add(1, Ordering::Relaxed))
}

/// A cache on that Redis, connected. `settings` has the last word.
pub(crate) async fn connected(url: &str, settings: impl FnOnce(Builder) -> Builder) -> Result<Cache> {
    let builder = Cache::builder().redis(Some(url.to_owned())).namespace(namespace());
    // A busy machine must not turn a hit into a miss.
    let builder = settings(builder.l2_timeout(Duration::from_secs(1)).max_writes(8_192));
    let cache = builder.build().map_err(BenchError::at("building a cache"))?;
    if !cache.wait_for_l2(CONNECT).await {
        let why = cache.l2_state().last_error.unwrap_or_default();
        return Err(BenchError::new(format!("Redis cannot be reached: {why}")));
    }
    Ok(cache)
}

/// Waits until `wanted` entries of a category have been written to Redis.
pub(crate) async fn written(cache: &Cache, category: &str, wanted: u64) -> Result<()> {
    let limit = tokio::time::Instant::now() + CONNECT;
    loop {
        let stats = cache.stats();
        let writes = stats.categories.get(category).map_or(0, |it| it.l2.writes);
        if writes >= wanted && stats.coherence.recovery_entries == 0 {
            return Ok(());
        }
        if tokio::time::Instant::now() > limit {
            return Err(BenchError::new(format!("only {writes} of {wanted} entries reached Redis")));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs something that blocks, such as starting a server, where it holds nothing up.
pub(crate) async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(run).await.map_err(BenchError::at("a task"))?
}

/// As [`blocking`], on something shared.
pub(crate) async fn on<S: Send + Sync + 'static, T: Send + 'static>(
    shared: &Arc<S>,
    run: impl FnOnce(&S) -> local_servers::Result<T> + Send + 'static,
) -> Result<T> {
    let shared = Arc::clone(shared);
    blocking(move || run(&shared).map_err(BenchError::at("a server"))).await
}
