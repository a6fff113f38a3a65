//! Which open times a file has had: a bit a bar, so that long files in any order stay cheap.

use std::collections::HashMap;

use model::{Interval, UnixMs};

/// The set of open times of one interval.
#[derive(Default)]
pub(super) struct Seen(HashMap<i64, u64>);

impl Seen {
    /// Adds an aligned open time. False if it was there.
    pub(super) fn insert(&mut self, interval: Interval, open_time: UnixMs) -> bool {
        let index = open_time.div_euclid(interval.ms());
        let word = self.0.entry(index.div_euclid(64)).or_default();
        let bit = 1_u64 << index.rem_euclid(64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_each_bar_once() {
        for interval in Interval::ALL {
            let mut seen = Seen::default();
            for bar in [0, 1, 63, 64, 65, -1, 1_000_000] {
                let time = interval.offset_ms() + bar * interval.ms();
                assert!(seen.insert(interval, time), "{interval} {bar}");
                assert!(!seen.insert(interval, time), "{interval} {bar}");
            }
        }
    }
}
