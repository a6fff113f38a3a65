//! Where prices come from.

pub mod simulated;

use std::time::{SystemTime, UNIX_EPOCH};

use model::UnixMs;

pub use self::simulated::Simulation;

/// The wall clock, Unix ms. A clock before 1970 reads as 0.
#[must_use]
pub fn now_ms() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs::try_from(since.as_millis()).unwrap_or(UnixMs::MAX)
}
