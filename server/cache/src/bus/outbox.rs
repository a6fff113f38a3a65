//! What this process has to announce.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::message::{MAX_KEY, Message};
use super::{HEARTBEAT, Heard, Item, MUTE_FOR, SILENCE};
use crate::clock;
use crate::l2::{L2Error, Router};

/// Names that wait to be announced. Beyond, everybody is told that announcements were dropped.
const MAX_NAMES: usize = 8_192;
/// Items of one message at most.
const MAX_ITEMS: usize = 256;
/// How long one message may take to Redis.
const PUBLISH_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a message waits for others to go with it.
const GATHER: Duration = Duration::from_millis(2);
/// Between the heartbeats of a process that nobody has heard yet, while Redis takes them.
const FIRST_HEARTBEATS: Duration = Duration::from_millis(25);
/// How long it sends so many, from its start or its connection on: a little longer than [`SILENCE`], after which a message
/// counts that nobody received. Who may not send does not press on beyond it.
const PRESS_FOR: Duration = SILENCE.saturating_add(Duration::from_millis(500));
/// Before a failed message is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
struct Waiting {
    /// Category and key to the newest version, and whether its soft life was ended.
    names: HashMap<(&'static str, String), (u64, bool)>,
    clears: bool,
    dropped: bool,
    farewell: bool,
}

/// The queue of announcements: the newest of each name.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Who we are to the others.
    pub publisher: u64,
    /// The hash of the installation that we are of; 0 while it is not known.
    owner: Arc<AtomicU64>,
    waiting: Mutex<Waiting>,
    wake: Notify,
    sent: Notify,
    /// Somebody has heard of us.
    heard: Notify,
    /// When a message first reached Redis; 0 if none has.
    first_sent: AtomicU64,
    /// When a message last reached Redis, and with it the others; 0 as long as nobody has heard of us.
    last_heard: AtomicU64,
    pub messages: AtomicU64,
    pub failures: AtomicU64,
    /// Of the failures, those that were refused by Redis.
    pub refusals: AtomicU64,
    pub overflows: AtomicU64,
}

impl Outbox {
    /// With the hash of the installation that we are of, which is 0 until it is known.
    pub fn new(owner: Arc<AtomicU64>) -> Self {
        Self {
            publisher: fastrand::u64(1..),
            owner,
            waiting: Mutex::default(),
            wake: Notify::new(),
            sent: Notify::new(),
            heard: Notify::new(),
            first_sent: AtomicU64::new(0),
            last_heard: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            overflows: AtomicU64::new(0),
        }
    }

    /// The hash of the installation that we are of; none while it is not known.
    pub fn owner(&self) -> Option<u64> {
        Some(self.owner.load(Ordering::Acquire)).filter(|owner| *owner != 0)
    }

