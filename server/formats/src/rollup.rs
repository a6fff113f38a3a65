//! Bars of lengths that are not stored, rolled up to the next interval while they are read.

use model::{Candle, Interval, UnixMs};

use crate::{
    Reject,
    length::BarLength,
    number::check_numbers,
    reader::{FileCandle, Row},
    seen::Seen,
    time::date_text,
};

/// Bars in a candle, at most: seconds in a minute.
const MOST: usize = 60;

/// One candle at a time: when bars of another one come, it ends.
pub(crate) struct RollUp {
    length: BarLength,
    ms: i64,
    into: Interval,
    /// Bars that have not begun by now are not missing.
    now: Option<UnixMs>,
    open: Option<Bucket>,
    ended: Seen,
}

/// The candle that is being made.
struct Bucket {
    /// Line of its first bar that was read.
    line: u64,
    start: UnixMs,
    /// By their place in the candle, so that neither the order of the lines nor a repeated bar changes the result.
    bars: [Option<FileCandle>; MOST],
}

/// What a bar did.
#[derive(Debug, PartialEq)]
pub(crate) struct Pushed {
    /// The candle that it ended, if it ended one.
    pub ended: Option<Row>,
    /// Which one stands, if the bar was there before.
    pub repeat: Option<Repeat>,
}

/// Which of two lines of the same time stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Repeat {
    /// The later one.
    Replaces,
    /// The earlier one: it is complete, and the later one is not.
    LeftOut,
}

impl Repeat {
    /// A complete candle stands, wherever its line is; of two of a kind the later one.
    pub(crate) fn of(was_incomplete: bool, is_incomplete: bool) -> Self {
        if is_incomplete && !was_incomplete { Self::LeftOut } else { Self::Replaces }
    }

    /// What is said of the later line.
    pub(crate) fn reason(self, open_time: UnixMs) -> String {
        let time = date_text(open_time);
        match self {
            Self::Replaces => format!("the candle of {time} is there before: this later line replaces it"),
            Self::LeftOut => {
                format!("the candle of {time} is there before, and complete: this incomplete one is left out")
            }
        }
    }
}

impl RollUp {
    /// None if bars of this length are stored as they are, or not at all.
    pub(crate) fn new(length: BarLength, now: Option<UnixMs>) -> Option<Self> {
        let BarLength::Divides { ms, into } = length else { return None };
        Some(Self { length, ms, into, now, open: None, ended: Seen::default() })
    }

    /// Takes an aligned bar.
    ///
    /// # Errors
    /// Why the bar is left out.
    pub(crate) fn push(&mut self, line: u64, bar: FileCandle) -> Result<Pushed, String> {
        let time = bar.candle.open_time;
        let start = self.into.bucket(time);
        // Below `MOST` by the table of lengths.
        let index = ((time - start) / self.ms) as usize % MOST;
        if let Some(bucket) = self.open.as_mut().filter(|bucket| bucket.start == start) {
            return Ok(Pushed { ended: None, repeat: bucket.add(index, bar) });
        }
        if self.ended.contains(self.into, start) {
            return Err(format!(
                "its {} candle of {} has ended before: the bars of a candle must follow each other",
                self.into,
                date_text(start)
            ));
        }
        let ended = self.finish();
        let mut bucket = Bucket { line, start, bars: [None; MOST] };
        bucket.add(index, bar);
        self.open = Some(bucket);
        Ok(Pushed { ended, repeat: None })
    }

    /// Ends the candle that is being made.
    pub(crate) fn finish(&mut self) -> Option<Row> {
        let bucket = self.open.take()?;
        self.ended.insert(self.into, bucket.start);
        Some(bucket.end(self))
    }
}

impl Bucket {
    /// Puts a bar in its place. Which one stands, if there was one.
    fn add(&mut self, index: usize, bar: FileCandle) -> Option<Repeat> {
        let slot = self.bars.get_mut(index)?;
        let repeat = slot.map(|before| Repeat::of(before.incomplete, bar.incomplete));
        if repeat != Some(Repeat::LeftOut) {
            *slot = Some(bar);
        }
        repeat
    }

