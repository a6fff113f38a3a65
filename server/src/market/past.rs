//! What stands beside the latest prices: the last seven days, and how many coins there are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{Backdrop, MarketError, Source, Sparkline, Supply, Symbol, UnixMs};
use tidemark_cache::{Loaded, Shared, Want};
use tokio::time::timeout;

use super::{
    LoadFailure, Market,
    keys::SparklinesKey,
    unavailable,
    values::{DirectoryValue, Sparklines},
};
use crate::{config::Feed, feed::now_ms, store::Store};

/// Longest wait for the lines of a page, which has its prices long before. What is not read by then goes on being read, and
/// is there for the next page.
const WITHIN: Duration = Duration::from_secs(2);

impl Market {
    /// The past of every symbol of the price table, and the supplies.
    pub(super) async fn all_pasts(&self) -> Result<Backdrop, MarketError> {
        let directory = self.stored_directory().await?;
        let symbols: Vec<Symbol> = match &directory {
            // By symbol, so that those of one symbol are side by side.
            Some(directory) => {
                let mut symbols: Vec<Symbol> = directory.0.series.iter().map(|s| s.symbol.clone()).collect();
                symbols.dedup();
                symbols
            }
            None => self.0.simulation.symbols().to_vec(),
        };
        let supplies = symbols.iter().filter_map(|symbol| self.supply(symbol)).collect();
        let weeks = self.lines(directory.as_ref(), &[]).await.map_or_else(Vec::new, |all| all.lines.clone());
        let replay = match &directory {
            Some(directory) => self.replay_of_all(directory).await,
            None => None,
        };
        Ok(Backdrop { weeks, supplies, replay })
    }

    /// The past of one symbol, where it can be read in time: out of the lines of all, which are read once for every page.
    pub(super) async fn past_of(&self, symbol: &Symbol) -> Option<Sparkline> {
        let directory = self.stored_directory().await.ok()?;
        let lines = self.lines(directory.as_ref(), std::slice::from_ref(symbol)).await?;
        lines.of(symbol).cloned()
    }

    /// How many coins of a symbol there are now, as far as the table knows.
    pub(super) fn supply(&self, symbol: &Symbol) -> Option<Supply> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.supplies().at(symbol, UnixMs::try_from(now).unwrap_or(UnixMs::MAX)).cloned()
    }

    /// Which series are stored; none where the simulation draws all there is.
    async fn stored_directory(&self) -> Result<Option<Shared<DirectoryValue>>, MarketError> {
        if self.0.store.is_none() && self.0.feed == Feed::Simulated {
            return Ok(None);
        }
        let directory = self.directory().await.map_err(|error| unavailable(&error))?;
        Ok((!self.is_drawn(&directory)).then_some(directory))
    }

    /// The lines that stand beside the prices of these symbols, or of all; `None` if they cannot be read in time.
    async fn lines(
        &self,
        directory: Option<&Shared<DirectoryValue>>,
        symbols: &[Symbol],
    ) -> Option<Shared<Sparklines>> {
        match timeout(WITHIN, self.sparklines(directory, symbols)).await {
            Ok(Ok(lines)) => Some(lines),
            Ok(Err(error)) => {
                // Not louder: it happens at every page while the database is away, which is logged once.
                tracing::debug!(%error, "the last week cannot be read");
                None
            }
            Err(_) => None,
        }
    }

    async fn sparklines(
        &self,
        directory: Option<&Shared<DirectoryValue>>,
        symbols: &[Symbol],
    ) -> Result<Shared<Sparklines>, MarketError> {
        let hit = if let Some(directory) = directory {
            let source = self.table_source(directory, symbols)?;
            // What a feed adds every second need not be read at once; what is imported is.
            let want =
                if self.is_fed(&source) { Want::any() } else { Want::at_least(directory.0.newest(&source)) };
            let (store, key) = (self.0.store.clone(), SparklinesKey(source.clone()));
            self.0.sparklines.get_or_load(&key, want, move || read_sparklines(store, source)).await
        } else {
            let market = self.clone();
            let load = move || async move {
                let now = now_ms();
                let lines = market.draw(move |simulation| simulation.weeks(now)).await?;
                Ok(Loaded::new(Sparklines { lines }, u64::try_from(now).unwrap_or(0) * 1_000))
            };
            self.0.sparklines.get_or_load(&SparklinesKey(Source::SIMULATED), Want::any(), load).await
        };
        Ok(hit.map_err(|error| unavailable(&error))?.value)
    }
}

/// Reads the last week of all symbols of this source: what the cache loads.
pub(super) async fn read_sparklines(
    store: Option<Store>,
    source: Source,
) -> Result<Loaded<Sparklines>, LoadFailure> {
    let store = store.ok_or(LoadFailure::NoDatabase)?;
    // Read first: what a deletion takes away meanwhile is read again.
    let newest = store.newest_revision(&source).await?;
    let weeks = store.weeks(&source).await?;
    Ok(Loaded::new(Sparklines { lines: weeks.lines }, weeks.version.max(newest)))
}
