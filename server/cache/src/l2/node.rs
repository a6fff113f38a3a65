//! One node: a connection made in the background, watched, taken out of use and replaced when it breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use redis::Client;
use redis::aio::MultiplexedConnection;
use tokio::sync::{Notify, watch};

use super::address::Address;
use super::connect::{CONNECT_TIMEOUT, open};
use super::lacks::Lacks;
use super::refusals::{Refusals, Said};
use super::state::{L2Error, Noted};
use super::trouble::{Way, with_advice};
use super::verdict::is_broken;
use crate::counters::{Count, HotCount};

/// So many commands in a row without an answer in time open the breaker.
const TIMEOUTS_TO_OPEN: u32 = 3;
/// A node that said so lately that it cannot answer is not asked a second time by the same exchange.
const REFUSAL_HOLDS_MS: u64 = 1_000;
/// Between two new connections to a node that turned out to be a replica.
const RENEW_EVERY_MS: u64 = 5_000;

/// What a node was asked, and what came of it. Counted by this process.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Exchanges begun.
    pub requests: HotCount,
    /// Exchanges that Redis answered with an error, redirects left out.
    pub errors: Count,
    /// Exchanges whose connection broke.
    pub broken: Count,
    /// Exchanges without an answer in time.
    pub timeouts: Count,
    /// Answers that named another node.
    pub redirects: Count,
}

/// A node. Exchanges take the connection that is published, or fail at once when there is none.
pub(crate) struct Node {
    pub address: Address,
    client: Client,
    /// Replicas answer reads only when told so once a connection.
    cluster: bool,
    /// The published connection and its number.
    conn: RwLock<Option<(u64, MultiplexedConnection)>>,
    noted: Mutex<Noted>,
    /// Reasons of the current outage that were logged.
    said: Mutex<Said>,
    /// Commands in a row that had no answer in time.
    timeouts: AtomicU32,
    /// Tells the watchdog to look now.
    pub(super) look: Notify,
    /// Tells the router that the state changed.
    changed: watch::Sender<u64>,
    pub(super) counts: Counts,
    /// When it last said that it cannot answer now.
    refused_ms: AtomicU64,
    /// When it was last asked for, so that a node outside the map is kept while it is of use.
    used_ms: AtomicU64,
    /// It became a master and has answered no write yet.
    pub(super) awaits_write: AtomicBool,
    /// The commands that it does not know, as of its connection.
    lacks: AtomicU8,
    /// Writes that it refuses.
    writes: Mutex<Refusals>,
    /// Whether there are such: mostly not, and then nobody takes the lock. Changed under the lock only.
    refuses_writes: AtomicBool,
    /// Its name may lead elsewhere by now: a new connection is wanted, when it was last asked for.
    pub(super) wants_renewal: AtomicBool,
    renewed_ms: AtomicU64,
    /// It says that it is cut off from the majority of the cluster. What it has may have been replaced elsewhere.
    cut_off: AtomicBool,
    /// How many nodes say so.
    cut_offs: Arc<AtomicUsize>,
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.is_cut_off() {
            self.cut_offs.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Node {
    pub fn new(
        address: Address,
        client: Client,
        cluster: bool,
        changed: watch::Sender<u64>,
        cut_offs: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            address,
            client,
            cluster,
            conn: RwLock::new(None),
            noted: Mutex::new(Noted::new()),
            said: Mutex::default(),
            timeouts: AtomicU32::new(0),
            look: Notify::new(),
            changed,
            counts: Counts::default(),
            refused_ms: AtomicU64::new(0),
            used_ms: AtomicU64::new(crate::clock::now()),
            awaits_write: AtomicBool::new(false),
            lacks: AtomicU8::new(0),
            writes: Mutex::default(),
            refuses_writes: AtomicBool::new(false),
            wants_renewal: AtomicBool::new(false),
            renewed_ms: AtomicU64::new(0),
            cut_off: AtomicBool::new(false),
            cut_offs,
        }
    }

    pub fn is_usable(&self) -> bool {
        self.conn.read().is_some()
    }

    pub fn is_in_cluster(&self) -> bool {
        self.cluster
    }

    /// Notes whether the cluster works, as far as the node knows: it does not where only a minority can be reached.
    pub(super) fn note_cluster_state(&self, ok: bool) {
        if self.cut_off.swap(!ok, Ordering::AcqRel) == ok {
            if ok {
                self.cut_offs.fetch_sub(1, Ordering::AcqRel);
            } else {
                self.cut_offs.fetch_add(1, Ordering::AcqRel);
            }
            let text = if ok { "works again" } else { "does not work: it may be cut off from the others" };
            tracing::warn!(redis = %self.address, "by Redis {} the cluster {text}", self.address);
        }
    }

    /// Whether it may be cut off from the others, so that what it has is not the newest for sure.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Acquire)
    }

