//! Settings: from the environment (a `.env` is read first) and, for cache policies, an optional `tidemark.toml`.
//! None is needed to start; a bad one stops the start with one line that names it.

mod admin_password;
mod cors;
mod edge;
mod feed;
mod file;
mod forwarded_header;
mod load;
mod proxies;
mod rate_limit;
mod redis;
mod retention;
mod secret_file;
mod secret_url;
mod session;
mod site;
mod supplies;
mod token;

use std::{env, net::SocketAddr, str::FromStr};

pub use admin_password::{ADMIN_PASSWORD_FILE, admin_password};
pub use cors::{CORS_ORIGINS, CorsOrigins};
pub use edge::EdgeSettings;
pub use feed::{Feed, FeedSettings};
pub(crate) use file::{CATEGORIES, OWN_CATEGORIES};
pub use file::{CachePolicies, FileSettings, PolicyOverride};
pub use forwarded_header::{FORWARDED_HEADER, ForwardedHeader};
pub use load::{
    LoadLimits, MAX_CONNECTIONS_PER_CLIENT, MAX_EXPORTS_PER_CLIENT, MAX_UNSENT, MAX_UNSENT_PER_CLIENT,
    MIN_BODY_RATE,
};
pub use proxies::{TRUSTED_PROXIES, TrustedProxies};
pub use rate_limit::{RATE_LIMIT, Rate, RateLimit};
pub use redis::{REDIS_ADDRESS_MAP, REDIS_CERT, REDIS_KEY, REDIS_NAMESPACE, REDIS_URL, RedisSettings};
pub use retention::Retention;
pub use secret_url::SecretUrl;
pub use session::{SESSION_IDLE, SESSION_MAX, SessionLimits};
pub use site::site_options;
pub use supplies::{SUPPLY_FILE, Supplies};
pub use token::{ADMIN_TOKEN_FILE, AdminToken};

/// A setting that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct ConfigError {
    /// Name of the variable, or file and key.
    pub setting: String,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

impl ConfigError {
    /// An error about this setting.
    pub fn new(setting: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { setting: setting.into(), reason: reason.into() }
    }
}

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`.
    pub database_url: Option<SecretUrl>,
    /// `REDIS_URL` and what goes with it.
    pub redis: RedisSettings,
    /// `TIDEMARK_FEED`, with `auto` resolved, and what goes with it.
    pub feed: FeedSettings,
    /// Policies of the cache's categories, from `tidemark.toml`.
    pub policies: CachePolicies,
    /// How long candles are kept, from `tidemark.toml`.
    pub retention: Retention,
    /// How long sessions last, from `tidemark.toml`, `TIDEMARK_SESSION_IDLE` and `TIDEMARK_SESSION_MAX`.
    pub sessions: SessionLimits,
}

/// A variable that is set and not blank.
///
/// # Errors
/// When it is not UTF-8.
pub fn variable(name: &str) -> Result<Option<String>, ConfigError> {
    match env::var(name) {
        Ok(value) if value.trim().is_empty() => Ok(None),
        Ok(value) => Ok(Some(value.trim().to_owned())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(ConfigError::new(name, "is not valid UTF-8")),
    }
}

/// A parsed variable.
fn parsed<T: FromStr>(name: &str, allowed: &str) -> Result<Option<T>, ConfigError> {
    let Some(text) = variable(name)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| ConfigError::new(name, format!("{text:?} is not {allowed}")))
}

impl Config {
    /// Schemes of `DATABASE_URL`.
    pub const DATABASE_SCHEMES: &'static [&'static str] = &["postgres", "postgresql"];

    /// Reads all settings.
    ///
    /// # Errors
    /// The first setting that cannot be used, by name.
    pub fn from_env() -> Result<Self, ConfigError> {
        let database_url = variable("DATABASE_URL")?
            .map(|url| SecretUrl::parse("DATABASE_URL", &url, Self::DATABASE_SCHEMES))
            .transpose()?;
        let redis = RedisSettings::from_env()?;
        let feed = FeedSettings::from_env(database_url.is_some())?;
        let FileSettings { policies, retention, sessions } = FileSettings::read()?;
        let sessions = sessions.with_env()?;
        Ok(Self { database_url, redis, feed, policies, retention, sessions })
    }
}

/// `TIDEMARK_METRICS_ADDR`: where `GET /metrics` is answered, if anywhere.
///
/// # Errors
/// It is no address.
pub fn metrics_addr() -> Result<Option<SocketAddr>, ConfigError> {
    parsed("TIDEMARK_METRICS_ADDR", "an address such as 127.0.0.1:9464")
}
