//! What must be so after each step, and at the end.

use std::collections::HashMap;

use super::source::Truth;
use super::{CACHES, KEYS};

/// What was seen last, to compare with. All by number of cache and key. Of entries only those that live: what a clear covers
/// stands in the way of nothing, and what comes after it must rise again.
#[derive(Debug, Default)]
pub struct Seen {
    in_memory: HashMap<(usize, usize), u64>,
    answered: HashMap<(usize, usize), u64>,
    in_redis: [Option<u64>; KEYS],
}

impl Seen {
    /// No reader sees the version go back while the key is in memory.
    pub fn answer(&mut self, cache: usize, key: usize, version: u64) -> Result<(), String> {
        let last = self.answered.insert((cache, key), version).unwrap_or(0);
        if version < last && self.in_memory.contains_key(&(cache, key)) {
            return Err(format!("cache {cache}, key {key}: answered {version} after {last}"));
        }
        Ok(())
    }

    /// Nor does memory itself go back.
    pub fn memory(&mut self, cache: usize, key: usize, held: Option<u64>) -> Result<(), String> {
        let Some(held) = held else {
            self.in_memory.remove(&(cache, key));
            return Ok(());
        };
        let last = self.in_memory.insert((cache, key), held).unwrap_or(0);
        if held < last {
            return Err(format!("cache {cache}, key {key}: memory has {held} after {last}"));
        }
        Ok(())
    }

    /// No older version takes the place of a newer one in Redis.
    pub fn redis(&mut self, key: usize, version: Option<u64>) -> Result<(), String> {
        let last = std::mem::replace(&mut self.in_redis[key], version);
        match (version, last) {
            (Some(version), Some(last)) if version < last => {
                Err(format!("key {key}: Redis has {version} after {last}"))
            }
            _ => Ok(()),
        }
    }

    /// The key was cleared: what lived in Redis is dead. A process that set it a moment before bars it at once, with a removal
    /// of the version before.
    pub fn cleared(&mut self, key: usize) {
        self.in_redis[key] = None;
    }

    /// Redis was emptied.
    pub fn flushed(&mut self) {
        self.in_redis = [None; KEYS];
    }
}

/// Whether an answer is as it must be once all is well: the newest, and not marked. A version and whether it was marked; none
/// if absent.
pub fn is_right(answer: Option<(u64, bool)>, truth: Truth) -> bool {
    match answer {
        Some((version, false)) => !truth.absent && version == truth.version,
        // A mark is right for a while: something that stays marked is never refreshed or confirmed.
        Some((_, true)) => false,
        None => truth.absent,
    }
}

/// All pairs of a cache and a key.
pub fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..KEYS).flat_map(|key| (0..CACHES).map(move |cache| (cache, key)))
}

#[test]
fn what_goes_back_is_noticed_after_a_clear_as_before_it() {
    let mut seen = Seen::default();
    assert!(
        seen.memory(0, 1, Some(5)).is_ok() && seen.answer(0, 1, 5).is_ok() && seen.redis(1, Some(5)).is_ok()
    );
    assert!(seen.memory(1, 1, Some(4)).is_ok(), "another cache may be behind");
    assert!(seen.memory(0, 1, Some(4)).is_err());
    assert!(seen.answer(0, 1, 4).is_err());
    assert!(seen.redis(1, Some(4)).is_err());
    seen.flushed();
    assert!(seen.redis(1, Some(3)).is_ok());
    // Evicted, it may come back as what Redis has.
    assert!(seen.memory(0, 1, None).is_ok() && seen.answer(0, 1, 3).is_ok());
    // Cleared: what lived does not, and an older one may follow; but then it rises again.
    for version in [Some(5), None, Some(4)] {
        assert!(seen.redis(2, version).is_ok() && seen.memory(2, 2, version).is_ok());
    }
    assert!(seen.redis(2, Some(3)).is_err() && seen.memory(2, 2, Some(3)).is_err());
    // Seen before and after the clear only.
    assert!(seen.redis(0, Some(5)).is_ok());
    seen.cleared(0);
    assert!(seen.redis(0, Some(4)).is_ok() && seen.redis(0, Some(3)).is_err());

    let truth = Truth { version: 5, absent: false };
    assert!(is_right(Some((5, false)), truth));
    for wrong in [Some((5, true)), Some((4, true)), Some((4, false)), None] {
        assert!(!is_right(wrong, truth), "{wrong:?}");
    }
}
