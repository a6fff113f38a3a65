//! Reading a range of candles.

use model::{Candle, Interval, UnixMs};
use serde::{Deserialize, Serialize};
use sqlx::PgExecutor;

use super::{
    Store, StoreError, directory,
    rollup::{RollUp, Row, base_level},
};

/// Times beyond these are no market's; within them bucket arithmetic cannot overflow.
const TIMES: std::ops::RangeInclusive<UnixMs> = -1_000_000_000_000_000..=1_000_000_000_000_000;

/// A candle, and whether it is incomplete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarkedCandle {
    /// The candle.
    pub candle: Candle,
    /// Whether some of its time is missing from it: it has not ended, or lacks some of its finest candles.
    pub incomplete: bool,
}

impl MarkedCandle {
    /// What the column `bars` of a finest candle holds: how many complete finest candles it is.
    pub(super) fn bars(&self) -> i32 {
        i32::from(!self.incomplete)
    }
}

impl From<Candle> for MarkedCandle {
    /// A complete candle.
    fn from(candle: Candle) -> Self {
        Self { candle, incomplete: false }
    }
}

/// Candles of one series at one revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bars {
    /// The revision of the series in the snapshot that the candles were read in.
    pub revision: u64,
    /// Decimals of the instrument's tick size.
    pub price_decimals: u8,
    /// By ascending open time. A time without trades has no bar.
    pub candles: Vec<Candle>,
    /// Open times of the incomplete bars: those that lack some of the finest bars, hold an incomplete one, or still run.
    pub partial: Vec<UnixMs>,
}

impl Store {
    /// The bars of `interval` whose open times lie within `from` and `to`, both inclusive: with `from` the first
    /// `limit`, otherwise the last. A bar is whole even if `to` lies inside it. `None` if there is no such series;
    /// reads a single snapshot.
    ///
    /// # Errors
    /// [`StoreError::Query`] if `interval` is finer than the series; otherwise as every read.
    pub async fn candles(
        &self,
        series_id: i64,
        interval: Interval,
        from: Option<UnixMs>,
        to: Option<UnixMs>,
        limit: u32,
    ) -> Result<Option<Bars>, StoreError> {
        self.bounded(self.read_candles(series_id, interval, from, to, limit)).await
    }

    async fn read_candles(
        &self,
        series_id: i64,
        interval: Interval,
        from: Option<UnixMs>,
        to: Option<UnixMs>,
        limit: u32,
    ) -> Result<Option<Bars>, StoreError> {
        // The finest interval of a series never changes, so it needs no common snapshot with the rest.
        let found = sqlx::query!("SELECT finest, price_decimals FROM series WHERE id = $1", series_id)
            .fetch_optional(self.pool())
            .await?;
        let Some(found) = found else { return Ok(None) };
        let finest = directory::interval(found.finest)?;
        if interval < finest {
            return Err(StoreError::query(format!("series {series_id} has no bars finer than {finest}")));
        }
        let base = base_level(finest, interval);
        // Within so many rows there are `limit` whole bars or all there are: only the bar at the far end can be cut by
        // the limit, and if it is, `limit` others come before it.
        let rows = i64::from(limit) * (interval.ms() / base.ms());
        let (low, high) = base_times(interval, from, to);
        let last = from.is_none();
        let rows = read_rows(self.pool(), series_id, secs(base), low, high, rows, last).await?;
        let Some(revision) = rows.first().map(|row| row.revision) else { return Ok(None) };
        let mut fold = RollUp::new(finest, interval).running(rows.first().and_then(|row| row.running));
        rows.iter().filter_map(StoredRow::row).for_each(|row| fold.push(row));
        let bars = fold.finish(limit as usize, last);
        let partial = bars.iter().filter(|bar| bar.incomplete).map(|bar| bar.candle.open_time).collect();
        let candles = bars.into_iter().map(|bar| bar.candle).collect();
        let price_decimals = directory::decimals(found.price_decimals)?;
        Ok(Some(Bars { revision: directory::revision(revision)?, price_decimals, candles, partial }))
    }
}

