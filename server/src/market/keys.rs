//! Keys of the cache's categories. Their text is what an operator sees in Redis and clears by prefix.

use std::fmt;

use model::{ChartQuery, Interval, MAX_LIMIT, Source, Symbol, UnixMs};

use crate::store::SeriesInfo;

/// The only key of the category `directory`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DirectoryKey;

impl fmt::Display for DirectoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all")
    }
}

/// Key of the category `prices`: all quotes of one source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PricesKey(pub Source);

impl fmt::Display for PricesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Key of the category `sparklines`: the last week of all symbols of one source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SparklinesKey(pub Source);

impl fmt::Display for SparklinesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The most bars of a cached range, ascending. A query's limit is rounded up to one of them, and the answer is cut to what
/// was asked: otherwise anyone could fill the cache with one range under thousands of limits.
pub(super) const RANGE_LIMITS: [u32; 4] = [100, 500, 1_000, MAX_LIMIT];

/// The most bars of the cached range that answers a query with this limit.
pub(super) fn range_limit(limit: u32) -> u32 {
    RANGE_LIMITS.into_iter().find(|most| limit <= *most).unwrap_or(MAX_LIMIT)
}

/// Key of the category `charts`: a range of one series. Queries that ask for the same bars share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChartKey {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Whose candles.
    pub source: Source,
    /// The series' finest interval.
    pub finest: Interval,
    /// Length of each candle.
    pub interval: Interval,
    /// First open time that counts, inclusive.
    pub from: Option<UnixMs>,
    /// Last open time that counts, inclusive.
    pub to: Option<UnixMs>,
    /// Most bars, one of [`RANGE_LIMITS`].
    pub limit: u32,
}

/// When bitcoin began, Unix ms: 3 January 2009. No bar of a coin is older, unless its series says so.
const FIRST_BAR: UnixMs = 1_230_940_800_000;

impl ChartKey {
    /// The key of this query on this series at `now`: ends are moved to open times, the limit is rounded up.
    ///
    /// Ends beyond all bars make no keys of their own, or anyone could fill the cache with the same range under any number of
    /// them. Beyond means before 2009 or after the bar that runs now, and not where the series begins and ends: the directory
    /// that says so may be older than the candles. It counts only where it has bars that are older or open later still.
    #[must_use]
    pub fn new(query: &ChartQuery, series: &SeriesInfo, now: UnixMs) -> Self {
        let interval = query.interval;
        let first = interval.bucket(FIRST_BAR.min(series.first_open));
        let last = interval.bucket(now.max(series.last_open));
        // `from` in the middle of a bar leaves that bar out: its open time is before `from`.
        let from = query.from.map(|t| {
            let bucket = interval.bucket(t);
            let from = if bucket == t { t } else { bucket + interval.ms() };
            from.clamp(first, last + interval.ms())
        });
        // The newest bars are those up to the one that runs.
        let to = query.to.map(|t| interval.bucket(t)).filter(|to| *to < last);
        Self {
            symbol: series.symbol.clone(),
            source: series.source.clone(),
            finest: series.finest,
            interval,
            from,
            to: to.map(|to| to.max(first - interval.ms())),
            limit: range_limit(query.limit),
        }
    }
}

impl fmt::Display for ChartKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}/", self.symbol, self.source, self.finest, self.interval)?;
        for end in [self.from, self.to] {
            match end {
                Some(time) => write!(f, "{time}/")?,
                None => f.write_str("-/")?,
            }
        }
        write!(f, "{}", self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = 1_700_001_000_000;

    fn series() -> SeriesInfo {
        SeriesInfo {
            id: 1,
            symbol: "BTC".parse().unwrap(),
            name: "Bitcoin".to_owned(),
            source: Source::RECORDED,
            finest: Interval::M30,
            revision: 1,
            first_open: 1_506_816_000_000,
            last_open: 1_554_075_000_000,
            price_decimals: 2,
        }
    }

    #[test]
    fn queries_for_the_same_bars_share_a_key() {
        let last = ChartQuery::last("BTC".parse().unwrap(), Interval::H1);
        let key = ChartKey::new(&last, &series(), NOW);
        assert_eq!(key.to_string(), "BTC/recorded/30m/1h/-/-/500");
        let a = ChartQuery { from: Some(1_506_816_000_001), ..last.clone() };
        let b = ChartQuery { from: Some(1_506_819_600_000), ..last };
        assert_eq!(ChartKey::new(&a, &series(), NOW), ChartKey::new(&b, &series(), NOW));
    }

    #[test]
    fn a_range_has_few_limits_and_enough_bars() {
        let mut seen = std::collections::BTreeSet::new();
        for limit in 1..=MAX_LIMIT {
            let most = range_limit(limit);
            assert!(most >= limit, "{limit}: {most}");
            seen.insert(most);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [100, 500, 1_000, 5_000]);
        assert_eq!(RANGE_LIMITS.map(range_limit), RANGE_LIMITS);
    }

    #[test]
    fn a_key_means_the_same_bars_whatever_the_directory_says() {
        let older = series();
        let newer =
            SeriesInfo { revision: 2, first_open: FIRST_BAR, last_open: 1_600_000_000_000, ..series() };
        let last = ChartQuery::last("BTC".parse().unwrap(), Interval::H1);
        for time in [0, older.first_open, older.last_open, older.last_open + 7_200_000, 1_700_000_000_000] {
            for query in [
                ChartQuery { from: Some(time), ..last.clone() },
                ChartQuery { to: Some(time), ..last.clone() },
            ] {
                assert_eq!(ChartKey::new(&query, &older, NOW), ChartKey::new(&query, &newer, NOW));
            }
        }
    }

    #[test]
    fn ends_beyond_all_bars_make_no_keys_of_their_own() {
        let last = ChartQuery::last("BTC".parse().unwrap(), Interval::H1);
        for interval in [Interval::M30, Interval::H1, Interval::D1, Interval::W1] {
            let key =
                |from, to| ChartKey::new(&ChartQuery { interval, from, to, ..last.clone() }, &series(), NOW);
            let running = interval.bucket(NOW);
            for bars in 0..1_000 {
                let (later, earlier) =
                    (running + bars * interval.ms(), interval.bucket(FIRST_BAR) - bars * interval.ms());
                assert_eq!(key(None, Some(later + 1)), key(None, None), "the newest bars");
                assert_eq!(key(Some(later + 1), None), key(Some(running + 1), None), "none yet");
                assert_eq!(key(Some(earlier), None), key(Some(0), None), "the oldest bars");
                assert_eq!(key(None, Some(earlier - 1)), key(None, Some(0)), "none");
            }
            assert_ne!(key(Some(running), None), key(Some(running + 1), None), "the bar that runs");
            assert_ne!(key(None, Some(running - 1)), key(None, None), "the bar before it");
        }
    }

    #[test]
    fn bars_before_2009_and_of_the_future_can_be_asked_for_if_there_are_any() {
        let (first_open, last_open) = (FIRST_BAR - 36_000_000, NOW + 36_000_000);
        let odd = SeriesInfo { first_open, last_open, ..series() };
        let last = ChartQuery::last("BTC".parse().unwrap(), Interval::H1);
        for time in [first_open + 3_600_000, last_open - 3_600_000].map(|time| Interval::H1.bucket(time)) {
            let query = ChartQuery { from: Some(time), to: Some(time), ..last.clone() };
            let key = ChartKey::new(&query, &odd, NOW);
            assert_eq!((key.from, key.to), (Some(time), Some(time)));
        }
    }
}
