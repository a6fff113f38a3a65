//! What the lines of a file came to, and what those that made no candle have in common.

use model::{Candle, Interval, UnixMs};

use crate::{length::BarLength, number::is_start, reader::FileCandle, time::date_text};

const DAY_MS: i64 = 86_400_000;
const WEEK_MS: i64 = 7 * DAY_MS;
/// Turnover of a coin on one exchange in a day that is beyond belief, in dollars. The highest that are known are half of it.
const MAX_DAILY_TURNOVER: f64 = 2e10;
/// Kinds of reasons that are counted; lines of others are counted together.
const MAX_KINDS: usize = 16;
/// Names of the days of the week, from the one of 1970-01-01.
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// What the lines of a file came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Lines that are neither empty nor before the first candle.
    pub lines: u64,
    /// Candles, each open time once.
    pub candles: u64,
    /// Lines that made no candle, and candles that lack bars.
    pub rejected: u64,
    /// Lines whose candle was there before; the later line stands, unless it alone is incomplete.
    pub repeated: u64,
    /// Candles that the file marks as incomplete, or that have not ended.
    pub incomplete: u64,
    /// The last line, if it has no line end and made a candle: its last number may be cut off.
    pub unended_line: Option<u64>,
    /// Sum of close times volume, in dollars.
    turnover: f64,
    /// Time that the candles cover, ms.
    covered: i64,
    kinds: Vec<Kind>,
    misaligned: Option<Misaligned>,
}

/// Lines that were rejected for the same kind of reason.
#[derive(Clone, Debug)]
struct Kind {
    /// The reason without its numbers and quoted fields.
    shape: String,
    first: String,
    are_equal: bool,
    count: u64,
}

/// Candles that open where none of their length does.
#[derive(Clone, Copy, Debug)]
struct Misaligned {
    count: u64,
    first: UnixMs,
    /// Whether all are so far from the start of a day, and of a week.
    same_in_day: bool,
    same_in_week: bool,
    latest: UnixMs,
}

impl Summary {
    pub(crate) fn take(&mut self, row: &FileCandle, interval: Interval) {
        let Candle { close, volume, .. } = row.candle;
        self.candles += 1;
        self.incomplete += u64::from(row.incomplete);
        self.turnover += close * volume;
        self.covered += interval.ms();
    }

    pub(crate) fn reject(&mut self, reason: &str) {
        self.rejected += 1;
        let shape = shape(reason);
        if let Some(kind) = self.kinds.iter_mut().find(|kind| kind.shape == shape) {
            kind.count += 1;
            kind.are_equal &= kind.first == reason;
        } else if self.kinds.len() < MAX_KINDS {
            self.kinds.push(Kind { shape, first: reason.to_owned(), are_equal: true, count: 1 });
        }
    }

    /// Counts a candle that was rejected because it opens where none of its length does.
    pub(crate) fn misalign(&mut self, time: UnixMs) {
        let found = self.misaligned.get_or_insert(Misaligned {
            count: 0,
            first: time,
            same_in_day: true,
            same_in_week: true,
            latest: time,
        });
        found.count += 1;
        found.same_in_day &= (time - found.first) % DAY_MS == 0;
        found.same_in_week &= (time - found.first) % WEEK_MS == 0;
        found.latest = found.latest.max(time);
    }

    /// Turnover a day on average, in dollars, if it is beyond belief: the volume is then hardly in coins.
    #[must_use]
    pub fn unbelievable_turnover(&self) -> Option<f64> {
        let daily = self.turnover / (self.covered.max(1) as f64 / DAY_MS as f64);
        (daily > MAX_DAILY_TURNOVER).then_some(daily)
    }

    /// If no candle came of the file: one sentence that says what its lines have in common.
    #[must_use]
    pub fn nothing(&self, length: BarLength, is_in_ms: bool) -> Option<String> {
        if self.candles > 0 {
            return None;
        }
        let all = self.rejected;
        if all == 0 {
            return Some("there is no line after the header".to_owned());
        }
        if let Some(found) = self.misaligned.filter(|found| found.count == all) {
            return Some(found.sentence(length, is_in_ms));
        }
        let most = self.kinds.iter().max_by_key(|kind| kind.count)?;
        let lines = if all == 1 { "the only line".to_owned() } else { format!("all {all} lines") };
        Some(match most {
            // Of several bars one candle, which lacks some.
            Kind { first, .. } if all == 1 && self.lines > 1 => first.clone(),
            Kind { count, are_equal: true, first, .. } if *count == all => {
                let plural = first.strip_prefix("has ").filter(|_| all > 1);
                plural.map_or_else(|| format!("{lines}: {first}"), |rest| format!("{lines} have {rest}"))
            }
            Kind { count, first, .. } if *count == all => format!("{lines} as the first: {first}"),
            Kind { count, first, .. } => {
                format!("none of {all} lines makes a candle, {count} of them as this one: {first}")
            }
        })
    }
}

