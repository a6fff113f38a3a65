//! Settings of what stands before the calls: rate limit, proxies, other sites, load.

use super::{ConfigError, CorsOrigins, LoadLimits, RateLimit, TrustedProxies};

/// How callers are told apart, limited and let in.
#[derive(Clone, Debug, Default)]
pub struct EdgeSettings {
    /// `TIDEMARK_RATE_LIMIT`.
    pub rate_limit: RateLimit,
    /// `TIDEMARK_TRUSTED_PROXIES`.
    pub proxies: TrustedProxies,
    /// `TIDEMARK_CORS_ORIGINS`.
    pub cors: CorsOrigins,
    /// What a client may take up.
    pub load: LoadLimits,
}

impl EdgeSettings {
    /// Reads them.
    ///
    /// # Errors
    /// The first that cannot be used, by name.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            rate_limit: RateLimit::from_env()?,
            proxies: TrustedProxies::from_env()?,
            cors: CorsOrigins::from_env()?,
            load: LoadLimits::from_env()?,
        })
    }
}
