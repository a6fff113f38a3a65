//! What a replay plays: which part of a recording, and which moment of it now.
//!
//! The table of replays changes only when the feed starts with another recording, so that one copy a process, read again each
//! minute, serves all pages.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use model::{ReplayInfo, Source, UnixMs};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{Market, values::DirectoryValue};
use crate::store::replays::Replayed;

/// How long the copy counts as current.
const FRESH_FOR: Duration = Duration::from_secs(60);
/// Pause after a read that failed.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Longest wait of a page for it: the explanation is not worth more.
const WITHIN: Duration = Duration::from_millis(500);

/// The copy of the table, by the key of the replayed series.
#[derive(Default)]
pub(super) struct Replays(Mutex<ReplayTable>);

#[derive(Default)]
struct ReplayTable {
    rows: Arc<HashMap<i64, Replayed>>,
    /// When it is to be read again; at once if none.
    due: Option<Instant>,
}

impl Market {
    async fn replays(&self) -> Arc<HashMap<i64, Replayed>> {
        let mut copy = self.0.replays.0.lock().await;
        let now = Instant::now();
        if copy.due.is_some_and(|due| now < due) {
            return Arc::clone(&copy.rows);
        }
        let Some(store) = &self.0.store else { return Arc::clone(&copy.rows) };
        match timeout(WITHIN, store.replays()).await {
            Ok(Ok(rows)) => {
                copy.rows = Arc::new(rows.into_iter().collect());
                copy.due = Some(now + FRESH_FOR);
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "cannot read what is replayed; pages keep the last answer");
                copy.due = Some(now + RETRY_AFTER);
            }
            Err(_) => copy.due = Some(now + RETRY_AFTER),
        }
        Arc::clone(&copy.rows)
    }

    /// What this series replays, if it does and it can be read in time.
    pub(super) async fn replay_of(&self, series_id: i64, source: &Source) -> Option<ReplayInfo> {
        if *source != Source::REPLAY {
            return None;
        }
        self.replays().await.get(&series_id).map(playing_now)
    }

    /// What the latest prices replay, where they are a replay: of several recordings the one that begins first.
    pub(super) async fn replay_of_all(&self, directory: &DirectoryValue) -> Option<ReplayInfo> {
        if self.default_source() != Source::REPLAY {
            return None;
        }
        let replays = self.replays().await;
        let series = directory.0.series.iter().filter(|series| series.source == Source::REPLAY);
        let replayed = series.filter_map(|series| replays.get(&series.id));
        replayed.min_by_key(|replayed| (replayed.first_open, replayed.recorded_id)).map(playing_now)
    }
}

fn playing_now(replayed: &Replayed) -> ReplayInfo {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = UnixMs::try_from(now).unwrap_or(UnixMs::MAX);
    ReplayInfo::at(replayed.first_open, replayed.end_time, replayed.epoch, now)
}
