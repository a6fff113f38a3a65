//! The servers of the model, the way of each cache to them, and what may become of both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use local_servers::{ClusterAccess, Fault, FaultProxy, RedisCluster, RedisServer, Reply, key_slot};
use redis::aio::MultiplexedConnection;
use tidemark_cache::Cache;

use crate::common::cluster::{Own, ask, own, with};
use crate::common::*;

/// Nodes of the cluster.
pub const NODES: usize = 6;
/// Longer than a busy machine holds up a node: one that failed by itself would lose writes.
const NODE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the caches run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Node,
    Cluster,
}

/// The servers, and by cache the way to them.
pub enum Site {
    Node {
        _server: Arc<RedisServer>,
        plain: MultiplexedConnection,
        ways: Vec<(Arc<FaultProxy>, String)>,
    },
    Cluster {
        cluster: Own,
        ways: Vec<Arc<ClusterAccess>>,
        /// Slots left half-way, and where they go.
        open: BTreeMap<u16, usize>,
        /// Nodes that have taken a master's place.
        promoted: BTreeSet<usize>,
    },
}

impl Site {
    pub async fn start(kind: Kind, caches: usize) -> Self {
        match kind {
            Kind::Node => {
                let server = redis().await;
                let mut ways = Vec::new();
                for _ in 0..caches {
                    ways.push(proxy_before(&server).await);
                }
                Self::Node { plain: plain(&server).await, _server: server, ways }
            }
            Kind::Cluster => {
                let start = || RedisCluster::ephemeral_with(3, 1, NODE_TIMEOUT, &[RedisCluster::PORTS_ALONE]);
                let cluster = own(start).await;
                let ways = with(&cluster, move |cluster| {
                    (0..caches).map(|cache| cluster.access(u8::try_from(cache).expect("few"))).collect()
                });
                let ways: Vec<ClusterAccess> = ways.await;
                Self::Cluster {
                    cluster,
                    ways: ways.into_iter().map(Arc::new).collect(),
                    open: BTreeMap::new(),
                    promoted: BTreeSet::new(),
                }
            }
        }
    }

    /// Where a cache finds the servers.
    pub fn url(&self, cache: usize) -> String {
        match self {
            Self::Node { ways, .. } => ways[cache].1.clone(),
            Self::Cluster { ways, .. } => ways[cache].url(),
        }
    }

    /// Whether a cache knows the nodes by its own way alone.
    pub fn is_way_of(&self, cache: usize, built: &Cache) -> bool {
        let url = self.url(cache);
        built.l2_state().nodes.iter().all(|node| url.contains(&node.address))
    }

    /// Puts a fault on all of a cache's way.
    pub async fn disturb(&self, cache: usize, fault: Fault) {
        match self {
            Self::Node { ways, .. } => on(&ways[cache].0, move |way| way.set(fault)).await,
            Self::Cluster { ways, .. } => on(&ways[cache], move |way| way.set(fault)).await,
        }
    }

    /// Parts a cache from one node.
    pub async fn lose_node(&self, cache: usize, node: usize) {
        if let Self::Cluster { ways, .. } = self {
            on(&ways[cache], move |way| way.proxy(node).black_hole()).await;
        }
    }

