//! The way to Redis: knows the nodes and who owns which slot.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::address::Address;
use super::channel::Channel;
use super::failover::Failover;
use super::foreign::ForeignKeys;
use super::node::{Member, Node};
use super::refusals::Said;
use super::skew::Skew;
use super::slots::{Map, slot_of};
use super::state::Connections;
use super::url::Redis;
use super::{keeper, watchdog};
use crate::clears::Store;

/// Nodes at most, those of the map and others together.
const MAX_NODES: usize = 1_000;

/// Which nodes may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The master only.
    Write,
    /// The master only, which keeps nothing of it: a message.
    Publish,
    /// The master; a replica while the master is away.
    Read,
    /// The master and its replicas in turn.
    ReadAnywhere,
}

impl Access {
    /// Whether replicas are of no use for it.
    pub fn needs_master(self) -> bool {
        matches!(self, Self::Write | Self::Publish)
    }
}

/// One Redis or a cluster. Its jobs end with it.
pub(crate) struct Router {
    me: Weak<Self>,
    pub(super) redis: Redis,
    runtime: Handle,
    store: Arc<Store>,
    map: RwLock<Arc<Map>>,
    /// Every node with a watchdog: those of the map, seeds before there is a map, and guests named by redirects.
    pub(super) members: Mutex<HashMap<Address, Member>>,
    /// The connections to nodes that left.
    pub(super) former_connections: Mutex<Connections>,
    /// The clear log was read at least once: entries can be judged.
    log_read: AtomicBool,
    /// Counts changes of nodes and of the map.
    pub(super) changed: watch::Sender<u64>,
    /// Asks for a new map.
    pub(super) refresh: Arc<Notify>,
    /// Whether all was reached when last looked, and since when it is so.
    pub(super) held: Mutex<(bool, Instant)>,
    /// The last error of looking for the map.
    pub(super) map_error: Mutex<Option<String>>,
    /// Nodes that said that they are cut off, and have not said otherwise since.
    pub(super) cut_offs: Arc<AtomicUsize>,
    /// Whose turn it is to answer a read.
    pub(super) turn: AtomicUsize,
    /// Whether messages between processes go through.
    pub(super) channel: Channel,
    /// Keys of ours that hold another application's value.
    pub(super) foreign: ForeignKeys,
    /// How far this machine's clock is ahead of Redis'.
    pub(super) clock: Skew,
    /// Reasons of the current outage, other than the nodes' own, that were logged.
    pub(super) said: Mutex<Said>,
    /// By the first slot of the shard.
    pub(super) failovers: Mutex<BTreeMap<u16, Failover>>,
    keeper: OnceLock<AbortHandle>,
}

impl Drop for Router {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.abort();
        }
    }
}

impl Router {
    /// Starts to connect; waits for nothing.
    pub fn start(redis: Redis, store: Arc<Store>, runtime: &Handle) -> Arc<Self> {
        let router = Arc::new_cyclic(|me: &Weak<Self>| Self {
            me: me.clone(),
            runtime: runtime.clone(),
            store,
            map: RwLock::new(Arc::new(Map::empty())),
            members: Mutex::new(HashMap::new()),
            former_connections: Mutex::default(),
            log_read: AtomicBool::new(false),
            changed: watch::Sender::new(0),
            refresh: Arc::new(Notify::new()),
            held: Mutex::new((false, Instant::now())),
            map_error: Mutex::new(None),
            cut_offs: Arc::default(),
            turn: AtomicUsize::new(0),
            channel: Channel::default(),
            foreign: ForeignKeys::default(),
            clock: Skew::default(),
            said: Mutex::default(),
            failovers: Mutex::new(BTreeMap::new()),
            keeper: OnceLock::new(),
            redis,
        });
        for seed in router.redis.seeds() {
            if let Some(node) = router.node(seed)
                && !router.is_cluster()
            {
                router.set_map(Map::single(node));
                // It may have been connected to before anybody knew that it has the log.
                router.look_at_log();
            }
        }
        router.keeper.get_or_init(|| runtime.spawn(keeper::keep(router.me.clone())).abort_handle());
        router
    }

    /// Unix milliseconds by the clock of Redis, as far as it is known.
    pub fn unix_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    /// How far this machine's clock is ahead of Redis', ms, as last asked.
    pub fn clock_ahead_ms(&self) -> Option<i64> {
        self.clock.ahead_ms()
    }

    /// What is known of the clocks, to be told otherwise.
    #[cfg(test)]
    pub fn clock_for_test(&self) -> &Skew {
        &self.clock
    }

    /// Whether another installation uses the namespace.
    pub(super) fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    pub(super) fn namespace(&self) -> &str {
        self.store.namespace()
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub fn is_cluster(&self) -> bool {
        self.redis.is_cluster()
    }

    pub(super) fn log_is_read(&self) -> bool {
        self.log_read.load(Ordering::Acquire)
    }

    pub(super) fn note_log_read(&self) {
        if !self.log_read.swap(true, Ordering::AcqRel) {
            self.changed.send_modify(|n| *n += 1);
        }
    }

    /// The clear log's store, if that node has the log.
    pub(super) fn log_at(&self, node: &Node) -> Option<Arc<Store>> {
        let map = self.map();
        let shard = map.shard(self.slot(self.store.key()))?;
        std::ptr::eq(Arc::as_ptr(&shard.master), node).then(|| Arc::clone(&self.store))
    }

    /// Has the clear log read at once by whoever has it.
    pub(crate) fn look_at_log(&self) {
        if let Some(shard) = self.map().shard(self.slot(self.store.key())) {
            shard.master.look.notify_one();
        }
    }

    pub(super) fn slot(&self, key: &str) -> u16 {
        if self.is_cluster() { slot_of(key.as_bytes()) } else { 0 }
    }

    pub(super) fn map(&self) -> Arc<Map> {
        Arc::clone(&self.map.read())
    }

    /// Looks at the map without taking a share in it. `look` must not wait, nor ask for the map itself.
    pub(super) fn with_map<T>(&self, look: impl FnOnce(&Map) -> T) -> T {
        look(&self.map.read())
    }

    pub(super) fn set_map(&self, map: Map) {
        *self.map.write() = Arc::new(map);
        self.changed.send_modify(|n| *n += 1);
    }

    /// Asks for a new map, soon.
    pub(super) fn ask_for_map(&self) {
        self.refresh.notify_one();
    }

    /// The node at an address that Redis announces, or that was configured, with its watchdog started if it is new. None when
    /// there are too many.
    pub(super) fn node(&self, address: &Address) -> Option<Arc<Node>> {
        let address = &self.redis.reachable(address);
        let mut members = self.members.lock();
        if let Some(member) = members.get(address) {
            return Some(Arc::clone(&member.node));
        }
        if members.len() >= MAX_NODES {
            tracing::warn!(limit = MAX_NODES, "too many Redis nodes; {address} is left out");
            return None;
        }
        let client = self.redis.client(address).ok()?;
        let (changed, cut_offs) = (self.changed.clone(), Arc::clone(&self.cut_offs));
        let node = Node::new(address.clone(), client, self.is_cluster(), changed, cut_offs);
        let node = Arc::new(node);
        let task = self.runtime.spawn(watchdog::supervise(Arc::clone(&node), self.me.clone())).abort_handle();
        members.insert(address.clone(), Member { node: Arc::clone(&node), task });
        Some(node)
    }
}
