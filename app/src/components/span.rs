//! How far back a chart reaches.

use model::{Interval, UnixMs};

/// A range is drawn in bars of the finest interval that needs no more than this many.
const COMFORTABLE: i64 = 400;
/// An interval is kept with a range of no fewer and no more bars than these.
const KEPT: std::ops::RangeInclusive<i64> = 12..=2_000;
const DAY_MS: i64 = 86_400_000;

/// A stretch of time that ends with the last price.
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
    /// All that is stored.
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

    /// Its first moment, Unix ms, in a series that began at `first` and whose last price is of `last`. Simulated prices have
    /// no beginning: all of them is ten years.
    #[must_use]
    pub fn start(self, first: Option<UnixMs>, last: UnixMs) -> UnixMs {
        let days = match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 91,
            Self::Year => 365,
            Self::All => match first {
                Some(first) => return first.min(last),
                None => 3_650,
            },
        };
        last.saturating_sub(days * DAY_MS)
    }

    /// The most candles of this interval that this range can hold: the one that contains its start, and all after it.
    #[must_use]
    pub fn count(self, interval: Interval, first: Option<UnixMs>, last: UnixMs) -> i64 {
        let start = self.start(first, last).max(first.unwrap_or(UnixMs::MIN));
        let ms = last.saturating_sub(start).max(1);
        ms / interval.ms() + i64::from(ms % interval.ms() > 0) + 1
    }

    /// The interval that shows this range best, of those that there are, finest first.
    #[must_use]
    pub fn interval(self, intervals: &[Interval], first: Option<UnixMs>, last: UnixMs) -> Option<Interval> {
        let fits = |interval: &&Interval| self.bars(**interval, first, last) <= COMFORTABLE;
        intervals.iter().find(fits).or(intervals.last()).copied()
    }

    /// Whether this interval shows the range in a sensible number of bars.
    #[must_use]
    pub fn suits(self, interval: Interval, first: Option<UnixMs>, last: UnixMs) -> bool {
        KEPT.contains(&self.bars(interval, first, last))
    }

    /// Length of this range in bars of an interval, whatever is stored of it.
    fn bars(self, interval: Interval, first: Option<UnixMs>, last: UnixMs) -> i64 {
        let ms = last.saturating_sub(self.start(first, last)).max(1);
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
        assert!(!Span::Day.suits(Interval::D1, None, LAST) && Span::Month.suits(Interval::H4, None, LAST));
    }

    #[test]
    fn a_day_is_24_hours_by_the_clock() {
        assert_eq!(Span::Day.start(None, LAST), LAST - DAY_MS);
        assert_eq!(Span::All.start(Some(5), LAST), 5);
        assert_eq!(Span::All.start(None, LAST), LAST - 3_650 * DAY_MS);
    }

    #[test]
    fn a_range_holds_the_candle_of_its_start_and_no_time_before_the_series() {
        assert_eq!(Span::Day.count(Interval::M30, None, LAST), 49);
        assert_eq!(Span::Year.count(Interval::D1, Some(LAST - 3 * DAY_MS), LAST), 4);
        assert_eq!(Span::All.count(Interval::W1, Some(LAST), LAST), 2);
    }
}
