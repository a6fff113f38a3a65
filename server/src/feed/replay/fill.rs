//! Bringing a replayed series up to now: one pass of the recording at first, later what was missed.

use model::{Interval, Source, UnixMs};

use super::{is_of, schedule::Schedule};
use crate::{
    feed::now_ms,
    store::{
        SeriesInfo, Store, StoreError,
        replays::Replayed,
        write::{SeriesWriter, connect},
    },
};

const MONTH_MS: i64 = 30 * 86_400_000;

/// How far back holes are looked for: the week that figures need, and a day.
const HOLES_WITHIN_MS: i64 = 8 * 86_400_000;

/// A series that was brought up to now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filled {
    /// What it replays.
    pub replayed: Replayed,
    /// Each candle that opened before this time is stored as it was recorded.
    pub until: UnixMs,
}

/// Writes the candles of a series that have ended by now. `stored` is the series as it was found, if it has candles. What
/// it replays: as before, or this recording from its beginning.
pub(super) async fn up_to_now(
    store: &Store,
    series: i64,
    stored: Option<&SeriesInfo>,
    recording: &SeriesInfo,
) -> Result<Filled, StoreError> {
    let (finest, now) = (recording.finest, now_ms());
    let known = store.replayed(series).await?.filter(|known| is_of(known, recording));
    let replayed = known.unwrap_or(Replayed {
        recorded_id: recording.id,
        first_open: recording.first_open,
        end_time: recording.last_open + finest.ms(),
        epoch: epoch(recording, now),
    });
    let schedule = Schedule::new(&replayed);
    let stored = stored.filter(|_| known.is_some());
    // The last stored candle may have run when it was written.
    let since = match stored {
        Some(stored) => {
            first_lack(store, stored, &replayed, &schedule, now).await?.unwrap_or(stored.last_open)
        }
        None => schedule.beginning(),
    };
    let since = since.max(finest.bucket(now - schedule.length()));
    let until = finest.bucket(now);
    if known.is_some() && since >= until {
        return Ok(Filled { replayed, until: since });
    }
    if finest == Interval::M1 {
        // In a transaction of its own: made with the candles, other series would wait for the tables until all is written.
        store.make_room(since, until).await?;
    }
    let mut connection = connect(store).await?;
    let writer = SeriesWriter::begin(&mut connection, &recording.symbol, &Source::REPLAY, finest).await?;
    // Incomplete candles too are as recorded, whatever is there.
    let mut writer = writer.replacing();
    if known.is_none() {
        writer.replay(&replayed).await?;
    }
    // What ends meanwhile is stored by who feeds: its final state comes first, from `until` on.
    for stretch in schedule.stretches(since, until) {
        let (from, to) = (Some(stretch.from), Some(stretch.to - 1));
        let Some(mut export) = store.export(recording.id, finest, from, to).await? else { continue };
        loop {
            let mut candles = export.next_marked().await?;
            if candles.is_empty() {
                break;
            }
            candles.iter_mut().for_each(|marked| marked.candle.open_time += stretch.shift);
            writer.put_marked(&candles).await?;
        }
        export.close().await;
    }
    let written = writer.commit().await?;
    tracing::info!(
        symbol = %recording.symbol,
        candles = written.inserted,
        changed = written.updated,
        "replay of {}: {} candles written, {} changed, up to now",
        recording.symbol,
        written.inserted,
        written.updated
    );
    Ok(Filled { replayed, until })
}

/// Open time of the first stored candle, of the last days, that is missing or not the recorded one: a process that was
/// stopped in the middle, or an earlier version, may have left it so. What is replayed is a function of the clock: any
/// hole can be filled right.
async fn first_lack(
    store: &Store,
    stored: &SeriesInfo,
    replayed: &Replayed,
    schedule: &Schedule,
    now: UnixMs,
) -> Result<Option<UnixMs>, StoreError> {
    let from = stored.finest.bucket(now - HOLES_WITHIN_MS).max(stored.first_open);
    for stretch in schedule.stretches(from, stored.last_open) {
        let recorded = (stretch.from, stretch.to);
        let lack = store.first_lack(stored, replayed, recorded, stretch.shift).await?;
        if lack.is_some() {
            return Ok(lack);
        }
    }
    Ok(None)
}

