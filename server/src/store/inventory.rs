//! What is stored, candle by candle: how many there are, which are incomplete, and which are missing.

use model::{Interval, Source, Symbol, UnixMs};
use sqlx::{Connection, PgConnection};

use super::{
    Store, StoreError,
    candles::secs,
    directory,
    write::{connect, patient},
};

/// Longest time for one statement. They look through every candle of a series.
const STATEMENT_TIMEOUT: &str = "SET statement_timeout = '120s'";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(130);

/// A series, and what there is of it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSeries {
    /// Its key in the database.
    pub id: i64,
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Whose candles these are.
    pub source: Source,
    /// The interval that is stored.
    pub finest: Interval,
    /// Open time of its first candle.
    pub first_open: UnixMs,
    /// Open time of its last candle.
    pub last_open: UnixMs,
    /// Candles of the finest interval.
    pub candles: u64,
    /// Those of them that are incomplete.
    pub incomplete: u64,
    /// Decimals of the instrument's tick size.
    pub price_decimals: u8,
}

/// A range of times in which a series has no candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Open time of the first missing candle.
    pub from: UnixMs,
    /// Open time of the last missing candle.
    pub to: UnixMs,
    /// Missing candles.
    pub candles: u64,
}

/// What a series lacks between its first and its last candle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// How many gaps there are.
    pub count: u64,
    /// Candles missing in all of them.
    pub missing: u64,
    /// The longest, the longest first; of the same length the earlier first.
    pub longest: Vec<Gap>,
    /// Open times of the last incomplete candles, the last first.
    pub incomplete: Vec<UnixMs>,
}

impl Store {
    /// The series that have candles, by symbol, then source, then interval: of this symbol, source and finest interval,
    /// where given. Counts every candle.
    ///
    /// # Errors
    /// As every read: [`StoreError`].
    pub async fn stored_series(
        &self,
        symbol: Option<&Symbol>,
        source: Option<&Source>,
        finest: Option<Interval>,
    ) -> Result<Vec<StoredSeries>, StoreError> {
        let mut connection = counting(self).await?;
        let rows = self.patient(PATIENCE, async {
            Ok(sqlx::query!(
                r#"SELECT s.id, y.symbol, o.source, s.finest, s.first_open AS "first_open!", s.last_open AS "last_open!",
                          s.price_decimals, c.candles AS "candles!", c.incomplete AS "incomplete!"
                   FROM series s
                   JOIN symbols y ON y.id = s.symbol_id
                   JOIN sources o ON o.id = s.source_id
                   CROSS JOIN LATERAL (SELECT count(*) AS candles,
                              count(*) FILTER (WHERE bars = 0 OR open_time = s.running) AS incomplete
                       FROM candles WHERE series_id = s.id AND "interval" = s.finest) c
                   WHERE s.last_open IS NOT NULL AND s.first_open IS NOT NULL
                   AND y.symbol = coalesce($1, y.symbol) AND o.source = coalesce($2, o.source)
                   AND s.finest = coalesce($3, s.finest)
                   ORDER BY y.symbol COLLATE "C", o.source COLLATE "C", s.finest"#,
                symbol.map(Symbol::as_str),
                source.map(Source::as_str),
                finest.map(secs)
            )
            .fetch_all(&mut connection)
            .await?)
        })
        .await?;
        close(connection).await;
        rows.into_iter()
            .map(|row| {
                Ok(StoredSeries {
                    id: row.id,
                    symbol: directory::symbol(&row.symbol)?,
                    source: Source::new(row.source),
                    finest: directory::interval(row.finest)?,
                    first_open: row.first_open,
                    last_open: row.last_open,
                    candles: count(row.candles),
                    incomplete: count(row.incomplete),
                    price_decimals: directory::decimals(row.price_decimals)?,
                })
            })
            .collect()
    }

    /// What the finest candles of a series lack: at most `limit` gaps and as many incomplete candles.
    ///
    /// # Errors
    /// As every read: [`StoreError`].
    pub async fn gaps(&self, series: &StoredSeries, limit: u32) -> Result<Gaps, StoreError> {
        let mut connection = counting(self).await?;
        let (step, limit) = (series.finest.ms(), i64::from(limit));
        let gaps = self
            .patient(PATIENCE, async {
                Ok(sqlx::query!(
                    r#"SELECT g.previous + $3 AS "from!", g.open_time - $3 AS "to!",
                          (g.open_time - g.previous) / $3 - 1 AS "candles!",
                          count(*) OVER () AS "count!",
                          (sum((g.open_time - g.previous) / $3 - 1) OVER ())::bigint AS "missing!"
                   FROM (SELECT open_time, lag(open_time) OVER (ORDER BY open_time) AS previous
                         FROM candles WHERE series_id = $1 AND "interval" = $2) g
                   WHERE g.open_time - g.previous > $3
                   ORDER BY g.open_time - g.previous DESC, g.open_time LIMIT $4"#,
                    series.id,
                    secs(series.finest),
                    step,
                    limit
                )
                .fetch_all(&mut connection)
                .await?)
            })
            .await?;
        let incomplete = self
            .patient(PATIENCE, async {
                Ok(sqlx::query_scalar!(
                    r#"SELECT c.open_time FROM series s
                   JOIN candles c ON c.series_id = s.id AND c."interval" = s.finest
                   WHERE s.id = $1 AND (c.bars = 0 OR c.open_time = s.running)
                   ORDER BY c.open_time DESC LIMIT $2"#,
                    series.id,
                    limit
                )
                .fetch_all(&mut connection)
                .await?)
            })
            .await?;
        close(connection).await;
        let first = gaps.first();
        Ok(Gaps {
            count: first.map_or(0, |gap| count(gap.count)),
            missing: first.map_or(0, |gap| count(gap.missing)),
            longest: gaps
                .iter()
                .map(|gap| Gap { from: gap.from, to: gap.to, candles: count(gap.candles) })
                .collect(),
            incomplete,
        })
    }
}

/// A connection whose statements may take long.
async fn counting(store: &Store) -> Result<PgConnection, StoreError> {
    let mut connection = connect(store).await?;
    store
        .patient(PATIENCE, async { Ok(sqlx::query(STATEMENT_TIMEOUT).execute(&mut connection).await?) })
        .await?;
    Ok(connection)
}

async fn close(connection: PgConnection) {
    // It was only read from: an error costs nothing.
    let _ = patient(PATIENCE, async { Ok(connection.close().await?) }).await;
}

/// A count of the database, which is never negative.
fn count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
