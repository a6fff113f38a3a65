//! What the cache counts, and the numbers that it is read into.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::counters::{Count, HotCount};
use crate::l2::L2State;

/// Makes a struct of counters and the struct of numbers that it is read into.
macro_rules! counters {
    ($(#[$doc:meta])* $counters:ident => $numbers:ident {
        $(#[doc = $text:literal] $field:ident: $kind:ty),* $(,)?
    }) => {
        #[derive(Debug, Default)]
        pub(crate) struct $counters { $(pub $field: $kind),* }

        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
        pub struct $numbers { $(#[doc = $text] pub $field: u64),* }

        impl $counters {
            pub fn read(&self) -> $numbers {
                $numbers { $($field: self.$field.get()),* }
            }
        }
    };
}

counters! {
    /// Reads and writes of the memory tier.
    L1Counters => L1Counts {
        /// Reads answered, fresh.
        hits: HotCount,
        /// Reads answered past the soft life or below the version asked for.
        stale: Count,
        /// Reads not answered.
        misses: Count,
        /// Entries put in.
        inserts: Count,
        /// Puts refused, because a living entry there is newer.
        refused: Count,
        /// Entries put out to stay within the limit.
        evictions: Count,
        /// Entries not kept, because each is larger than a piece of the category's memory.
        oversized: Count,
    }
}

counters! {
    /// Reads and writes of the Redis tier.
    L2Counters => L2Counts {
        /// Reads answered, fresh.
        hits: HotCount,
        /// Reads answered past the soft life or below the version asked for.
        stale: Count,
        /// Reads that found nothing.
        misses: Count,
        /// Reads that found an entry covered by a clear.
        dead: Count,
        /// Reads that found an entry that is corrupt, oversized, or of another schema.
        invalid: Count,
        /// Reads that found another application's value.
        foreign: Count,
        /// Reads without an answer in time.
        timeouts: Count,
        /// Reads whose connection broke before the answer came.
        broken: Count,
        /// Reads that Redis answered with an error.
        errors: Count,
        /// Reads not tried, for want of a connection.
        skipped: Count,
        /// Entries written.
        writes: Count,
        /// Writes refused, because a living entry there is newer.
        refused: Count,
        /// Writes left undone, because another application's value is there.
        foreign_writes: Count,
        /// Writes put off: for want of a connection, because too many were under way, or because nobody would hear of them.
        deferred: Count,
        /// Writes not tried, because the entry had expired or been cleared meanwhile, or the clear log was not known.
        outlived: Count,
        /// Writes that failed, timeouts included, and values that would not encode.
        write_errors: Count,
        /// Bytes of the entries read.
        bytes_read: HotCount,
        /// Bytes of the entries written.
        bytes_written: Count,
    }
}

counters! {
    /// Loads from the source.
    SourceCounters => SourceCounts {
        /// Loads begun.
        loads: Count,
        /// Loads that ended with the source's error or a panic.
        failures: Count,
        /// Loads given up at the hard timeout.
        timeouts: Count,
        /// Loads refused, because too many were under way.
        overloaded: Count,
        /// Readers that waited for a load begun by another.
        coalesced: Count,
        /// Reads that a load answered, those included that it told of an absence or a failure. Loads behind a reader answer none.
        answered: Count,
        /// Reads answered from the memory of a failure a moment ago.
        throttled: Count,
        /// Loads that said that there is no such thing.
        absent: Count,
        /// Reads answered from the memory of such a word.
        negative: Count,
        /// Refreshes begun before the soft life ended.
        early: Count,
        /// Loads begun under a lease, while other processes left them to us.
        leases: Count,
        /// Loads left to another process for a while.
        lease_waits: Count,
        /// Of those, the ones that the other process saved us.
        lease_saved: Count,
        /// Time that the successful loads took together, µs.
        load_us: Count,
    }
}

counters! {
    /// Reads of the process itself, which nobody asked for: to warm up. The other counts have them, too.
    OwnCounters => OwnCounts {
        /// All of them.
        reads: Count,
        /// Of those, the ones that memory or Redis answered.
        by_cache: Count,
    }
}

/// The counters of a category.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub l1: L1Counters,
    pub l2: L2Counters,
    pub source: SourceCounters,
    pub own: OwnCounters,
}

/// The numbers of one category.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CategoryStats {
    /// The memory tier.
    pub l1: L1Counts,
    /// Bytes in memory, bookkeeping included.
    pub l1_bytes: u64,
    /// Bytes that it may take.
    pub l1_limit_bytes: u64,
    /// Entries in memory.
    pub l1_entries: u64,
    /// The Redis tier.
    pub l2: L2Counts,
    /// Loads.
    pub source: SourceCounts,
    /// Reads of the process itself.
    pub own: OwnCounts,
}

impl CategoryStats {
    /// Reads answered, whatever answered: without what the process reads itself to warm up, and without refreshes behind a
    /// reader who has been answered.
    pub fn reads(&self) -> u64 {
        let own = self.own.reads.saturating_sub(self.own.by_cache);
        self.answered_by_cache() + self.source.answered.saturating_sub(own)
    }

    /// Of those, the ones that memory or Redis answered.
    pub fn answered_by_cache(&self) -> u64 {
        let all = self.l1.hits + self.l1.stale + self.l2.hits + self.l2.stale + self.source.negative;
        // Counters are read one after the other while reads go on.
        all.saturating_sub(self.own.by_cache)
    }

    /// Time of the source that the hits saved, µs: each of them a load of average cost. `None` before the first load.
    pub fn saved_us(&self) -> Option<u64> {
        let good = self.source.loads.checked_sub(self.source.failures + self.source.timeouts)?;
        let mean = self.source.load_us.checked_div(good)?;
        Some(mean.saturating_mul(self.answered_by_cache()))
    }

    /// Bytes that memory saved from being read from Redis: each hit an entry of average size. `None` before any.
    pub fn saved_bytes(&self) -> Option<u64> {
        let mean = self.l1_bytes.checked_div(self.l1_entries)?;
        Some(mean.saturating_mul(self.l1.hits + self.l1.stale))
    }
}

/// How this process keeps in step with the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CoherenceStats {
    /// Announcements are heard, and from everybody who is known.
    pub trusted: bool,
    /// Times that something may have been missed, so that memory was compared with Redis.
    pub doubts: u64,
    /// Messages missed, as their numbers tell.
    pub gaps: u64,
    /// Times that a process, or our own ear, fell silent.
    pub silences: u64,
    /// Subscriptions replaced.
    pub resubscriptions: u64,
    /// Other processes heard of.
    pub publishers: u64,
    /// Messages heard, our own and heartbeats among them.
    pub messages_heard: u64,
    /// Versions taken in from others.
    pub announcements_heard: u64,
    /// Messages sent, heartbeats among them.
    pub messages_sent: u64,
    /// Attempts to send that failed.
    pub send_failures: u64,
    /// Of those, the ones that Redis refused. The others had no connection, or no answer in time.
    pub sends_refused: u64,
    /// Times that too much waited to be announced, so that everybody was told to compare.
    pub overflows: u64,
    /// Names that wait to be announced.
    pub announcements_waiting: u64,
    /// Entries that wait for Redis to come back.
    pub recovery_entries: u64,
    /// Bytes of those.
    pub recovery_bytes: u64,
    /// Entries that could not be written at once.
    pub recovery_queued: u64,
    /// Of those, given up to stay within the limit.
    pub recovery_dropped: u64,
    /// Of those, made good.
    pub recovered: u64,
}

/// The clear log as this process knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ClearStats {
    /// Sequence of the newest record.
    pub head: u64,
    /// Entries loaded before this record are dead.
    pub floor: u64,
    /// Records kept.
    pub records: u64,
    /// Of those, the ones not undone.
    pub active: u64,
}

/// All numbers of a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The connection to Redis.
    pub l2: L2State,
    /// Writes to Redis under way.
    pub l2_writes_in_flight: u64,
    /// Reads of the source or of Redis under way, each for one key.
    pub flights: u64,
    /// Limit of the memory tier, bytes.
    pub l1_limit_bytes: u64,
    /// Bytes in memory.
    pub l1_bytes: u64,
    /// How this process keeps in step with the others.
    pub coherence: CoherenceStats,
    /// Clears.
    pub clears: ClearStats,
    /// By category.
    pub categories: BTreeMap<&'static str, CategoryStats>,
}
