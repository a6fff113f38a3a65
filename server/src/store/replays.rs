//! What is replayed, and since when.

use model::UnixMs;

use super::{SeriesInfo, Store, StoreError, candles::secs, write::SeriesWriter};

/// Which part of which recording a series replays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// The recorded series.
    pub recorded_id: i64,
    /// Open time of its first candle that is played.
    pub first_open: UnixMs,
    /// End of its last candle that is played.
    pub end_time: UnixMs,
    /// When a pass begins. The one before it is the first.
    pub epoch: UnixMs,
}

impl Store {
    /// What this series replays, if it does.
    pub(crate) async fn replayed(&self, series_id: i64) -> Result<Option<Replayed>, StoreError> {
        self.bounded(async {
            let found = sqlx::query_as!(
                Replayed,
                "SELECT recorded_id, first_open, end_time, epoch FROM replays WHERE series_id = $1",
                series_id
            )
            .fetch_optional(self.pool())
            .await?;
            Ok(found)
        })
        .await
    }

    /// Open time of the first candle that a series lacks, or has otherwise than the recording that it replays. Looked at are
    /// the finest candles of the recording between two times, the second exclusive, moved by `shift`.
    pub(crate) async fn first_lack(
        &self,
        replay: &SeriesInfo,
        replayed: &Replayed,
        (from, to): (UnixMs, UnixMs),
        shift: i64,
    ) -> Result<Option<UnixMs>, StoreError> {
        self.bounded(async {
            // The second pair of bounds says nothing new, but which of the tables of minutes count.
            let first = sqlx::query_scalar!(
                r#"SELECT min(r.open_time) FROM candles r
                   LEFT JOIN candles c ON c.series_id = $1 AND c."interval" = $3 AND c.open_time = r.open_time + $6
                       AND c.open_time >= $4 + $6 AND c.open_time < $5 + $6
                   WHERE r.series_id = $2 AND r."interval" = $3 AND r.open_time >= $4 AND r.open_time < $5
                   AND (c.bars, c.open, c.high, c.low, c.close, c.volume)
                       IS DISTINCT FROM (r.bars, r.open, r.high, r.low, r.close, r.volume)"#,
                replay.id,
                replayed.recorded_id,
                secs(replay.finest),
                from,
                to,
                shift
            )
            .fetch_one(self.pool())
            .await?;
            Ok(first.map(|time| time + shift))
        })
        .await
    }
}

/// Series in one answer of [`Store::replays`]; more than a directory holds.
const MAX_REPLAYS: i64 = 10_000;

impl Store {
    /// What each replayed series replays, by the series' key.
    pub(crate) async fn replays(&self) -> Result<Vec<(i64, Replayed)>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query!(
                "SELECT series_id, recorded_id, first_open, end_time, epoch FROM replays
                 ORDER BY series_id LIMIT $1",
                MAX_REPLAYS
            )
            .fetch_all(self.pool())
            .await?;
            let replayed = rows.into_iter().map(|row| {
                let replayed = Replayed {
                    recorded_id: row.recorded_id,
                    first_open: row.first_open,
                    end_time: row.end_time,
                    epoch: row.epoch,
                };
                (row.series_id, replayed)
            });
            Ok(replayed.collect())
        })
        .await
    }
}

impl SeriesWriter<'_> {
    /// Makes the series the replay of another recording, or of another part of it: its candles so far are gone.
    pub(crate) async fn replay(&mut self, replayed: &Replayed) -> Result<(), StoreError> {
        let Replayed { recorded_id, first_open, end_time, epoch } = *replayed;
        let (tx, series_id) = self.parts();
        sqlx::query!("DELETE FROM candles WHERE series_id = $1", series_id).execute(&mut *tx).await?;
        sqlx::query!(
            "UPDATE series SET first_open = NULL, last_open = NULL, running = NULL WHERE id = $1",
            series_id
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "INSERT INTO replays (series_id, recorded_id, first_open, end_time, epoch)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (series_id) DO UPDATE SET recorded_id = excluded.recorded_id,
                 first_open = excluded.first_open, end_time = excluded.end_time, epoch = excluded.epoch",
            series_id,
            recorded_id,
            first_open,
            end_time,
            epoch
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}