    fn end(self, of: &RollUp) -> Row {
        let RollUp { length, ms, into, now, .. } = *of;
        let reject = |reason| Reject { line: self.line, reason };
        let begun = |index: &i64| now.is_none_or(|now| self.start + index * ms <= now);
        let whole = into.ms() / ms;
        let expected = (0..whole).filter(begun).count();
        let is_incomplete = self.bars.iter().flatten().any(|bar| bar.incomplete);
        let bars: Vec<_> = self.bars.iter().flatten().map(|bar| bar.candle).collect();
        let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
            return Err(reject("has no bar".to_owned()));
        };
        if bars.len() < expected {
            let start = date_text(self.start);
            return Err(reject(format!(
                "the {into} candle of {start} that begins here has {} of its {whole} {length} bars",
                bars.len()
            )));
        }
        let candle = Candle {
            open_time: self.start,
            open: first.open,
            high: bars.iter().map(|bar| bar.high).fold(first.high, f64::max),
            low: bars.iter().map(|bar| bar.low).fold(first.low, f64::min),
            close: last.close,
            volume: sum(bars.iter().map(|bar| bar.volume)),
        };
        check_numbers(&candle).map_err(reject)?;
        let incomplete = is_incomplete || (bars.len() as i64) < whole;
        Ok(FileCandle { candle, incomplete })
    }
}

