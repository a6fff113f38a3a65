//! Bars of lengths that are not stored, rolled up to the next interval while they are read.

use model::{Candle, Interval, UnixMs};

use crate::{Reject, length::BarLength, number::check_numbers, seen::Seen, time::date_text};

/// Bars in a candle, at most: seconds in a minute.
const MOST: usize = 60;

/// One candle at a time: when bars of another one come, it ends.
pub(crate) struct RollUp {
    length: BarLength,
    ms: i64,
    into: Interval,
    open: Option<Bucket>,
    ended: Seen,
}

/// The candle that is being made.
struct Bucket {
    /// Line of its first bar that was read.
    line: u64,
    candle: Candle,
    first: UnixMs,
    last: UnixMs,
    /// A bit for each bar.
    bars: u64,
    /// Summed in the order of time at the end, so that the order of the lines does not change the sum.
    volumes: [f64; MOST],
}

impl RollUp {
    /// None if bars of this length are stored as they are, or not at all.
    pub(crate) fn new(length: BarLength) -> Option<Self> {
        let BarLength::Divides { ms, into } = length else { return None };
        Some(Self { length, ms, into, open: None, ended: Seen::default() })
    }

    /// Takes an aligned bar. Gives the candle that it ended, if it ended one.
    ///
    /// # Errors
    /// Why the bar is left out.
    pub(crate) fn push(&mut self, line: u64, bar: Candle) -> Result<Option<Result<Candle, Reject>>, String> {
        let time = bar.open_time;
        let start = self.into.bucket(time);
        // Below `MOST` by the table of lengths.
        let index = ((time - start) / self.ms) as usize % MOST;
        if let Some(bucket) = self.open.as_mut().filter(|bucket| bucket.candle.open_time == start) {
            if bucket.bars & (1 << index) != 0 {
                return Err(there_before(time));
            }
            bucket.add(index, &bar);
            return Ok(None);
        }
        if self.ended.contains(self.into, start) {
            return Err(format!(
                "its {} candle of {} has ended before: the bars of a candle must follow each other",
                self.into,
                date_text(start)
            ));
        }
        let ended = self.finish();
        let mut volumes = [0.0; MOST];
        volumes[index] = bar.volume;
        let candle = Candle { open_time: start, ..bar };
        self.open = Some(Bucket { line, candle, first: time, last: time, bars: 1 << index, volumes });
        Ok(ended)
    }

    /// Ends the candle that is being made.
    pub(crate) fn finish(&mut self) -> Option<Result<Candle, Reject>> {
        let bucket = self.open.take()?;
        self.ended.insert(self.into, bucket.candle.open_time);
        Some(bucket.end(self.length, self.into, self.into.ms() / self.ms))
    }
}

impl Bucket {
    fn add(&mut self, index: usize, bar: &Candle) {
        self.bars |= 1 << index;
        self.volumes[index] = bar.volume;
        let candle = &mut self.candle;
        candle.high = candle.high.max(bar.high);
        candle.low = candle.low.min(bar.low);
        if bar.open_time < self.first {
            self.first = bar.open_time;
            candle.open = bar.open;
        }
        if bar.open_time > self.last {
            self.last = bar.open_time;
            candle.close = bar.close;
        }
    }

    fn end(mut self, length: BarLength, into: Interval, whole: i64) -> Result<Candle, Reject> {
        let reject = |reason| Reject { line: self.line, reason };
        let bars = i64::from(self.bars.count_ones());
        if bars < whole {
            let start = date_text(self.candle.open_time);
            return Err(reject(format!(
                "the {into} candle of {start} that begins here has {bars} of its {whole} {length} bars"
            )));
        }
        self.candle.volume = self.volumes.iter().sum();
        check_numbers(&self.candle).map_err(reject)?;
        Ok(self.candle)
    }
}

pub(crate) fn there_before(open_time: UnixMs) -> String {
    format!("open_time {open_time} is there before: the first line stays")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn bar(hour: i64, volume: f64) -> Candle {
        let open = 100.0 + hour as f64;
        Candle { open_time: hour * HOUR, open, high: open + 3.0, low: open - 2.0, close: open + 1.0, volume }
    }

    #[test]
    fn makes_whole_candles_in_either_order() {
        let length: BarLength = "2h".parse().unwrap();
        let expected =
            Candle { open_time: 4 * HOUR, open: 104.0, high: 109.0, low: 102.0, close: 107.0, volume: 0.3 };
        for order in [[4, 6], [6, 4]] {
            let mut rollup = RollUp::new(length).unwrap();
            let volume = |hour| if hour == 4 { 0.1 } else { 0.2 };
            assert_eq!(rollup.push(1, bar(order[0], volume(order[0]))), Ok(None));
            assert_eq!(rollup.push(2, bar(order[1], volume(order[1]))), Ok(None));
            let Some(Ok(candle)) = rollup.finish() else { panic!("no candle") };
            assert_eq!(Candle { volume: 0.3, ..candle }, expected);
            assert_eq!(candle.volume, 0.1 + 0.2);
            assert_eq!(rollup.finish(), None);
        }
    }

    #[test]
    fn leaves_out_what_is_not_whole() {
        let mut rollup = RollUp::new("6h".parse().unwrap()).unwrap();
        for (line, hour) in [(1, 0), (2, 6), (3, 12)] {
            assert_eq!(rollup.push(line, bar(hour, 1.0)), Ok(None));
        }
        assert_eq!(
            rollup.push(4, bar(12, 1.0)),
            Err("open_time 43200000 is there before: the first line stays".into())
        );
        let reason =
            "the 1d candle of 1970-01-01 00:00:00 that begins here has 3 of its 4 6h bars".to_owned();
        assert_eq!(rollup.push(5, bar(24, 1.0)), Ok(Some(Err(Reject { line: 1, reason }))));
        // Too late, and it does not end the one that is being made.
        let late = rollup.push(6, bar(18, 1.0)).unwrap_err();
        assert!(late.contains("1d candle of 1970-01-01 00:00:00 has ended before"), "{late}");
        for (line, hour) in [(7, 30), (8, 36), (9, 42)] {
            assert_eq!(rollup.push(line, bar(hour, 1.0)), Ok(None));
        }
        assert!(matches!(rollup.finish(), Some(Ok(candle)) if candle.volume == 4.0));
    }

    #[test]
    fn sums_must_stay_numbers_of_a_market() {
        let mut rollup = RollUp::new("12h".parse().unwrap()).unwrap();
        assert_eq!(rollup.push(1, bar(0, 1e20)), Ok(None));
        assert_eq!(rollup.push(2, bar(12, 1e20)), Ok(None));
        assert!(matches!(rollup.finish(), Some(Err(reject)) if reject.reason == "volume 2e20 is over 1e20"));
    }
}
