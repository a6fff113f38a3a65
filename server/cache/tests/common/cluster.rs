//! Clusters for the tests of the cache.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use local_servers::{Error, NodeInfo, RedisCluster, Reply, RespClient, key_slot};
use tidemark_cache::Cache;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{blocking, connected};

/// So long that no node takes another for dead while the tests run.
pub const NEVER: Duration = Duration::from_secs(600);
/// Longest wait for an answer of one node.
const ANSWER: Duration = Duration::from_secs(10);

/// Of clusters that are disturbed so many at once: with more, the nodes would take each other for dead on a small machine.
static PLACES: Semaphore = Semaphore::const_new(2);

/// The cluster that all tests of this process share which do not disturb it, each in a namespace of its own. No node of it
/// fails; slots may move.
pub async fn undisturbed() -> &'static RedisCluster {
    static SHARED: OnceLock<RedisCluster> = OnceLock::new();
    let start = || RedisCluster::ephemeral_with(3, 1, NEVER, &[]).expect("the cluster starts");
    blocking(move || SHARED.get_or_init(start)).await
}

/// A cluster that a test has to itself.
#[derive(Clone)]
pub struct Own {
    cluster: Arc<RedisCluster>,
    _place: Arc<SemaphorePermit<'static>>,
}

impl Deref for Own {
    type Target = RedisCluster;

    fn deref(&self) -> &RedisCluster {
        &self.cluster
    }
}

/// Starts a cluster to be disturbed, when there is a place for it.
pub async fn own(start: impl FnOnce() -> local_servers::Result<RedisCluster> + Send + 'static) -> Own {
    let place = PLACES.acquire().await.expect("open");
    let cluster = blocking(start).await.expect("the cluster starts");
    Own { cluster: Arc::new(cluster), _place: Arc::new(place) }
}

/// Does something with a cluster that may block.
pub async fn with<C, T>(
    cluster: &C,
    act: impl FnOnce(&RedisCluster) -> local_servers::Result<T> + Send + 'static,
) -> T
where
    C: Deref<Target = RedisCluster> + Clone + Send + 'static,
    T: Send + 'static,
{
    let cluster = cluster.clone();
    blocking(move || act(&cluster)).await.expect("the cluster does as told")
}

/// A cache on all of it, in a namespace, connected to every node. A busy machine must not turn a hit into a miss.
pub async fn cache_on_cluster(cluster: &RedisCluster, namespace: &str) -> Cache {
    let builder = Cache::builder().redis(Some(cluster.cluster_url())).namespace(namespace);
    let cache = connected(builder.l2_timeout(Duration::from_secs(1))).await;
    all_nodes_known(&cache, cluster.size()).await;
    cache
}

/// Waits until a cache is connected to all nodes, replicas too: nodes tell of replicas when they have heard of them.
pub async fn all_nodes_known(cache: &Cache, nodes: usize) {
    super::until("all nodes are connected", || {
        let known = cache.l2_state().nodes;
        known.len() == nodes && known.iter().all(|node| node.usable)
    })
    .await;
}

/// So many names that begin so for each master, by its index.
pub async fn names_by_master<C>(cluster: &C, prefix: &str, each: usize) -> BTreeMap<usize, Vec<String>>
where
    C: Deref<Target = RedisCluster> + Clone + Send + 'static,
{
    let nodes = with(cluster, |cluster| cluster.nodes()).await;
    let names = |node: &NodeInfo| {
        let all = (0..).map(|i| format!("{prefix}{i}"));
        all.filter(|name| node.owns(key_slot(name.as_bytes()))).take(each).collect()
    };
    let masters = nodes.iter().filter(|node| node.slot_count() > 0);
    masters.map(|node| (node.index, names(node))).collect()
}

/// Has the owner of a slot answer, wherever a slot under way sends us.
pub fn ask(cluster: &RedisCluster, slot: u16, command: &[&str]) -> local_servers::Result<Reply> {
    let owner = cluster.master_of_slot(slot)?;
    match cluster.command(owner, command) {
        Err(Error::Refused { reason, .. }) if reason.starts_with("ASK ") => {
            let port = reason.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            let to = (0..cluster.size()).find(|node| Some(cluster.node(*node).port()) == port);
            let mut client = RespClient::connect(cluster.port(to.expect("one of the nodes")), ANSWER)?;
            client.call(&["ASKING"])?;
            client.call(command)
        }
        answer => answer,
    }
}

/// The version and the flags of an entry of the category `texts`, if it is there.
pub fn in_cluster(
    cluster: &RedisCluster,
    namespace: &str,
    name: &str,
) -> local_servers::Result<Option<(u64, u8)>> {
    let key = format!("{namespace}:e:texts:{{{name}}}");
    let head = ask(cluster, key_slot(name.as_bytes()), &["GETRANGE", &key, "0", "79"])?.bytes();
    let version = head.get(48..56).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    Ok(version.zip(head.get(9).copied()))
}
