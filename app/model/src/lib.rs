//! Domain types of Tidemark that cross the wire.
//!
//! No I/O and no front-end framework: the server, the pages and any client share them. Times are Unix milliseconds,
//! UTC. Prices of candles are `f64`; latest prices are exact decimals.

mod admin;
mod answer;
mod candle;
mod chart_query;
mod coin;
mod error;
mod interval;
#[cfg(feature = "openapi")]
mod openapi;
mod price_changes;
mod provenance;
mod quote;
pub mod reason;
pub mod span;
mod supply;
mod symbol;

pub use admin::{
    AdminError, BadName, CacheEntry, CacheStats, CategoryStats, ClearPreview, ClearRecord, ClearScope,
    Cleared, CoherenceStats, Connections, Counted, Credentials, EntryCopy, FailoverStats, HotKeyStats,
    L1Stats, L2Stats, NodeReport, NodeStats, ScopePart, ScopeProblem, Session, SharedTier, SourceStats,
    Unavailable, Undone,
};
pub use answer::{ChartData, LatestPrices};
pub use candle::Candle;
pub use chart_query::{ChartQuery, DEFAULT_LIMIT, FIRST_TIME, LAST_TIME, MAX_LIMIT, check_time};
pub use coin::{Backdrop, Coin, ReplayInfo, Sparkline};
pub use error::MarketError;
pub use interval::Interval;
pub use price_changes::{MAX_CHANGE_SYMBOLS, PriceChange, PriceChanges};
pub use provenance::{Provenance, Source, Tier};
pub use quote::Quote;
pub use supply::Supply;
pub use symbol::{Symbol, coin_name, coin_name_zh, coin_names_zh};

/// Unix time in milliseconds, UTC.
pub type UnixMs = i64;