/// When a recording that begins to be played now comes to its end for the first time: where its beginning follows, prices
/// jump. That is a month off, or a quarter of a short recording; so much is left to play of the pass before it.
fn epoch(recording: &SeriesInfo, now: UnixMs) -> UnixMs {
    let finest = recording.finest;
    let length = recording.last_open + finest.ms() - recording.first_open;
    finest.bucket(now + (length / 4).min(MONTH_MS))
}

#[cfg(test)]
mod tests {
    use local_servers::PostgresServer;
    use model::Candle;

    use super::*;
    use crate::{
        feed::replay::reel::Reel,
        store::{
            MarkedCandle,
            live::{LiveBar, LiveWriter},
        },
    };

    const HOUR: i64 = 3_600_000;
    /// 2024-03-01T00:00Z.
    const START: i64 = 1_709_251_200_000;

    fn hour(at: i64) -> Candle {
        Candle { open_time: START + at * HOUR, open: 2.0, high: 3.0, low: 1.0, close: 2.0, volume: 1.0 }
    }

    /// Hours of the recording at which incomplete candles of the replay open.
    async fn incomplete(store: &Store, series: i64, shift: i64) -> Vec<i64> {
        let read = store.candles(series, Interval::H1, None, None, 100).await.unwrap().unwrap();
        read.partial.iter().map(|time| (time - shift - START) / HOUR).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn incomplete_candles_of_the_recording_are_incomplete_in_the_replay() {
        let server = tokio::task::spawn_blocking(|| PostgresServer::ephemeral().unwrap()).await.unwrap();
        let store = Store::connect_lazy(&server.url()).unwrap();
        store.migrate().await.unwrap();
        let mut connection = connect(&store).await.unwrap();
        let symbol = "INC".parse().unwrap();
        // Of 48 hours 36 are written at once, the others are played.
        let hours: Vec<_> = (0..48)
            .map(|at| MarkedCandle { candle: hour(at), incomplete: [3, 20, 40].contains(&at) })
            .collect();
        let mut writer =
            SeriesWriter::begin(&mut connection, &symbol, &Source::RECORDED, Interval::H1).await.unwrap();
        writer.put_marked(&hours).await.unwrap();
        writer.commit().await.unwrap();
        let recording = store.directory().await.unwrap().series.remove(0);
        let mut live = LiveWriter::take(&store).await.unwrap().unwrap();
        let series = live.series(&Source::REPLAY, &[(symbol, Interval::H1)]).await.unwrap()[0];

        let Filled { replayed, until } = up_to_now(&store, series, None, &recording).await.unwrap();
        let shift = replayed.epoch - (START + 48 * HOUR);
        assert_eq!(incomplete(&store, series, shift).await, [3, 20]);
        // An earlier version stored them as complete ones.
        sqlx::query("UPDATE candles SET bars = 1 WHERE series_id = $1 AND \"interval\" = 3600")
            .bind(series)
            .execute(&mut connection)
            .await
            .unwrap();
        let stored = store.directory().await.unwrap().series.into_iter().find(|it| it.id == series);
        up_to_now(&store, series, stored.as_ref(), &recording).await.unwrap();
        assert_eq!(incomplete(&store, series, shift).await, [3, 20]);

        // One that is played.
        let reel = Reel::new(replayed, Interval::H1, 2);
        reel.look_ahead(&store, until).await.unwrap();
        let ahead = [39, 40, 41].map(|at| START + at * HOUR + shift);
        assert_eq!(ahead.map(|time| reel.is_incomplete(time)), [false, true, false]);
        let bars = ahead.map(|open_time| LiveBar {
            series,
            runs: false,
            incomplete: reel.is_incomplete(open_time),
            candle: Candle { open_time, ..hour(0) },
        });
        live.write(Interval::H1, &bars).await.unwrap();
        assert_eq!(incomplete(&store, series, shift).await, [3, 20, 40]);
    }
}
