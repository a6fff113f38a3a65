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

impl ChartKey {
    /// The key of this query on this series: ends are moved to open times, the limit is rounded up. They depend on the query alone, not on where
    /// the series begins and ends, for the directory that says so may be older than the candles.
    #[must_use]
    pub fn new(query: &ChartQuery, series: &SeriesInfo) -> Self {
        let interval = query.interval;
        // `from` in the middle of a bar leaves that bar out: its open time is before `from`.
        let from = query.from.map(|t| {
            let bucket = interval.bucket(t);
            if bucket == t { t } else { bucket + interval.ms() }
        });
        Self {
            symbol: series.symbol.clone(),
            source: series.source.clone(),
            finest: series.finest,
            interval,
            from,
            to: query.to.map(|t| interval.bucket(t)),
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
        let key = ChartKey::new(&last, &series());
        assert_eq!(key.to_string(), "BTC/recorded/30m/1h/-/-/500");
        let a = ChartQuery { from: Some(1_506_816_000_001), ..last.clone() };
        let b = ChartQuery { from: Some(1_506_819_600_000), ..last };
        assert_eq!(ChartKey::new(&a, &series()), ChartKey::new(&b, &series()));
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
        let newer = SeriesInfo { revision: 2, first_open: 0, last_open: 1_600_000_000_000, ..series() };
        let last = ChartQuery::last("BTC".parse().unwrap(), Interval::H1);
        for time in [0, older.first_open, older.last_open, older.last_open + 7_200_000, 1_700_000_000_000] {
            for query in [
                ChartQuery { from: Some(time), ..last.clone() },
                ChartQuery { to: Some(time), ..last.clone() },
            ] {
                let key = ChartKey::new(&query, &older);
                assert_eq!(key, ChartKey::new(&query, &newer));
                assert_eq!(
                    (key.from.is_some(), key.to.is_some()),
                    (query.from.is_some(), query.to.is_some())
                );
            }
        }
    }
}
