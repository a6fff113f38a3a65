//! Market data: the cache, then the store, then, marked as such, the simulation.

mod batch;
mod charts;
mod directory;
mod drawing;
mod export;
mod key_text;
mod keys;
mod origin;
mod port;
mod prices;
mod simulated;
mod values;
mod warm;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use model::{MarketError, Provenance, Source, Tier};
use tidemark_cache::{Cache, Category, ConfigError, Hit, LoadError, Policy};

use self::{
    drawing::Drawing,
    keys::{ChartKey, DirectoryKey, PricesKey},
    values::{CandleRange, DirectoryValue, PriceTable},
};
use crate::{
    config::{CachePolicies, Feed},
    feed::Simulation,
    store::Store,
};

pub use self::{
    batch::{BATCH_DEFAULT_LIMIT, BATCH_MAX_CANDLES, BATCH_MAX_SYMBOLS, BatchQuery},
    export::{ExportQuery, Exported},
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
    store: Option<Store>,
    feed: Feed,
    simulation: Simulation,
    /// Places for drawing simulated candles, one a core.
    drawing: Drawing,
    /// The highest series revision heard of: what is cached of an older one is not current.
    revision: AtomicU64,
}

/// Policy of each category where `tidemark.toml` says nothing. Stored data changes only when something is imported,
/// which is announced: the soft lives only bound what a lost announcement can hide.
fn policies(config: &CachePolicies) -> [Policy; 3] {
    let seconds = Duration::from_secs;
    let base = || Policy::default().soft_timeout(Duration::from_millis(300)).hard_timeout(seconds(5));
    [
        config.apply("directory", base().fresh_for(seconds(5)).stale_for(seconds(86_400))),
        config.apply("prices", base().fresh_for(seconds(10)).stale_for(seconds(600))),
        config.apply("charts", base().fresh_for(seconds(60)).stale_for(seconds(3_600))),
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
        config: &CachePolicies,
    ) -> Result<Self, ConfigError> {
        let [directory, prices, charts] = policies(config);
        Ok(Self(Arc::new(Inner {
            directory: cache.category("directory", directory)?,
            prices: cache.category("prices", prices)?,
            charts: cache.category("charts", charts)?,
            store,
            feed,
            simulation: Simulation::new(),
            drawing: Drawing::new(cores()),
            revision: AtomicU64::new(0),
        })))
    }

    /// Takes note that a series has this revision: older cached values are read again before they are served.
    pub fn note_revision(&self, revision: u64) {
        self.0.revision.fetch_max(revision, Ordering::AcqRel);
    }

    /// Whose prices are shown where a reader names no source.
    fn default_source(&self) -> Source {
        match self.0.feed {
            Feed::None => Source::RECORDED,
            Feed::Simulated => Source::SIMULATED,
        }
    }

    /// Provenance of a cached value.
    fn provenance<V>(&self, hit: &Hit<V>, source: Source) -> Provenance {
        let simulated = source == Source::SIMULATED;
        Provenance {
            tier: match hit.tier {
                tidemark_cache::Tier::L1 => Tier::L1,
                tidemark_cache::Tier::L2 => Tier::L2,
                tidemark_cache::Tier::Source if simulated => Tier::Simulated,
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
