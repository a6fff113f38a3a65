//! Market data: the cache, then the store, then, marked as such, the simulation.

mod batch;
mod batch_query;
mod changes;
mod charts;
mod directory;
mod drawing;
mod export;
mod key_text;
mod keys;
mod origin;
mod past;
mod port;
mod prices;
mod replay_info;
mod simulated;
mod values;
mod warm;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use model::{MarketError, Provenance, Source, Tier};
use tidemark_cache::{Cache, Category, ConfigError, Hit, LoadError, Policy};

use self::{
    changes::Changes,
    drawing::Drawing,
    keys::{ChartKey, DirectoryKey, PricesKey, SparklinesKey},
    values::{CandleRange, DirectoryValue, PriceTable, Sparklines},
};
use crate::{
    config::{CachePolicies, Feed, Supplies},
    feed::{Simulation, now_ms},
    store::Store,
};

pub(crate) use self::directory::choose_series;
pub use self::{
    batch_query::{BATCH_DEFAULT_LIMIT, BATCH_MAX_CANDLES, BATCH_MAX_SYMBOLS, BatchQuery},
    changes::ChangesQuery,
    export::{ExportQuery, Exported, IncompleteCandles},
    origin::LoadFailure,
};

/// Serialised data with its provenance, for the JSON API.
pub use crate::http::Answer;

/// All reads of market data. Cheap to clone.
#[derive(Clone)]
pub struct Market(Arc<Inner>);

struct Inner {
    directory: Category<DirectoryKey, DirectoryValue>,
    prices: Category<PricesKey, PriceTable>,
    charts: Category<ChartKey, CandleRange>,
    sparklines: Category<SparklinesKey, Sparklines>,
    store: Option<Store>,
    feed: Feed,
    simulation: Arc<Simulation>,
    /// Places for drawing simulated candles, one a core.
    drawing: Drawing,
    /// Whether there are prices of the feed: it has shown them, here or elsewhere, or they were stored before this process
    /// began. Of a first start some series may be stored and others not yet.
    fed: AtomicBool,
    /// When this process began, Unix µs: what has a lower revision was stored before.
    begun: u64,
    /// How many coins there are; the built-in table until it is set.
    supplies: OnceLock<Supplies>,
    /// What is replayed.
    replays: replay_info::Replays,
    /// The highest series revision heard of: what is cached of an older one is not current.
    revision: AtomicU64,
    /// When each row of the served tables last changed.
    changes: Changes,
}

/// Policy of each category where `tidemark.toml` says nothing. Stored data changes only when something is imported,
/// which is announced: the soft lives only bound what a lost announcement can hide.
fn policies(config: &CachePolicies) -> [Policy; 4] {
    let seconds = Duration::from_secs;
    let base = || Policy::default().soft_timeout(Duration::from_millis(300)).hard_timeout(seconds(5));
    // An entry a source, of thousands of coins.
    let tables = || base().large_entries(true);
    [
        config.apply("directory", tables().fresh_for(seconds(5)).stale_for(seconds(86_400))),
        config.apply("prices", tables().fresh_for(seconds(10)).stale_for(seconds(600))),
        config.apply("charts", base().fresh_for(seconds(60)).stale_for(seconds(3_600))),
        // A line of a week need not be read again for every second that is added to it.
        config.apply("sparklines", tables().fresh_for(seconds(60)).stale_for(seconds(3_600))),
    ]
}

/// How many threads run at once.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

impl Market {
    /// Declares the categories on this cache.
    ///
    /// # Errors
    /// A policy of `tidemark.toml` contradicts itself.
    pub fn new(
        cache: &Cache,
        store: Option<Store>,
        feed: Feed,
        simulation: Arc<Simulation>,
        config: &CachePolicies,
    ) -> Result<Self, ConfigError> {
        let [directory, prices, charts, sparklines] = policies(config);
        Ok(Self(Arc::new(Inner {
            directory: cache.category("directory", directory)?,
            prices: cache.category("prices", prices)?,
            charts: cache.category("charts", charts)?,
            sparklines: cache.category("sparklines", sparklines)?,
            store,
            feed,
            simulation,
            drawing: Drawing::new(cores()),
            fed: AtomicBool::new(feed == Feed::Simulated),
            begun: u64::try_from(now_ms()).unwrap_or(0) * 1_000,
            supplies: OnceLock::new(),
            replays: replay_info::Replays::default(),
            revision: AtomicU64::new(0),
            changes: Changes::default(),
        })))
    }