    /// The commands that it does not know.
    pub(super) fn lacks(&self) -> Lacks {
        Lacks::from_bits(self.lacks.load(Ordering::Relaxed))
    }

    pub(super) fn note_lacks(&self, lacks: Lacks) {
        self.lacks.store(lacks.bits(), Ordering::Relaxed);
    }

    /// Notes that it refused a write, and says so when the reason is new.
    pub(super) fn note_write_refused(&self, why: &str) {
        let mut writes = self.writes.lock();
        let is_news = writes.note(why);
        self.refuses_writes.store(true, Ordering::Release);
        drop(writes);
        if is_news {
            tracing::warn!(redis = %self.address, error = why, "Redis {} takes no writes: {why}", self.address);
        }
    }

    /// Notes that it took a write.
    #[inline]
    pub(super) fn note_write_taken(&self) {
        if !self.refuses_writes.load(Ordering::Acquire) {
            return;
        }
        let mut writes = self.writes.lock();
        let is_news = writes.end();
        self.refuses_writes.store(writes.are_there(), Ordering::Release);
        drop(writes);
        if is_news {
            tracing::info!(redis = %self.address, "Redis {} takes writes again", self.address);
        }
    }

    /// Whether it refused a write a moment ago, or has taken none since.
    pub(super) fn refuses_writes(&self) -> bool {
        self.refuses_writes.load(Ordering::Acquire)
    }

    /// Why it has refused writes for a while, if it has.
    pub(super) fn why_no_writes(&self) -> Option<String> {
        if !self.refuses_writes() {
            return None;
        }
        self.writes.lock().reason().map(str::to_owned)
    }

    /// Asks for a new connection, not too often: the name of a single node may lead to another machine by now.
    pub(super) fn renew(&self) {
        let now = crate::clock::now();
        let last = self.renewed_ms.load(Ordering::Relaxed);
        if now.saturating_sub(last) >= RENEW_EVERY_MS {
            self.renewed_ms.store(now, Ordering::Relaxed);
            self.wants_renewal.store(true, Ordering::Release);
            self.look.notify_one();
        }
    }

    /// The published connection and its number.
    pub fn connection(&self) -> Option<(u64, MultiplexedConnection)> {
        self.conn.read().clone()
    }

    /// The error for who finds no connection.
    pub fn away(&self) -> L2Error {
        let noted = self.noted.lock();
        let why = noted.last_error.as_deref().unwrap_or("just lost");
        L2Error::Disconnected(if self.cluster { format!("{}: {why}", self.address) } else { why.to_owned() })
    }

    /// A copy of what is noted down.
    pub fn noted(&self) -> Noted {
        self.noted.lock().clone()
    }

    /// Whether its first connection is under way.
    pub fn is_new(&self) -> bool {
        let noted = self.noted.lock();
        noted.connections.made == 0 && noted.held_for() < CONNECT_TIMEOUT
    }

    pub fn note_use(&self) {
        self.counts.requests.increment();
        self.used_ms.store(crate::clock::now(), Ordering::Relaxed);
    }

    pub fn unused_for_ms(&self) -> u64 {
        crate::clock::now().saturating_sub(self.used_ms.load(Ordering::Relaxed))
    }

    /// Notes that it could not answer, and that trying again was of no use.
    pub fn note_refusal(&self) {
        self.refused_ms.store(crate::clock::now(), Ordering::Relaxed);
    }

    /// Whether that was a moment ago.
    pub fn refused_lately(&self) -> bool {
        crate::clock::now().saturating_sub(self.refused_ms.load(Ordering::Relaxed)) < REFUSAL_HOLDS_MS
    }

