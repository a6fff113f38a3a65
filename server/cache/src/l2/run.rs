//! One exchange: choosing the node, following redirects, all within a limit.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisResult, ServerErrorKind};
use tokio::time::{Instant, sleep, timeout_at};

use super::address::Address;
use super::conn::Conn;
use super::failover::is_promotion;
use super::lacks::is_unknown_command;
use super::node::Node;
use super::router::{Access, Router};
use super::slots::Shard;
use super::state::{L2Error, text_of};
use super::verdict::{Verdict, judge};

/// Nodes that one exchange asks at most. A cluster that sends us in circles is in the middle of something.
const MAX_HOPS: u32 = 16;
/// From this hop on there is a pause before the next, so that a circle costs little.
const PATIENT_HOPS: u32 = 3;
const MIN_PAUSE: Duration = Duration::from_millis(5);
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// A node to ask, over its published connection.
pub(super) struct Chosen {
    pub node: Arc<Node>,
    pub number: u64,
    pub conn: MultiplexedConnection,
}

impl Router {
    /// Runs one exchange for `key` within `limit`, on the node that owns the key's slot.
    ///
    /// Fails at once while that node is away. Follows a slot that moved or moves; waits and tries again while the cluster
    /// cannot answer, if there is time. So `exchange` may be called more than once, but never after a call whose effect is
    /// not known: those end with the error.
    pub async fn run<T, F, Fut>(
        &self,
        limit: Duration,
        key: &str,
        access: Access,
        mut exchange: F,
    ) -> Result<T, L2Error>
    where
        F: FnMut(Conn) -> Fut,
        Fut: Future<Output = RedisResult<T>>,
    {
        let deadline = Instant::now() + limit;
        if !self.log_is_read() {
            return Err(self.closed());
        }
        let slot = self.slot(key);
        // Where a redirect sends us, and whether ASKING is due.
        let mut sent_to: Option<(Arc<Node>, bool)> = None;
        // A node that is of no use for this exchange, and the error if its connection broke.
        let mut useless: Option<Arc<Node>> = None;
        let mut broken: Option<L2Error> = None;
        let mut pause = MIN_PAUSE;
        for hop in 1..=MAX_HOPS {
            let (chosen, asking) = match sent_to.take() {
                Some((node, asking)) => (self.guest(node, deadline).await?, asking),
                None => match self.choose(slot, access, useless.as_ref()) {
                    Ok(chosen) => (chosen, false),
                    // No other node is there: what counts is that this one was asked.
                    Err(error) => return Err(broken.unwrap_or(error)),
                },
            };
            let Chosen { node, number, conn } = chosen;
            node.note_use();
            let error = match timeout_at(deadline, exchange(Conn::new(conn, asking, node.lacks()))).await {
                Ok(Ok(value)) => {
                    node.answered();
                    if access == Access::Write {
                        self.note_written(&node);
                    }
                    return Ok(value);
                }
                Ok(Err(error)) => error,
                Err(_) => return Err(node.timed_out(number)),
            };
            match self.judge(&error, &node) {
                Verdict::Timeout => return Err(node.timed_out(number)),
                Verdict::Broken => {
                    node.counts.broken.add(1);
                    node.withdraw(number, &text_of(&error));
                    if access.needs_master() || useless.is_some() {
                        return Err(error.into());
                    }
                    // Nothing is changed by reading twice.
                    useless = Some(node);
                    broken = Some(error.into());
                    continue;
                }
                Verdict::Answer => {
                    node.answered();
                    node.counts.errors.add(1);
                    self.note_if_refused(&node, access, &error);
                    return Err(error.into());
                }
                Verdict::Moved(Some(address)) => {
                    sent_to = self.moved(slot, &address).map(|node| (node, false))
                }
                Verdict::Ask(address) => sent_to = self.node(&address).map(|node| (node, true)),
                Verdict::Moved(None) | Verdict::Later => self.ask_for_map(),
            }
            node.answered();
            if sent_to.is_none()
                && !access.needs_master()
                && useless.is_none()
                && !self.is_master(&node, slot)
            {
                // A replica that is not ready: another node may be.
                useless = Some(node);
                continue;
            }
            if sent_to.is_some() {
                node.counts.redirects.add(1);
                if hop < PATIENT_HOPS {
                    continue;
                }
            }
            if Instant::now() + pause >= deadline || hop == MAX_HOPS || node.refused_lately() {
                node.note_refusal();
                node.counts.errors.add(1);
                self.note_if_refused(&node, access, &error);
                return Err(error.into());
            }
            sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
        Err(L2Error::Timeout)
    }

    /// Notes that a node refuses writes, if the error says so.
    fn note_if_refused(&self, node: &Node, access: Access, error: &redis::RedisError) {
        if access != Access::Write || !refuses_writes(error) {
            return;
        }
        node.note_write_refused(&L2Error::from(error.clone()).to_string().replacen("Redis: ", "", 1));
        // The name of a single node may have been that of a master when it was looked up.
        if !self.is_cluster() && matches!(error.kind(), ErrorKind::Server(ServerErrorKind::ReadOnly)) {
            node.renew();
        }
    }

    fn is_master(&self, node: &Arc<Node>, slot: u16) -> bool {
        self.map().shard(slot).is_some_and(|shard| Arc::ptr_eq(&shard.master, node))
    }

    /// Judges an error; a single node is never left for another.
    pub(super) fn judge(&self, error: &redis::RedisError, node: &Node) -> Verdict {
        match judge(error, &node.address) {
            Verdict::Moved(_) | Verdict::Ask(_) | Verdict::Later if !self.is_cluster() => Verdict::Answer,
            verdict => verdict,
        }
    }

    /// A usable node for a slot; `not` is avoided.
    pub(super) fn choose(
        &self,
        slot: u16,
        access: Access,
        not: Option<&Arc<Node>>,
    ) -> Result<Chosen, L2Error> {
        self.with_map(|map| match map.shard(slot) {
            Some(shard) => self.choose_of(shard, access, not),
            None => {
                self.ask_for_map();
                Err(L2Error::Disconnected(format!("no node serves slot {slot}")))
            }
        })
    }

    /// A usable node of a shard; `not` is avoided.
    pub(super) fn choose_of(
        &self,
        shard: &Shard,
        access: Access,
        not: Option<&Arc<Node>>,
    ) -> Result<Chosen, L2Error> {
        let take = |node: &Arc<Node>| {
            if not.is_some_and(|not| Arc::ptr_eq(not, node)) {
                return None;
            }
            let (number, conn) = node.connection()?;
            Some(Chosen { node: Arc::clone(node), number, conn })
        };
        let found = match access {
            Access::Write | Access::Publish => take(&shard.master),
            Access::Read => take(&shard.master).or_else(|| shard.replicas.iter().find_map(take)),
            Access::ReadAnywhere => self.in_turn(shard).find_map(take),
        };
        found.ok_or_else(|| shard.master.away())
    }

    /// The nodes of a shard, each time beginning with the next.
    fn in_turn<'a>(&self, shard: &'a Shard) -> impl Iterator<Item = &'a Arc<Node>> {
        let all = 1 + shard.replicas.len();
        let first = if all == 1 { 0 } else { self.turn.fetch_add(1, Ordering::Relaxed) % all };
        let at = move |i: usize| match (first + i) % all {
            0 => &shard.master,
            n => &shard.replicas[n - 1],
        };
        (0..all).map(at)
    }

    /// The node that a redirect names. One that is new is waited for.
    pub(super) async fn guest(&self, node: Arc<Node>, deadline: Instant) -> Result<Chosen, L2Error> {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some((number, conn)) = node.connection() {
                return Ok(Chosen { node, number, conn });
            }
            // It tells of its first connection, not of a first attempt in vain: look again now and then.
            let look = deadline.min(Instant::now() + MAX_PAUSE);
            if !node.is_new() || Instant::now() >= deadline {
                return Err(node.away());
            }
            let _ = timeout_at(look, changed.changed()).await;
        }
    }

    /// Notes that a slot is owned by the master at `address` now, and asks for the whole map.
    pub(super) fn moved(&self, slot: u16, address: &Address) -> Option<Arc<Node>> {
        let node = self.node(address)?;
        let map = self.map();
        let owner = map.shard(slot);
        if !owner.is_some_and(|s| Arc::ptr_eq(&s.master, &node)) {
            if let Some(was) = owner.filter(|was| is_promotion(was, &node)) {
                self.note_promotion(&map, was, &node);
            }
            let mut map = (*map).clone();
            map.assign(slot, slot, Shard { master: Arc::clone(&node), replicas: Vec::new() });
            self.set_map(map);
        }
        self.ask_for_map();
        Some(node)
    }
}

/// Whether an error says that the node takes no writes now, whatever is written.
fn refuses_writes(error: &redis::RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::NoPerm) => true,
        _ if is_unknown_command(error) => true,
        // A refusal inside a script comes as the script's error, with the code within the text.
        _ => {
            let text = error.to_string();
            [
                "OOM",
                "MISCONF",
                "NOREPLICAS",
                "READONLY",
                "NOPERM",
                "can't run this command",
                "has no permissions",
            ]
            .iter()
            .any(|said| text.contains(said))
        }
    }
}
