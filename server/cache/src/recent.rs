//! What the program set or removed in the last moments, for as long as an older value could still take its place.
//!
//! Two things can make others forget a version that only this process knows of. A process hears of a clear up to a second
//! later: what it sets in between carries a mark from before the clear and dies with it, though the source had it after
//! the clear. And Redis can lose everything, after which somebody who was cut off brings an older value. So what was set
//! is kept in mind for as long as a tombstone of its category lives. When it turns out to be dead or lost, a tombstone of
//! the version before takes its place, and an older value cannot pass for the newest.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::outgoing::Outgoing;

/// Kept at most. Beyond, the oldest goes: it takes one of the two events, and an older value, to be missed.
const MOST: usize = 8_192;

#[derive(Debug)]
struct Kept {
    /// When Redis was asked to store it, by the monotonic clock.
    begun: u64,
    /// The clear log was read since, and it was alive.
    settled: bool,
    outgoing: Outgoing,
}

/// The list, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<Kept>>);

/// What is known of the clear log and of Redis, in terms of the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub now: u64,
    /// When the last reading of the clear log began.
    pub read_at: u64,
    /// When it was last heard that Redis had lost everything; 0 if never.
    pub lost_at: u64,
    /// The clear log's epoch.
    pub epoch: u64,
}

impl Recent {
    /// Takes in the [header](Outgoing::take_header) of what Redis was asked to store from `begun` on.
    pub fn push(&self, begun: u64, outgoing: Outgoing) {
        let mut list = self.0.lock();
        if list.len() >= MOST {
            list.pop_front();
        }
        list.push_back(Kept { begun, settled: false, outgoing });
    }

    /// Takes out what is to be barred: what Redis has lost, and what a clear or an epoch killed that was not known yet when
    /// it was set. Forgets what nothing older can replace any more.
    pub fn review(&self, known: Known, is_alive: impl Fn(&Outgoing) -> bool) -> Vec<Outgoing> {
        let mut barred = Vec::new();
        self.0.lock().retain_mut(|kept| {
            if known.now.saturating_sub(kept.begun) > kept.outgoing.tombstone_ms {
                return false;
            }
            let lost = kept.begun < known.lost_at || kept.outgoing.mark.epoch != known.epoch;
            let read_since = kept.begun < known.read_at;
            if lost || (read_since && !kept.settled && !is_alive(&kept.outgoing)) {
                barred.push(kept.outgoing.clone());
                return false;
            }
            kept.settled |= read_since;
            true
        });
        barred
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known { now: 100, read_at: 0, lost_at: 0, epoch: 1 };

    #[test]
    fn little_is_kept_of_a_large_entry() {
        let mut large = Outgoing::example("k", 1, 1 << 20);
        let kept = large.take_header();
        assert!(kept.bytes.capacity() < 200 && large.bytes.is_empty(), "{}", kept.bytes.capacity());
    }

    fn recent(begun: impl IntoIterator<Item = u64>) -> Recent {
        let recent = Recent::default();
        for at in begun {
            recent.push(at, Outgoing { tombstone_ms: 1_000, ..Outgoing::example("k", at, 100) });
        }
        recent
    }

    fn barred(recent: &Recent, known: Known, is_alive: bool) -> Vec<u64> {
        recent.review(known, |_| is_alive).into_iter().map(|o| o.version).collect()
    }

    #[test]
    fn dead_at_the_first_reading_after_it_is_barred_once() {
        let recent = recent(1..=3);
        assert_eq!(barred(&recent, Known { read_at: 1, ..KNOWN }, false), [0; 0], "not read since");
        assert_eq!(barred(&recent, Known { read_at: 2, ..KNOWN }, false), [1]);
        assert_eq!(barred(&recent, Known { read_at: 3, ..KNOWN }, true), [0; 0]);
        // The second one was alive: what kills it now came later than it.
        assert_eq!(barred(&recent, Known { read_at: 9, ..KNOWN }, false), [3]);
        assert_eq!(barred(&recent, Known { read_at: 10, ..KNOWN }, false), [0; 0]);
    }

    #[test]
    fn what_is_lost_is_barred_and_what_is_old_forgotten() {
        let known = Known { read_at: 100, ..KNOWN };
        assert_eq!(barred(&recent(1..=3), Known { lost_at: 3, ..known }, true), [1, 2]);
        assert_eq!(barred(&recent(1..=3), Known { epoch: 2, ..known }, true), [1, 2, 3]);
        let old = recent(1..=3);
        assert_eq!(barred(&old, Known { now: 1_002, ..known }, true), [0; 0]);
        assert_eq!(barred(&old, Known { lost_at: 100, ..known }, true), [2, 3]);
        let many = recent(0..=MOST as u64);
        assert_eq!(barred(&many, Known { lost_at: u64::MAX, ..known }, true).len(), MOST);
    }
}
