//! Which roll-ups are stored, and the rolling up of what is read.
//!
//! A bar of a coarser interval has the first open, the highest high, the lowest low, the last close and the summed
//! volume of its finer bars. Reading folds rows as they stream in; `write` makes the stored levels.

use model::{Candle, Interval, UnixMs};

use super::candles::MarkedCandle;

/// A level is stored only if one of its bars stands for at least this many of the level below: storing more costs
/// imports more than it saves reads (docs/decisions/0004).
const MIN_STEP: i64 = 12;

/// The coarser levels that are stored for a series, finest first. At most hours and days.
pub(super) fn stored_levels(finest: Interval) -> impl Iterator<Item = Interval> {
    let mut below = finest;
    [Interval::H1, Interval::D1].into_iter().filter(move |level| {
        let stored = level.ms() / below.ms() >= MIN_STEP;
        if stored {
            below = *level;
        }
        stored
    })
}

/// The coarsest stored level that `interval` is made of: itself, a stored roll-up, or the finest.
pub(super) fn base_level(finest: Interval, interval: Interval) -> Interval {
    stored_levels(finest).filter(|level| *level <= interval).last().unwrap_or(finest)
}

/// A stored row: a candle and how many complete finest candles are in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub bars: i64,
    pub candle: Candle,
}

/// Folds rows of one level, by ascending time, into bars of a coarser one (or of the same).
pub(super) struct RollUp {
    interval: Interval,
    /// How many of the finest candles make a whole bar.
    whole: i64,
    /// Open time of the bar of this interval that still runs.
    running: Option<UnixMs>,
    bars: Vec<Row>,
    /// What rounding took from the volume of the last bar so far (Neumaier's summation).
    lost: f64,
    /// The same sum in units of the eighth decimal, exactly; none if a volume has more decimals or is too large.
    units: Option<i128>,
    /// Rows in the last bar so far.
    rows: i64,
}

impl RollUp {
    pub(super) fn new(finest: Interval, interval: Interval) -> Self {
        let whole = interval.ms() / finest.ms();
        Self { interval, whole, running: None, bars: Vec::new(), lost: 0.0, units: None, rows: 0 }
    }

    /// Of the finest bars the one that opens then still runs.
    pub(super) fn running(mut self, open_time: Option<UnixMs>) -> Self {
        self.running = open_time.map(|time| self.interval.bucket(time));
        self
    }

    pub(super) fn push(&mut self, row: Row) {
        let open_time = self.interval.bucket(row.candle.open_time);
        match self.bars.last_mut() {
            Some(bar) if bar.candle.open_time == open_time => {
                bar.bars += row.bars;
                bar.candle.high = bar.candle.high.max(row.candle.high);
                bar.candle.low = bar.candle.low.min(row.candle.low);
                bar.candle.close = row.candle.close;
                let (sum, part) = (bar.candle.volume, row.candle.volume);
                let total = sum + part;
                self.lost += if sum >= part { (sum - total) + part } else { (part - total) + sum };
                bar.candle.volume = total;
                self.units = self.units.zip(units(&row)).map(|(sum, part)| sum + part);
                self.rows += 1;
            }
            _ => {
                self.end_bar();
                self.units = units(&row);
                self.bars.push(Row { bars: row.bars, candle: Candle { open_time, ..row.candle } });
                self.rows = 1;
            }
        }
    }

    /// Settles the volume of the last bar. That of a single finest candle stays as it was stored.
    fn end_bar(&mut self) {
        let (lost, rows) = (std::mem::take(&mut self.lost), std::mem::take(&mut self.rows));
        if let Some(bar) = self.bars.last_mut()
            && (rows > 1 || bar.bars > 1)
        {
            bar.candle.volume = match self.units {
                Some(units) => from_units(units),
                None => decimal_sum(bar.candle.volume + lost, bar.bars.max(rows)),
            };
        }
    }

    /// The first or the last `limit` bars, by ascending time.
    pub(super) fn finish(mut self, limit: usize, last: bool) -> Vec<MarkedCandle> {
        self.end_bar();
        if last {
            self.bars.drain(..self.bars.len().saturating_sub(limit));
        } else {
            self.bars.truncate(limit);
        }
        let marked = |bar: Row| MarkedCandle {
            candle: bar.candle,
            incomplete: bar.bars < self.whole || self.running == Some(bar.candle.open_time),
        };
        self.bars.iter().copied().map(marked).collect()
    }
}

/// Decimals that a sum has where nothing speaks for more: as many as exchanges give.
const DECIMALS: i32 = 8;
/// Most decimals that a sum is rounded to.
const MAX_DECIMALS: i32 = 12;
/// 2⁵³: below it a float holds every whole number.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Units of the eighth decimal in one.
const UNITS: i128 = 100_000_000;