    /// Announces a version of an entry.
    pub fn version(&self, category: &'static str, key: &str, version: u64, expired: bool) {
        let mut waiting = self.waiting.lock();
        if key.len() > MAX_KEY || (waiting.names.len() >= MAX_NAMES && !waiting.dropped) {
            self.overflows.fetch_add(1, Ordering::Relaxed);
            waiting.names.clear();
            waiting.dropped = true;
        }
        if !waiting.dropped {
            let newest = waiting.names.entry((category, key.to_owned())).or_insert((version, expired));
            if newest.0 < version {
                *newest = (version, expired);
            } else if newest.0 == version {
                newest.1 |= expired;
            }
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Announces that the clear log changed.
    pub fn clears(&self) {
        self.waiting.lock().clears = true;
        self.wake.notify_one();
    }

    /// Says farewell, once all that waits has been said; waits for it, at most for `limit`.
    pub async fn farewell(&self, limit: Duration) {
        let _ = timeout(limit, async {
            let mut sent = std::pin::pin!(self.sent.notified());
            sent.as_mut().enable();
            self.waiting.lock().farewell = true;
            self.wake.notify_one();
            sent.await;
        })
        .await;
    }

    /// Whether nobody has heard of us yet, or for so long that they may have ceased to wait for what we write. What reaches
    /// Redis now, others would not know of.
    pub fn is_mute(&self) -> bool {
        let last_heard = self.last_heard.load(Ordering::Relaxed);
        last_heard == 0 || clock::now().saturating_sub(last_heard) > clock::millis(MUTE_FOR)
    }

    /// Takes note that a message reached Redis, which passed it to so many `receivers`, ourselves included. `others`: the
    /// processes that we have heard.
    ///
    /// The first messages of a process count only when another receives them, when it is alone, or after [`SILENCE`]: who
    /// does not receive them by then does not hear itself either, and compares with Redis.
    fn note_sent(&self, receivers: u64, others: u64) {
        let now = clock::now();
        let _ = self.first_sent.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        let is_confirmed = self.last_heard.load(Ordering::Relaxed) != 0
            || receivers > 1
            || (receivers == 1 && others == 0)
            || now.saturating_sub(self.first_sent.load(Ordering::Relaxed)) > clock::millis(SILENCE);
        if is_confirmed {
            self.last_heard.store(now, Ordering::Release);
            self.heard.notify_waiters();
        }
    }

    /// Waits until somebody has heard of us for the first time.
    pub async fn wait_heard(&self) {
        loop {
            let mut heard = std::pin::pin!(self.heard.notified());
            heard.as_mut().enable();
            if self.last_heard.load(Ordering::Acquire) != 0 {
                return;
            }
            heard.await;
        }
    }

    /// Time between two heartbeats. `is_open`: Redis takes them. `since`: how long ago this process began, or was last
    /// connected to Redis.
    fn heartbeat(&self, is_open: bool, since: Duration) -> Duration {
        match (self.last_heard.load(Ordering::Relaxed), is_open) {
            (0, true) if since < PRESS_FOR => FIRST_HEARTBEATS,
            (0, false) if since < PRESS_FOR => RETRY_AFTER,
            _ => HEARTBEAT,
        }
    }

    /// Makes it so long ago that a message last reached Redis.
    #[cfg(test)]
    pub fn age(&self, by: Duration) {
        self.last_heard.fetch_sub(clock::millis(by), Ordering::Relaxed);
    }

    /// Makes it so that others have just heard of us.
    #[cfg(test)]
    pub fn heard_now(&self) {
        self.last_heard.store(clock::now(), Ordering::Relaxed);
    }

    /// Names that wait.
    pub fn len(&self) -> usize {
        self.waiting.lock().names.len()
    }

    fn take(&self) -> Vec<Item> {
        let mut waiting = self.waiting.lock();
        let mut items = Vec::new();
        if std::mem::take(&mut waiting.dropped) {
            items.push(Item::Dropped);
        }
        if std::mem::take(&mut waiting.clears) {
            items.push(Item::Clears);
        }
        let names: Vec<_> = waiting.names.keys().take(MAX_ITEMS).cloned().collect();
        for name in names {
            if let Some((version, expired)) = waiting.names.remove(&name) {
                let (category, key) = (name.0.to_owned(), name.1);
                items.push(if expired {
                    Item::Expired { category, key, version }
                } else {
                    Item::Version { category, key, version }
                });
            }
        }
        if waiting.names.is_empty() && waiting.farewell {
            items.push(Item::Farewell);
        }
        items
    }
}

/// Sends what waits, and a heartbeat each second, for as long as it is polled. A message that failed is sent again
/// under its number: who has heard it takes it for a repetition.
pub(crate) async fn publish(outbox: Arc<Outbox>, heard: Arc<Heard>, router: Arc<Router>, channel: String) {
    let epoch = fastrand::u64(1..);
    let mut number = 0;
    let mut connects = (router.connects(), Instant::now());
    // Nobody has heard of us yet: at once.
    let mut spoke: Option<Instant> = None;
    let due = |spoke: Option<Instant>, connected: Instant| {
        let beat = outbox.heartbeat(router.is_open(), connected.elapsed());
        spoke.map_or(Duration::ZERO, |at| beat.saturating_sub(at.elapsed()))
    };
    // So that the others hear of us as soon as they can.
    let _ = timeout(HEARTBEAT, router.wait_connected()).await;
    loop {
        // Redis that comes back is told at once.
        let opened = async {
            if router.is_open() {
                std::future::pending::<()>().await;
            }
            router.wait_connected().await;
        };
        tokio::select! {
            woken = timeout(due(spoke, connects.1), outbox.wake.notified()) => {
                if woken.is_ok() {
                    // What comes together goes together.
                    sleep(GATHER).await;
                }
            }
            () = opened => {}
        }
        let connects_now = router.connects();
        if connects_now != connects.0 {
            connects = (connects_now, Instant::now());
        }
        loop {
            let items = outbox.take();
            let more = !items.is_empty();
            if !more && !due(spoke, connects.1).is_zero() {
                break;
            }
            spoke = Some(Instant::now());
            let farewell = items.contains(&Item::Farewell);
            number += u64::from(more);
            let owner = outbox.owner();
            let bytes = Message { publisher: outbox.publisher, epoch, number, owner, items }.to_bytes();
            let sent = loop {
                match router.publish(PUBLISH_TIMEOUT, &channel, &bytes).await {
                    Ok(receivers) => {
                        outbox.note_sent(receivers, heard.publishers.load(Ordering::Relaxed));
                        break true;
                    }
                    Err(error) => {
                        outbox.failures.fetch_add(1, Ordering::Relaxed);
                        let is_refused = matches!(error, L2Error::Redis(_));
                        outbox.refusals.fetch_add(u64::from(is_refused), Ordering::Relaxed);
                    }
                }
                // A heartbeat need not be made good: the next one says as much.
                if !more {
                    break false;
                }
                sleep(RETRY_AFTER).await;
            };
            if sent {
                outbox.messages.fetch_add(1, Ordering::Relaxed);
            }
            if farewell {
                outbox.sent.notify_waiters();
                return;
            }
            if !more {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_publisher_is_mute_until_somebody_has_heard_it() {
        let heard_by = |receivers, others| {
            let outbox = Outbox::new(Arc::default());
            assert!(outbox.is_mute(), "nothing was sent");
            outbox.note_sent(receivers, others);
            !outbox.is_mute()
        };
        assert!(heard_by(2, 1), "another and we ourselves");
        assert!(heard_by(1, 0), "we alone");
        assert!(!heard_by(0, 0), "nobody, not even we");
        assert!(!heard_by(1, 1), "we alone, though another is there");

        let outbox = Outbox::new(Arc::default());
        outbox.note_sent(0, 1);
        outbox.first_sent.fetch_sub(clock::millis(SILENCE) + 1, Ordering::Relaxed);
        assert!(outbox.is_mute());
        outbox.note_sent(0, 1);
        assert!(!outbox.is_mute(), "who has not heard it by now knows that it hears nothing");
        outbox.age(MUTE_FOR + Duration::from_secs(1));
        assert!(outbox.is_mute());
    }

    #[test]
    fn who_is_not_heard_presses_on_for_a_while_only() {
        let outbox = Outbox::new(Arc::default());
        for since in [Duration::ZERO, SILENCE] {
            assert_eq!(outbox.heartbeat(true, since), FIRST_HEARTBEATS);
            assert_eq!(outbox.heartbeat(false, since), RETRY_AFTER);
        }
        for is_open in [false, true] {
            assert_eq!(outbox.heartbeat(is_open, PRESS_FOR), HEARTBEAT);
        }
        outbox.heard_now();
        assert_eq!(outbox.heartbeat(true, Duration::ZERO), HEARTBEAT);
    }

    #[test]
    fn only_the_newest_of_a_name_waits() {
        let outbox = Outbox::new(Arc::default());
        outbox.version("c", "k", 2, false);
        outbox.version("c", "k", 1, false);
        outbox.version("c", "k", 3, false);
        let item = Item::Version { category: "c".into(), key: "k".into(), version: 3 };
        assert_eq!(outbox.take(), [item]);
        assert_eq!(outbox.take(), []);
    }

    #[test]
    fn too_many_become_one_word_for_all() {
        let outbox = Outbox::new(Arc::default());
        for i in 0..=MAX_NAMES {
            outbox.version("c", &i.to_string(), 1, false);
        }
        assert_eq!(outbox.len(), 0);
        assert_eq!(outbox.take(), [Item::Dropped]);
        outbox.version("c", &"x".repeat(MAX_KEY + 1), 1, false);
        assert_eq!(outbox.take(), [Item::Dropped], "a key too long to be named");
    }
}
