//! Latest prices.

use std::{collections::HashSet, time::Duration};

use model::{MarketError, Quote, Source, Symbol};
use tidemark_cache::{Hit, LoadError, Loaded, Shared, StaleReason, Want};

use super::{
    Answer, LoadFailure, Market, Read,
    directory::of_symbol,
    keys::PricesKey,
    unavailable,
    values::{DirectoryValue, PriceTable, prices_json},
};
use crate::{config::Feed, store::Store};

/// A fed table is shown twice a second: one as old as this comes from a feed that stopped.
const FED_FRESH_FOR: Duration = Duration::from_secs(2);

/// Most symbols in one call.
const MOST_SYMBOLS: usize = 500;

impl Market {
    /// Latest prices of these symbols in this order; of all, by symbol, when the list is empty.
    ///
    /// # Errors
    /// An unknown symbol, by name; or nothing can answer.
    pub async fn prices_answer(&self, symbols: &[Symbol]) -> Result<Answer, MarketError> {
        let Read { open_json, version, provenance, .. } = self.prices(symbols).await?;
        Ok(Answer { open_json, version, provenance })
    }

    /// The same, typed. A symbol asked twice is answered once.
    pub(super) async fn prices(&self, symbols: &[Symbol]) -> Result<Read<Quotes>, MarketError> {
        let mut seen = HashSet::new();
        let symbols: Vec<Symbol> = symbols.iter().filter(|symbol| seen.insert(*symbol)).cloned().collect();
        if symbols.len() > MOST_SYMBOLS {
            return Err(MarketError::bad("symbols", format!("more than {MOST_SYMBOLS} symbols")));
        }
        let mut drawn = self.0.feed == Feed::Simulated && self.0.store.is_none();
        let (source, table) = if drawn {
            (Source::SIMULATED, self.simulated_table().await)
        } else {
            match self.directory().await {
                Ok(directory) if self.is_drawn(&directory) => {
                    drawn = true;
                    (Source::SIMULATED, self.simulated_table().await)
                }
                Ok(directory) => {
                    let source = self.table_source(&directory, &symbols)?;
                    let newest = Want::at_least(directory.0.newest(&source));
                    let table = if self.is_fed(&source) {
                        // Its versions are the feed's, not those of what is stored behind it.
                        match self.stored_table(source.clone(), Want::any()).await {
                            // A series that was made a moment ago is stored before it is fed.
                            Ok(hit) if !has_all(&hit.value.quotes, &symbols) => {
                                self.stored_table(source.clone(), newest).await
                            }
                            other => other,
                        }
                    } else {
                        self.stored_table(source.clone(), newest).await
                    };
                    (source, table)
                }
                // Without the directory the table may still be at hand, of whichever revision. It is not loaded: the
                // reader has waited for the database already.
                Err(error) => self.kept_table(error).await,
            }
        };
        match table {
            Ok(hit) => {
                let provenance = self.provenance(&hit, source, drawn);
                let version = hit.version;
                if symbols.is_empty() {
                    let open_json = hit.value.open_json.clone();
                    return Ok(Read { value: Quotes::Table(hit.value), open_json, version, provenance });
                }
                let quotes =
                    pick(&hit.value.quotes, &symbols).map_err(|symbol| not_in_table(symbol, drawn))?;
                let open_json = prices_json(&quotes).map_err(|_| unserialisable())?;
                Ok(Read { value: Quotes::Picked(quotes), open_json, version, provenance })
            }
            // Made-up prices cost more than stored ones: they are no way out of too much work.
            Err(error @ LoadError::Overloaded) => Err(unavailable(&error)),
            Err(error) => {
                let reason = unavailable(&error);
                // Not louder: it happens at every request while the database is away, which is logged once.
                tracing::debug!(%error, "latest prices cannot be read");
                self.simulated_prices(&symbols, reason).await
            }
        }
    }

    async fn stored_table(
        &self,
        source: Source,
        want: Want,
    ) -> Result<Hit<PriceTable>, LoadError<LoadFailure>> {
        let store = self.0.store.clone();
        let key = PricesKey(source.clone());
        let load = move || read_table(store, source);
        self.0.prices.get_or_load(&key, want, load).await
    }

    /// The table of the default source as the cache has it, though the directory cannot be read for this reason.
    async fn kept_table(
        &self,
        error: LoadError<LoadFailure>,
    ) -> (Source, Result<Hit<PriceTable>, LoadError<LoadFailure>>) {
        // After a start it is not known yet whether the feed has shown prices: the cache knows.
        let of_feed = (self.0.feed == Feed::Replay).then_some(Source::REPLAY);
        for source in of_feed.into_iter().chain([self.default_source()]) {
            if let Some(mut hit) = self.0.prices.get(&PricesKey(source.clone())).await {
                if hit.stale.is_some() {
                    hit.stale = Some(StaleReason::LoadFailed(error.to_string().into()));
                }
                return (source, Ok(hit));
            }
        }
        (self.default_source(), Err(error))
    }

