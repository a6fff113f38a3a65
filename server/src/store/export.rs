//! All candles of a series, a page at a time, for who wants more than fits one answer.

use model::{Candle, Interval, UnixMs};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::{
    Store, StoreError,
    candles::{StoredRow, base_times, read_rows, secs},
    connect::bounded,
    directory,
    rollup::{RollUp, base_level},
};

/// Rows of a page, at least: some megabyte.
const PAGE_ROWS: i64 = 10_000;

/// Candles of one series in one snapshot, whatever is written meanwhile. It has a connection of its own, outside the
/// pool: how many there are at once is the caller's to bound. Dropped early, it costs nothing more.
pub struct Export {
    connection: PgConnection,
    series_id: i64,
    finest: Interval,
    interval: Interval,
    base: Interval,
    /// Base rows that open from here on, and before the other, are still to be read.
    next: UnixMs,
    end: UnixMs,
    revision: u64,
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
        bounded(async {
            let mut connection = self.options().connect().await?;
            sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(&mut connection).await?;
            let found = sqlx::query!("SELECT finest, revision FROM series WHERE id = $1", series_id)
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
            Ok(Some(Export { connection, series_id, finest, interval, base, next, end, revision }))
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

    /// The next bars by ascending open time; none when all have been read.
    ///
    /// # Errors
    /// As every read. What was read before is part of the whole: only an empty page says that it is complete.
    pub async fn next_page(&mut self) -> Result<Vec<Candle>, StoreError> {
        if self.next >= self.end {
            return Ok(Vec::new());
        }
        // Two bars at least, so that leaving out the last still leaves one.
        let limit = PAGE_ROWS.max(2 * self.interval.ms() / self.base.ms());
        let (id, level) = (self.series_id, secs(self.base));
        let rows = bounded(async {
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
        let mut fold = RollUp::new(self.finest, self.interval);
        let count = rows.len();
        rows.into_iter().for_each(|row| fold.push(row));
        Ok(fold.finish(count, false).0)
    }

    /// Gives the connection back in order. Without it the server finds it closed.
    pub async fn close(self) {
        // It was only read from: an error costs nothing.
        let _ = bounded(async { Ok(self.connection.close().await?) }).await;
    }
}
