//! What the program set or removed a moment ago, until it is sure that no clear was missed meanwhile.
//!
//! A process hears of a clear up to a second later. What it sets in between carries a mark from before the clear and dies
//! with it, though the source had it after the clear, and though nobody but this process may know of the version. So it
//! is kept in mind until the log was read once more. If it turns out to be dead, a tombstone of the version before takes
//! its place: an older value that another process set meanwhile cannot pass for the newest.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::outgoing::Outgoing;

/// Kept at most; a second's worth of writes. Beyond, the oldest goes: it takes a clear in the same second, and an older
/// value, to be missed.
const MOST: usize = 8_192;

/// The list, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Unsettled(Mutex<VecDeque<(u64, Outgoing)>>);

impl Unsettled {
    /// Takes in what Redis was asked to store from `begun` on, by the monotonic clock.
    pub fn push(&self, begun: u64, outgoing: Outgoing) {
        let mut list = self.0.lock();
        if list.len() >= MOST {
            list.pop_front();
        }
        list.push_back((begun, outgoing.without_payload()));
    }

    /// Takes out what was begun before `at`.
    pub fn take_before(&self, at: u64) -> Vec<Outgoing> {
        let mut list = self.0.lock();
        let (before, after) = std::mem::take(&mut *list).into_iter().partition(|(begun, _)| *begun < at);
        *list = after;
        let before: VecDeque<(u64, Outgoing)> = before;
        before.into_iter().map(|(_, outgoing)| outgoing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_reading_is_taken_once() {
        let unsettled = Unsettled::default();
        for at in 1..=3 {
            unsettled.push(at, Outgoing::example(&at.to_string(), at, 100));
        }
        let taken: Vec<u64> = unsettled.take_before(3).into_iter().map(|o| o.version).collect();
        assert_eq!(taken, [1, 2]);
        assert_eq!(unsettled.take_before(3).len(), 0);
        assert_eq!(unsettled.take_before(4).len(), 1);
        for at in 0..=MOST as u64 {
            unsettled.push(at, Outgoing::example("k", at, 100));
        }
        assert_eq!(unsettled.take_before(u64::MAX).len(), MOST);
    }
}
