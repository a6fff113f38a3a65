//! The port through which the pages' server functions read.

use std::collections::BTreeMap;

use app::ports::{Answer, MarketData};
use model::{Backdrop, ChartData, ChartQuery, Coin, Interval, LatestPrices, MarketError, Symbol, Tier};

use super::Market;

impl Market {
    async fn chart_typed(&self, query: ChartQuery) -> Result<ChartData, MarketError> {
        let read = self.chart(&query).await?;
        let bars = read.candles.bars();
        Ok(ChartData {
            symbol: bars.symbol.clone(),
            interval: bars.interval,
            source: bars.source.clone(),
            price_decimals: bars.price_decimals,
            candles: read.candles.candles().to_vec(),
            partial: read.candles.partial(),
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
        let replay = match series {
            Some(series) => self.replay_of(series.id, &series.source).await,
            None => None,
        };
        let intervals = Interval::ALL.into_iter().filter(|i| *i >= finest).collect();
        let week = self.past_of(&quote.symbol).await;
        let supply = self.supply(&quote.symbol);
        Ok(Coin { quote, intervals, first_open, week, supply, replay, provenance })
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

    fn backdrop(&self) -> Answer<Backdrop> {
        let market = self.clone();
        Box::pin(async move { market.all_pasts().await })
    }
}
