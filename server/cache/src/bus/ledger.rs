//! Who publishes, and whether anything of theirs was missed.

use std::collections::HashMap;

use super::message::Message;
use super::{MISSED_FOR, SILENCE};
use crate::clock::millis;

/// Publishers known at most. Beyond, the one that is silent for longest is forgotten.
const MAX_PUBLISHERS: usize = 4_096;

/// What a message tells beside its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The one that was due.
    Next,
    /// A repetition, or a heartbeat: nothing missed.
    Nothing,
    /// Others before it were missed.
    Gap,
}

#[derive(Debug)]
struct Known {
    epoch: u64,
    number: u64,
    heard_at: u64,
    /// Silent, and that was noted.
    missed: bool,
}

/// The publishers.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    known: HashMap<u64, Known>,
}

impl Ledger {
    /// Takes in a message heard at `now`, in milliseconds.
    pub fn hear(&mut self, message: &Message, now: u64) -> Order {
        let is_heartbeat = message.items.is_empty();
        let Some(known) = self.known.get_mut(&message.publisher) else {
            self.make_room();
            let (epoch, number) = (message.epoch, message.number);
            self.known.insert(message.publisher, Known { epoch, number, heard_at: now, missed: false });
            // Who began before we listened has nothing that our first reading of Redis did not see; who began since and
            // is not at its first message has been missed.
            return match (is_heartbeat, message.number) {
                (true, 0) => Order::Nothing,
                (false, 1) => Order::Next,
                _ => Order::Gap,
            };
        };
        let order = if known.epoch != message.epoch {
            Order::Gap
        } else if message.number <= known.number {
            Order::Nothing
        } else if message.number == known.number + 1 && !is_heartbeat {
            Order::Next
        } else {
            Order::Gap
        };
        if known.epoch != message.epoch || message.number > known.number {
            known.number = message.number;
        }
        known.epoch = message.epoch;
        known.heard_at = now;
        known.missed = false;
        order
    }

    /// The publisher said that no more will come.
    pub fn leave(&mut self, publisher: u64) {
        self.known.remove(&publisher);
    }

    /// The subscription is new: everybody known is given time to speak up, and missed if they do not. Who said farewell
    /// while nobody listened is missed for nothing, for [`MISSED_FOR`].
    pub fn expect_all(&mut self, now: u64) {
        for known in self.known.values_mut().filter(|known| !known.missed) {
            known.heard_at = now;
        }
    }

    /// Whether a publisher fell silent since the last look.
    pub fn newly_silent(&mut self, now: u64) -> bool {
        let mut any = false;
        self.known.retain(|_, known| {
            let silent = now.saturating_sub(known.heard_at);
            if silent > millis(SILENCE) && !known.missed {
                known.missed = true;
                any = true;
            }
            silent <= millis(MISSED_FOR)
        });
        any
    }

    /// Whether one is waited for.
    pub fn is_missing_any(&self) -> bool {
        self.known.values().any(|known| known.missed)
    }

    /// Publishers known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    fn make_room(&mut self) {
        if self.known.len() >= MAX_PUBLISHERS
            && let Some(oldest) = self.known.iter().min_by_key(|(_, k)| k.heard_at).map(|(id, _)| *id)
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Item;
    use super::*;

    fn message(epoch: u64, number: u64, items: usize) -> Message {
        Message { publisher: 1, epoch, number, owner: None, items: vec![Item::Clears; items] }
    }

    #[test]
    fn gaps_are_noticed_by_the_next_message_or_heartbeat() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.hear(&message(1, 0, 0), 0), Order::Nothing);
        assert_eq!(ledger.hear(&message(1, 1, 1), 1), Order::Next);
        assert_eq!(ledger.hear(&message(1, 1, 0), 2), Order::Nothing);
        assert_eq!(ledger.hear(&message(1, 3, 1), 3), Order::Gap);
        assert_eq!(ledger.hear(&message(1, 4, 1), 4), Order::Next);
        assert_eq!(ledger.hear(&message(1, 4, 1), 5), Order::Nothing, "a repetition");
        assert_eq!(ledger.hear(&message(1, 5, 0), 6), Order::Gap, "the last one was lost");
        assert_eq!(ledger.hear(&message(1, 5, 0), 7), Order::Nothing);
        assert_eq!(ledger.hear(&message(2, 0, 0), 8), Order::Gap, "it lost count");
    }

    #[test]
    fn a_publisher_heard_for_the_first_time_in_the_middle_is_a_gap() {
        assert_eq!(Ledger::default().hear(&message(1, 7, 0), 0), Order::Gap);
        assert_eq!(Ledger::default().hear(&message(1, 2, 1), 0), Order::Gap);
        assert_eq!(Ledger::default().hear(&message(1, 1, 1), 0), Order::Next);
    }

    #[test]
    fn silence_is_noted_once_waited_for_and_forgotten() {
        let mut ledger = Ledger::default();
        ledger.hear(&message(1, 0, 0), 0);
        let (silence, forgotten) = (millis(SILENCE), millis(MISSED_FOR));
        assert!(!ledger.newly_silent(silence));
        assert!(ledger.newly_silent(silence + 1));
        assert!(!ledger.newly_silent(silence + 2) && ledger.is_missing_any());
        ledger.hear(&message(1, 0, 0), silence + 3);
        assert!(!ledger.is_missing_any());
        assert!(ledger.newly_silent(3 * silence));
        ledger.newly_silent(silence + 4 + forgotten);
        assert!(!ledger.is_missing_any() && ledger.len() == 0);
    }

    #[test]
    fn who_does_not_speak_up_after_a_new_subscription_is_missed() {
        let mut ledger = Ledger::default();
        ledger.hear(&message(1, 3, 0), 0);
        let silence = millis(SILENCE);
        ledger.expect_all(10 * silence);
        assert!(!ledger.newly_silent(11 * silence));
        assert!(ledger.newly_silent(11 * silence + 1) && ledger.is_missing_any());
        // Nobody waits anew for who was missed already.
        ledger.expect_all(12 * silence);
        assert!(ledger.is_missing_any());
        assert_eq!(ledger.hear(&message(1, 5, 1), 13 * silence), Order::Gap, "what was said meanwhile");
    }

    #[test]
    fn a_farewell_is_not_missed() {
        let mut ledger = Ledger::default();
        ledger.hear(&message(1, 0, 0), 0);
        ledger.leave(1);
        assert!(!ledger.newly_silent(millis(SILENCE) + 1) && !ledger.is_missing_any());
    }
}
