//! Which moment of a recording is played when: a function of the clock and a stored epoch.

use model::UnixMs;

use crate::store::replays::Replayed;

/// A stretch of the recording and how far it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Where it begins in the recording.
    pub from: UnixMs,
    /// Where it ends, exclusive.
    pub to: UnixMs,
    /// What turns a time of the recording into one of the replay.
    pub shift: i64,
}

/// The recording over and over, so that it begins at the epoch. Before that it ends there, once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    first: UnixMs,
    length: i64,
    epoch: UnixMs,
}

impl Schedule {
    pub fn new(replayed: &Replayed) -> Self {
        let Replayed { first_open, end_time, epoch, .. } = *replayed;
        // The table's check keeps it positive.
        Self { first: first_open, length: (end_time - first_open).max(1), epoch }
    }

    /// How long the recording plays.
    pub fn length(&self) -> i64 {
        self.length
    }

    /// When there is something to play first.
    pub fn beginning(&self) -> UnixMs {
        self.epoch - self.length
    }

    /// The moment of the recording that plays at `time`.
    pub fn recorded(&self, time: UnixMs) -> UnixMs {
        self.first + (time - self.epoch).rem_euclid(self.length)
    }

    /// The stretches of the recording that play from `from` to `to`, exclusive, in their order.
    pub fn stretches(&self, from: UnixMs, to: UnixMs) -> Vec<Stretch> {
        let mut stretches = Vec::new();
        let mut at = from;
        while at < to {
            let begin = self.recorded(at);
            let shift = at - begin;
            let end = (self.first + self.length).min(to - shift);
            stretches.push(Stretch { from: begin, to: end, shift });
            at = end + shift;
        }
        stretches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> Schedule {
        Schedule::new(&Replayed { recorded_id: 1, first_open: 100, end_time: 140, epoch: 1_000 })
    }

    #[test]
    fn one_pass_ends_at_the_epoch_and_the_next_begins_there() {
        let schedule = schedule();
        assert_eq!(schedule.beginning(), 960);
        for (time, recorded) in
            [(960, 100), (999, 139), (1_000, 100), (1_039, 139), (1_040, 100), (5_007, 107)]
        {
            assert_eq!(schedule.recorded(time), recorded, "{time}");
        }
    }

    #[test]
    fn stretches_cover_the_time_once() {
        let schedule = schedule();
        assert_eq!(schedule.stretches(960, 1_000), [Stretch { from: 100, to: 140, shift: 860 }]);
        assert_eq!(
            schedule.stretches(990, 1_050),
            [
                Stretch { from: 130, to: 140, shift: 860 },
                Stretch { from: 100, to: 140, shift: 900 },
                Stretch { from: 100, to: 110, shift: 940 },
            ]
        );
        assert!(schedule.stretches(7, 7).is_empty());
    }
}
