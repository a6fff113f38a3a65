//! The router on real servers.

mod batches;
mod failover;
mod hangs;
mod messages;
mod moves;
mod single;
mod spread;

use std::sync::Arc;
use std::time::Duration;

use local_servers::{RedisCluster, key_slot};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

use super::{Access, L2Error, Redis, Router};
use crate::clears::{Log, Mirror, Store};

/// Every wait for a condition ends after this.
const PATIENCE: Duration = Duration::from_secs(60);
/// A limit that a busy machine keeps, for exchanges that are to succeed.
const AMPLE: Duration = Duration::from_secs(10);
/// Silence after which the nodes elect another master: soon, or not while a test runs.
const SOON: Duration = Duration::from_millis(1_500);
const NEVER: Duration = Duration::from_secs(600);

/// Six servers each: more clusters at once would take each other for dead on a small machine.
static PLACES: Semaphore = Semaphore::const_new(3);

/// A cluster and a router on it, connected.
struct Fixture {
    cluster: Arc<RedisCluster>,
    router: Arc<Router>,
    _place: SemaphorePermit<'static>,
}

impl Fixture {
    async fn new(node_timeout: Duration) -> Self {
        Self::with(3, 1, node_timeout).await
    }

    async fn with(masters: u16, replicas: u16, node_timeout: Duration) -> Self {
        let place = PLACES.acquire().await.expect("open");
        let cluster =
            blocking(move || RedisCluster::ephemeral_with(masters, replicas, node_timeout, &[])).await;
        let cluster = Arc::new(cluster.expect("the cluster starts"));
        // A replica is told of only when it is known to have something to serve, by each node in its own time.
        let nodes = usize::from(masters * (1 + replicas));
        let asked = Arc::clone(&cluster);
        let agree = blocking(move || {
            local_servers::wait_until(PATIENCE, || {
                let told = |i| asked.node(i).command(&["CLUSTER", "SLOTS"]).unwrap_or_default();
                (0..nodes).all(|i| told(i).matches("127.0.0.1").count() == nodes)
            })
        });
        assert!(agree.await, "all nodes tell of all nodes");
        let router = router(&cluster.cluster_url());
        connected(&router).await;
        until("all nodes are known", async || {
            let state = router.state();
            state.nodes.len() == nodes && state.nodes.iter().all(|node| node.usable)
        })
        .await;
        Self { cluster, router, _place: place }
    }

    /// Does something slow with the cluster.
    async fn admin<T: Send + 'static>(
        &self,
        act: impl FnOnce(&RedisCluster) -> local_servers::Result<T> + Send + 'static,
    ) -> T {
        let cluster = Arc::clone(&self.cluster);
        blocking(move || act(&cluster)).await.expect("the cluster does as told")
    }

    /// The index of the key's master.
    async fn master(&self, key: &str) -> usize {
        let slot = key_slot(key.as_bytes());
        self.admin(move |cluster| cluster.master_of_slot(slot)).await
    }

    /// Some keys whose master is the node of this index.
    async fn keys_of(&self, master: usize, count: usize) -> Vec<String> {
        let nodes = self.admin(|cluster| cluster.nodes()).await;
        let node = nodes.into_iter().find(|node| node.index == master).expect("a node");
        let keys = (0..).map(|i| format!("k{i}")).filter(|key| node.owns(key_slot(key.as_bytes())));
        keys.take(count).collect()
    }

    /// Another master than this one.
    async fn other_master(&self, than: usize) -> usize {
        let nodes = self.admin(|cluster| cluster.nodes()).await;
        nodes.iter().find(|n| n.index != than && n.slot_count() > 0).expect("another master").index
    }

    fn address(&self, index: usize) -> String {
        format!("127.0.0.1:{}", self.cluster.node(index).port())
    }
}

async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

fn router(url: &str) -> Arc<Router> {
    let mirror = Arc::new(Mirror::new(Log::unread()));
    let store = Arc::new(Store::new("tm", mirror));
    Router::start(Redis::parse(url).expect("a URL"), store, &tokio::runtime::Handle::current())
}

async fn connected(router: &Router) {
    let state = || router.state();
    timeout(PATIENCE, router.wait_connected())
        .await
        .unwrap_or_else(|_| panic!("not connected: {:?}", state()));
}

async fn set(router: &Router, limit: Duration, key: &str, value: &str) -> Result<(), L2Error> {
    router
        .run(limit, key, Access::Write, |mut conn| async move {
            redis::cmd("SET").arg(key).arg(value).query_async(&mut conn).await
        })
        .await
}

async fn get(router: &Router, limit: Duration, key: &str, access: Access) -> Result<Option<String>, L2Error> {
    router
        .run(
            limit,
            key,
            access,
            |mut conn| async move { redis::cmd("GET").arg(key).query_async(&mut conn).await },
        )
        .await
}

/// Waits for a condition.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
