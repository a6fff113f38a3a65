//! Postgres: where candles are kept.
//!
//! A [`Store`] is a small pool of connections, cheap to clone. Making one waits for nothing; every call on it ends
//! within a few seconds, with a [`StoreError`] if Postgres is away or slow.

mod accounts;
mod audit;
mod candles;
mod connect;
mod copy;
mod delete;
mod directory;
mod error;
mod export;
mod inventory;
mod latest;
mod levels;
pub(crate) mod live;
pub(crate) mod replays;
mod retention;
mod rollup;
mod schema;
mod series;
mod watch;
mod weeks;
pub(crate) mod write;

pub(crate) use audit::Noted;
pub use candles::{Bars, MarkedCandle};
pub use connect::Store;
pub(crate) use connect::{MAX_EXPORTS, SERVER_CONNECTIONS};
pub use delete::{DeleteError, Deleted};
pub use directory::{Directory, SeriesInfo};
pub use error::{Away, StoreError};
pub use export::Export;
pub use inventory::{Gap, Gaps, StoredSeries};
pub use latest::Latest;
pub use retention::Dropped;
pub use weeks::Weeks;
