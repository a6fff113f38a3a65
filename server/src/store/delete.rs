//! Deleting series.
//!
//! The row of a series stays, without candles and with a new revision: so the highest revision never goes back, and every
//! server that is notified finds the series missing in the directory. A later import fills the same row again.

use std::{collections::BTreeSet, time::Duration};

use model::{Interval, Source, Symbol, UnixMs};
use sqlx::{Connection, PgConnection};

use super::{
    Store, StoreError, candles::secs, inventory::StoredSeries, live::FEED_LOCK, series::raise, write::connect,
};

/// Longest wait for a writer of the same series.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '60s'";
const STATEMENT_TIMEOUT: &str = "SET LOCAL statement_timeout = '120s'";
/// Longest wait for one statement.
const PATIENCE: Duration = Duration::from_secs(130);
/// Candles that one statement deletes at most.
const CHUNK: i64 = 200_000;
/// Before all candles.
const BEGINNING: UnixMs = -1_000_000_000_000_000;

/// What was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Rows of candles, stored roll-ups among them.
    pub rows: u64,
    /// Symbols whose replay played one of the series. Its candles are deleted too.
    pub replays: Vec<Symbol>,
}

/// Why nothing was deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteError {
    /// A server feeds the database, and one of the series is a feed's: it may be writing it.
    #[error(
        "a running server feeds this database and may write {symbol} {source_name}; stop it first, or start it with TIDEMARK_FEED=none"
    )]
    FeedRuns {
        /// Ticker symbol.
        symbol: Symbol,
        /// Whose candles.
        source_name: Source,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// The replays that play one of these series and are none of them, as far as they have candles. They go with it.
    ///
    /// # Errors
    /// As every read: [`StoreError`].
    pub async fn replays_of(&self, series: &[StoredSeries]) -> Result<Vec<StoredSeries>, StoreError> {
        let given = |id: i64| series.iter().any(|it| it.id == id);
        let known = self.replays().await?;
        let playing: BTreeSet<i64> = known
            .into_iter()
            .filter(|(id, replayed)| given(replayed.recorded_id) && !given(*id))
            .map(|(id, _)| id)
            .collect();
        let mut found = Vec::new();
        if !playing.is_empty() {
            // A replay has the symbol of its recording.
            let symbols: BTreeSet<&Symbol> = series.iter().map(|it| &it.symbol).collect();
            for symbol in symbols {
                found.extend(self.stored_series(Some(symbol), Some(&Source::REPLAY), None).await?);
            }
        }
        found.retain(|it| playing.contains(&it.id));
        Ok(found)
    }

    /// Deletes all candles of these series and of the replays that play one of them, in one transaction, and notifies the
    /// servers. `on_rows`: rows deleted so far.
    ///
    /// # Errors
    /// [`DeleteError`]; everything is as before.
    pub async fn delete_series(
        &self,
        series: &[StoredSeries],
        mut on_rows: impl FnMut(u64),
    ) -> Result<Deleted, DeleteError> {
        let mut connection = connect(self).await?;
        let mut tx = self
            .patient(PATIENCE, async {
                let mut tx = connection.begin().await?;
                for setting in [LOCK_TIMEOUT, STATEMENT_TIMEOUT] {
                    sqlx::query(setting).execute(&mut *tx).await?;
                }
                Ok(tx)
            })
            .await?;
        let feed_runs = |symbol: &Symbol, source: Source| DeleteError::FeedRuns {
            symbol: symbol.clone(),
            source_name: source,
        };
        let mut ids: BTreeSet<i64> = series.iter().map(|it| it.id).collect();
        let playing = self.patient(PATIENCE, playing(&mut tx, &ids)).await?;
        // What a feed plays it would go on writing. Holding its lock keeps one from beginning meanwhile.
        let fed = series.iter().find(|it| it.source == Source::REPLAY || it.source == Source::SIMULATED);
        let fed = fed
            .map(|it| (&it.symbol, it.source.clone()))
            .or_else(|| playing.first().map(|(_, symbol)| (symbol, Source::REPLAY)));
        if let Some((symbol, source)) = fed
            && !self.patient(PATIENCE, take_feed_lock(&mut tx)).await?
        {
            return Err(feed_runs(symbol, source));
        }
        ids.extend(playing.iter().map(|(id, _)| *id));
        let replays = playing.into_iter().map(|(_, symbol)| symbol).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let mut deleted = Deleted { rows: 0, replays };
        // In the order of their ids, as everyone who locks several: nobody waits in a circle.
        self.patient(PATIENCE, async {
            let lock = "SELECT FROM series WHERE id = ANY($1) ORDER BY id FOR UPDATE";
            Ok(sqlx::query(lock).bind(&ids).execute(&mut *tx).await?)
        })
        .await?;
        for id in &ids {
            for interval in Interval::ALL {
                let mut from = BEGINNING;
                while let Some((rows, next)) =
                    self.patient(PATIENCE, delete_some(&mut tx, *id, interval, from)).await?
                {
                    deleted.rows += rows;
                    on_rows(deleted.rows);
                    from = next;
                }
            }
        }
        // One that a feed began since then: its candles are still there.
        if let Some(begun) = self.patient(PATIENCE, end_replays(&mut tx, &ids)).await?.first() {
            return Err(feed_runs(begun, Source::REPLAY));
        }
        for id in &ids {
            self.patient(PATIENCE, empty(&mut tx, *id)).await?;
            self.patient(PATIENCE, raise(&mut tx, *id, None)).await?;
        }
        self.patient(PATIENCE, async { Ok(tx.commit().await?) }).await?;
        Ok(deleted)
    }

    /// The highest revision of all series of a source, those without candles too; 0 without any.
    pub(crate) async fn newest_revision(&self, source: &Source) -> Result<u64, StoreError> {
        self.bounded(async {
            let found = sqlx::query_scalar!(
                r#"SELECT coalesce(max(s.revision), 0) AS "revision!" FROM series s
                   JOIN sources o ON o.id = s.source_id WHERE o.source = $1"#,
                source.as_str()
            )
            .fetch_one(self.pool())
            .await?;
            super::directory::revision(found)
        })
        .await
    }
}

