//! What the page makes of the cache's counters. Pure; counters are those of one server since its start.

use model::{CacheStats, CategoryStats};

/// Who answered reads: memory, Redis, the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Reads that memory answered, fresh or stale.
    pub memory: u64,
    /// Reads that Redis answered.
    pub redis: u64,
    /// Reads that the database answered, or nobody.
    pub source: u64,
}

impl Answered {
    /// Of one category.
    #[must_use]
    pub fn of(category: &CategoryStats) -> Self {
        let memory = category.memory.hits + category.memory.stale;
        // Counters are read one after the other while reads go on: what does not add up counts as nothing.
        let redis = category.answered_by_cache.saturating_sub(memory);
        Self { memory, redis, source: category.reads.saturating_sub(memory + redis) }
    }

    /// Of all categories that readers read: what the server reads for itself would be half of it.
    #[must_use]
    pub fn of_all(stats: &CacheStats) -> Self {
        readers(stats).map(Self::of).fold(Self::default(), |a, b| Self {
            memory: a.memory + b.memory,
            redis: a.redis + b.redis,
            source: a.source + b.source,
        })
    }

    /// All reads.
    #[must_use]
    pub fn reads(self) -> u64 {
        self.memory + self.redis + self.source
    }

    /// Percentages of memory, Redis and database; none before the first read.
    #[must_use]
    pub fn shares(self) -> Option<[f64; 3]> {
        let reads = self.reads();
        (reads > 0).then(|| [self.memory, self.redis, self.source].map(|part| percent(part, reads)))
    }

    /// Percentage that the cache answered; none before the first read.
    #[must_use]
    pub fn hit_ratio(self) -> Option<f64> {
        let reads = self.reads();
        (reads > 0).then(|| percent(self.memory + self.redis, reads))
    }
}

fn readers(stats: &CacheStats) -> impl Iterator<Item = &CategoryStats> {
    stats.categories.iter().filter(|category| !category.is_own)
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64 * 100.0
}

/// A percentage with one decimal, rounded down near 100: `99.9%` is not all.
#[must_use]
pub fn ratio(value: Option<f64>) -> String {
    match value {
        None => crate::format::NO_NUMBER.to_owned(),
        Some(value) if value < 100.0 => format!("{}%", crate::format::fixed(value.min(99.9), 1)),
        Some(_) => "100%".to_owned(),
    }
}

/// Percentage of reads that were answered past their soft life; none before the first read.
#[must_use]
pub fn stale(stats: &CacheStats) -> Option<f64> {
    let stale: u64 = readers(stats).map(|c| c.memory.stale + c.redis.stale).sum();
    let reads = Answered::of_all(stats).reads();
    (reads > 0).then(|| percent(stale, reads).min(100.0))
}

/// Reads that the cache answered, and the work of the database that these saved, µs, where a load was ever timed.
#[must_use]
pub fn saved(stats: &CacheStats) -> (u64, Option<u64>) {
    let reads = stats.categories.iter().map(|c| c.answered_by_cache).sum();
    let work = stats.categories.iter().filter_map(|c| c.saved_us).reduce(u64::saturating_add);
    (reads, work)
}

/// Loads that failed or were given up.
#[must_use]
pub fn failed_loads(stats: &CacheStats) -> u64 {
    stats.categories.iter().map(|c| c.source.failures + c.source.timeouts).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_nothing_is_divided_by_nothing() {
        let all = Answered { memory: 90, redis: 9, source: 1 };
        assert_eq!(all.shares(), Some([90.0, 9.0, 1.0]));
        assert_eq!(all.hit_ratio(), Some(99.0));
        assert_eq!(Answered::default().shares(), None);
        assert_eq!(Answered::default().hit_ratio(), None);
    }

    #[test]
    fn what_the_server_reads_for_itself_is_in_no_ratio_of_readers() {
        let category = |name: &str, is_own, reads, stale| CategoryStats {
            name: name.to_owned(),
            is_own,
            reads,
            answered_by_cache: reads - 10,
            saved_us: None,
            saved_bytes: None,
            keys: 0,
            bytes: 0,
            limit_bytes: 0,
            cleared_keys: 0,
            cleared_bytes: 0,
            memory: model::L1Stats { hits: reads - 10 - stale, stale, ..Default::default() },
            redis: model::L2Stats::default(),
            source: model::SourceStats::default(),
        };
        let stats = CacheStats {
            as_of: 0,
            memory_bytes: 0,
            memory_limit_bytes: 0,
            categories: vec![
                category("directory", true, 1_000_000, 500_000),
                category("charts", false, 100, 5),
            ],
            redis: model::SharedTier {
                configured: false,
                connected: false,
                address: None,
                last_error: None,
                for_ms: 0,
                writes_in_flight: 0,
                flights: 0,
            },
            nodes: Vec::new(),
            failovers: Vec::new(),
            coherence: Default::default(),
            hot_keys: Vec::new(),
            clears: Vec::new(),
        };
        assert_eq!(Answered::of_all(&stats).hit_ratio(), Some(90.0));
        assert_eq!(super::stale(&stats), Some(5.0));
    }

    #[test]
    fn almost_all_is_not_all() {
        assert_eq!(ratio(Some(99.999)), "99.9%");
        assert_eq!(ratio(Some(100.0)), "100%");
        assert_eq!(ratio(Some(0.0)), "0.0%");
        assert_eq!(ratio(None), "–");
    }
}
