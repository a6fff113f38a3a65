//! All candles of a series, a page at a time, for who wants more than fits one answer.

use model::{Candle, Interval, UnixMs};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::{
    Store, StoreError,
    candles::{MarkedCandle, StoredRow, base_times, read_rows, secs},
    connect::bounded,
    directory,
    rollup::{RollUp, base_level},
};

/// Rows of a page, at least: some megabyte.
const PAGE_ROWS: i64 = 10_000;
/// Rows that one statement looks through for an incomplete candle: some 0.1 s.
const SEARCHED_ROWS: i64 = 200_000;

/// Candles of one series in one snapshot, whatever is written meanwhile. It has a connection of its own, outside the
/// pool: how many there are at once is the caller's to bound. Dropped early, it costs nothing more.
pub struct Export {
    store: Store,
    connection: PgConnection,
    series_id: i64,
    finest: Interval,
    interval: Interval,
    base: Interval,
    /// Base rows that open from here on, and before the other, are still to be read.
    next: UnixMs,
    end: UnixMs,
    revision: u64,
    /// Open time of the finest candle that has not ended.
    running: Option<UnixMs>,
}

impl Store {
    /// Begins to read the bars of `interval` whose open times lie within `from` and `to`, both inclusive. `None` if there
    /// is no such series.
    ///
    /// # Errors
    /// [`StoreError::Query`] if `interval` is finer than the series; otherwise as every read.
    pub async fn export(
        &self,
        series_id: i64,
        interval: Interval,
        from: Option<UnixMs>,
        to: Option<UnixMs>,
    ) -> Result<Option<Export>, StoreError> {
        self.bounded(async {
            let mut connection = self.options().connect().await?;
            sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut connection).await?;
            let found = sqlx::query!("SELECT finest, revision, running FROM series WHERE id = $1", series_id)
                .fetch_optional(&mut connection)
                .await?;
            let Some(found) = found else { return Ok(None) };
            let finest = directory::interval(found.finest)?;
            if interval < finest {
                return Err(StoreError::query(format!("series {series_id} has no bars finer than {finest}")));
            }
            let (next, end) = base_times(interval, from, to);
            let base = base_level(finest, interval);
            let revision = directory::revision(found.revision)?;
            let running = found.running;
            Ok(Some(Export {
                store: self.clone(),
                connection,
                series_id,
                finest,
                interval,
                base,
                next,
                end,
                revision,
                running,
            }))
        })
        .await
    }
}

impl Export {
    /// The revision of the series in this snapshot.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The next candles by ascending open time, without marks; none when all have been read.
    ///
    /// # Errors
    /// As [`next_marked`](Self::next_marked).
    pub async fn next_page(&mut self) -> Result<Vec<Candle>, StoreError> {
        Ok(self.next_marked().await?.into_iter().map(|marked| marked.candle).collect())
    }

    /// The next candles by ascending open time; none when all have been read.
    ///
    /// # Errors
    /// As every read. What was read before is part of the whole: only an empty page says that it is complete.
    pub async fn next_marked(&mut self) -> Result<Vec<MarkedCandle>, StoreError> {
        if self.next >= self.end {
            return Ok(Vec::new());
        }
        // Two bars at least, so that leaving out the last still leaves one.
        let limit = PAGE_ROWS.max(2 * self.interval.ms() / self.base.ms());
        let (id, level) = (self.series_id, secs(self.base));
        let store = self.store.clone();
        let rows = store
            .bounded(async {
                read_rows(&mut self.connection, id, level, self.next, self.end, limit, false).await
            })
            .await?;
        let mut rows: Vec<_> = rows.iter().filter_map(StoredRow::row).collect();
        let is_last = (rows.len() as i64) < limit;
        if is_last {
            self.next = self.end;
        } else if let Some(row) = rows.last() {
            // The last bar may go on in the next page: it is read again there, whole.
            self.next = self.interval.bucket(row.candle.open_time);
            rows.retain(|row| row.candle.open_time < self.next);
        }
        let mut fold = RollUp::new(self.finest, self.interval).running(self.running);
        let count = rows.len();
        rows.into_iter().for_each(|row| fold.push(row));
        Ok(fold.finish(count, false))
    }

    /// Whether a bar that has not been read yet is incomplete. Stops at the first; where all are complete it looks through
    /// all rows, some 2 million a second.
    ///
    /// # Errors
    /// As every read.
    pub async fn has_incomplete(&mut self) -> Result<bool, StoreError> {
        let (id, level) = (self.series_id, secs(self.base));
        let store = self.store.clone();
        let ends = store
            .bounded(async {
                Ok(sqlx::query!(
                    r#"SELECT min(open_time) AS first, max(open_time) AS last FROM candles
                   WHERE series_id = $1 AND "interval" = $2 AND open_time >= $3 AND open_time < $4"#,
                    id,
                    level,
                    self.next,
                    self.end
                )
                .fetch_one(&mut self.connection)
                .await?)
            })
            .await?;
        let (Some(first), Some(last)) = (ends.first, ends.last) else { return Ok(false) };
        if self.running.is_some_and(|time| (first..=last).contains(&self.base.bucket(time))) {
            return Ok(true);
        }
        // In whole bars, each of which lies in one stretch.
        let bar = self.interval.ms();
        let stretch = (SEARCHED_ROWS * self.base.ms() / bar).max(1) * bar;
        let mut from = self.interval.bucket(first);
        while from <= last {
            let to = (from + stretch).min(self.end);
            if store.bounded(self.is_incomplete_within(from, to)).await? {
                return Ok(true);
            }
            from = to;
        }
        Ok(false)
    }

    async fn is_incomplete_within(&mut self, from: UnixMs, to: UnixMs) -> Result<bool, StoreError> {
        let (id, level, bar) = (self.series_id, secs(self.base), self.interval.ms());
        let whole = bar / self.finest.ms();
        let found = if self.interval == self.base {
            sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM candles
                       WHERE series_id = $1 AND "interval" = $2 AND open_time >= $3 AND open_time < $4
                       AND bars < $5::bigint) AS "found!""#,
                id,
                level,
                from,
                to,
                whole
            )
            .fetch_one(&mut self.connection)
            .await?
        } else {
            // Counted from `from`, which is the start of a bar.
            sqlx::query_scalar!(
                r#"SELECT EXISTS (SELECT FROM candles
                       WHERE series_id = $1 AND "interval" = $2 AND open_time >= $3 AND open_time < $4
                       GROUP BY (open_time - $3) / $5::bigint HAVING sum(bars) < $6::bigint) AS "found!""#,
                id,
                level,
                from,
                to,
                bar,
                whole
            )
            .fetch_one(&mut self.connection)
            .await?
        };
        Ok(found)
    }

    /// Gives the connection back in order. Without it the server finds it closed.
    pub async fn close(self) {
        // It was only read from: an error costs nothing.
        let _ = bounded(async { Ok(self.connection.close().await?) }).await;
    }
}
