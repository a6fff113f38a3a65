//! Writing what feeds bring: bars of many series in one transaction, those that still run among them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::{Candle, Interval, Source, Symbol, UnixMs};
use sqlx::{Connection, PgConnection};

use super::{
    Store, StoreError,
    candles::secs,
    connect::bounded,
    levels::roll_up,
    rollup::stored_levels,
    series::{Came, make, make_months, raise_all},
    write::{connect, patient},
};

/// Longest time for one transaction. Readers never wait for it, but what runs stands still in the database.
const PATIENCE: Duration = Duration::from_secs(60);
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '10s'";
const STATEMENT_TIMEOUT: &str = "SET LOCAL statement_timeout = '30s'";
/// Who holds this advisory lock writes the series of the active feed.
pub(super) const FEED_LOCK: i64 = 0x7469_6465_0002;

/// A finest bar as it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LiveBar {
    /// The series.
    pub series: i64,
    /// Whether it has not ended.
    pub runs: bool,
    /// Whether it is incomplete when it has ended.
    pub incomplete: bool,
    /// Its figures so far.
    pub candle: Candle,
}

/// A session as the server knows it.
type Session = (i32, String);

/// The connection of the one process that writes a feed's series. The lock is gone when it is.
pub(crate) struct LiveWriter {
    connection: PgConnection,
    session: Session,
}

impl LiveWriter {
    /// Connects and takes the lock. `None` while another process has it.
    pub async fn take(store: &Store) -> Result<Option<Self>, StoreError> {
        Self::take_from(store, None).await
    }

    /// As [`take`](Self::take), after a connection was lost: its session may live on in the server, with the lock, for as
    /// long as the server has not noticed. It is ended.
    pub async fn retake(&self, store: &Store) -> Result<Option<Self>, StoreError> {
        Self::take_from(store, Some(&self.session)).await
    }

    async fn take_from(store: &Store, former: Option<&Session>) -> Result<Option<Self>, StoreError> {
        let mut connection = connect(store).await?;
        let (session, got) = bounded(async {
            // A reader's limits are too short for a writer; each transaction sets its own.
            sqlx::query("SET statement_timeout = '30s'").execute(&mut connection).await?;
            if let Some((pid, begun)) = former {
                // A number may be given to another session; not with the same beginning.
                sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2")
                    .bind(pid)
                    .bind(begun)
                    .execute(&mut connection)
                    .await?;
            }
            let session: Session =
                sqlx::query_as("SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()")
                    .fetch_one(&mut connection)
                    .await?;
            let got: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
                .bind(FEED_LOCK)
                .fetch_one(&mut connection)
                .await?;
            Ok((session, got))
        })
        .await?;
        Ok(got.then_some(Self { connection, session }))
    }

    /// Makes the series if they are new. Their ids, in the order given.
    pub async fn series(
        &mut self,
        source: &Source,
        wanted: &[(Symbol, Interval)],
    ) -> Result<Vec<i64>, StoreError> {
        patient(PATIENCE, async {
            let mut tx = self.connection.begin().await?;
            let mut ids = Vec::with_capacity(wanted.len());
            for (symbol, finest) in wanted {
                make(&mut tx, symbol, source, *finest).await?;
                let id = sqlx::query_scalar!(
                    "SELECT s.id FROM series s JOIN symbols y ON y.id = s.symbol_id
                     JOIN sources o ON o.id = s.source_id
                     WHERE y.symbol = $1 AND o.source = $2 AND s.finest = $3",
                    symbol.as_str(),
                    source.as_str(),
                    secs(*finest)
                )
                .fetch_one(&mut *tx)
                .await?;
                ids.push(id);
            }
            tx.commit().await?;
            Ok(ids)
        })
        .await
    }

    /// Notes how many decimals the prices of these series have, by their ids. Readers hear of it with the next candles.
    pub async fn set_price_decimals(&mut self, series: &[(i64, u8)]) -> Result<(), StoreError> {
        let (ids, decimals): (Vec<i64>, Vec<i16>) =
            series.iter().map(|(id, decimals)| (*id, i16::from(*decimals))).unzip();
        patient(PATIENCE, async {
            sqlx::query!(
                "UPDATE series s SET price_decimals = g.decimals
                 FROM unnest($1::bigint[], $2::smallint[]) AS g (id, decimals)
                 WHERE s.id = g.id AND s.price_decimals <> g.decimals",
                &ids,
                &decimals
            )
            .execute(&mut self.connection)
            .await?;
            Ok(())
        })
        .await
    }

    /// Writes bars of series that all have this finest interval, makes their roll-ups anew, gives the series a revision
    /// and tells the listeners. Returns the rows that changed at the finest level. All or nothing.
    pub async fn write(&mut self, finest: Interval, bars: &[LiveBar]) -> Result<u64, StoreError> {
        if bars.is_empty() {
            return Ok(0);
        }
        patient(PATIENCE, self.write_now(finest, bars)).await
    }

