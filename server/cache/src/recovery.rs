//! What could not be written to Redis, kept to be made good: the newest of each key, within a limit.

use std::collections::HashMap;
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
    bytes: usize,
    arrivals: u64,
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
    /// limits the one that has waited longest goes.
    pub fn push(&self, mut outgoing: Outgoing) {
        outgoing.tried = true;
        let mut waiting = self.waiting.lock();
        if waiting.entries.get(&outgoing.key).is_some_and(|(_, there)| there.rank() > outgoing.rank()) {
            return;
        }
        self.queued.fetch_add(1, Ordering::Relaxed);
        waiting.arrivals += 1;
        let (number, weight) = (waiting.arrivals, outgoing.weight());
        if let Some((_, old)) = waiting.entries.insert(outgoing.key.clone(), (number, outgoing)) {
            waiting.bytes -= old.weight();
        }
        waiting.bytes += weight;
        while waiting.entries.len() > self.limits.entries || waiting.bytes > self.limits.bytes {
            let oldest = waiting.entries.iter().min_by_key(|(_, (number, _))| *number);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            if let Some((_, old)) = waiting.entries.remove(&oldest) {
                waiting.bytes -= old.weight();
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Takes out up to `most`, in the order of their arrival.
    pub fn take(&self, most: usize) -> Vec<Outgoing> {
        let mut waiting = self.waiting.lock();
        let mut numbers: Vec<(u64, String)> =
            waiting.entries.iter().map(|(key, (number, _))| (*number, key.clone())).collect();
        numbers.sort_unstable();
        let mut taken = Vec::new();
        for (_, key) in numbers.into_iter().take(most) {
            if let Some((_, outgoing)) = waiting.entries.remove(&key) {
                waiting.bytes -= outgoing.weight();
                taken.push(outgoing);
            }
        }
        taken
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
    use crate::clears::Mark;
    use crate::tags::Tags;

    fn outgoing(key: &str, version: u64, bytes: usize) -> Outgoing {
        Outgoing {
            category: "c",
            text: String::new(),
            key: key.into(),
            bytes: vec![0; bytes],
            name: 0,
            version,
            loaded_at: 0,
            is_removal: false,
            stale_until: u64::MAX,
            mark: Mark { epoch: 1, head: 0 },
            tags: Tags::default(),
            lease: None,
            tried: false,
        }
    }

    fn versions(recovery: &Recovery) -> Vec<(String, u64)> {
        recovery.take(100).into_iter().map(|o| (o.key, o.version)).collect()
    }

    #[test]
    fn the_newest_of_a_key_in_order_of_arrival() {
        let recovery = Recovery::new(Limits { entries: 10, bytes: 1 << 20 });
        for (key, version) in [("a", 2), ("b", 1), ("a", 1), ("c", 1), ("a", 3)] {
            recovery.push(outgoing(key, version, 10));
        }
        assert_eq!(versions(&recovery), [("b".into(), 1), ("c".into(), 1), ("a".into(), 3)]);
        assert_eq!(recovery.depth(), (0, 0));
    }

    #[test]
    fn both_limits_hold_and_the_oldest_goes() {
        let recovery = Recovery::new(Limits { entries: 3, bytes: 10_000 });
        for i in 0..5 {
            recovery.push(outgoing(&i.to_string(), 1, 10));
        }
        assert_eq!(recovery.dropped.load(Ordering::Relaxed), 2);
        recovery.push(outgoing("large", 1, 9_500));
        let (entries, bytes) = recovery.depth();
        assert!(entries < 3 && bytes <= 10_000, "{entries} entries, {bytes} bytes");
        recovery.push(outgoing("too large", 1, 20_000));
        assert_eq!(recovery.depth(), (0, 0), "what never fits takes nothing with it for good");
    }
}