impl Misaligned {
    fn sentence(&self, length: BarLength, is_in_ms: bool) -> String {
        let Self { count, first, .. } = *self;
        let candles =
            if count == 1 { "the only candle opens".to_owned() } else { format!("all {count} candles open") };
        let clock = date_text(first).split_off(11);
        let clock = clock.strip_suffix(":00").unwrap_or(&clock);
        // As milliseconds, seconds of our days are in January 1970.
        if is_in_ms && self.latest < 10_000_000_000 && first > 1_000_000_000 {
            return format!(
                "{candles} in 1970: the times seem to be in seconds, {} has milliseconds",
                "open_time"
            );
        }
        match length {
            BarLength::Stored(Interval::W1) if self.same_in_week => {
                let day = WEEKDAYS[first.div_euclid(DAY_MS).rem_euclid(7) as usize % 7];
                let at = if first % DAY_MS == 0 { String::new() } else { format!(" at {clock} UTC") };
                let starts = if at.is_empty() { "on Monday" } else { "on Monday at 00:00 UTC" };
                format!("{candles} on {day}{at}; weeks start {starts}")
            }
            BarLength::Stored(Interval::D1) if self.same_in_day => {
                format!("{candles} at {clock} UTC; days start at 00:00 UTC")
            }
            _ => match length.ms().map(|ms| first.rem_euclid(ms)) {
                Some(late) if count > 1 && !is_start(first, length) && self.same_in_day => {
                    format!("{candles} {} after the start of a {length} candle", span(late))
                }
                _ if count > 1 => format!("{candles} elsewhere than a {length} candle starts"),
                _ => {
                    format!("{candles} at {}, which is not the start of a {length} candle", date_text(first))
                }
            },
        }
    }
}

/// A span in words: `30 min`, `1 h 30 min`.
fn span(ms: i64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let parts = [(hours, "h"), (minutes, "min"), (seconds, "s"), (ms % 1000, "ms")];
    let parts: Vec<_> =
        parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n} {unit}")).collect();
    parts.join(" ")
}

/// A reason without its numbers and quoted fields, so that reasons of the same kind are equal.
fn shape(reason: &str) -> String {
    let mut shape = String::with_capacity(reason.len());
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in reason.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => {
                is_quoted = !is_quoted;
                if is_quoted {
                    shape.push('"');
                }
            }
            _ if is_quoted => {}
            c if c.is_ascii_digit() => {
                if !shape.ends_with('#') {
                    shape.push('#');
                }
            }
            c => shape.push(c),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-03-01T16:00Z, a Friday.
    const TIME: i64 = 1_709_308_800_000;

    fn misaligned(times: &[i64], length: &str) -> String {
        let mut summary = Summary::default();
        for time in times {
            summary.reject(&format!("open_time {time} is not the start of a candle"));
            summary.misalign(*time);
        }
        summary.nothing(length.parse().unwrap(), true).unwrap()
    }

    #[test]
    fn says_where_all_candles_open() {
        let days: Vec<_> = (0..5).map(|i| TIME + i * DAY_MS).collect();
        assert_eq!(misaligned(&days, "1d"), "all 5 candles open at 16:00 UTC; days start at 00:00 UTC");
        let weeks: Vec<_> = (0..4).map(|i| 1_645_660_800_000 + i * WEEK_MS).collect();
        assert_eq!(misaligned(&weeks, "1w"), "all 4 candles open on Thursday; weeks start on Monday");
        let late: Vec<_> = weeks.iter().map(|time| time + 5 * 3_600_000).collect();
        let expected = "all 4 candles open on Thursday at 05:00 UTC; weeks start on Monday at 00:00 UTC";
        assert_eq!(misaligned(&late, "1w"), expected);
        assert_eq!(
            misaligned(&[TIME + 1_800_000, TIME + DAY_MS + 1_800_000], "1h"),
            "all 2 candles open 30 min after the start of a 1h candle"
        );
        assert_eq!(
            misaligned(&[TIME + 1, TIME + 500], "1h"),
            "all 2 candles open elsewhere than a 1h candle starts"
        );
        assert_eq!(
            misaligned(&[1_704_067_200, 1_704_070_800], "1h"),
            "all 2 candles open in 1970: the times seem to be in seconds, open_time has milliseconds"
        );
    }

    fn nothing(reasons: &[&str]) -> String {
        let mut summary = Summary::default();
        reasons.iter().for_each(|reason| summary.reject(reason));
        summary.nothing(BarLength::Stored(Interval::H1), false).unwrap()
    }

    #[test]
    fn says_what_the_lines_have_in_common() {
        assert_eq!(nothing(&[]), "there is no line after the header");
        assert_eq!(nothing(&["has 17 fields, not 9"; 3]), "all 3 lines have 17 fields, not 9");
        assert_eq!(nothing(&["has 17 fields, not 9"]), "the only line: has 17 fields, not 9");
        assert_eq!(
            nothing(&["open \"a\" is not a number", "open \"b\\\"\" is not a number"]),
            "all 2 lines as the first: open \"a\" is not a number"
        );
        assert_eq!(
            nothing(&["low is zero", "has 5 fields, not 6", "low is zero"]),
            "none of 3 lines makes a candle, 2 of them as this one: low is zero"
        );
    }

    #[test]
    fn a_turnover_of_dollars_taken_as_coins_is_beyond_belief() {
        let take = |close, volume| {
            let mut summary = Summary::default();
            let candle = Candle { open_time: 0, open: close, high: close, low: close, close, volume };
            summary.take(&FileCandle { candle, incomplete: false }, Interval::D1);
            summary.unbelievable_turnover()
        };
        assert_eq!(take(74.2, 371_000_000.0), Some(74.2 * 371_000_000.0));
        assert_eq!(take(74.2, 5_000_000.0), None);
        assert_eq!(take(42_000.0, 200_000.0), None);
        assert_eq!(Summary::default().unbelievable_turnover(), None);
    }
}
