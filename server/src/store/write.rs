//! Writing candles of one series, in one transaction that holds the series' lock.

use std::{
    collections::BTreeSet,
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use model::{Candle, Interval, Source, Symbol, UnixMs};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::{
    Store, StoreError,
    candles::{MarkedCandle, secs},
    copy::copy_bytes,
    levels::roll_up,
    rollup::stored_levels,
    series::{Newest, describe, make, make_months, raise},
};

/// Longest wait for another writer of the same series.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '60s'";
/// Longest run of one statement of a writer: a chunk or its roll-up.
const STATEMENT_TIMEOUT: &str = "SET LOCAL statement_timeout = '120s'";
/// Longest wait for an answer, kept here and above all that a statement may take: a server that is gone keeps no timeout.
const PATIENCE: Duration = Duration::from_secs(200);
/// Buckets rolled up by one statement.
const BUCKETS: usize = 20_000;

/// What a writer did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Candles that were not there before.
    pub inserted: u64,
    /// Candles that had other values, or became complete.
    pub updated: u64,
    /// The series' new revision, if anything changed.
    pub revision: Option<u64>,
}

/// Opens a connection for writers.
pub(crate) async fn connect(store: &Store) -> Result<PgConnection, StoreError> {
    // Its statements are long by nature: that is no news in the midst of an import.
    store.bounded(async { Ok(store.options().clone().disable_statement_logging().connect().await?) }).await
}

/// One series, locked until [`SeriesWriter::commit`]; dropped without it, nothing happened.
pub(crate) struct SeriesWriter<'c> {
    tx: sqlx::Transaction<'c, sqlx::Postgres>,
    series_id: i64,
    finest: Interval,
    written: Written,
    patience: Duration,
    /// Open times of the first and the last bar that came.
    span: Option<(UnixMs, UnixMs)>,
    /// The wall clock at the beginning, Unix ms: a candle that ends later is incomplete.
    now: UnixMs,
    /// Open time of the last candle that came and has not ended.
    running: Option<UnixMs>,
    /// Whether an incomplete candle takes the place of a complete one.
    replaces: bool,
    /// Open times of the bars of the lowest stored level that changed.
    touched: BTreeSet<UnixMs>,
}

impl<'c> SeriesWriter<'c> {
    /// Begins a transaction, makes the series if it is new, and waits for its lock.
    pub(crate) async fn begin(
        connection: &'c mut PgConnection,
        symbol: &Symbol,
        source: &Source,
        finest: Interval,
    ) -> Result<Self, StoreError> {
        patient(PATIENCE, Self::lock(connection, symbol, source, finest)).await
    }

    async fn lock(
        connection: &'c mut PgConnection,
        symbol: &Symbol,
        source: &Source,
        finest: Interval,
    ) -> Result<Self, StoreError> {
        let mut tx = connection.begin().await?;
        for setting in [LOCK_TIMEOUT, STATEMENT_TIMEOUT] {
            sqlx::query(setting).execute(&mut *tx).await?;
        }
        make(&mut tx, symbol, source, finest).await?;
        let series_id = sqlx::query_scalar!(
            "SELECT s.id FROM series s JOIN symbols y ON y.id = s.symbol_id JOIN sources o ON o.id = s.source_id
             WHERE y.symbol = $1 AND o.source = $2 AND s.finest = $3
             FOR UPDATE OF s",
            symbol.as_str(),
            source.as_str(),
            secs(finest)
        )
        .fetch_one(&mut *tx)
        .await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Ok(Self {
            tx,
            series_id,
            finest,
            written: Written::default(),
            patience: PATIENCE,
            span: None,
            now: UnixMs::try_from(now).unwrap_or(UnixMs::MAX),
            running: None,
            replaces: false,
            touched: BTreeSet::new(),
        })
    }

    /// The transaction and the series, for what else belongs into it.
    pub(super) fn parts(&mut self) -> (&mut PgConnection, i64) {
        (&mut self.tx, self.series_id)
    }

    /// From now on candles take the place of any others: who writes knows best, also of incomplete ones.
    pub(crate) fn replacing(self) -> Self {
        Self { replaces: true, ..self }
    }

    /// Puts complete candles in, as [`put_marked`](Self::put_marked).
    #[cfg(test)]
    pub(crate) async fn put(&mut self, candles: &[Candle]) -> Result<(), StoreError> {
        let marked: Vec<MarkedCandle> = candles.iter().copied().map(MarkedCandle::from).collect();
        self.put_marked(&marked).await
    }

    /// Puts candles in, each open time at most once and all aligned to the finest interval. One that has not ended is
    /// incomplete, whatever its mark. An incomplete candle never takes the place of a complete one: it knows less; but see
    /// [`replacing`](Self::replacing).
    pub(crate) async fn put_marked(&mut self, candles: &[MarkedCandle]) -> Result<(), StoreError> {
        let runs = |marked: &MarkedCandle| marked.candle.open_time + self.finest.ms() > self.now;
        let running =
            candles.iter().filter(|marked| runs(marked)).map(|marked| marked.candle.open_time).max();
        if running.is_none() {
            return patient(self.patience, self.write(candles)).await;
        }
        self.running = self.running.max(running);
        let candles: Vec<_> = candles
            .iter()
            .map(|marked| MarkedCandle { incomplete: marked.incomplete || runs(marked), ..*marked })
            .collect();
        patient(self.patience, self.write(&candles)).await
    }

