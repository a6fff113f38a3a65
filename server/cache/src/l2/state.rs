//! What is known of the connection to Redis.

use std::time::{Duration, Instant};

use serde::Serialize;

/// Why Redis gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum L2Error {
    /// No Redis is configured.
    #[error("no Redis is configured")]
    NotConfigured,
    /// Not connected; the text is the last error seen.
    #[error("not connected to Redis: {0}")]
    Disconnected(String),
    /// No answer in time.
    #[error("Redis did not answer in time")]
    Timeout,
    /// Redis or the connection answered with an error.
    #[error("Redis: {0}")]
    Redis(String),
}

impl From<redis::RedisError> for L2Error {
    fn from(error: redis::RedisError) -> Self {
        if error.is_timeout() { Self::Timeout } else { Self::Redis(error.to_string()) }
    }
}

/// The state of the second tier, for health checks and statistics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct L2State {
    /// Whether a Redis is configured at all.
    pub configured: bool,
    /// Whether it is reached now. Configured and not connected is degraded.
    pub connected: bool,
    /// Where it is, without credentials.
    pub address: Option<String>,
    /// The error that ended the last connection or attempt; none while connected.
    pub last_error: Option<String>,
    /// How long it has been so, in milliseconds.
    pub for_ms: u64,
    /// Connections made so far.
    pub connects: u64,
}

impl L2State {
    /// The state when no Redis is configured.
    pub(crate) fn none() -> Self {
        Self { configured: false, connected: false, address: None, last_error: None, for_ms: 0, connects: 0 }
    }

    /// Configured, but not reached.
    pub fn degraded(&self) -> bool {
        self.configured && !self.connected
    }
}

/// What the link notes down about itself.
#[derive(Debug)]
pub(super) struct Noted {
    pub connected: bool,
    pub last_error: Option<String>,
    pub since: Instant,
    pub connects: u64,
}

impl Noted {
    pub fn new() -> Self {
        Self {
            connected: false,
            last_error: Some("first connection is under way".into()),
            since: Instant::now(),
            connects: 0,
        }
    }

    pub fn held_for(&self) -> Duration {
        self.since.elapsed()
    }
}