/// The volume of a row in units of the eighth decimal, if it is a number of them.
fn units(row: &Row) -> Option<i128> {
    let volume = row.candle.volume;
    // A stored roll-up is a sum of floats itself.
    let volume = if row.bars > 1 { decimal_sum(volume, row.bars) } else { volume };
    let scaled = volume * UNITS as f64;
    let whole = whole_units(volume, UNITS as f64);
    // Above half of 2⁵³ there are fewer floats than units. A file may have noise itself, as 361.70043241999997.
    let is_exact =
        scaled < MAX_WHOLE / 2.0 && (whole / UNITS as f64 - volume).abs() <= 4.0 * volume * f64::EPSILON;
    is_exact.then_some(whole as i128)
}

/// The whole number next to `value` times `scale`. Scaled as one, a large value would be rounded twice.
fn whole_units(value: f64, scale: f64) -> f64 {
    let whole = value.trunc();
    whole * scale + ((value - whole) * scale).round()
}

/// The float next to so many units of the eighth decimal.
fn from_units(units: i128) -> f64 {
    if units < MAX_WHOLE as i128 {
        // Divided once, it is rounded once.
        units as f64 / UNITS as f64
    } else {
        (units / UNITS) as f64 + (units % UNITS) as f64 / UNITS as f64
    }
}