    /// It lives: an answer came, if a bad one.
    pub fn answered(&self) {
        // Mostly zero already, and a shared cache line costs less to read than to write.
        if self.timeouts.load(Ordering::Relaxed) != 0 {
            self.timeouts.store(0, Ordering::Relaxed);
        }
    }

    /// Notes an exchange over connection `number` that had no answer in time; too many in a row open the breaker.
    pub fn timed_out(&self, number: u64) -> L2Error {
        self.counts.timeouts.add(1);
        if self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_TO_OPEN {
            self.withdraw(number, &L2Error::Timeout.to_string());
        }
        L2Error::Timeout
    }

    /// Takes connection `number` out of use; the watchdog then decides what becomes of it.
    pub fn withdraw(&self, number: u64, why: &str) {
        let mut conn = self.conn.write();
        if conn.as_ref().is_some_and(|(published, _)| *published == number) {
            *conn = None;
            self.note_lost(why);
            drop(conn);
            self.look.notify_one();
            self.changed.send_modify(|n| *n += 1);
        }
    }

    pub(super) fn publish(&self, number: u64, conn: &MultiplexedConnection) {
        self.timeouts.store(0, Ordering::Relaxed);
        let mut published = self.conn.write();
        if published.is_some() {
            return;
        }
        *published = Some((number, conn.clone()));
        let mut noted = self.noted.lock();
        noted.connected = true;
        noted.last_error = None;
        noted.since = Instant::now();
        noted.connections.made += 1;
        drop((noted, published));
        self.said.lock().clear();
        tracing::info!(redis = %self.address, "connected to Redis {}", self.address);
        self.changed.send_modify(|n| *n += 1);
    }

    /// Puts another connection in the place of the published one. Nobody is without one meanwhile.
    pub(super) fn replace(&self, number: u64, conn: &MultiplexedConnection) {
        let mut published = self.conn.write();
        if published.is_none() {
            // It was withdrawn meanwhile.
            drop(published);
            return self.publish(number, conn);
        }
        *published = Some((number, conn.clone()));
        self.timeouts.store(0, Ordering::Relaxed);
        self.noted.lock().connections.made += 1;
        // Every few seconds where the node is a replica for good, which was said.
        tracing::debug!(redis = %self.address, "connected to Redis {} anew", self.address);
    }

    /// Counts an attempt to connect that failed.
    pub(super) fn note_connect_failed(&self, error: &L2Error) {
        let connections = &mut self.noted.lock().connections;
        connections.failed += 1;
        connections.timed_out += u64::from(*error == L2Error::Timeout);
    }

    /// Counts an exchange that ended with an error of Redis, or with the connection over which it ran.
    pub(super) fn count_error(&self, error: &redis::RedisError) {
        let count = if is_broken(error) { &self.counts.broken } else { &self.counts.errors };
        count.add(1);
    }

    /// Notes why there is no connection. The loss is logged, and then each reason that is new, so that the log says why it
    /// does not come back.
    pub(super) fn note_lost(&self, why: &str) {
        let mut noted = self.noted.lock();
        let why = with_advice(why, self.way(&noted));
        let mut said = self.said.lock();
        if noted.connected {
            noted.since = Instant::now();
            noted.connections.lost += 1;
            said.clear();
        }
        noted.connected = false;
        if said.is_news(&why) {
            tracing::warn!(redis = %self.address, error = why, "Redis {} is unavailable: {why}", self.address);
        }
        noted.last_error = Some(why);
    }

    fn way(&self, noted: &Noted) -> Way {
        let addr = self.client.get_connection_info().addr();
        let tls = matches!(addr, redis::ConnectionAddr::TcpTls { .. });
        Way { tls, cluster: self.cluster, worked: noted.connections.made > 0 }
    }

    /// A new connection, ready for use but not published.
    pub(super) async fn connect(&self) -> Result<MultiplexedConnection, L2Error> {
        open(&self.client, self.cluster).await
    }
}

/// A node and its watchdog, which ends with it.
pub(super) struct Member {
    pub node: Arc<Node>,
    pub task: tokio::task::AbortHandle,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.task.abort();
    }
}
