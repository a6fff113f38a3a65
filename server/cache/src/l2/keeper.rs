//! The job that keeps the map of the cluster true.

use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::ConnectionLike as _;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::node::Node;
use super::router::Router;
use super::slots::{Map, Shard};
use super::state::text_of;
use super::topology::{self, Range};

/// Between two looks at the map while all is well, half of it to all of it.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The same in the beginning: a cluster that was just made tells of its replicas one by one.
const LOOK_EARLY: Duration = Duration::from_secs(1);
const BEGINNING: Duration = Duration::from_secs(10);
/// While something is away: soon its replica is the master.
const LOOK_OFTEN: Duration = Duration::from_millis(200);
/// While something has been away for [`LONG`].
const LOOK_SELDOM: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);
/// Between two looks, whoever asks for them.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
/// A node's answer about the map.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// Nodes asked in one look at most.
const ASKED: usize = 3;
/// A node connected for this long knows what the others know.
const SETTLED: Duration = Duration::from_secs(3);
/// A node outside the map that nobody asks for this long is dropped.
const GUEST_STAYS_MS: u64 = 30_000;

/// Looks at the state after each change, and at the map when it is due or asked for, until the router is gone.
pub(super) async fn keep(router: Weak<Router>) {
    let Some((mut changed, refresh)) =
        router.upgrade().map(|router| (router.changed.subscribe(), Arc::clone(&router.refresh)))
    else {
        return;
    };
    let mut not_before = Instant::now();
    loop {
        let Some(pause) = router.upgrade().map(|router| router.pause()) else { return };
        tokio::select! {
            () = refresh.notified() => {}
            _ = changed.changed() => {
                let Some(router) = router.upgrade() else { return };
                if router.note_state() || !router.is_cluster() {
                    continue;
                }
            }
            () = sleep(pause) => {}
        }
        sleep_until(not_before).await;
        let Some(router) = router.upgrade() else { return };
        if router.is_cluster() {
            router.look_at_map().await;
        }
        router.note_state();
        router.say_trouble();
        router.try_writes().await;
        not_before = Instant::now() + LEAST_PAUSE;
    }
}

impl Router {
    /// Notes whether all is reached, and says it.
    fn note_state(&self) -> bool {
        let connected = self.trouble(&self.map()).is_none();
        self.note_held(connected);
        connected
    }

    /// How long until the map is looked at again.
    fn pause(&self) -> Duration {
        let well = self.trouble(&self.map()).is_none();
        match self.note_held(well) {
            held if well => {
                let most = if held < BEGINNING { LOOK_EARLY } else { LOOK_EVERY };
                most.mul_f64(1.0 - fastrand::f64() / 2.0)
            }
            held if held > LONG => LOOK_SELDOM,
            _ => LOOK_OFTEN,
        }
    }

    /// Asks some node for the map and takes it over. With no node to ask, the seeds are tried again.
    async fn look_at_map(&self) {
        let mut usable: Vec<Arc<Node>> = self.members.lock().values().map(|m| Arc::clone(&m.node)).collect();
        usable.retain(|node| node.is_usable());
        fastrand::shuffle(&mut usable);
        // One that just came back may still believe what was true before it left.
        usable.sort_by_key(|node| node.noted().held_for() < SETTLED);
        for node in usable.iter().take(ASKED) {
            match ask(node).await {
                Ok(ranges) => {
                    *self.map_error.lock() = None;
                    return self.adopt(&ranges);
                }
                Err(why) => *self.map_error.lock() = Some(format!("{}: {why}", node.address)),
            }
        }
        if usable.is_empty() {
            for seed in self.redis.seeds() {
                self.node(seed);
            }
        }
    }

    /// Makes these ranges the map.
    fn adopt(&self, ranges: &[Range]) {
        let mut map = Map::empty();
        for range in ranges {
            let Some(master) = self.node(&range.master) else { continue };
            let replicas = range.replicas.iter().filter_map(|address| self.node(address)).collect();
            map.assign(range.first, range.last, Shard { master, replicas });
        }
        let old = self.map();
        map.keep_replicas(&old);
        if !map.is_same(&old) {
            self.note_promotions(&old, &map);
            self.set_map(map);
            // The clear log may be elsewhere now.
            self.look_at_log();
        }
        let map = self.map();
        let mut members = self.members.lock();
        members.retain(|_, member| {
            let stays = member.node.unused_for_ms() < GUEST_STAYS_MS
                || map.nodes().any(|node| Arc::ptr_eq(node, &member.node));
            if !stays {
                let mut former = self.former_connections.lock();
                *former = [*former, member.node.noted().connections].into_iter().sum();
            }
            stays
        });
    }
}

async fn ask(node: &Node) -> Result<Vec<Range>, String> {
    let Some((number, mut conn)) = node.connection() else { return Err(node.away().to_string()) };
    let cmd = topology::question();
    match timeout(ANSWER_TIMEOUT, conn.req_packed_command(&cmd)).await {
        Ok(Ok(value)) => topology::read(&value, &node.address),
        Ok(Err(error)) if error.is_unrecoverable_error() => {
            node.withdraw(number, &text_of(&error));
            Err(text_of(&error))
        }
        Ok(Err(error)) => Err(text_of(&error)),
        Err(_) => Err(node.timed_out(number).to_string()),
    }
}