    async fn simulated_table(&self) -> Result<Hit<PriceTable>, LoadError<LoadFailure>> {
        let key = PricesKey(Source::SIMULATED);
        let market = self.clone();
        let load = move || async move {
            let now = market.now_ms();
            let table = market.draw(move |simulation| PriceTable::new(simulation.quotes(now))).await??;
            // The simulation moves all the time: a second-old table is a fair one.
            let life = std::time::Duration::from_secs(1);
            Ok(Loaded::new(table, u64::try_from(now).unwrap_or(0) * 1_000).fresh_for(life))
        };
        self.0.prices.get_or_load(&key, Want::any(), load).await
    }

    /// Whose prices answer: of the one source that all asked symbols have by default; of several, or for the whole
    /// table, the default source, or the first one where there is none of it.
    pub(super) fn table_source(
        &self,
        directory: &DirectoryValue,
        symbols: &[Symbol],
    ) -> Result<Source, MarketError> {
        let mut sources = Vec::with_capacity(symbols.len());
        for symbol in symbols {
            sources.push(&self.series(directory, symbol, None, None)?.source);
        }
        let all = &directory.0.series;
        let default = self.default_source();
        let common = match sources.first() {
            Some(first) if sources.iter().all(|source| source == first) => (*first).clone(),
            _ if all.is_empty() || all.iter().any(|s| s.source == default) => default,
            _ => all[0].source.clone(),
        };
        // Prices of two sources are never mixed in one answer.
        let lacks = |symbol: &&Symbol| !of_symbol(all, symbol).iter().any(|s| s.source == common);
        match symbols.iter().find(lacks) {
            Some(symbol) => {
                let reason =
                    format!("{symbol} has no {common} prices as the others have; ask for it by itself");
                Err(MarketError::bad("symbols", reason))
            }
            None => Ok(common),
        }
    }

    /// Gives the cache a table of the feed's prices.
    pub(crate) fn show_prices(&self, source: &Source, mut quotes: Vec<Quote>, version: u64) {
        // Tables are searched by symbol.
        quotes.sort_unstable_by(|a, b| a.symbol.cmp(&b.symbol));
        let shown = PriceTable::new(quotes).map(|table| {
            // Untagged, so that there is nothing to refuse.
            self.0
                .prices
                .set_loaded(&PricesKey(source.clone()), Loaded::new(table, version).fresh_for(FED_FRESH_FOR))
        });
        match shown {
            Ok(Ok(())) => self.note_fed(),
            _ => tracing::error!(%source, "a price table cannot be shown"),
        }
    }

    /// The version of the table that the cache has of a source; 0 without one.
    pub(crate) async fn shown_version(&self, source: &Source) -> u64 {
        self.0.prices.get(&PricesKey(source.clone())).await.map_or(0, |hit| hit.version)
    }
}

/// The error for a symbol that the table lacks. That it is stored was looked up before, if it could be: then the table at
/// hand is older than the symbol.
fn not_in_table(symbol: &Symbol, drawn: bool) -> MarketError {
    if drawn {
        MarketError::UnknownSymbol { symbol: symbol.to_string() }
    } else {
        MarketError::Unavailable { reason: format!("the price of {symbol} cannot be read at present") }
    }
}

/// Reads the latest prices of this source: what the cache loads.
pub(super) async fn read_table(
    store: Option<Store>,
    source: Source,
) -> Result<Loaded<PriceTable>, LoadFailure> {
    let store = store.ok_or(LoadFailure::NoDatabase)?;
    // Of all its series, the deleted ones too: without them the version would go back, and the table before would stay. Read
    // first, so that it is never newer than the table.
    let newest = store.newest_revision(&source).await?;
    let latest = store.latest(&source).await?;
    Ok(Loaded::new(PriceTable::new(latest.quotes)?, latest.version.max(newest)))
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

/// The quote of a symbol in a table, which is sorted by symbol.
fn find<'q>(quotes: &'q [Quote], symbol: &Symbol) -> Option<&'q Quote> {
    let place = quotes.binary_search_by(|quote| quote.symbol.cmp(symbol)).ok()?;
    quotes.get(place)
}

/// The quotes of these symbols, in their order; otherwise the first symbol that has none.
fn pick<'s>(quotes: &[Quote], symbols: &'s [Symbol]) -> Result<Vec<Quote>, &'s Symbol> {
    symbols.iter().map(|symbol| find(quotes, symbol).cloned().ok_or(symbol)).collect()
}

/// Whether there is a quote of each of these symbols.
fn has_all(quotes: &[Quote], symbols: &[Symbol]) -> bool {
    symbols.iter().all(|symbol| find(quotes, symbol).is_some())
}

pub(super) fn unserialisable() -> MarketError {
    MarketError::Unavailable { reason: model::reason::UNREADABLE.to_owned() }
}
