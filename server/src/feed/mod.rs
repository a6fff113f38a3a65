//! Where prices come from.

mod ingest;
mod outbox;
mod play;
mod replay;
mod running;
mod scribe;
pub mod simulated;
mod stats;

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use model::{Quote, Source, UnixMs};
use tokio::task::JoinHandle;

use self::{ingest::Show, replay::Replay, simulated::SimulatedPlay};
pub use self::{
    simulated::Simulation,
    stats::{FeedStats, Number},
};
use crate::{config::Feed, market::Market, store::Store};

/// The wall clock, Unix ms. A clock before 1970 reads as 0.
#[must_use]
pub fn now_ms() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs::try_from(since.as_millis()).unwrap_or(UnixMs::MAX)
}

/// Starts the feed, if there is one to be stored. `rate`: candles a second of the simulation, one a series without it. It
/// runs until it is aborted.
#[must_use]
pub fn start(
    feed: Feed,
    rate: Option<u32>,
    store: &Store,
    market: &Market,
    stats: &Arc<FeedStats>,
) -> Option<JoinHandle<()>> {
    let (store, show, stats) = (store.clone(), market.clone(), Arc::clone(stats));
    match feed {
        Feed::None => None,
        Feed::Replay => Some(tokio::spawn(ingest::run(Replay::default(), store, show, stats))),
        Feed::Simulated => {
            let play = SimulatedPlay::new(market.simulation(), rate);
            Some(tokio::spawn(ingest::run(play, store, show, stats)))
        }
    }
}

impl Show for Market {
    async fn shown(&self, source: &Source) -> u64 {
        self.shown_version(source).await
    }

    fn is_shown(&self) {
        self.note_fed();
    }

    fn show(&self, source: &Source, quotes: Vec<Quote>, version: u64) {
        self.show_prices(source, quotes, version);
    }
}
