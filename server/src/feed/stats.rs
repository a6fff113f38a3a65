//! What a feed does, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// A number that is read while it changes.
#[derive(Debug, Default)]
pub struct Number(AtomicU64);

impl Number {
    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }
}

/// Counters of this process's feed. All zero while another process feeds.
#[derive(Debug, Default)]
pub struct FeedStats {
    /// 1 while this process feeds.
    pub leads: Number,
    /// 1 while another process does.
    pub standby: Number,
    /// Series that run.
    pub series: Number,
    /// Bars taken, each as it stood.
    pub bars: Number,
    /// Price tables given to the cache.
    pub tables: Number,
    /// Bars waiting for the database.
    pub queued: Number,
    /// Bars given up because too many waited.
    pub dropped: Number,
    /// Rows that the database was given and that changed something.
    pub rows: Number,
    /// Transactions done.
    pub writes: Number,
    /// Transactions that failed.
    pub failures: Number,
    /// How long the last transaction took, in µs.
    pub last_write_us: Number,
    /// Why bars cannot be stored at present, in a clause that follows "Postgres".
    pub(super) trouble: Mutex<Option<&'static str>>,
}

impl FeedStats {
    /// Why bars cannot be stored at present, in a clause that follows "Postgres"; none while they can.
    #[must_use]
    pub fn trouble(&self) -> Option<&'static str> {
        *self.trouble.lock()
    }
}
