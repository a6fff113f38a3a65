//! Keys of ours that hold another application's value. Such a value is never written over, and never deleted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Keys remembered at most.
const MAX_KEYS: usize = 64;
/// A key that nobody has come by for so long is forgotten: it may have been removed since.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The keys that were come by lately.
#[derive(Debug, Default)]
pub(super) struct ForeignKeys {
    keys: Mutex<HashMap<String, Instant>>,
    /// Whether there are any: mostly not, and then nobody takes the lock. Changed under the lock only.
    are_there: AtomicBool,
}

impl ForeignKeys {
    /// Notes a key; whether that is to be logged, since it is the only one.
    pub fn note(&self, key: &str) -> bool {
        self.note_at(key, Instant::now())
    }

    fn note_at(&self, key: &str, now: Instant) -> bool {
        let mut keys = self.keys.lock();
        keys.retain(|_, seen| now.duration_since(*seen) < REMEMBERED);
        let is_first = keys.is_empty();
        if keys.len() < MAX_KEYS || keys.contains_key(key) {
            keys.insert(key.to_owned(), now);
        }
        self.are_there.store(true, Ordering::Release);
        is_first
    }

    /// Notes that a key holds an entry of ours; whether that is to be logged, since it was the last one.
    #[inline]
    pub fn note_ours(&self, key: &str) -> bool {
        self.are_there.load(Ordering::Acquire) && self.forget(key)
    }

    #[cold]
    fn forget(&self, key: &str) -> bool {
        let mut keys = self.keys.lock();
        let is_last = keys.remove(key).is_some() && keys.is_empty();
        self.are_there.store(!keys.is_empty(), Ordering::Release);
        is_last
    }

    /// One of the keys, the first by name.
    pub fn first(&self) -> Option<String> {
        if !self.are_there.load(Ordering::Acquire) {
            return None;
        }
        let mut keys = self.keys.lock();
        keys.retain(|_, seen| seen.elapsed() < REMEMBERED);
        self.are_there.store(!keys.is_empty(), Ordering::Release);
        keys.keys().min().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_is_news_and_so_is_the_end_of_the_last() {
        let foreign = ForeignKeys::default();
        assert_eq!(foreign.first(), None);
        assert!(foreign.note("b"));
        assert!(!foreign.note("a") && !foreign.note("b"));
        assert_eq!(foreign.first().as_deref(), Some("a"));
        assert!(!foreign.note_ours("c") && !foreign.note_ours("a"));
        assert!(foreign.note_ours("b"));
        assert_eq!(foreign.first(), None);
        assert!(!foreign.note_ours("b"));
    }

    #[test]
    fn keys_are_bounded_and_forgotten_in_time() {
        let foreign = ForeignKeys::default();
        let start = Instant::now();
        let news = (0..1_000).filter(|i| foreign.note_at(&i.to_string(), start)).count();
        assert_eq!((news, foreign.keys.lock().len()), (1, MAX_KEYS));
        assert!(foreign.note_at("later", start + REMEMBERED), "the others were forgotten");
    }
}
