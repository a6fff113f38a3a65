//! Latest prices.


use model::{MarketError, Quote, Source, Symbol};
use tidemark_cache::{Hit, Loaded, Shared, Want};

use super::{
    Answer, LoadFailure, Market, Read,
    keys::PricesKey,
    unavailable,
    values::{PriceTable, prices_json},
};
use crate::{config::Feed, feed::now_ms};

impl Market {
    /// Latest prices of these symbols in this order; of all, by symbol, when the list is empty.
    ///
    /// # Errors
    /// An unknown symbol, by name; or nothing can answer.
    pub async fn prices_answer(&self, symbols: &[Symbol]) -> Result<Answer, MarketError> {
        let Read { open_json, version, provenance, .. } = self.prices(symbols).await?;
        Ok(Answer { open_json, version, provenance })
    }

    /// The same, typed.
    pub(super) async fn prices(&self, symbols: &[Symbol]) -> Result<Read<Quotes>, MarketError> {
        let (source, hit) = match self.0.feed {
            Feed::Simulated => (Source::SIMULATED, self.simulated_table().await),
            Feed::None => match self.directory().await {
                Ok(directory) => {
                    for symbol in symbols {
                        self.series(&directory, symbol, None, None)?;
                    }
                    let source = self.table_source(&directory.0.series);
                    let of_source = directory.0.series.iter().filter(|s| s.source == source);
                    let min_version = of_source.map(|s| s.revision).max().unwrap_or(0);
                    (source.clone(), self.stored_table(source, min_version).await)
                }
                // Without the directory the table may still be there, of whichever revision.
                Err(_) => (Source::RECORDED, self.stored_table(Source::RECORDED, 0).await),
            },
        };
        match hit {
            Ok(hit) => {
                let provenance = self.provenance(&hit, source);
                let version = hit.version;
                if symbols.is_empty() {
                    let open_json = hit.value.open_json.clone();
                    return Ok(Read { value: Quotes::Table(hit.value), open_json, version, provenance });
                }
                let quotes = pick(&hit.value.quotes, symbols)?;
                let open_json = prices_json(&quotes).map_err(|_| unserialisable())?;
                Ok(Read { value: Quotes::Picked(quotes), open_json, version, provenance })
            }
            Err(error) => {
                let reason = unavailable(&error);
                tracing::warn!(%error, "latest prices cannot be read");
                self.simulated_prices(symbols, reason)
            }
        }
    }

    async fn stored_table(
        &self,
        source: Source,
        min_version: u64,
    ) -> Result<Hit<PriceTable>, tidemark_cache::LoadError<LoadFailure>> {
        let store = self.0.store.clone();
        let key = PricesKey(source.clone());
        let load = move || async move {
            let store = store.ok_or(LoadFailure::NoDatabase)?;
            let latest = store.latest(&source).await?;
            Ok(Loaded::new(PriceTable::new(latest.quotes)?, latest.version))
        };
        self.0.prices.get_or_load(&key, Want::at_least(min_version), load).await
    }

    async fn simulated_table(&self) -> Result<Hit<PriceTable>, tidemark_cache::LoadError<LoadFailure>> {
        let key = PricesKey(Source::SIMULATED);
        let market = self.clone();
        let load = move || async move {
            let now = now_ms();
            let table = PriceTable::new(market.0.simulation.quotes(now))?;
            // The simulation moves all the time: a second-old table is a fair one.
            let life = std::time::Duration::from_secs(1);
            Ok(Loaded::new(table, u64::try_from(now).unwrap_or(0) * 1_000).fresh_for(life))
        };
        self.0.prices.get_or_load(&key, Want::any(), load).await
    }

    /// Whose prices the table shows: the default source's, or those of the first source where it has none.
    fn table_source(&self, series: &[crate::store::SeriesInfo]) -> Source {
        let default = self.default_source();
        if series.is_empty() || series.iter().any(|s| s.source == default) {
            return default;
        }
        series[0].source.clone()
    }
}

/// Quotes, shared with the cache where nothing was picked.
pub(super) enum Quotes {
    /// The whole table.
    Table(Shared<PriceTable>),
    /// Some of it.
    Picked(Vec<Quote>),
}

impl Quotes {
    /// Owned quotes, for a page.
    pub(super) fn into_vec(self) -> Vec<Quote> {
        match self {
            Self::Table(table) => table.quotes.clone(),
            Self::Picked(quotes) => quotes,
        }
    }
}

/// The quotes of these symbols, in their order.
pub(super) fn pick(quotes: &[Quote], symbols: &[Symbol]) -> Result<Vec<Quote>, MarketError> {
    symbols
        .iter()
        .map(|symbol| {
            quotes
                .iter()
                .find(|q| q.symbol == *symbol)
                .cloned()
                .ok_or_else(|| MarketError::UnknownSymbol { symbol: symbol.to_string() })
        })
        .collect()
}

pub(super) fn unserialisable() -> MarketError {
    MarketError::Unavailable { reason: "the stored data cannot be read".to_owned() }
}