/// Rows of one level by ascending time, each with the revision; one row without a candle if there are none. One
/// statement, hence one snapshot.
pub(super) async fn read_rows<'e>(
    executor: impl PgExecutor<'e>,
    series_id: i64,
    level: i32,
    low: UnixMs,
    high: UnixMs,
    limit: i64,
    last: bool,
) -> Result<Vec<StoredRow>, StoreError> {
    let rows = if last {
        sqlx::query_as!(
            StoredRow,
            r#"SELECT s.revision, s.running, c.open_time AS "open_time?", c.bars AS "bars?", c.open AS "open?",
                      c.high AS "high?", c.low AS "low?", c.close AS "close?", c.volume AS "volume?"
               FROM series s
               LEFT JOIN LATERAL (SELECT * FROM candles
                   WHERE series_id = s.id AND "interval" = $2 AND open_time >= $3 AND open_time < $4
                   ORDER BY open_time DESC LIMIT $5) c ON true
               WHERE s.id = $1
               ORDER BY c.open_time"#,
            series_id,
            level,
            low,
            high,
            limit
        )
        .fetch_all(executor)
        .await?
    } else {
        sqlx::query_as!(
            StoredRow,
            r#"SELECT s.revision, s.running, c.open_time AS "open_time?", c.bars AS "bars?", c.open AS "open?",
                      c.high AS "high?", c.low AS "low?", c.close AS "close?", c.volume AS "volume?"
               FROM series s
               LEFT JOIN LATERAL (SELECT * FROM candles
                   WHERE series_id = s.id AND "interval" = $2 AND open_time >= $3 AND open_time < $4
                   ORDER BY open_time LIMIT $5) c ON true
               WHERE s.id = $1
               ORDER BY c.open_time"#,
            series_id,
            level,
            low,
            high,
            limit
        )
        .fetch_all(executor)
        .await?
    };
    Ok(rows)
}

/// A row as read: the candle's columns are all there or all missing.
pub(super) struct StoredRow {
    pub(super) revision: i64,
    pub(super) running: Option<i64>,
    open_time: Option<i64>,
    bars: Option<i32>,
    open: Option<f64>,
    high: Option<f64>,
    low: Option<f64>,
    close: Option<f64>,
    volume: Option<f64>,
}

impl StoredRow {
    pub(super) fn row(&self) -> Option<Row> {
        Some(Row {
            bars: self.bars?.into(),
            candle: Candle {
                open_time: self.open_time?,
                open: self.open?,
                high: self.high?,
                low: self.low?,
                close: self.close?,
                volume: self.volume?,
            },
        })
    }
}

/// How the database names an interval: its length in seconds.
pub(super) fn secs(interval: Interval) -> i32 {
    // The longest is a week, 604,800 s.
    i32::try_from(interval.ms() / 1000).unwrap_or(i32::MAX)
}

/// The open times of base rows, inclusive and exclusive, that make up the bars which open within `from` and `to`.
pub(super) fn base_times(interval: Interval, from: Option<UnixMs>, to: Option<UnixMs>) -> (UnixMs, UnixMs) {
    let clamp = |time: UnixMs| time.clamp(*TIMES.start(), *TIMES.end());
    let low = from.map_or(*TIMES.start(), |from| {
        let from = clamp(from);
        let bucket = interval.bucket(from);
        if bucket < from { bucket + interval.ms() } else { bucket }
    });
    let high = to.map_or(*TIMES.end(), |to| interval.bucket(clamp(to)) + interval.ms());
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_range_selects_bars_by_their_own_open_time() {
        // 00:30 to 08:15 of 4 h bars: those that open at 04:00 and 08:00, whole.
        assert_eq!(
            base_times(Interval::H4, Some(HOUR / 2), Some(8 * HOUR + HOUR / 4)),
            (4 * HOUR, 12 * HOUR)
        );
        assert_eq!(base_times(Interval::H4, Some(0), Some(0)), (0, 4 * HOUR));
    }

    #[test]
    fn times_far_off_do_not_overflow() {
        for interval in Interval::ALL {
            let (low, high) = base_times(interval, Some(i64::MIN), Some(i64::MAX));
            assert!(low < high);
        }
    }
}
