//! All that a server function may ask of the server. Implemented there, provided in context: `Arc<dyn MarketData>` for all,
//! `Arc<dyn CacheAdmin>` and `Arc<dyn Accounts>` for the one who made the request.

use std::{future::Future, pin::Pin};

use model::{
    AdminError, Backdrop, CacheEntry, CacheStats, ChartData, ChartQuery, ClearPreview, ClearScope, Cleared,
    Coin, Credentials, LatestPrices, MarketError, Session, Symbol, Undone,
};

/// A boxed answer that outlives the borrow of the port.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, MarketError>> + Send>>;

/// The same, for the operator.
pub type AdminAnswer<T> = Pin<Box<dyn Future<Output = Result<T, AdminError>> + Send>>;

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

/// The cache, for its operator. Each call looks at the session of the request itself and is [`AdminError::NotSignedIn`]
/// without one.
pub trait CacheAdmin: Send + Sync {
    /// What the cache of this server does. Takes at most half a second: the nodes of Redis are asked.
    fn stats(&self) -> AdminAnswer<CacheStats>;

    /// What a clear would cover. Takes at most a second.
    fn preview_clear(&self, scope: ClearScope) -> AdminAnswer<ClearPreview>;

    /// Clears, here and on every other server.
    fn clear(&self, scope: ClearScope) -> AdminAnswer<Cleared>;

    /// Takes a clear back.
    fn undo(&self, handle: u64) -> AdminAnswer<Undone>;

    /// All that is known of the entry of this full name, `category:text`.
    fn inspect(&self, key: String) -> AdminAnswer<CacheEntry>;
}

/// The account and the session of the one who made the request.
pub trait Accounts: Send + Sync {
    /// Who is signed in, by the request's cookie.
    fn session(&self) -> AdminAnswer<Session>;

    /// Checks the password and makes a session; its cookie goes with the response.
    fn sign_in(&self, credentials: Credentials) -> AdminAnswer<Session>;

    /// Ends the session; the cookie is removed with the response.
    fn sign_out(&self) -> AdminAnswer<()>;
}