/// The sum of volumes, as their decimals add up: 0.1 and 0.2 make 0.3.
fn sum(volumes: impl Iterator<Item = f64>) -> f64 {
    // The sum, and what its roundings lost: sixty of them would add up.
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for volume in volumes {
        let next = sum + volume;
        lost += if sum >= volume { (sum - next) + volume } else { (volume - next) + sum };
        sum = next;
    }
    let sum = sum + lost;
    let rounded = |decimals: i32| {
        let scale = 10_f64.powi(decimals);
        // Below 2^53, where a float is one whole number and no other.
        (sum * scale < 9_007_199_254_740_992.0).then(|| (sum * scale).round() / scale)
    };
    // As few decimals as take nothing away but noise.
    (8..=20).filter_map(rounded).find(|near| (near - sum).abs() <= 4.0 * f64::EPSILON * sum).unwrap_or(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn bar(hour: i64, volume: f64) -> FileCandle {
        let open = 100.0 + hour as f64;
        let (high, low, close) = (open + 3.0, open - 2.0, open + 1.0);
        let candle = Candle { open_time: hour * HOUR, open, high, low, close, volume };
        FileCandle { candle, incomplete: false }
    }

    fn taken() -> Result<Pushed, String> {
        Ok(Pushed { ended: None, repeat: None })
    }

    #[test]
    fn makes_whole_candles_in_either_order() {
        let length: BarLength = "2h".parse().unwrap();
        let expected =
            Candle { open_time: 4 * HOUR, open: 104.0, high: 109.0, low: 102.0, close: 107.0, volume: 0.3 };
        for order in [[4, 6], [6, 4]] {
            let mut rollup = RollUp::new(length, None).unwrap();
            let volume = |hour| if hour == 4 { 0.1 } else { 0.2 };
            assert_eq!(rollup.push(1, bar(order[0], volume(order[0]))), taken());
            assert_eq!(rollup.push(2, bar(order[1], 99.0)), taken());
            // The later line of a repeated bar stands.
            let again = rollup.push(3, bar(order[1], volume(order[1])));
            assert_eq!(again, Ok(Pushed { ended: None, repeat: Some(Repeat::Replaces) }));
            assert_eq!(rollup.finish(), Some(Ok(FileCandle { candle: expected, incomplete: false })));
            assert_eq!(rollup.finish(), None);
        }
    }

    #[test]
    fn leaves_out_what_lacks_bars() {
        let mut rollup = RollUp::new("6h".parse().unwrap(), None).unwrap();
        for (line, hour) in [(1, 0), (2, 6), (3, 12)] {
            assert_eq!(rollup.push(line, bar(hour, 1.0)), taken());
        }
        let reason =
            "the 1d candle of 1970-01-01 00:00:00 that begins here has 3 of its 4 6h bars".to_owned();
        let ended = Some(Err(Reject { line: 1, reason }));
        assert_eq!(rollup.push(5, bar(24, 1.0)), Ok(Pushed { ended, repeat: None }));
        // Too late, and it does not end the one that is being made.
        let late = rollup.push(6, bar(18, 1.0)).unwrap_err();
        assert!(late.contains("1d candle of 1970-01-01 00:00:00 has ended before"), "{late}");
        for (line, hour) in [(7, 30), (8, 36), (9, 42)] {
            assert_eq!(rollup.push(line, bar(hour, 1.0)), taken());
        }
        assert!(
            matches!(rollup.finish(), Some(Ok(found)) if found.candle.volume == 4.0 && !found.incomplete)
        );
    }

    #[test]
    fn a_candle_that_has_not_ended_is_incomplete() {
        let length: BarLength = "6h".parse().unwrap();
        // 13:00: the third bar runs.
        let rollup = || RollUp::new(length, Some(13 * HOUR)).unwrap();
        let mut running = rollup();
        for hour in [0, 6, 12] {
            assert_eq!(running.push(1, bar(hour, 1.0)), taken());
        }
        assert!(
            matches!(running.finish(), Some(Ok(found)) if found.incomplete && found.candle.volume == 3.0)
        );
        // What should be there by now is missing all the same.
        let mut lacking = rollup();
        assert_eq!(lacking.push(1, bar(0, 1.0)), taken());
        assert!(matches!(lacking.finish(), Some(Err(_))));
        // A mark of the file stays.
        let mut marked = RollUp::new("12h".parse().unwrap(), None).unwrap();
        for hour in [0, 12] {
            let bar = FileCandle { incomplete: hour == 12, ..bar(hour, 1.0) };
            assert_eq!(marked.push(1, bar), taken());
        }
        assert!(matches!(marked.finish(), Some(Ok(found)) if found.incomplete));
    }

    #[test]
    fn a_complete_bar_stands_before_an_incomplete_one() {
        // Of the marks of the lines of the first bar: which volume stands, and whether the candle is incomplete.
        for (marks, volume, incomplete, repeat) in [
            ([true, false], 3.0, false, Repeat::Replaces),
            ([false, true], 2.0, false, Repeat::LeftOut),
            ([false, false], 3.0, false, Repeat::Replaces),
            ([true, true], 3.0, true, Repeat::Replaces),
        ] {
            let mut rollup = RollUp::new("2h".parse().unwrap(), None).unwrap();
            let marked = |volume, incomplete| FileCandle { incomplete, ..bar(0, volume) };
            assert_eq!(rollup.push(1, marked(1.0, marks[0])), taken());
            let again = rollup.push(2, marked(2.0, marks[1]));
            assert_eq!(again, Ok(Pushed { ended: None, repeat: Some(repeat) }), "{marks:?}");
            assert_eq!(rollup.push(3, bar(2, 1.0)), taken());
            let found = rollup.finish().unwrap().unwrap();
            assert_eq!((found.candle.volume, found.incomplete), (volume, incomplete), "{marks:?}");
        }
    }

    #[test]
    fn volumes_add_up_as_decimals() {
        let cases: [(&[f64], &str); 9] = [
            (&[0.1, 0.2], "0.3"),
            (&[0.1; 60], "6"),
            (&[0.7, 0.1, 0.00000001], "0.80000001"),
            (&[1_234_567.123_456_78, 0.000_000_01], "1234567.12345679"),
            (&[9_000.1, 0.2, 0.7], "9001"),
            (&[0.000_000_000_001, 0.000_000_000_002], "0.000000000003"),
            (&[1e-15, 2e-15], "0.000000000000003"),
            (&[1e20, 1.0], "100000000000000000000"),
            (&[0.0, 0.0], "0"),
        ];
        for (volumes, expected) in cases {
            assert_eq!(sum(volumes.iter().copied()).to_string(), expected, "{volumes:?}");
            assert_eq!(sum(volumes.iter().rev().copied()).to_string(), expected, "{volumes:?}");
        }
    }

    #[test]
    fn sums_must_stay_numbers_of_a_market() {
        let mut rollup = RollUp::new("12h".parse().unwrap(), None).unwrap();
        assert_eq!(rollup.push(1, bar(0, 1e20)), taken());
        assert_eq!(rollup.push(2, bar(12, 1e20)), taken());
        assert!(matches!(rollup.finish(), Some(Err(reject)) if reject.reason == "volume 2e20 is over 1e20"));
    }
}
