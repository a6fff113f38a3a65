//! What stands beside the latest prices: the last seven days, and how many coins there are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{Backdrop, ChartQuery, Interval, MarketError, Sparkline, Supply, Symbol, UnixMs};
use tidemark_cache::Shared;
use tokio::time::{Instant, timeout_at};

use super::{
    Market, Read,
    charts::NotRead,
    values::{Candles, DirectoryValue, StoredRange},
};
use crate::config::Feed;

/// Length of a sparkline, ms.
const WEEK_MS: i64 = 7 * 86_400_000;
/// Symbols in one answer: a page with more coins shows the past of the first.
const MOST: usize = 200;
/// Longest time for the past of all coins of a page, which has its prices long before: what is not read by then is left
/// out.
const WITHIN: Duration = Duration::from_secs(2);

/// Which bars of a symbol there are.
#[derive(Clone, Copy)]
struct Stored {
    /// The finest that can be asked for.
    finest: Interval,
    /// Whether the simulation draws them.
    drawn: bool,
}

impl Market {
    /// The past of every symbol, and the supplies.
    pub(super) async fn all_pasts(&self) -> Result<Backdrop, MarketError> {
        let directory = self.stored_directory().await?;
        let symbols: Vec<Symbol> = match &directory {
            Some(directory) => {
                let mut symbols: Vec<Symbol> = directory.0.series.iter().map(|s| s.symbol.clone()).collect();
                symbols.sort_unstable();
                symbols.dedup();
                symbols
            }
            None => self.0.simulation.symbols().to_vec(),
        };
        let supplies = symbols.iter().filter_map(|symbol| self.supply(symbol)).collect();
        // What is not there in time goes on being read and is there for the next page.
        let until = Instant::now() + WITHIN;
        let mut weeks = Vec::new();
        for symbol in symbols.into_iter().take(MOST) {
            let Some(stored) = self.stored_bars(directory.as_ref(), &symbol) else { continue };
            match timeout_at(until, self.past(&symbol, stored)).await {
                Ok(Ok(past)) => weeks.push(past),
                Ok(Err(error)) if error.concerns_one_series() => {}
                // The next one would fail the same way, after as long a wait.
                Ok(Err(_)) | Err(_) => break,
            }
        }
        let replay = match &directory {
            Some(directory) => self.replay_of_all(directory).await,
            None => None,
        };
        Ok(Backdrop { weeks, supplies, replay })
    }

    /// The past of one symbol, where it can be read in time.
    pub(super) async fn past_of(&self, symbol: &Symbol) -> Option<Sparkline> {
        let directory = self.stored_directory().await.ok()?;
        let stored = self.stored_bars(directory.as_ref(), symbol)?;
        timeout_at(Instant::now() + WITHIN, self.past(symbol, stored)).await.ok()?.ok()
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
        let directory = self.directory().await.map_err(|e| super::unavailable(&e))?;
        Ok((!self.is_drawn(&directory)).then_some(directory))
    }

    fn stored_bars(&self, directory: Option<&Shared<DirectoryValue>>, symbol: &Symbol) -> Option<Stored> {
        match directory {
            // No finer bars than the stored ones can be asked for.
            Some(directory) => {
                let finest = self.series(directory, symbol, None, None).ok()?.finest;
                Some(Stored { finest, drawn: false })
            }
            None => Some(Stored { finest: Interval::M1, drawn: true }),
        }
    }

    async fn past(&self, symbol: &Symbol, stored: Stored) -> Result<Sparkline, NotRead> {
        let interval = stored.finest.max(Interval::H4);
        // The bars of seven days, and the one before them.
        let limit = u32::try_from(WEEK_MS / interval.ms() + 1).unwrap_or(1);
        let read = self.last_bars(symbol, interval, limit, stored.drawn).await?;
        let StoredRange { candles, source, .. } = &read.value.bars;
        // Bars are missing where nothing was recorded: what is older than a week is no part of the line.
        let newest = candles.last().map_or(0, |c| c.open_time);
        let closes = candles.iter().filter(|c| c.open_time >= newest - WEEK_MS).map(|c| c.close).collect();
        Ok(Sparkline { symbol: symbol.clone(), source: source.clone(), closes })
    }

    /// The last bars of the default source, never made up in place of stored ones.
    async fn last_bars(
        &self,
        symbol: &Symbol,
        interval: Interval,
        limit: u32,
        drawn: bool,
    ) -> Result<Read<Candles>, NotRead> {
        let query = ChartQuery { limit, ..ChartQuery::last(symbol.clone(), interval) };
        let read = if drawn {
            self.simulated_chart(&query, None).await?
        } else {
            // A line of a week need not be read again for every second that is added to it.
            self.stored_chart(&query, false).await?
        };
        Ok(read)
    }
}
