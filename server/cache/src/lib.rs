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

mod backend;
mod builder;
mod bus;
mod cache;
mod category;
mod clears;
mod clock;
pub mod codec;
mod core;
mod counters;
mod entry;
mod failure;
mod flight;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod hit;
mod hot;
mod inspect;
mod key;
mod l1;
mod l2;
mod load;
mod many;
mod outgoing;
mod pilot;
mod policy;
mod preview;
mod recent;
mod recovery;
mod scan;
mod shared;
mod stats;
mod tags;
#[cfg(test)]
mod testing;
mod tier2;
mod warm;
mod writer;

pub use builder::{Builder, ConfigError};
pub use cache::{Cache, SourceError};
pub use category::{Category, WarmUp, Warmed};
pub use clears::{BadScope, ClearError, ClearRecord, Cleared, MAX_SCOPE_TEXT, Scope, Undone};
pub use codec::{CodecError, Value};
pub use hit::{Hit, LoadError, Loaded, Shared, StaleReason, Tier, Want};
pub use hot::HotKey;
pub use inspect::{Inspected, Inspection};
pub use key::Key;
pub use l2::{Affected, Failover, L2Error, L2State, NodeHealth, NodeReport, NodeRole, NodeState, Trouble};
pub use load::Limits;
pub use policy::{MAX_LEASE, MAX_LIFE, MAX_TIMEOUT, Policy, Tiers};
pub use preview::{Counted, Preview};
pub use scan::ForeignScan;
pub use stats::{CategoryStats, ClearStats, CoherenceStats, L1Counts, L2Counts, SourceCounts, Stats};
pub use tags::{BadTag, MAX_TAG_BYTES, MAX_TAGS, TagError};
