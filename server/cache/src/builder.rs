//! Settings of a cache.

use std::time::Duration;

use tokio::runtime::Handle;

use crate::cache::Cache;
use crate::key::is_name;
use crate::l2::{AddressMap, ClientCertificate, Redis};

/// A setting that cannot be used. The text names it and never repeats a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A namespace or category name outside `[a-z0-9_-]{1,32}`.
    #[error("{what} name `{name}` must be 1 to 32 of a-z, 0-9, _ and -")]
    Name {
        /// What is named so.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A category of this name exists.
    #[error("category `{0}` exists already")]
    NameTaken(&'static str),
    /// A field of a policy.
    #[error("policy of category `{category}`: {field}: {why}")]
    Policy {
        /// The category.
        category: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The URL of Redis.
    #[error("Redis URL: {0}")]
    Redis(String),
    /// The certificate that is shown to Redis.
    #[error("certificate for Redis: {0}")]
    RedisCertificate(String),
    /// The map of announced addresses.
    #[error("map of announced addresses: {0}")]
    AddressMap(String),
    /// A limit.
    #[error("{field}: {why}")]
    Limit {
        /// The setting.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Built outside a tokio runtime.
    #[error("the cache must be built inside a tokio runtime")]
    NoRuntime,
}

/// The least memory limit.
const MIN_L1_BYTES: u64 = 64 << 10;

/// Settings of a [`Cache`]. From [`Cache::builder`].
#[derive(Clone)]
pub struct Builder {
    pub(crate) namespace: String,
    pub(crate) l1_bytes: u64,
    redis: Option<String>,
    redis_certificate: Option<ClientCertificate>,
    redis_address_map: Option<String>,
    pub(crate) observer: bool,
    pub(crate) owner: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) adopt_owner: bool,
    pub(crate) l2_timeout: Duration,
    pub(crate) max_entry_bytes: usize,
    pub(crate) max_loads: usize,
    pub(crate) max_flights: usize,
    pub(crate) max_writes: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            namespace: "tm".into(),
            l1_bytes: 64 << 20,
            redis: None,
            redis_certificate: None,
            redis_address_map: None,
            observer: false,
            owner: None,
            origin: None,
            adopt_owner: false,
            l2_timeout: Duration::from_millis(100),
            max_entry_bytes: 8 << 20,
            max_loads: 64,
            max_flights: 8_192,
            max_writes: 256,
        }
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("namespace", &self.namespace)
            .field("l1_bytes", &self.l1_bytes)
            // The URL may hold a password.
            .field("redis", &self.redis.as_ref().map(|_| "set"))
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Memory limit of all categories together, in bytes. Default 64 MiB.
    #[must_use]
    pub fn l1_bytes(mut self, bytes: u64) -> Self {
        self.l1_bytes = bytes;
        self
    }

    /// URL of one Redis, `redis://[user:password@]host:port[/db]`, or of some nodes of a cluster,
    /// `redis-cluster://[user:password@]host:port,host:port,…`; `rediss` and `rediss-cluster` for TLS, by the system's
    /// certificates or those in the file that `SSL_CERT_FILE` names; `unix:///path?user=…&pass=…&db=…` for a socket. None for
    /// memory alone. Caches in different databases share neither entries nor announcements.
    #[must_use]
    pub fn redis(mut self, url: Option<String>) -> Self {
        self.redis = url;
        self
    }

    /// A certificate to show to a Redis that asks for one, and its key, both PEM: the certificate first, then those that lead
    /// to an authority. By TLS only. Default none.
    #[must_use]
    pub fn redis_certificate(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.redis_certificate = Some(ClientCertificate { chain: chain.into(), key: key.into() });
        self
    }

    /// What to use in place of the addresses that the nodes of a cluster announce, where those lead nowhere from here:
    /// `announced=reachable` between commas, both `host:port`, or both `host` for all of its ports. Default none.
    #[must_use]
    pub fn redis_address_map(mut self, map: Option<String>) -> Self {
        self.redis_address_map = map;
        self
    }

    /// For a tool that looks at Redis: the cache makes no clear log where there is none, announces nothing, and listens to
    /// nobody. Default false.
    #[must_use]
    pub fn observer(mut self, observer: bool) -> Self {
        self.observer = observer;
        self
    }

    /// What the values are of, such as an identity of the database that they are loaded from. Entries and announcements of
    /// caches of another owner are left alone, so that nobody is served another installation's values. Default none: every
    /// cache of the namespace has the same values.
    #[must_use]
    pub fn owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner;
        self
    }

    /// Where the values come from, such as host, port and name of the database, for a cache that has an
    /// [`owner`](Self::owner) and may not know it yet: until it is told, the owner is the one that last was there by the log of
    /// clears. Of the origin only a hash is stored. Default none.
    #[must_use]
    pub fn origin(mut self, origin: Option<String>) -> Self {
        self.origin = origin;
        self
    }

    /// For a tool that does not know the owner: what the log of clears says holds. Default false.
    #[must_use]
    pub fn adopt_owner(mut self, adopt: bool) -> Self {
        self.adopt_owner = adopt;
        self
    }

    /// Beginning of every key and name of every channel in Redis. Caches of one namespace share entries and clears. Default
    /// `tm`.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// How long a read or write of an entry in Redis may take. Default 100 ms.
    #[must_use]
    pub fn l2_timeout(mut self, timeout: Duration) -> Self {
        self.l2_timeout = timeout;
        self
    }

    /// Encoded values of more bytes stay out of Redis, both ways. Default 8 MiB.
    #[must_use]
    pub fn max_entry_bytes(mut self, bytes: usize) -> Self {
        self.max_entry_bytes = bytes;
        self
    }

    /// Loaders that run at once; the others wait, within their hard timeout. Default 64.
    #[must_use]
    pub fn max_loads(mut self, loads: usize) -> Self {
        self.max_loads = loads;
        self
    }

    /// Keys that are being read or loaded at once; more are refused as overload. Default 8,192.
    #[must_use]
    pub fn max_flights(mut self, flights: usize) -> Self {
        self.max_flights = flights;
        self
    }

    /// Writes to Redis at once; more are put off, counted, and made good a moment later. Default 256.
    #[must_use]
    pub fn max_writes(mut self, writes: usize) -> Self {
        self.max_writes = writes;
        self
    }

    fn way_to(&self, url: &str) -> Result<Redis, ConfigError> {
        let mut redis = Redis::parse(url).map_err(ConfigError::Redis)?;
        if let Some(certificate) = &self.redis_certificate {
            redis = redis.with_certificate(certificate).map_err(ConfigError::RedisCertificate)?;
        }
        let map = self.redis_address_map.as_deref().unwrap_or_default();
        Ok(redis.with_address_map(AddressMap::parse(map).map_err(ConfigError::AddressMap)?))
    }

    /// Whether the settings can be used. Opens no connection, and needs no runtime.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.checked().map(drop)
    }

    /// Checks everything; the way to Redis, if there is one.
    fn checked(&self) -> Result<Option<Redis>, ConfigError> {
        if !is_name(&self.namespace) {
            return Err(ConfigError::Name { what: "namespace", name: self.namespace.clone() });
        }
        let limit = |field, why: String| Err(ConfigError::Limit { field, why });
        if self.l1_bytes < MIN_L1_BYTES {
            return limit("l1_bytes", format!("{} is below {MIN_L1_BYTES}", self.l1_bytes));
        }
        if self.l2_timeout.is_zero() || self.l2_timeout > Duration::from_secs(1) {
            return limit("l2_timeout", format!("{:?} is not above zero and at most 1 s", self.l2_timeout));
        }
        if self.max_entry_bytes > 256 << 20 {
            return limit("max_entry_bytes", format!("{} is above 256 MiB", self.max_entry_bytes));
        }
        for (field, value) in [
            ("max_loads", self.max_loads),
            ("max_flights", self.max_flights),
            ("max_writes", self.max_writes),
        ] {
            if !(1..=1_000_000).contains(&value) {
                return limit(field, format!("{value} is not within 1 to 1,000,000"));
            }
        }
        self.redis.as_deref().map(|url| self.way_to(url)).transpose()
    }

    /// Builds the cache. Does not wait for Redis, and does not fail when it is away. Must run inside a tokio runtime.
    pub fn build(self) -> Result<Cache, ConfigError> {
        let redis = self.checked()?;
        let runtime = Handle::try_current().map_err(|_| ConfigError::NoRuntime)?;
        Ok(Cache::assemble(&self, redis, runtime))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(builder: Builder) -> String {
        builder.build().expect_err("refused").to_string()
    }

    #[tokio::test]
    async fn a_bad_setting_is_named_and_no_password_is_shown() {
        let builder = Cache::builder;
        assert!(refusal(builder().namespace("a:b")).contains("namespace"));
        assert!(refusal(builder().l1_bytes(1)).contains("l1_bytes"));
        assert!(refusal(builder().l2_timeout(Duration::ZERO)).contains("l2_timeout"));
        assert!(refusal(builder().max_loads(0)).contains("max_loads"));
        for url in ["redis://u:s3cret@", "http://u:s3cret@h", "s3cret", "redis-cluster://:s3cret@h:1/2"] {
            let text = refusal(builder().redis(Some(url.into())));
            assert!(text.contains("Redis URL") && !text.contains("s3cret"), "{text}");
        }
        let good = builder().redis(Some("redis://u:s3cret@localhost:1/0".into()));
        assert!(!format!("{good:?}").contains("s3cret"));
        let cache = good.build().expect("builds");
        assert!(!format!("{cache:?}").contains("s3cret"));
    }

    #[test]
    fn needs_a_runtime() {
        assert_eq!(Cache::builder().build().err(), Some(ConfigError::NoRuntime));
    }
}
