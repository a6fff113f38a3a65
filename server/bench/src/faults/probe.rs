//! Writes one key all the time, and notes when a write has arrived and when Redis answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemark_cache::{Cache, Policy, Tiers};

use super::load::version;
use crate::error::{BenchError, Result};
use crate::value::{Blob, Blobs};
use log::Log;

/// Between a write and the look at it.
const PAUSE: Duration = Duration::from_millis(10);

/// A writer under way; ends with it.
pub(super) struct Probe {
    log: Arc<Log>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Probe {
    /// Starts to write `key`, past memory.
    pub fn start(cache: &Cache, key: String) -> Result<Self> {
        let policy = Policy::default().stale_for(Duration::from_secs(600)).tiers(Tiers::L2);
        let blobs: Blobs = cache.category("probe", policy).map_err(BenchError::at("a category"))?;
        let log = Arc::new(Log::default());
        let task = tokio::spawn(write(blobs, key, Arc::clone(&log)));
        Ok(Self { log, task })
    }

    /// Waits until a write that began after `from` has arrived, at most `limit`. When it was known to have.
    pub async fn written_since(&self, from: Instant, limit: Duration) -> Option<Instant> {
        let until = Instant::now() + limit;
        loop {
            if let Some(at) = self.log.written_since(from) {
                return Some(at);
            }
            if Instant::now() > until {
                return None;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// When Redis first answered a read that began after `from`.
    pub fn answered_since(&self, from: Instant) -> Option<Instant> {
        self.log.answered_since(from)
    }

    /// The longest time without a write that arrived, from the last one before `from` on.
    pub fn longest_gap(&self, from: Instant) -> Duration {
        self.log.longest_gap(from)
    }
}

async fn write(blobs: Blobs, key: String, log: Arc<Log>) {
    // Begun and not yet known to have arrived; a newer one that arrives speaks for the older ones.
    let mut waiting: Vec<(u64, Instant)> = Vec::new();
    loop {
        let (version, begun) = (version(), Instant::now());
        blobs.set(&key, Blob(version.to_be_bytes().to_vec()), version);
        // While nothing arrives the first and the latest tell all there is to tell.
        if waiting.len() >= 64 {
            waiting.remove(1);
        }
        waiting.push((version, begun));
        tokio::time::sleep(PAUSE).await;
        let asked = Instant::now();
        if let Some(hit) = blobs.get(&key).await {
            let now = Instant::now();
            let arrived = waiting.iter().rev().find(|(version, _)| *version <= hit.version);
            log.note(asked, now, arrived.map(|(_, begun)| *begun));
            waiting.retain(|(version, _)| *version > hit.version);
        }
    }
}

/// What was seen, behind a lock that is held for a moment.
mod log {
    use std::sync::{Mutex, PoisonError};
    use std::time::{Duration, Instant};

    /// A read that Redis answered.
    #[derive(Debug, Clone, Copy)]
    struct Seen {
        asked: Instant,
        at: Instant,
        /// When the newest write that it showed for the first time had begun.
        write: Option<Instant>,
    }

    #[derive(Debug, Default)]
    pub struct Log(Mutex<Vec<Seen>>);

    impl Log {
        pub fn note(&self, asked: Instant, at: Instant, write: Option<Instant>) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { asked, at, write });
        }

        fn find(&self, is_it: impl Fn(&Seen) -> bool) -> Option<Instant> {
            let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.iter().find(|seen| is_it(seen)).map(|seen| seen.at)
        }

        pub fn written_since(&self, from: Instant) -> Option<Instant> {
            self.find(|seen| seen.write.is_some_and(|begun| begun >= from))
        }

        pub fn answered_since(&self, from: Instant) -> Option<Instant> {
            self.find(|seen| seen.asked >= from)
        }

        pub fn longest_gap(&self, from: Instant) -> Duration {
            let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let writes: Vec<Instant> =
                seen.iter().filter(|seen| seen.write.is_some()).map(|seen| seen.at).collect();
            let after = writes.partition_point(|at| *at < from).saturating_sub(1);
            writes[after.min(writes.len())..]
                .windows(2)
                .map(|pair| pair[1].duration_since(pair[0]))
                .max()
                .unwrap_or_default()
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn gaps_are_between_writes_that_arrived() {
            let (log, start) = (Log::default(), Instant::now());
            let at = |ms| start + Duration::from_millis(ms);
            for (seen, write) in
                [(10, Some(0)), (20, Some(10)), (30, None), (520, Some(500)), (530, Some(520))]
            {
                log.note(at(seen - 5), at(seen), write.map(at));
            }
            assert_eq!(
                log.longest_gap(at(25)),
                Duration::from_millis(500),
                "a read without news ends no gap"
            );
            assert_eq!(log.longest_gap(at(525)), Duration::from_millis(10));
            assert_eq!(log.written_since(at(11)), Some(at(520)));
            assert_eq!(log.answered_since(at(21)), Some(at(30)));
            assert_eq!(Log::default().longest_gap(start), Duration::ZERO);
        }
    }
}
