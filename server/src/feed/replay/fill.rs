//! Bringing a replayed series up to now: one pass of the recording at first, later what was missed.

use model::{Source, UnixMs};

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

/// Writes the bars of a series that have ended by now. `stored` is the series as it was found, if it has bars. What it
/// replays: as before, or this recording from its beginning.
pub(super) async fn up_to_now(
    store: &Store,
    series: i64,
    stored: Option<&SeriesInfo>,
    recording: &SeriesInfo,
) -> Result<Replayed, StoreError> {
    let (finest, now) = (recording.finest, now_ms());
    let known = store.replayed(series).await?.filter(|known| is_of(known, recording));
    let replayed = known.unwrap_or(Replayed {
        recorded_id: recording.id,
        first_open: recording.first_open,
        end_time: recording.last_open + finest.ms(),
        epoch: epoch(recording, now),
    });
    let schedule = Schedule::new(&replayed);
    // The last stored bar may have run when it was written.
    let stored = stored.filter(|_| known.is_some()).map(|it| it.last_open);
    let since = stored.unwrap_or(schedule.beginning()).max(finest.bucket(now - schedule.length()));
    let until = finest.bucket(now);
    if known.is_some() && since >= until {
        return Ok(replayed);
    }
    let mut connection = connect(store).await?;
    let mut writer = SeriesWriter::begin(&mut connection, &recording.symbol, &Source::REPLAY, finest).await?;
    if known.is_none() {
        writer.replay(&replayed).await?;
    }
    for stretch in schedule.stretches(since, until) {
        let (from, to) = (Some(stretch.from), Some(stretch.to - 1));
        let Some(mut export) = store.export(recording.id, finest, from, to).await? else { continue };
        loop {
            let mut bars = export.next_page().await?;
            if bars.is_empty() {
                break;
            }
            bars.iter_mut().for_each(|bar| bar.open_time += stretch.shift);
            writer.put(&bars).await?;
        }
        export.close().await;
    }
    let written = writer.commit().await?;
    tracing::info!(
        symbol = %recording.symbol,
        bars = written.inserted,
        "replay of {}: {} bars written, up to now",
        recording.symbol,
        written.inserted
    );
    Ok(replayed)
}

/// When a recording that begins to be played now comes to its end for the first time: where its beginning follows, prices
/// jump. That is a month off, or a quarter of a short recording; so much is left to play of the pass before it.
fn epoch(recording: &SeriesInfo, now: UnixMs) -> UnixMs {
    let finest = recording.finest;
    let length = recording.last_open + finest.ms() - recording.first_open;
    finest.bucket(now + (length / 4).min(MONTH_MS))
}
