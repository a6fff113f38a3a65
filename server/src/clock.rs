//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use model::UnixMs;

/// Now, in Unix ms; 0 with a clock before 1970.
#[must_use]
pub fn now_ms() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
