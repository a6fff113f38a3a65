//! The last resort: made-up prices, marked as such. They never enter the cache or the store from here.

use model::{ChartQuery, MarketError, Provenance, Source, Symbol, Tier};

use super::{
    Market, Read,
    prices::{Quotes, pick, unserialisable},
    values::{CandleRange, Candles, StoredRange, prices_json},
};
use crate::{config::Feed, feed::now_ms};

/// Provenance of a made-up answer.
fn provenance(reason: Option<&MarketError>) -> Provenance {
    Provenance {
        tier: Tier::Simulated,
        source: Source::SIMULATED,
        age_ms: 0,
        stale: false,
        simulated: true,
        reason: reason.map(ToString::to_string),
    }
}

impl Market {
    /// The simulation's error for a symbol that it does not know: with the simulation as the feed the symbol is
    /// unknown; as the last resort nothing is known about it.
    fn not_simulated(&self, symbol: &Symbol, reason: Option<MarketError>) -> MarketError {
        match reason {
            Some(error) if self.0.feed != Feed::Simulated => error,
            _ => MarketError::UnknownSymbol { symbol: symbol.to_string() },
        }
    }

    pub(super) fn simulated_prices(
        &self,
        symbols: &[Symbol],
        reason: MarketError,
    ) -> Result<Read<Quotes>, MarketError> {
        if let Some(symbol) = symbols.iter().find(|s| !self.0.simulation.knows(s)) {
            return Err(self.not_simulated(symbol, Some(reason)));
        }
        let now = now_ms();
        let mut quotes = self.0.simulation.quotes(now);
        if !symbols.is_empty() {
            quotes = pick(&quotes, symbols)?;
        }
        Ok(Read {
            open_json: prices_json(&quotes).map_err(|_| unserialisable())?,
            value: Quotes::Picked(quotes),
            version: u64::try_from(now).unwrap_or(0) * 1_000,
            provenance: provenance(Some(&reason)),
        })
    }

    pub(super) async fn simulated_chart(
        &self,
        query: &ChartQuery,
        reason: Option<MarketError>,
    ) -> Result<Read<Candles>, MarketError> {
        let now = now_ms();
        let market = self.clone();
        let ChartQuery { symbol, interval, from, to, limit, .. } = query.clone();
        // Thousands of bars take longer than a task may hold its thread.
        let drawn = tokio::task::spawn_blocking(move || {
            let bars = market.0.simulation.candles(&symbol, interval, from, to, limit, now);
            (symbol, bars)
        });
        let (symbol, bars) = drawn.await.map_err(|_| unserialisable())?;
        let (candles, partial) = bars.ok_or_else(|| self.not_simulated(&symbol, reason.clone()))?;
        let range = StoredRange { symbol, interval, source: Source::SIMULATED, candles, partial };
        let range = CandleRange::new(range).map_err(|_| unserialisable())?;
        Ok(Read {
            open_json: range.open_json.clone(),
            value: Candles::Drawn(Box::new(range)),
            version: u64::try_from(now).unwrap_or(0) * 1_000,
            provenance: provenance(reason.as_ref()),
        })
    }
}