/// Takes the lock of who writes a feed's series, to the end of the transaction. False while another process has it.
async fn take_feed_lock(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let taken = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(FEED_LOCK);
    Ok(taken.fetch_one(connection).await?)
}

/// Deletes the next rows of one level that open from `from` on. How many, and where to go on; none when there are no more.
async fn delete_some(
    connection: &mut PgConnection,
    id: i64,
    interval: Interval,
    from: UnixMs,
) -> Result<Option<(u64, UnixMs)>, StoreError> {
    let first = sqlx::query_scalar!(
        r#"SELECT min(open_time) FROM candles WHERE series_id = $1 AND "interval" = $2 AND open_time >= $3"#,
        id,
        secs(interval),
        from
    )
    .fetch_one(&mut *connection)
    .await?;
    let Some(first) = first else { return Ok(None) };
    let next = first + CHUNK * interval.ms();
    let done = sqlx::query!(
        r#"DELETE FROM candles WHERE series_id = $1 AND "interval" = $2 AND open_time >= $3 AND open_time < $4"#,
        id,
        secs(interval),
        first,
        next
    )
    .execute(connection)
    .await?;
    Ok(Some((done.rows_affected(), next)))
}

/// The replays that play one of these series and are none of them, and their symbols.
async fn playing(
    connection: &mut PgConnection,
    ids: &BTreeSet<i64>,
) -> Result<Vec<(i64, Symbol)>, StoreError> {
    let ids: Vec<i64> = ids.iter().copied().collect();
    let found = sqlx::query!(
        "SELECT r.series_id, y.symbol FROM replays r
         JOIN series s ON s.id = r.series_id JOIN symbols y ON y.id = s.symbol_id
         WHERE r.recorded_id = ANY($1) AND r.series_id <> ALL($1) ORDER BY r.series_id",
        &ids
    )
    .fetch_all(connection)
    .await?;
    found.into_iter().map(|it| Ok((it.series_id, super::directory::symbol(&it.symbol)?))).collect()
}

/// Forgets what these series replay, and which replays play them. The symbols of other series among the latter.
async fn end_replays(connection: &mut PgConnection, ids: &[i64]) -> Result<Vec<Symbol>, StoreError> {
    let ended = sqlx::query!(
        "DELETE FROM replays r USING series s, symbols y
         WHERE (r.series_id = ANY($1) OR r.recorded_id = ANY($1)) AND s.id = r.series_id AND y.id = s.symbol_id
         RETURNING y.symbol, r.series_id",
        ids
    )
    .fetch_all(connection)
    .await?;
    let others = ended.into_iter().filter(|replay| !ids.contains(&replay.series_id));
    others.map(|replay| super::directory::symbol(&replay.symbol)).collect()
}

/// Notes that a series has no candles.
async fn empty(connection: &mut PgConnection, id: i64) -> Result<(), StoreError> {
    sqlx::query!("UPDATE series SET first_open = NULL, last_open = NULL, running = NULL WHERE id = $1", id)
        .execute(connection)
        .await?;
    Ok(())
}