/// The decimal that the sum of decimals stands for: without the noise that adding `parts` binary fractions leaves, as in
/// 11.245149999999999 for 11.24515. It is the shortest decimal beside the sum, otherwise one of 8 decimals, or of more, up to
/// 12, if it differs from that by more than such noise. The sum itself where a float of its size holds no such decimals.
fn decimal_sum(sum: f64, parts: i64) -> f64 {
    let rounded = |decimals: i32| {
        let scale = 10_f64.powi(decimals);
        (sum * scale < MAX_WHOLE).then(|| whole_units(sum, scale) / scale)
    };
    // One or two units of the last place.
    let beside = sum * f64::EPSILON;
    let short = (0..=DECIMALS).map_while(rounded).find(|decimal| (decimal - sum).abs() <= beside);
    if let Some(decimal) = short {
        return decimal;
    }
    // Adding n numbers loses n units of the last place at most. Few are allowed for the noise of the numbers themselves.
    let noise = sum * f64::EPSILON * parts.max(4) as f64;
    for decimals in DECIMALS..=MAX_DECIMALS {
        match rounded(decimals) {
            Some(decimal) if (decimal - sum).abs() <= noise => return decimal,
            Some(_) => {}
            None => break,
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn row(minute: i64, price: f64) -> Row {
        let candle = Candle {
            open_time: minute * MINUTE,
            open: price,
            high: price + 2.0,
            low: price - 1.0,
            close: price + 1.0,
            volume: 0.5,
        };
        Row { bars: 1, candle }
    }

    #[test]
    fn folds_and_marks_what_lacks_bars() {
        let mut fold = RollUp::new(Interval::M1, Interval::M5);
        for minute in [0, 1, 2, 3, 4, 6, 15] {
            fold.push(row(minute, 10.0 + minute as f64));
        }
        let bars = fold.finish(10, false);
        assert_eq!(
            bars[0].candle,
            Candle { open_time: 0, open: 10.0, high: 16.0, low: 9.0, close: 15.0, volume: 2.5 }
        );
        let times: Vec<_> = bars.iter().map(|bar| bar.candle.open_time / MINUTE).collect();
        assert_eq!(times, [0, 5, 15], "a time without candles has no bar");
        assert_eq!(partial(&bars), [5, 15]);
    }

    /// Minutes at which incomplete bars open.
    fn partial(bars: &[MarkedCandle]) -> Vec<i64> {
        bars.iter().filter(|bar| bar.incomplete).map(|bar| bar.candle.open_time / MINUTE).collect()
    }

    #[test]
    fn an_incomplete_finest_candle_makes_every_bar_incomplete_that_holds_it() {
        for (interval, expected) in [(Interval::M1, 7), (Interval::M5, 5)] {
            let mut fold = RollUp::new(Interval::M1, interval);
            for minute in 0..10 {
                fold.push(Row { bars: i64::from(minute != 7), ..row(minute, 10.0) });
            }
            assert_eq!(partial(&fold.finish(10, true)), [expected]);
        }
    }

    #[test]
    fn volumes_read_as_the_sum_of_decimals() {
        let volume = |interval, bars, volumes: &[f64]| {
            let mut fold = RollUp::new(Interval::M1, interval);
            for (minute, volume) in volumes.iter().enumerate() {
                let mut row = row(minute as i64, 10.0);
                row.candle.volume = *volume;
                fold.push(Row { bars, ..row });
            }
            fold.finish(10, true)[0].candle.volume.to_string()
        };
        // As float sums: 0.30000000000000004, 11.245149999999999 and 0.6000000000000001.
        assert_eq!(volume(Interval::M5, 1, &[0.1, 0.2]), "0.3");
        assert_eq!(volume(Interval::M5, 1, &[0.1, 0.2, 0.3]), "0.6");
        assert_eq!(volume(Interval::H1, 60, &[11.245_149_999_999_999]), "11.24515");
        assert_eq!(volume(Interval::H1, 60, &[679.301_528_259_999_9]), "679.30152826");
        // What was lost between large numbers comes back.
        assert_eq!(volume(Interval::M5, 1, &[1e16, 1.0, 1.0, 1.0, 1.0]), "10000000000000004");
        // Finer than eight decimals, if the figures say so.
        assert_eq!(volume(Interval::M5, 1, &[0.000_000_000_1, 0.000_000_000_2]), "0.0000000003");
        assert_eq!(volume(Interval::M5, 1, &[0.000_000_012_34, 0.000_000_012_34]), "0.00000002468");
        assert_eq!(volume(Interval::M5, 1, &[1e-20, 1e-20]), "0.00000000000000000002");
        // As far as a float of this size goes.
        assert_eq!(volume(Interval::M5, 1, &[123_456_789.123_456_7, 0.1]), "123456789.2234567");
        assert_eq!(volume(Interval::M5, 1, &[1e20, 1e20]), "200000000000000000000");
        // Exact where no float sum is: as a sum, 1763.7646703999999.
        assert_eq!(volume(Interval::M5, 1, &[716.896_931_14, 1_046.867_739_26]), "1763.7646704");
        let large = volume(Interval::M5, 1, &[40_000_000.123_456_78, 40_000_000.1, 40_000_000.0]);
        assert_eq!(large.parse(), Ok(120_000_000.223_456_78));
        assert_eq!(
            volume(Interval::M5, 1, &[361.700_432_419_999_97, 415.357_821_610_000_03]),
            "777.05825403"
        );
        assert_eq!(volume(Interval::M5, 1, &[0.0, 0.0]), "0");
        // A finest candle is what the file says.
        for odd in [123_456_789_012.123_46, 0.000_000_000_000_1, 0.1 + 0.2] {
            assert_eq!(volume(Interval::M1, 1, &[odd]), odd.to_string());
            assert_eq!(volume(Interval::M5, 1, &[odd]), odd.to_string());
        }
    }

    #[test]
    fn a_bar_that_runs_is_partial_though_none_is_missing() {
        for (interval, expected) in [(Interval::M1, 9), (Interval::M5, 5)] {
            let mut fold = RollUp::new(Interval::M1, interval).running(Some(9 * MINUTE));
            (0..10).for_each(|minute| fold.push(row(minute, 10.0)));
            assert_eq!(partial(&fold.finish(10, true)), [expected]);
        }
    }

    #[test]
    fn limits_at_either_end() {
        for (last, expected) in [(false, [0, 5]), (true, [10, 15])] {
            let mut fold = RollUp::new(Interval::M1, Interval::M5);
            (0..20).for_each(|minute| fold.push(row(minute, 10.0)));
            let times: Vec<_> =
                fold.finish(2, last).iter().map(|bar| bar.candle.open_time / MINUTE).collect();
            assert_eq!(times, expected);
        }
    }

    #[test]
    fn stores_only_levels_that_save_much() {
        let levels = |finest| stored_levels(finest).collect::<Vec<_>>();
        assert_eq!(levels(Interval::M1), [Interval::H1, Interval::D1]);
        assert_eq!(levels(Interval::M5), [Interval::H1, Interval::D1]);
        assert_eq!(levels(Interval::M15), [Interval::D1]);
        assert_eq!(levels(Interval::M30), [Interval::D1]);
        assert_eq!(levels(Interval::H1), [Interval::D1]);
        for finest in [Interval::H4, Interval::D1, Interval::W1] {
            assert_eq!(levels(finest), []);
        }
    }

    #[test]
    fn reads_from_the_coarsest_level_within() {
        assert_eq!(base_level(Interval::M30, Interval::M30), Interval::M30);
        assert_eq!(base_level(Interval::M30, Interval::H4), Interval::M30);
        assert_eq!(base_level(Interval::M30, Interval::W1), Interval::D1);
        assert_eq!(base_level(Interval::M1, Interval::H4), Interval::H1);
        assert_eq!(base_level(Interval::D1, Interval::W1), Interval::D1);
    }
}
