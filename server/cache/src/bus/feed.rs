//! Listening to the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::interval;

use super::ledger::{Ledger, Order};
use super::message::Message;
use super::{Coherence, Item, LOOK_EVERY, MISSED_FOR, Outbox, SILENCE, name_hash};
use crate::clock;
use crate::l2::{Event, Router};

/// What the ear has heard, for the statistics.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub messages: AtomicU64,
    pub gaps: AtomicU64,
    pub silences: AtomicU64,
    pub resubscriptions: AtomicU64,
    pub publishers: AtomicU64,
}

/// The ear of a process.
pub(crate) struct Ear {
    pub router: Arc<Router>,
    pub coherence: Arc<Coherence>,
    pub heard: Arc<Heard>,
    pub channel: String,
    /// Ourselves: our heartbeats coming back show that we hear.
    pub outbox: Arc<Outbox>,
}

impl Ear {
    /// Listens for as long as it is polled. A subscription that has fallen silent is replaced.
    pub async fn listen(self) {
        let mut subscription = self.router.subscribe(&self.channel);
        let mut ledger = Ledger::default();
        let mut owner = self.outbox.owner();
        let mut look = interval(LOOK_EVERY);
        // When our own voice was last heard; none since the subscription came up.
        let mut own_at = None;
        let mut up_at = None;
        // Since when nobody could be heard; none while somebody can.
        let mut deaf_since = None;
        loop {
            tokio::select! {
                event = subscription.next() => match event {
                    Event::Up => {
                        up_at = Some(clock::now());
                        own_at = None;
                        ledger.expect_all(clock::now());
                    }
                    Event::Down(why) => {
                        tracing::debug!(error = why, "the subscription to announcements is down");
                        (up_at, own_at) = (None, None);
                        self.coherence.set_trusted(false);
                    }
                    Event::Lost => self.coherence.doubt(),
                    Event::Message(bytes) => {
                        let Some(message) = Message::from_bytes(&bytes) else { continue };
                        self.heard.messages.fetch_add(1, Ordering::Relaxed);
                        if owner != self.outbox.owner() {
                            // Publishers of another installation were heard before ours was known. No message of theirs is
                            // missing.
                            owner = self.outbox.owner();
                            ledger = Ledger::default();
                        }
                        if message.publisher == self.outbox.publisher {
                            if own_at.replace(clock::now()).is_none() {
                                // Whatever was said before it came up was not heard.
                                self.coherence.doubt_before(up_at.unwrap_or_else(clock::now));
                                self.coherence.set_trusted(true);
                            }
                        } else if self.is_of_ours(&message) {
                            self.take_in(&mut ledger, message);
                            self.heard.publishers.store(ledger.len() as u64, Ordering::Relaxed);
                        }
                    }
                },
                _ = look.tick() => {
                    let now = clock::now();
                    if ledger.newly_silent(now) {
                        self.heard.silences.fetch_add(1, Ordering::Relaxed);
                        self.coherence.doubt();
                    }
                    self.heard.publishers.store(ledger.len() as u64, Ordering::Relaxed);
                    let silent = own_at.or(up_at).is_some_and(|at| now.saturating_sub(at) > clock::millis(SILENCE));
                    if silent {
                        self.heard.silences.fetch_add(1, Ordering::Relaxed);
                        self.heard.resubscriptions.fetch_add(1, Ordering::Relaxed);
                        self.coherence.doubt();
                        (up_at, own_at) = (None, None);
                        subscription.restart();
                    }
                    self.coherence.set_trusted(own_at.is_some() && !ledger.is_missing_any());
                    if up_at.is_some_and(|at| now.saturating_sub(at) > clock::millis(SILENCE)) {
                        self.coherence.set_peers(ledger.len() > 0);
                    }
                    // Who was alone is not known to be so for ever.
                    if own_at.is_some() {
                        deaf_since = None;
                    } else if now.saturating_sub(*deaf_since.get_or_insert(now)) > clock::millis(MISSED_FOR) {
                        self.coherence.set_peers(true);
                    }
                }
            }
        }
    }

    /// Whether a message is of our installation, as far as both are known. Another has other values by the same names.
    fn is_of_ours(&self, message: &Message) -> bool {
        message.owner.zip(self.outbox.owner()).is_none_or(|(theirs, ours)| theirs == ours)
    }

    fn take_in(&self, ledger: &mut Ledger, message: Message) {
        let order = ledger.hear(&message, clock::now());
        if order == Order::Gap {
            self.heard.gaps.fetch_add(1, Ordering::Relaxed);
            self.coherence.doubt();
        }
        if order == Order::Nothing {
            return;
        }
        for item in message.items {
            match item {
                Item::Version { category, key, version } => {
                    self.coherence.raise(name_hash(&category, &key), version, false);
                }
                Item::Expired { category, key, version } => {
                    self.coherence.raise(name_hash(&category, &key), version, true);
                }
                Item::Clears => self.router.look_at_log(),
                Item::Dropped => self.coherence.doubt(),
                Item::Farewell => ledger.leave(message.publisher),
            }
        }
    }
}