    /// Takes note that a series has this revision: older cached values are read again before they are served.
    pub fn note_revision(&self, revision: u64) {
        self.0.revision.fetch_max(revision, Ordering::AcqRel);
    }

    /// Settles how many coins there are. Only the first call counts.
    pub fn set_supplies(&self, supplies: Supplies) {
        let _ = self.0.supplies.set(supplies);
    }

    /// How many coins there are.
    fn supplies(&self) -> &Supplies {
        // The built-in table parses: its test holds that.
        self.0.supplies.get_or_init(|| Supplies::built_in().unwrap_or_default())
    }

    /// What makes prices up.
    #[must_use]
    pub fn simulation(&self) -> Arc<Simulation> {
        Arc::clone(&self.0.simulation)
    }

    /// Whose prices are shown where a reader names no source.
    fn default_source(&self) -> Source {
        match self.0.feed {
            Feed::None => Source::RECORDED,
            Feed::Replay if self.has_feed_prices() => Source::REPLAY,
            Feed::Replay => Source::RECORDED,
            Feed::Simulated => Source::SIMULATED,
        }
    }

    /// Whether this source's prices come in by themselves and are given to the cache by the feed, of its own versions.
    fn is_fed(&self, source: &Source) -> bool {
        match self.0.feed {
            Feed::None => false,
            Feed::Replay => *source == Source::REPLAY,
            Feed::Simulated => *source == Source::SIMULATED && self.0.store.is_some(),
        }
    }

    /// Whether the feed's prices are there.
    pub(crate) fn has_feed_prices(&self) -> bool {
        self.0.fed.load(Ordering::Acquire)
    }

    /// Takes note of series of the feed that an earlier process stored. Their last prices are shown, as of their time,
    /// until the feed goes on: never those of another source in between.
    fn note_stored(&self, directory: &DirectoryValue) {
        if self.0.feed == Feed::Replay
            && !self.has_feed_prices()
            && directory.0.series.iter().any(|it| it.source == Source::REPLAY && it.revision < self.0.begun)
        {
            self.note_fed();
        }
    }

    /// The feed's prices are there from now on: they are what is shown where a reader names no source.
    pub(crate) fn note_fed(&self) {
        self.0.fed.store(true, Ordering::Release);
    }

    /// Whether the simulation is asked itself: it is the feed, and none of its series is stored, or not yet.
    fn is_drawn(&self, directory: &DirectoryValue) -> bool {
        self.0.feed == Feed::Simulated
            && !directory.0.series.iter().any(|series| series.source == Source::SIMULATED)
    }

    /// Provenance of a cached value; `drawn` if what loads it is the simulation.
    fn provenance<V>(&self, hit: &Hit<V>, source: Source, drawn: bool) -> Provenance {
        let simulated = source == Source::SIMULATED;
        Provenance {
            tier: match hit.tier {
                tidemark_cache::Tier::L1 => Tier::L1,
                tidemark_cache::Tier::L2 => Tier::L2,
                tidemark_cache::Tier::Source if drawn => Tier::Simulated,
                tidemark_cache::Tier::Source => Tier::Database,
            },
            source,
            age_ms: u64::try_from(hit.age().as_millis()).unwrap_or(u64::MAX),
            stale: hit.stale.is_some(),
            simulated,
            reason: hit.stale.as_ref().and_then(origin::stale_reason),
        }
    }
}

/// An answer's parts as the callers of this module want them: typed for pages, serialised for the API.
struct Read<T> {
    value: T,
    open_json: Bytes,
    version: u64,
    provenance: Provenance,
}

/// What a failed read means to the reader.
fn unavailable(error: &LoadError<LoadFailure>) -> MarketError {
    MarketError::Unavailable { reason: origin::load_reason(error) }
}
