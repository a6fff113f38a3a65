//! Which open times a file has had: a bit a bar, so that long files in any order stay cheap.

use std::collections::HashMap;

use model::{Interval, UnixMs};

/// The set of open times of one interval.
#[derive(Default)]
pub(crate) struct Seen(HashMap<i64, u64>);

impl Seen {
    /// Adds an aligned open time. False if it was there.
    pub(crate) fn insert(&mut self, interval: Interval, open_time: UnixMs) -> bool {
        let (index, bit) = place(interval, open_time);
        let word = self.0.entry(index).or_default();
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Takes an open time out again.
    pub(crate) fn remove(&mut self, interval: Interval, open_time: UnixMs) {
        let (index, bit) = place(interval, open_time);
        if let Some(word) = self.0.get_mut(&index) {
            *word &= !bit;
            if *word == 0 {
                self.0.remove(&index);
            }
        }
    }

    pub(crate) fn contains(&self, interval: Interval, open_time: UnixMs) -> bool {
        let (index, bit) = place(interval, open_time);
        self.0.get(&index).is_some_and(|word| word & bit != 0)
    }
}

fn place(interval: Interval, open_time: UnixMs) -> (i64, u64) {
    let index = open_time.div_euclid(interval.ms());
    (index.div_euclid(64), 1_u64 << index.rem_euclid(64))
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
                assert!(!seen.contains(interval, time), "{interval} {bar}");
                assert!(seen.insert(interval, time), "{interval} {bar}");
                assert!(!seen.insert(interval, time), "{interval} {bar}");
                assert!(seen.contains(interval, time), "{interval} {bar}");
                seen.remove(interval, time);
                assert!(!seen.contains(interval, time) && seen.insert(interval, time), "{interval} {bar}");
            }
        }
    }
}
