//! What could not be written to Redis, kept to be made good: the newest of each key, within a limit.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::outgoing::Outgoing;

/// Limits of the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub entries: usize,
    pub bytes: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By key in Redis, with the number of its arrival.
    entries: HashMap<String, (u64, Outgoing)>,
    /// The keys by that number.
    order: BTreeMap<u64, String>,
    bytes: usize,
    arrivals: u64,
}

impl Waiting {
    /// Takes out the one that has waited longest.
    fn pop(&mut self) -> Option<Outgoing> {
        let (_, key) = self.order.pop_first()?;
        let (_, outgoing) = self.entries.remove(&key)?;
        self.bytes -= outgoing.weight();
        Some(outgoing)
    }
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Recovery {
    waiting: Mutex<Waiting>,
    limits: Limits,
    pub queued: AtomicU64,
    pub dropped: AtomicU64,
    pub recovered: AtomicU64,
}

impl Recovery {
    pub fn new(limits: Limits) -> Self {
        Self {
            waiting: Mutex::default(),
            limits,
            queued: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            recovered: AtomicU64::new(0),
        }
    }

    /// Takes in what could not be written. An older one of the same key gives way; a newer one there stays. Past the
    /// limits the ones that have waited longest go, and are returned.
    #[must_use]
    pub fn push(&self, mut outgoing: Outgoing) -> Vec<Outgoing> {
        outgoing.tried = true;
        let mut waiting = self.waiting.lock();
        if waiting.entries.get(&outgoing.key).is_some_and(|(_, there)| there.rank() > outgoing.rank()) {
            return Vec::new();
        }
        self.queued.fetch_add(1, Ordering::Relaxed);
        waiting.arrivals += 1;
        let (number, weight) = (waiting.arrivals, outgoing.weight());
        waiting.order.insert(number, outgoing.key.clone());
        if let Some((earlier, old)) = waiting.entries.insert(outgoing.key.clone(), (number, outgoing)) {
            waiting.order.remove(&earlier);
            waiting.bytes -= old.weight();
        }
        waiting.bytes += weight;
        let mut gone = Vec::new();
        while waiting.entries.len() > self.limits.entries || waiting.bytes > self.limits.bytes {
            let Some(oldest) = waiting.pop() else { break };
            self.dropped.fetch_add(1, Ordering::Relaxed);
            gone.push(oldest);
        }
        gone
    }

    /// Takes out up to `most`, in the order of their arrival.
    pub fn take(&self, most: usize) -> Vec<Outgoing> {
        let mut waiting = self.waiting.lock();
        std::iter::from_fn(|| waiting.pop()).take(most).collect()
    }

    /// Entries and bytes that wait.
    pub fn depth(&self) -> (u64, u64) {
        let waiting = self.waiting.lock();
        (waiting.entries.len() as u64, waiting.bytes as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(recovery: &Recovery) -> Vec<(String, u64)> {
        recovery.take(100).into_iter().map(|o| (o.key, o.version)).collect()
    }

    #[test]
    fn the_newest_of_a_key_in_order_of_arrival() {
        let recovery = Recovery::new(Limits { entries: 10, bytes: 1 << 20 });
        for (key, version) in [("a", 2), ("b", 1), ("a", 1), ("c", 1), ("a", 3)] {
            assert!(recovery.push(Outgoing::example(key, version, 10)).is_empty());
        }
        assert_eq!(versions(&recovery), [("b".into(), 1), ("c".into(), 1), ("a".into(), 3)]);
        assert_eq!(recovery.depth(), (0, 0));
    }

    #[test]
    fn both_limits_hold_and_the_oldest_goes() {
        let recovery = Recovery::new(Limits { entries: 3, bytes: 10_000 });
        let gone: Vec<_> =
            (0..5).flat_map(|i| recovery.push(Outgoing::example(&i.to_string(), 1, 10))).collect();
        assert_eq!(gone.into_iter().map(|o| o.key).collect::<Vec<_>>(), ["0", "1"]);
        assert_eq!(recovery.dropped.load(Ordering::Relaxed), 2);
        assert!(!recovery.push(Outgoing::example("large", 1, 9_500)).is_empty());
        let (entries, bytes) = recovery.depth();
        assert!(entries < 3 && bytes <= 10_000, "{entries} entries, {bytes} bytes");
        assert!(!recovery.push(Outgoing::example("too large", 1, 20_000)).is_empty());
        assert_eq!(recovery.depth(), (0, 0), "what never fits takes nothing with it for good");
    }
}
