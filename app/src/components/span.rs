//! How far back a chart reaches.

use model::{Interval, MAX_LIMIT, UnixMs};

/// A range is drawn in bars of the finest interval that needs no more than this many.
const COMFORTABLE: i64 = 400;
/// An interval is kept with a range of no fewer and no more bars than these.
const KEPT: std::ops::RangeInclusive<i64> = 12..=2_000;
const DAY_MS: i64 = 86_400_000;

/// A stretch of time that ends with the last bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// 24 hours.
    Day,
    /// Seven days.
    Week,
    /// 30 days.
    Month,
    /// 91 days.
    Quarter,
    /// 365 days.
    Year,
    /// All that is stored, as far as one chart can hold it.
    All,
}

impl Span {
    /// All of them, shortest first.
    pub const ALL: [Self; 6] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year, Self::All];

    /// The text in the URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::Week => "1w",
            Self::Month => "1m",
            Self::Quarter => "3m",
            Self::Year => "1y",
            Self::All => "all",
        }
    }

    /// From the text in the URL.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.as_str() == text)
    }

    /// Its length, ms, of a series that began at `first` and whose last price is of `last`. Without a beginning, as of
    /// made-up prices, all is ten years.
    #[must_use]
    pub fn ms(self, first: Option<UnixMs>, last: UnixMs) -> i64 {
        let days = match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 91,
            Self::Year => 365,
            Self::All => match first {
                Some(first) => return last.saturating_sub(first).max(1),
                None => 3_650,
            },
        };
        days * DAY_MS
    }

    /// Bars of this interval, at least 2.
    #[must_use]
    pub fn bars(self, interval: Interval, first: Option<UnixMs>, last: UnixMs) -> u32 {
        let bars = self.count(interval, first, last).clamp(2, i64::from(MAX_LIMIT));
        u32::try_from(bars).unwrap_or(MAX_LIMIT)
    }

    /// The interval that shows this range best, of those that there are, finest first.
    #[must_use]
    pub fn interval(self, intervals: &[Interval], first: Option<UnixMs>, last: UnixMs) -> Option<Interval> {
        let fits = |interval: &&Interval| self.count(**interval, first, last) <= COMFORTABLE;
        intervals.iter().find(fits).or(intervals.last()).copied()
    }

    /// Whether this interval shows the range in a sensible number of bars.
    #[must_use]
    pub fn suits(self, interval: Interval, first: Option<UnixMs>, last: UnixMs) -> bool {
        KEPT.contains(&self.count(interval, first, last))
    }

    fn count(self, interval: Interval, first: Option<UnixMs>, last: UnixMs) -> i64 {
        let ms = self.ms(first, last);
        ms / interval.ms() + i64::from(ms % interval.ms() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: UnixMs = 1_554_075_000_000;

    #[test]
    fn comes_back_from_its_text() {
        for span in Span::ALL {
            assert_eq!(Span::parse(span.as_str()), Some(span));
        }
        assert_eq!(Span::parse("2d"), None);
    }

    #[test]
    fn a_range_is_drawn_in_bars_that_can_be_told_apart() {
        use Interval::{D1, H1, H4, M1, M5, M30, W1};
        let stored = [M30, H1, H4, D1, W1];
        let best = |span: Span| span.interval(&stored, Some(LAST - 540 * DAY_MS), LAST).unwrap();
        assert_eq!(Span::ALL.map(best), [M30, M30, H4, D1, D1, W1]);
        assert_eq!(Span::Day.interval(&[M1, M5, M30], None, LAST), Some(M5));
        assert_eq!(Span::Year.interval(&[M1], None, LAST), Some(M1), "there is no coarser one");
        assert_eq!(Span::Year.interval(&[], None, LAST), None);
    }

    #[test]
    fn bars_are_never_none_nor_too_many() {
        assert_eq!(Span::Day.bars(Interval::W1, None, LAST), 2);
        assert_eq!(Span::Day.bars(Interval::M30, None, LAST), 48);
        assert_eq!(Span::All.bars(Interval::M1, Some(0), LAST), MAX_LIMIT);
        assert_eq!(Span::All.bars(Interval::D1, Some(LAST), LAST), 2);
        assert!(!Span::Day.suits(Interval::D1, None, LAST) && Span::Month.suits(Interval::H4, None, LAST));
    }
}
