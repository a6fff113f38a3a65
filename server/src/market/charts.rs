//! Candles.

use model::{ChartQuery, MarketError, Provenance, Source, Symbol};
use tidemark_cache::{Hit, LoadError, Loaded, Want};

use super::{
    Answer, LoadFailure, Market,
    directory::of_symbol,
    keys::ChartKey,
    prices::unserialisable,
    unavailable,
    values::{CandleRange, Candles, StoredRange},
};
use crate::{feed::now_ms, store::Store};

/// Why stored candles are no answer.
enum NotRead {
    /// The query itself is at fault: nothing else can answer it.
    Refused(MarketError),
    /// They cannot be read at present.
    Failed(LoadError<LoadFailure>),
}

impl From<MarketError> for NotRead {
    fn from(error: MarketError) -> Self {
        Self::Refused(error)
    }
}

impl From<LoadError<LoadFailure>> for NotRead {
    fn from(error: LoadError<LoadFailure>) -> Self {
        Self::Failed(error)
    }
}

/// A range as the callers of this module want it. Its JSON is made where it is asked for.
pub(super) struct ChartRead {
    pub candles: Candles,
    pub version: u64,
    pub provenance: Provenance,
}

impl Market {
    /// A range of candles.
    ///
    /// # Errors
    /// An unknown symbol, a bad parameter by name, or nothing can answer.
    pub async fn chart_answer(&self, query: &ChartQuery) -> Result<Answer, MarketError> {
        let ChartRead { candles, version, provenance } = self.chart(query).await?;
        let open_json = candles.open_json().map_err(|_| unserialisable())?;
        Ok(Answer { open_json, version, provenance })
    }

    /// The same, typed.
    pub(super) async fn chart(&self, query: &ChartQuery) -> Result<ChartRead, MarketError> {
        query.validate()?;
        let source = query.source.clone().unwrap_or_else(|| self.default_source());
        if source == Source::SIMULATED && !self.stores_simulated(&query.symbol).await {
            return self.simulated_chart(query, None).await;
        }
        match self.stored_chart(query).await {
            Ok(read) => Ok(read),
            Err(NotRead::Refused(error)) => Err(error),
            // Made-up candles cost more than stored ones: they are no way out of too much work.
            Err(NotRead::Failed(error @ LoadError::Overloaded)) => Err(unavailable(&error)),
            Err(NotRead::Failed(error)) => {
                // Not louder: it happens at every request while the database is away, which is logged once.
                tracing::debug!(%error, symbol = %query.symbol, "candles cannot be read");
                self.simulated_chart(query, Some(unavailable(&error))).await
            }
        }
    }

    /// Whether there are stored candles of the simulation for this symbol.
    pub(super) async fn stores_simulated(&self, symbol: &Symbol) -> bool {
        self.0.store.is_some()
            && self.directory().await.is_ok_and(|directory| {
                of_symbol(&directory.0.series, symbol).iter().any(|s| s.source == Source::SIMULATED)
            })
    }

    /// Candles of the cache and the store only.
    async fn stored_chart(&self, query: &ChartQuery) -> Result<ChartRead, NotRead> {
        let directory = self.directory().await?;
        let series = self.series(&directory, &query.symbol, query.source.as_ref(), Some(query.interval))?;
        let key = ChartKey::new(query, series, now_ms());
        let source = series.source.clone();
        let load = {
            let (store, key, id) = (self.0.store.clone(), key.clone(), series.id);
            move || read_range(store, key, id)
        };
        let hit = self.0.charts.get_or_load(&key, Want::at_least(series.revision), load).await?;
        Ok(self.answered(hit, source, query))
    }

    /// The answer to `query` from the cached range that has it: no more bars than were asked for.
    pub(super) fn answered(&self, hit: Hit<CandleRange>, source: Source, query: &ChartQuery) -> ChartRead {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        ChartRead {
            provenance: self.provenance(&hit, source, false),
            version: hit.version,
            candles: Candles::kept(hit.value, limit, query.from.is_some()),
        }
    }
}

/// Reads a range of the series with this id: what the cache loads.
pub(super) async fn read_range(
    store: Option<Store>,
    key: ChartKey,
    id: i64,
) -> Result<Loaded<CandleRange>, LoadFailure> {
    let store = store.ok_or(LoadFailure::NoDatabase)?;
    let bars = store.candles(id, key.interval, key.from, key.to, key.limit).await?;
    let bars = bars.ok_or(LoadFailure::Gone)?;
    let range = StoredRange {
        symbol: key.symbol,
        interval: key.interval,
        source: key.source,
        price_decimals: bars.price_decimals,
        candles: bars.candles,
        partial: bars.partial,
    };
    // What an operator clears a coin by.
    let tag = format!("coin:{}", range.symbol);
    Ok(Loaded::new(CandleRange::new(range)?, bars.revision).tag(tag))
}

#[cfg(test)]
mod tests {
    use model::Interval;
    use tidemark_cache::Cache;

    use super::*;
    use crate::{
        config::{CachePolicies, Feed},
        market::keys::PricesKey,
    };

    #[tokio::test]
    async fn overload_is_an_error_and_not_a_reason_to_simulate() {
        let cache = Cache::builder().max_flights(1).build().unwrap();
        let market =
            Market::new(&cache, None, Feed::None, Default::default(), &CachePolicies::default()).unwrap();
        let (sender, running) = tokio::sync::oneshot::channel();
        let busy = tokio::spawn({
            let market = market.clone();
            async move {
                let load = move || async move {
                    let _ = sender.send(());
                    std::future::pending().await
                };
                let key = PricesKey(Source::new("busy"));
                market.0.prices.get_or_load::<LoadFailure, _, _>(&key, Want::any(), load).await.is_ok()
            }
        });
        running.await.unwrap();
        let query = ChartQuery::last("BTC".parse().unwrap(), Interval::H1);
        for error in [market.chart(&query).await.err(), market.prices(&[]).await.err()] {
            assert!(matches!(error, Some(MarketError::Unavailable { .. })), "{error:?}");
        }
        busy.abort();
    }
}