    /// Whether nothing is wrong with any way.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Node { ways, .. } => ways.iter().all(|(way, _)| way.fault() == Fault::None),
            Self::Cluster { ways, .. } => ways.iter().all(|way| way.is_sound()),
        }
    }

    /// Ends all faults, and what was left half-way.
    pub async fn heal(&mut self) {
        let ways = match self {
            Self::Node { ways, .. } => ways.len(),
            Self::Cluster { ways, .. } => ways.len(),
        };
        for cache in 0..ways {
            self.disturb(cache, Fault::None).await;
        }
        self.finish_moves().await;
    }

    /// All subscriptions end; commands go on.
    pub async fn cut_bus(&mut self) {
        self.tell_masters(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    }

    pub async fn flush(&mut self) {
        self.tell_masters(&["FLUSHALL"]).await;
    }

    async fn tell_masters(&mut self, command: &'static [&'static str]) {
        match self {
            Self::Node { plain, .. } => {
                let mut cmd = redis::cmd(command[0]);
                let _: redis::Value = cmd.arg(&command[1..]).query_async(plain).await.expect("done");
            }
            Self::Cluster { cluster, .. } => {
                with(cluster, |cluster| {
                    let nodes = cluster.nodes()?;
                    let mut masters = nodes.iter().filter(|node| node.slot_count() > 0);
                    masters.try_for_each(|node| cluster.command(node.index, command).map(drop))
                })
                .await;
            }
        }
    }

    /// The version of an entry in Redis, if no clear covers it.
    pub async fn version(&mut self, name: &str) -> Option<u64> {
        let key = format!("tm:e:texts:{{{name}}}");
        let (head, log): (Vec<u8>, Vec<String>) = match self {
            Self::Node { plain, .. } => {
                let mut both = redis::pipe();
                both.cmd("GETRANGE").arg(&key).arg(0).arg(79).cmd("HGETALL").arg("tm:clears");
                both.query_async(plain).await.expect("answers")
            }
            Self::Cluster { cluster, .. } => {
                let slot = key_slot(name.as_bytes());
                with(cluster, move |cluster| {
                    let head = ask(cluster, slot, &["GETRANGE", &key, "0", "79"])?.bytes();
                    let log = ask(cluster, key_slot(b"tm:clears"), &["HGETALL", "tm:clears"])?;
                    let text = |item: Reply| String::from_utf8_lossy(&item.bytes()).into_owned();
                    Ok((head, log.items().into_iter().map(text).collect()))
                })
                .await
            }
        };
        living(&head, &log, &format!("texts:{name}"))
    }

    /// Moves the slot of a name to the next master, or goes on with a move that was left half-way.
    pub async fn move_slot(&mut self, name: &str) {
        self.move_half(name).await;
        self.finish_moves().await;
    }

    /// Begins to move it, and leaves it so.
    pub async fn move_half(&mut self, name: &str) {
        let Self::Cluster { cluster, open, .. } = self else { return };
        let slot = key_slot(name.as_bytes());
        if open.contains_key(&slot) {
            return;
        }
        let to = with(cluster, move |cluster| {
            let nodes = cluster.nodes()?;
            let masters: Vec<usize> =
                nodes.iter().filter(|node| node.slot_count() > 0).map(|node| node.index).collect();
            let from = cluster.master_of_slot(slot)?;
            let at = masters.iter().position(|master| *master == from).expect("a master");
            let to = masters[(at + 1) % masters.len()];
            cluster.begin_move(slot, to)?;
            // The entry or a lease beside it, whichever comes first.
            cluster.move_some_keys(slot, to, 1)?;
            Ok(to)
        })
        .await;
        open.insert(slot, to);
    }

    async fn finish_moves(&mut self) {
        let Self::Cluster { cluster, open, .. } = self else { return };
        for (slot, to) in std::mem::take(open) {
            with(cluster, move |cluster| cluster.finish_move(slot, to)).await;
        }
    }

    /// The replica of a name's master takes its place; it would not know of slots that are half-way. No node twice: soon after
    /// its last election that takes some node timeouts.
    pub async fn failover(&mut self, name: &str) {
        self.finish_moves().await;
        let Self::Cluster { cluster, promoted, .. } = self else { return };
        let slot = key_slot(name.as_bytes());
        let replica = with(cluster, move |cluster| cluster.replica_of(cluster.master_of_slot(slot)?)).await;
        if promoted.insert(replica) {
            with(cluster, move |cluster| cluster.failover(replica)).await;
        }
    }
}

/// The version in the first 80 bytes of an entry, if it lives by the fields and values of the clear log.
fn living(head: &[u8], log: &[String], name: &str) -> Option<u64> {
    let number = |at: usize| head.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
    let (version, epoch, mark) = (number(48)?, number(56)?, number(64)?);
    let fields: BTreeMap<&str, &str> =
        log.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
    let field = |name: &str| fields.get(name)?.parse::<u64>().ok();
    let clears = fields.iter().filter_map(|(field, record)| {
        let seq: u64 = field.strip_prefix('r')?.parse().ok()?;
        // Whether undone, when, the kind, the text. The model clears single keys only.
        let (undone, covered) = record.split_once(' ')?;
        (undone == "0" && covered.ends_with(&format!(" key {name}"))).then_some(seq)
    });
    let dead_below = clears.chain(field("floor")).max()?;
    (epoch == field("epoch")? && mark >= dead_below).then_some(version)
}
