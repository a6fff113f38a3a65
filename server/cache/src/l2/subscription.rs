//! Messages in: a connection of its own for each channel, made again whenever it breaks.

use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::channel::Channel;
use super::connect::{CONNECT_TIMEOUT, config};
use super::inbox::{Event, Inbox};
use super::lacks::is_unknown_command;
use super::node::Node;
use super::router::Router;
use super::state::{L2Error, text_of};
use super::verdict::Verdict;

/// Between two pings, each with as long for its answer.
const PING_EVERY: Duration = Duration::from_secs(1);
/// Between two attempts at most.
const MAX_BACKOFF: Duration = Duration::from_secs(1);
const MIN_BACKOFF: Duration = Duration::from_millis(25);
/// Attempts in vain while the node itself is used, before that is logged.
const FAILURES_TO_SAY: u32 = 3;

/// Messages of one channel. Ends with this handle.
pub(crate) struct Subscription {
    inbox: Arc<Inbox>,
    again: Arc<Notify>,
    task: AbortHandle,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Subscription {
    /// The next event; waits for one. At most 1,024 messages wait here.
    pub async fn next(&mut self) -> Event {
        self.inbox.next().await
    }

    /// Leaves the connection for a new one: for a caller who hears nothing and does not trust it.
    pub fn restart(&self) {
        self.again.notify_one();
    }
}

impl Router {
    /// Subscribes to a channel: on a cluster at the master of its slot, by `SSUBSCRIBE` if that node knows it. Needs RESP3,
    /// so Redis 6 or later.
    pub fn subscribe(self: &Arc<Self>, channel: &str) -> Subscription {
        let (inbox, again) = (Arc::new(Inbox::default()), Arc::new(Notify::new()));
        let job = Job {
            router: Arc::downgrade(self),
            channel: channel.to_owned(),
            inbox: Arc::clone(&inbox),
            again: Arc::clone(&again),
        };
        let task = self.runtime().spawn(job.run()).abort_handle();
        Subscription { inbox, again, task }
    }
}

struct Job {
    router: Weak<Router>,
    channel: String,
    inbox: Arc<Inbox>,
    again: Arc<Notify>,
}

/// A connection that is subscribed.
struct Up {
    node: Arc<Node>,
    conn: MultiplexedConnection,
    /// The node ended the subscription or the connection.
    ended: Arc<Notify>,
}

impl Job {
    /// Subscribes again and again, until the router is gone.
    async fn run(self) {
        let mut backoff = MIN_BACKOFF;
        let mut said_down = false;
        let mut failures = 0_u32;
        loop {
            let why = match self.open().await {
                Ok(Some(up)) => {
                    said_down = false;
                    failures = 0;
                    self.note(|channel| channel.note_heard());
                    let since = Instant::now();
                    let why = self.watch(up).await;
                    if since.elapsed() > MAX_BACKOFF {
                        backoff = MIN_BACKOFF;
                    }
                    why
                }
                Ok(None) => return,
                Err(error) => {
                    failures += 1;
                    // While its node is lost this one is, too, and that is logged.
                    if failures >= FAILURES_TO_SAY && self.node_is_usable() {
                        self.note(|channel| channel.note_not_heard(&error.to_string()));
                    }
                    error.to_string()
                }
            };
            if !std::mem::replace(&mut said_down, true) {
                self.inbox.state(Event::Down(why));
            }
            // Up to half off, so that many servers do not come back in step.
            sleep(backoff.mul_f64(1.0 - fastrand::f64() / 2.0)).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    fn note(&self, note: impl FnOnce(&Channel)) {
        if let Some(router) = self.router.upgrade() {
            note(&router.channel);
        }
    }

    fn node_is_usable(&self) -> bool {
        let router = self.router.upgrade();
        router.and_then(|router| router.owner(&self.channel)).is_some_and(|node| node.is_usable())
    }

    /// Connects to the channel's node and subscribes there. None when the router is gone.
    async fn open(&self) -> Result<Option<Up>, L2Error> {
        let Some(router) = self.router.upgrade() else { return Ok(None) };
        let node = router.owner(&self.channel).ok_or_else(|| router.closed())?;
        let client = router.redis.client_for_messages(&node.address)?;
        drop(router);
        let ended = Arc::new(Notify::new());
        let config = config().set_push_sender(receiver(Arc::clone(&self.inbox), Arc::clone(&ended)));
        let subscribing = async {
            let mut conn = client.get_multiplexed_async_connection_with_config(&config).await?;
            self.subscribe(&mut conn, &node).await?;
            Ok(Some(Up { node: Arc::clone(&node), conn, ended }))
        };
        timeout(2 * CONNECT_TIMEOUT, subscribing).await.unwrap_or(Err(L2Error::Timeout))
    }

    async fn subscribe(&self, conn: &mut MultiplexedConnection, node: &Arc<Node>) -> Result<(), L2Error> {
        let Some(router) = self.router.upgrade() else { return Err(L2Error::NotConfigured) };
        if router.is_cluster() && !node.lacks().sharded_channels() {
            let cmd = redis::cmd("SSUBSCRIBE").arg(&self.channel).take();
            match conn.send_packed_command(&cmd).await {
                Ok(_) => return Ok(()),
                Err(error) if is_unknown_command(&error) => {
                    node.note_lacks(node.lacks().and_sharded_channels());
                }
                Err(error) => {
                    if let Verdict::Moved(Some(address)) = router.judge(&error, node) {
                        router.moved(router.slot(&self.channel), &address);
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(conn.subscribe(&self.channel).await?)
    }

    /// Stays until the subscription ends or the channel's slot has another owner; returns why.
    async fn watch(&self, mut up: Up) -> String {
        loop {
            let next = Instant::now() + PING_EVERY;
            let end = async {
                tokio::select! {
                    () = up.ended.notified() => "the node ended it",
                    () = self.again.notified() => "asked to begin anew",
                }
            };
            if let Ok(why) = timeout_at(next, end).await {
                if let Some(router) = self.router.upgrade() {
                    router.ask_for_map();
                }
                return why.to_owned();
            }
            let Some(router) = self.router.upgrade() else { return "the cache is gone".into() };
            if router.owner(&self.channel).is_some_and(|owner| !Arc::ptr_eq(&owner, &up.node)) {
                return "the channel moved".into();
            }
            drop(router);
            let ping = redis::cmd("PING");
            match timeout(PING_EVERY, up.conn.send_packed_command(&ping)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return text_of(&error),
                Err(_) => return L2Error::Timeout.to_string(),
            }
        }
    }
}

/// Sorts what the node sends by itself. Called in order, and must not wait.
fn receiver(inbox: Arc<Inbox>, ended: Arc<Notify>) -> impl Fn(PushInfo) -> Result<(), ()> + Send + Sync {
    move |push| {
        match push.kind {
            PushKind::Message | PushKind::SMessage => {
                if let Some(Value::BulkString(payload)) = push.data.into_iter().nth(1) {
                    inbox.message(payload);
                }
            }
            PushKind::Subscribe | PushKind::SSubscribe => inbox.state(Event::Up),
            PushKind::Unsubscribe | PushKind::SUnsubscribe | PushKind::Disconnection => ended.notify_one(),
            _ => {}
        }
        Ok(())
    }
}
