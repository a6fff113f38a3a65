//! The port through which the pages' server functions read.

use std::{collections::BTreeMap, time::Duration};

use app::ports::{Answer, MarketData};
use model::{ChartData, ChartQuery, Coin, Interval, LatestPrices, MarketError, Sparkline, Symbol, Tier};
use tokio::time::{Instant, timeout_at};

use super::{
    Market, Read,
    charts::NotRead,
    values::{Candles, StoredRange},
};
use crate::config::Feed;

/// Length of a sparkline, ms.
const WEEK_MS: i64 = 7 * 86_400_000;
/// Sparklines in one answer: a page with more coins shows those of the first.
const MOST_SPARKLINES: usize = 200;
/// Longest time for all sparklines of a page, which has its prices long before: those that are not read by then are left
/// out.
const SPARKLINES_WITHIN: Duration = Duration::from_secs(2);

impl Market {
    async fn chart_typed(&self, query: ChartQuery) -> Result<ChartData, MarketError> {
        let read = self.chart(&query).await?;
        let bars = &read.value.bars;
        Ok(ChartData {
            symbol: bars.symbol.clone(),
            interval: bars.interval,
            source: bars.source.clone(),
            candles: bars.candles.clone(),
            partial: bars.partial.clone(),
            indicators: BTreeMap::new(),
            provenance: read.provenance,
        })
    }

    async fn coin_overview(&self, symbol: Symbol) -> Result<Coin, MarketError> {
        let read = self.prices(std::slice::from_ref(&symbol)).await?;
        let provenance = read.provenance;
        let quote = read.value.into_vec().pop().ok_or_else(super::prices::unserialisable)?;
        let stored = if provenance.tier == Tier::Simulated { None } else { self.directory().await.ok() };
        let source = Some(&provenance.source);
        let series = stored.as_deref().and_then(|d| self.series(d, &symbol, source, None).ok());
        // The simulation has every interval and no beginning.
        let (finest, first_open) =
            series.map_or((Interval::M1, None), |series| (series.finest, Some(series.first_open)));
        let intervals = Interval::ALL.into_iter().filter(|i| *i >= finest).collect();
        Ok(Coin { quote, intervals, first_open, provenance })
    }

    async fn all_sparklines(&self) -> Result<Vec<Sparkline>, MarketError> {
        let directory = match &self.0.store {
            None if self.0.feed == Feed::Simulated => None,
            _ => {
                let directory = self.directory().await.map_err(|e| super::unavailable(&e))?;
                (!self.is_drawn(&directory)).then_some(directory)
            }
        };
        let drawn = directory.is_none();
        let bars: Vec<(Symbol, Interval)> = if let Some(directory) = directory {
            let mut symbols: Vec<Symbol> = directory.0.series.iter().map(|s| s.symbol.clone()).collect();
            symbols.sort_unstable();
            symbols.dedup();
            let with_interval = |symbol: Symbol| {
                // No finer bars than the stored ones can be asked for.
                let finest = self.series(&directory, &symbol, None, None).ok()?.finest;
                Some((symbol, finest.max(Interval::H4)))
            };
            symbols.into_iter().filter_map(with_interval).collect()
        } else {
            self.0.simulation.symbols().iter().map(|symbol| (symbol.clone(), Interval::H4)).collect()
        };
        // What is not there in time goes on being read and is there for the next page.
        let until = Instant::now() + SPARKLINES_WITHIN;
        let mut lines = Vec::new();
        for (symbol, interval) in bars.into_iter().take(MOST_SPARKLINES) {
            // The bars of seven days, and the one before them.
            let limit = u32::try_from(WEEK_MS / interval.ms() + 1).unwrap_or(1);
            let query = ChartQuery { limit, ..ChartQuery::last(symbol.clone(), interval) };
            let read = match timeout_at(until, self.own_chart(&query, drawn)).await {
                Ok(Ok(read)) => read,
                Ok(Err(error)) if error.concerns_one_series() => continue,
                // The next one would fail the same way, after as long a wait.
                Ok(Err(_)) | Err(_) => break,
            };
            let StoredRange { candles, source, .. } = &read.value.bars;
            // Bars are missing where nothing was recorded: what is older than a week is no part of the line.
            let newest = candles.last().map_or(0, |c| c.open_time);
            let closes =
                candles.iter().filter(|c| c.open_time >= newest - WEEK_MS).map(|c| c.close).collect();
            lines.push(Sparkline { symbol, source: source.clone(), closes });
        }
        Ok(lines)
    }

    /// A chart of the default source, never made up in place of a stored one.
    async fn own_chart(&self, query: &ChartQuery, drawn: bool) -> Result<Read<Candles>, NotRead> {
        if drawn {
            Ok(self.simulated_chart(query, None).await?)
        } else {
            // A line of a week need not be read again for every second that is added to it.
            self.stored_chart(query, false).await
        }
    }
}

impl MarketData for Market {
    fn latest_prices(&self, symbols: Vec<Symbol>) -> Answer<LatestPrices> {
        let market = self.clone();
        Box::pin(async move {
            let read = market.prices(&symbols).await?;
            Ok(LatestPrices { prices: read.value.into_vec(), provenance: read.provenance })
        })
    }

    fn coin(&self, symbol: Symbol) -> Answer<Coin> {
        let market = self.clone();
        Box::pin(async move { market.coin_overview(symbol).await })
    }

    fn chart_data(&self, query: ChartQuery) -> Answer<ChartData> {
        let market = self.clone();
        Box::pin(async move { market.chart_typed(query).await })
    }

    fn sparklines(&self) -> Answer<Vec<Sparkline>> {
        let market = self.clone();
        Box::pin(async move { market.all_sparklines().await })
    }
}
