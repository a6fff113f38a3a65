//! All that a server function may ask of the server. Implemented there, provided as `Arc<dyn MarketData>` in context.

use std::{future::Future, pin::Pin};

use model::{Backdrop, ChartData, ChartQuery, Coin, LatestPrices, MarketError, Symbol};

/// A boxed answer that outlives the borrow of the port.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, MarketError>> + Send>>;

/// Reads of market data. Every answer carries its provenance.
pub trait MarketData: Send + Sync {
    /// Latest prices of these symbols in this order; of all, by symbol, when the list is empty.
    fn latest_prices(&self, symbols: Vec<Symbol>) -> Answer<LatestPrices>;

    /// One coin's figures.
    fn coin(&self, symbol: Symbol) -> Answer<Coin>;

    /// Candles.
    fn chart_data(&self, query: ChartQuery) -> Answer<ChartData>;

    /// The last seven days of every symbol, and the supplies. A symbol whose candles cannot be read is left out.
    fn backdrop(&self) -> Answer<Backdrop>;
}
