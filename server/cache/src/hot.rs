//! Which keys are read most, from a sample of the reads.
//!
//! The "Space-Saving" sketch (Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data
//! Streams", ICDT 2005), with counts that fade by half each minute: a key read more often than the total divided by the
//! capacity is in it, whatever else is read.

use parking_lot::Mutex;
use quick_cache::DefaultHashBuilder;
use serde::Serialize;
use std::collections::HashMap;

use crate::clock;
use crate::counters::SAMPLE;
use crate::key::Key;

/// Keys that are followed.
const CAPACITY: usize = 256;
/// Counts fade to a half in this time, ms.
const HALF_LIFE: f64 = 60_000.0;
/// Counts are not faded more often, ms.
const FADE_EVERY: u64 = 1_000;
/// One in so many answers from Redis is noted.
const SOME: u8 = 4;
/// Of so many reads of keys that are not followed one takes the place of the least, and counts for all: finding the least
/// is dear.
const NEWCOMERS: u8 = 16;

/// A key that is read often.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HotKey {
    /// Its category.
    pub category: &'static str,
    /// Its text.
    pub key: String,
    /// Reads in a second in this process, over the last minutes; from a sample.
    pub per_second: f64,
    /// Bytes that it takes in memory; 0 when unknown.
    pub bytes: u64,
}

/// Hot keys of a category whose types are not known.
pub(crate) trait HotList: Send + Sync {
    fn top(&self, category: &'static str, most: usize) -> Vec<HotKey>;
}

impl<K: Key> HotList for HotKeys<K> {
    fn top(&self, category: &'static str, most: usize) -> Vec<HotKey> {
        self.hottest(category, most)
    }
}

#[derive(Debug)]
struct Sketch<K> {
    counts: HashMap<K, (f64, u32), DefaultHashBuilder>,
    /// By the monotonic clock, ms.
    started: u64,
    faded: u64,
}

/// The hot keys of a category.
#[derive(Debug)]
pub(crate) struct HotKeys<K>(Mutex<Sketch<K>>);

impl<K: Key> HotKeys<K> {
    pub fn new() -> Self {
        let now = clock::now();
        Self(Mutex::new(Sketch { counts: HashMap::default(), started: now, faded: now }))
    }

    /// Notes a read that stands for many.
    #[inline(never)]
    pub fn note_sampled(&self, key: &K, bytes: u32) {
        self.add(key, SAMPLE as f64, bytes);
    }

    /// Notes one read in [`SOME`], by chance, for all of them: the list is shared by all threads.
    pub fn note_some(&self, key: &K, bytes: u32) {
        if fastrand::u8(..SOME) == 0 {
            self.add(key, f64::from(SOME), bytes);
        }
    }

    /// Notes one read.
    pub fn note(&self, key: &K, bytes: u32) {
        self.add(key, 1.0, bytes);
    }

    fn add(&self, key: &K, reads: f64, bytes: u32) {
        // A sample more or less: nobody waits for it.
        let Some(mut sketch) = self.0.try_lock() else { return };
        sketch.fade(clock::now());
        if let Some(count) = sketch.counts.get_mut(key) {
            *count = (count.0 + reads, bytes);
            return;
        }
        let (mut floor, mut reads) = (0.0, reads);
        if sketch.counts.len() >= CAPACITY {
            if fastrand::u8(..NEWCOMERS) != 0 {
                return;
            }
            reads *= f64::from(NEWCOMERS);
            let least = sketch.counts.iter().min_by(|a, b| a.1.0.total_cmp(&b.1.0));
            let Some((least, (count, _))) = least.map(|(k, c)| (k.clone(), *c)) else { return };
            sketch.counts.remove(&least);
            floor = count;
        }
        sketch.counts.insert(key.clone(), (floor + reads, bytes));
    }

    /// The hottest `most`, hottest first.
    pub fn hottest(&self, category: &'static str, most: usize) -> Vec<HotKey> {
        let mut sketch = self.0.lock();
        let now = clock::now();
        sketch.fade(now);
        // A steady rate r sums up to r * tau * (1 - e^(-t / tau)).
        let tau = HALF_LIFE / std::f64::consts::LN_2;
        let elapsed = now.saturating_sub(sketch.started).max(100) as f64;
        let divisor = tau / 1_000.0 * (1.0 - (-elapsed / tau).exp());
        let mut keys: Vec<HotKey> = sketch
            .counts
            .iter()
            .map(|(key, (count, bytes))| HotKey {
                category,
                key: key.to_string(),
                per_second: count / divisor,
                bytes: u64::from(*bytes),
            })
            .collect();
        drop(sketch);
        keys.sort_by(|a, b| b.per_second.total_cmp(&a.per_second).then_with(|| a.key.cmp(&b.key)));
        keys.truncate(most);
        keys
    }
}

impl<K: Key> Sketch<K> {
    fn fade(&mut self, now: u64) {
        let elapsed = now.saturating_sub(self.faded);
        if elapsed < FADE_EVERY {
            return;
        }
        self.faded = now;
        let kept = 0.5f64.powf(elapsed as f64 / HALF_LIFE);
        self.counts.retain(|_, (count, _)| {
            *count *= kept;
            *count > 0.01
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hot_ones_come_out_first_whatever_else_is_read() {
        let hot = HotKeys::<u32>::new();
        for round in 0..20_000u32 {
            // Half of the reads go to three keys, the rest to keys never seen again.
            let key =
                if round % 2 == 0 { [1, 1, 1, 2, 2, 3][(round / 2) as usize % 6] } else { 1_000 + round };
            hot.note(&key, 10);
        }
        let top = hot.top("c", 3);
        let names: Vec<&str> = top.iter().map(|k| k.key.as_str()).collect();
        assert_eq!(names, ["1", "2", "3"]);
        assert!(top[0].per_second > top[2].per_second && top[0].bytes == 10);
        assert!(hot.top("c", 1_000).len() <= CAPACITY);
    }
}
