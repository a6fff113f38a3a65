//! A tiered cache for any Rust service: process memory (L1), then Redis (L2), then a loader of yours.
//!
//! ```no_run
//! # use tidemark_cache::{Cache, CodecError, Loaded, Policy, Value, Want, codec};
//! # struct Price(f64);
//! # impl Value for Price {
//! #     const SCHEMA: u16 = 1;
//! #     fn encode(&self) -> Result<Vec<u8>, CodecError> { codec::to_postcard(&self.0) }
//! #     fn decode(bytes: &[u8]) -> Result<Self, CodecError> { codec::from_postcard(bytes).map(Price) }
//! #     fn weight(&self) -> usize { size_of::<Self>() }
//! # }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Cache::builder().redis(Some("redis://127.0.0.1".into())).build()?;
//! let prices = cache.category::<String, Price>("prices", Policy::default())?;
//! let hit = prices
//!     .get_or_load(&"BTC".to_owned(), Want::any(), || async {
//!         Ok::<_, String>(Loaded::new(Price(4_000.0), 1))
//!     })
//!     .await?;
//! println!("{} from {:?}", hit.value.0, hit.tier);
//! # Ok(())
//! # }
//! ```
//!
//! The contract, the stored formats and the life of an entry are in `docs/cache.md`.

mod builder;
mod cache;
mod category;
mod clears;
mod clock;
pub mod codec;
mod entry;
mod failure;
mod flight;
mod frame;
mod header;
mod hit;
mod key;
mod l1;
#[allow(dead_code, unused_imports, reason = "batches, messages and health are there before their callers")]
mod l2;
mod load;
mod pilot;
mod policy;
mod stats;
mod tier2;

pub use builder::{Builder, ConfigError};
pub use cache::{Cache, SourceError};
pub use category::Category;
pub use clears::{ClearError, Cleared, MAX_SCOPE_TEXT, Scope};
pub use codec::{CodecError, Value};
pub use hit::{Hit, LoadError, Loaded, StaleReason, Tier, Want};
pub use key::Key;
pub use l2::{Failover, L2Error, L2State, NodeHealth, NodeReport, NodeRole, NodeState};
pub use policy::{MAX_LIFE, MAX_TIMEOUT, Policy, Tiers};
pub use stats::{CategoryStats, ClearStats, L1Counts, L2Counts, SourceCounts, Stats};