    async fn write_now(&mut self, finest: Interval, bars: &[LiveBar]) -> Result<u64, StoreError> {
        let mut tx = self.connection.begin().await?;
        for setting in [LOCK_TIMEOUT, STATEMENT_TIMEOUT] {
            sqlx::query(setting).execute(&mut *tx).await?;
        }
        let ids: Vec<i64> = bars.iter().map(|bar| bar.series).collect::<BTreeSet<_>>().into_iter().collect();
        // In the order of their ids, as everyone who locks several: nobody waits in a circle.
        sqlx::query("SELECT FROM series WHERE id = ANY($1) ORDER BY id FOR UPDATE")
            .bind(&ids)
            .execute(&mut *tx)
            .await?;
        if finest == Interval::M1 {
            let times = || bars.iter().map(|bar| bar.candle.open_time);
            let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
            make_months(&mut tx, first, last).await?;
        }
        let candles: Vec<Candle> = bars.iter().map(|bar| bar.candle).collect();
        let series: Vec<i64> = bars.iter().map(|bar| bar.series).collect();
        let complete: Vec<i32> = bars.iter().map(|bar| i32::from(!bar.incomplete)).collect();
        let changed = upsert(&mut tx, finest, &complete, &series, &candles).await?;
        let mut below = finest;
        for level in stored_levels(finest) {
            let buckets: BTreeSet<(i64, UnixMs)> =
                bars.iter().map(|bar| (bar.series, level.bucket(bar.candle.open_time))).collect();
            let (ids, starts): (Vec<i64>, Vec<UnixMs>) = buckets.into_iter().unzip();
            roll_up(&mut tx, below, level, &ids, &starts).await?;
            below = level;
        }
        raise_all(&mut tx, &came(bars)).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Writes bars of a stored level without the finer ones that they stand for: history of which no finer bars are kept.
    pub async fn write_level(
        &mut self,
        finest: Interval,
        level: Interval,
        series: i64,
        candles: &[Candle],
    ) -> Result<(), StoreError> {
        let bars = i32::try_from(level.ms() / finest.ms()).unwrap_or(i32::MAX);
        patient(PATIENCE, async {
            for some in candles.chunks(5_000) {
                let (bars, series) = (vec![bars; some.len()], vec![series; some.len()]);
                upsert(&mut self.connection, level, &bars, &series, some).await?;
            }
            Ok(())
        })
        .await
    }

    /// Whether the connection, and with it the lock, is still there.
    pub async fn is_held(&mut self) -> bool {
        bounded(async { Ok(self.connection.ping().await?) }).await.is_ok()
    }
}

/// What these bars are to their series, by its id.
fn came(bars: &[LiveBar]) -> Vec<Came> {
    let mut by_id: BTreeMap<i64, Came> = BTreeMap::new();
    for LiveBar { series: id, runs, candle, .. } in bars.iter().copied() {
        let time = candle.open_time;
        let it = by_id.entry(id).or_insert(Came { id, first: time, last: time, runs });
        it.first = it.first.min(time);
        if time >= it.last {
            (it.last, it.runs) = (time, runs);
        }
    }
    by_id.into_values().collect()
}

/// Puts bars in, or in the place of others of the same time. Returns how many changed.
async fn upsert(
    connection: &mut PgConnection,
    level: Interval,
    bars: &[i32],
    series: &[i64],
    candles: &[Candle],
) -> Result<u64, StoreError> {
    let column = |pick: fn(&Candle) -> f64| candles.iter().map(pick).collect::<Vec<_>>();
    let times: Vec<UnixMs> = candles.iter().map(|candle| candle.open_time).collect();
    let done = sqlx::query!(
        r#"INSERT INTO candles AS t (series_id, "interval", open_time, bars, open, high, low, close, volume)
           SELECT g.id, $1, g.open_time, g.bars, g.open, g.high, g.low, g.close, g.volume
           FROM unnest($2::integer[], $3::bigint[], $4::bigint[], $5::float8[], $6::float8[], $7::float8[], $8::float8[], $9::float8[])
               AS g (bars, id, open_time, open, high, low, close, volume)
           ON CONFLICT (series_id, "interval", open_time) DO UPDATE
               SET bars = excluded.bars, open = excluded.open, high = excluded.high, low = excluded.low,
                   close = excluded.close, volume = excluded.volume
               WHERE (t.bars, t.open, t.high, t.low, t.close, t.volume) IS DISTINCT FROM
                   (excluded.bars, excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume)"#,
        secs(level),
        bars,
        series,
        &times,
        &column(|c| c.open),
        &column(|c| c.high),
        &column(|c| c.low),
        &column(|c| c.close),
        &column(|c| c.volume)
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
