//! The last resort: made-up prices, marked as such. They never enter the cache or the store from here.

use model::{ChartQuery, MarketError, Provenance, Source, Symbol, Tier};
use tidemark_cache::CodecError;

use super::{
    LoadFailure, Market, Read,
    charts::ChartRead,
    prices::{Quotes, unserialisable},
    values::{CandleRange, Candles, StoredRange, prices_json},
};
use crate::{config::Feed, feed::Simulation};

/// What a reader is answered where nothing could be drawn.
fn not_drawn(failure: &LoadFailure) -> MarketError {
    match failure {
        LoadFailure::Drawing => MarketError::Unavailable { reason: model::reason::DRAWING.to_owned() },
        _ => unserialisable(),
    }
}

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

    /// Runs work of the simulation off the tasks' threads, in one of the places for it: thousands of candles or quotes take
    /// longer than a task may hold its thread. What runs keeps its place to the end, though its reader may have gone.
    pub(super) async fn draw<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Simulation) -> T + Send + 'static,
    ) -> Result<T, LoadFailure> {
        let place = self.0.drawing.place().await.ok_or(LoadFailure::Drawing)?;
        let simulation = self.simulation();
        let drawn = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(&simulation)
        });
        drawn.await.map_err(|error| CodecError::new(error.to_string()).into())
    }

    /// Unix milliseconds by the clock that all servers of one Redis share: simulated prices are versioned by it, and those of a
    /// server that is behind would not replace those of the others.
    pub(super) fn now_ms(&self) -> i64 {
        i64::try_from(self.0.prices.unix_ms()).unwrap_or(i64::MAX)
    }

    pub(super) async fn simulated_prices(
        &self,
        symbols: &[Symbol],
        reason: MarketError,
    ) -> Result<Read<Quotes>, MarketError> {
        if let Some(symbol) = symbols.iter().find(|s| !self.0.simulation.knows(s)) {
            return Err(self.not_simulated(symbol, Some(reason)));
        }
        let now = self.now_ms();
        let asked = symbols.to_vec();
        let drawn = self.draw(move |simulation| {
            if asked.is_empty() {
                return simulation.quotes(now);
            }
            asked.iter().filter_map(|symbol| simulation.quote(symbol, now)).collect()
        });
        let quotes = drawn.await.map_err(|failure| not_drawn(&failure))?;
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
    ) -> Result<ChartRead, MarketError> {
        let now = self.now_ms();
        let ChartQuery { symbol, interval, from, to, limit, .. } = query.clone();
        let drawn = self.draw(move |simulation| {
            let bars = simulation.candles(&symbol, interval, from, to, limit, now);
            (symbol, bars)
        });
        let (symbol, bars) = drawn.await.map_err(|failure| not_drawn(&failure))?;
        let (candles, partial) = bars.ok_or_else(|| self.not_simulated(&symbol, reason.clone()))?;
        let range = StoredRange {
            price_decimals: self.0.simulation.price_decimals(&symbol).unwrap_or(2),
            symbol,
            interval,
            source: Source::SIMULATED,
            candles,
            partial,
        };
        let range = CandleRange::new(range).map_err(|_| unserialisable())?;
        Ok(ChartRead {
            candles: Candles::Drawn(Box::new(range)),
            version: u64::try_from(now).unwrap_or(0) * 1_000,
            provenance: provenance(reason.as_ref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use model::Interval;
    use tidemark_cache::Cache;

    use super::*;
    use crate::config::CachePolicies;

    #[tokio::test]
    async fn prices_wait_for_a_place_as_charts_do_and_only_those_asked_for_are_drawn() {
        let cache = Cache::builder().build().unwrap();
        let market =
            Market::new(&cache, None, Feed::Replay, Default::default(), &CachePolicies::default()).unwrap();
        let mut all = Vec::new();
        for _ in 0..market.0.drawing.free() {
            all.push(market.0.drawing.place().await.unwrap());
        }
        let symbols: Vec<Symbol> = ["XRP", "BTC"].map(|text| text.parse().unwrap()).to_vec();
        let away = MarketError::Unavailable { reason: "away".to_owned() };
        {
            let mut waiting = pin!(market.simulated_prices(&symbols, away.clone()));
            let waits = std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await;
            assert!(waits);
        }
        drop(all);
        let quotes = market.simulated_prices(&symbols, away.clone()).await.ok().unwrap().value.into_vec();
        assert_eq!(quotes.iter().map(|quote| &quote.symbol).collect::<Vec<_>>(), [&symbols[0], &symbols[1]]);
        let nope = ["NOPE".parse().unwrap()];
        assert_eq!(market.simulated_prices(&nope, away.clone()).await.err(), Some(away));
    }

    #[tokio::test]
    async fn charts_are_drawn_in_places_of_which_there_are_few() {
        let cache = Cache::builder().build().unwrap();
        let market =
            Market::new(&cache, None, Feed::Simulated, Default::default(), &CachePolicies::default())
                .unwrap();
        let places = market.0.drawing.free();
        assert!(places >= 1);
        let mut all = Vec::new();
        for _ in 0..places {
            all.push(market.0.drawing.place().await.unwrap());
        }
        let query = ChartQuery::last("BTC".parse().unwrap(), Interval::M1);
        {
            // Dropped while it waits, as a reader that gives up.
            let mut drawing = pin!(market.simulated_chart(&query, None));
            let waits = std::future::poll_fn(|cx| Poll::Ready(drawing.as_mut().poll(cx).is_pending())).await;
            assert!(waits);
        }
        drop(all);
        assert!(market.simulated_chart(&query, None).await.is_ok());
        assert_eq!(market.0.drawing.free(), places, "every place is free again");
    }
}