    async fn write(&mut self, candles: &[MarkedCandle]) -> Result<(), StoreError> {
        let times = candles.iter().map(|marked| marked.candle.open_time);
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return Ok(()) };
        if self.finest == Interval::M1 {
            make_months(&mut self.tx, first, last).await?;
        }
        let (from, to) = self.span.unwrap_or((first, last));
        self.span = Some((from.min(first), to.max(last)));
        let occupied = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM candles
                WHERE series_id = $1 AND "interval" = $2 AND open_time BETWEEN $3 AND $4) AS "occupied!""#,
            self.series_id,
            secs(self.finest),
            first,
            last
        )
        .fetch_one(&mut *self.tx)
        .await?;
        if occupied { self.merge(candles).await } else { self.copy(candles).await }
    }

    /// Into a range that holds nothing. The series' lock keeps it so.
    async fn copy(&mut self, candles: &[MarkedCandle]) -> Result<(), StoreError> {
        let bytes = copy_bytes(self.series_id, self.finest, candles);
        let mut copy = self
            .tx
            .copy_in_raw(
                r#"COPY candles (series_id, "interval", open_time, bars, open, high, low, close, volume)
                   FROM STDIN (FORMAT binary)"#,
            )
            .await?;
        copy.send(bytes).await?;
        self.written.inserted += copy.finish().await?;
        candles.iter().for_each(|marked| self.touch(marked.candle.open_time));
        Ok(())
    }

    /// Into a range that holds candles: writes only what is new or differs.
    async fn merge(&mut self, candles: &[MarkedCandle]) -> Result<(), StoreError> {
        let column = |pick: fn(&Candle) -> f64| candles.iter().map(|it| pick(&it.candle)).collect::<Vec<_>>();
        let times: Vec<_> = candles.iter().map(|marked| marked.candle.open_time).collect();
        let bars: Vec<_> = candles.iter().map(MarkedCandle::bars).collect();
        let changed = sqlx::query!(
            r#"WITH given AS (
                   SELECT g.*, c.open_time IS NULL AS is_new
                   FROM unnest($3::bigint[], $4::integer[], $5::float8[], $6::float8[], $7::float8[], $8::float8[], $9::float8[])
                       AS g (open_time, bars, open, high, low, close, volume)
                   LEFT JOIN candles c
                       ON c.series_id = $1 AND c."interval" = $2 AND c.open_time = g.open_time
                   WHERE (c.bars, c.open, c.high, c.low, c.close, c.volume)
                       IS DISTINCT FROM (g.bars, g.open, g.high, g.low, g.close, g.volume)
                   AND ($10::boolean OR g.bars >= coalesce(c.bars, 0))),
               written AS (
                   INSERT INTO candles (series_id, "interval", open_time, bars, open, high, low, close, volume)
                   SELECT $1, $2, open_time, bars, open, high, low, close, volume FROM given ORDER BY open_time
                   ON CONFLICT (series_id, "interval", open_time) DO UPDATE
                       SET bars = excluded.bars, open = excluded.open, high = excluded.high, low = excluded.low,
                           close = excluded.close, volume = excluded.volume)
               SELECT open_time AS "open_time!", is_new AS "is_new!" FROM given"#,
            self.series_id,
            secs(self.finest),
            &times,
            &bars,
            &column(|c| c.open),
            &column(|c| c.high),
            &column(|c| c.low),
            &column(|c| c.close),
            &column(|c| c.volume),
            self.replaces
        )
        .fetch_all(&mut *self.tx)
        .await?;
        for row in changed {
            *if row.is_new { &mut self.written.inserted } else { &mut self.written.updated } += 1;
            self.touch(row.open_time);
        }
        Ok(())
    }

    fn touch(&mut self, open_time: UnixMs) {
        if let Some(level) = stored_levels(self.finest).next() {
            self.touched.insert(level.bucket(open_time));
        }
    }

    /// Rolls up what changed, raises the revision, tells the listeners, commits. Without a change it leaves no trace.
    pub(crate) async fn commit(mut self) -> Result<Written, StoreError> {
        if self.written == Written::default() {
            patient(self.patience, async { Ok(self.tx.rollback().await?) }).await?;
            return Ok(self.written);
        }
        let patience = self.patience;
        let mut below = self.finest;
        for level in stored_levels(self.finest) {
            let buckets: BTreeSet<_> = self.touched.iter().map(|time| level.bucket(*time)).collect();
            let buckets: Vec<_> = buckets.into_iter().collect();
            for some in buckets.chunks(BUCKETS) {
                let ids = vec![self.series_id; some.len()];
                patient(patience, roll_up(&mut self.tx, below, level, &ids, some)).await?;
            }
            below = level;
        }
        let newest = Newest { last: self.span.map(|span| span.1), running: self.running };
        patient(patience, describe(&mut self.tx, self.series_id, newest)).await?;
        let revision = patient(patience, raise(&mut self.tx, self.series_id, self.span)).await?;
        self.written.revision = Some(revision);
        patient(patience, async { Ok(self.tx.commit().await?) }).await.map_err(|error| match error {
            StoreError::Unavailable { away, reason } => StoreError::Unavailable {
                away,
                reason: format!("{reason}; it may be stored: import it again to be sure"),
            },
            other => other,
        })?;
        Ok(self.written)
    }
}

/// Work of a writer, given up after `patience`.
pub(super) async fn patient<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(patience, work).await.unwrap_or_else(|_| Err(StoreError::slow()))
}

#[cfg(test)]
mod tests;
