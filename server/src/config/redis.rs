//! Redis: where it is, in which namespace, by which certificate.

use std::{fs::File, io::Read};

use tidemark_cache::{Builder, Cache, ConfigError as CacheError};

use super::{ConfigError, SecretUrl, variable};

/// Name of the setting.
pub const REDIS_URL: &str = "REDIS_URL";
/// Name of the setting.
pub const REDIS_NAMESPACE: &str = "TIDEMARK_REDIS_NAMESPACE";
/// Name of the setting.
pub const REDIS_CERT: &str = "TIDEMARK_REDIS_CERT";
/// Name of the setting.
pub const REDIS_KEY: &str = "TIDEMARK_REDIS_KEY";
/// Name of the setting.
pub const REDIS_ADDRESS_MAP: &str = "TIDEMARK_REDIS_ADDRESS_MAP";

/// The namespace where none is set.
const DEFAULT_NAMESPACE: &str = "tm";
/// A chain of certificates, or a key, is not larger, in bytes.
const MAX_PEM: u64 = 256 << 10;

/// How Redis is reached and what of it is used.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `REDIS_URL`; none for memory alone.
    pub url: Option<SecretUrl>,
    /// `TIDEMARK_REDIS_NAMESPACE`: how keys and channels begin.
    pub namespace: String,
    certificate: Option<Certificate>,
    address_map: Option<String>,
}

/// What is shown to a Redis that asks for a certificate: PEM.
#[derive(Clone)]
struct Certificate {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}

impl RedisSettings {
    /// Schemes of `REDIS_URL`: one node or some nodes of a cluster, each with or without TLS, or a Unix socket.
    pub const SCHEMES: &'static [&'static str] =
        &["redis", "rediss", "redis-cluster", "rediss-cluster", "unix", "redis+unix"];

    /// Reads the settings, and the files that they name.
    ///
    /// # Errors
    /// The first setting that cannot be used, by name.
    pub fn from_env() -> Result<Self, ConfigError> {
        let url =
            variable(REDIS_URL)?.map(|url| SecretUrl::parse(REDIS_URL, &url, Self::SCHEMES)).transpose()?;
        let namespace = variable(REDIS_NAMESPACE)?.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
        Ok(Self { url, namespace, certificate: certificate()?, address_map: variable(REDIS_ADDRESS_MAP)? })
    }

    /// A cache of these settings; the rest is as it comes.
    #[must_use]
    pub fn builder(&self) -> Builder {
        let mut builder = Cache::builder()
            .redis(self.url.as_ref().map(|url| url.expose().to_owned()))
            .redis_address_map(self.address_map.clone())
            .namespace(&self.namespace);
        if let Some(Certificate { chain, key }) = &self.certificate {
            builder = builder.redis_certificate(chain.as_slice(), key.as_slice());
        }
        builder
    }

    /// Whether the settings fit together. Opens no connection.
    ///
    /// # Errors
    /// The first setting that cannot be used, by name.
    pub fn check(&self) -> Result<(), ConfigError> {
        // Built for its checks: outside a runtime these come first, and nothing is begun.
        match self.builder().check() {
            Ok(()) => Ok(()),
            Err(error) => Err(Self::named(&error)),
        }
    }

    /// The setting that an error of the cache is about.
    #[must_use]
    pub fn named(error: &CacheError) -> ConfigError {
        match error {
            CacheError::Name { .. } => {
                ConfigError::new(REDIS_NAMESPACE, "must be 1 to 32 of a-z, 0-9, _ and -")
            }
            CacheError::RedisCertificate(why) => ConfigError::new(REDIS_CERT, why.clone()),
            CacheError::AddressMap(why) => ConfigError::new(REDIS_ADDRESS_MAP, why.clone()),
            CacheError::Redis(why) => ConfigError::new(REDIS_URL, why.clone()),
            other => ConfigError::new(REDIS_URL, other.to_string()),
        }
    }
}

/// The client's certificate, if one is set.
fn certificate() -> Result<Option<Certificate>, ConfigError> {
    match (variable(REDIS_CERT)?, variable(REDIS_KEY)?) {
        (None, None) => Ok(None),
        (Some(chain), Some(key)) => {
            Ok(Some(Certificate { chain: pem(REDIS_CERT, &chain)?, key: pem(REDIS_KEY, &key)? }))
        }
        (Some(_), None) => Err(ConfigError::new(REDIS_KEY, format!("has to be set beside {REDIS_CERT}"))),
        (None, Some(_)) => Err(ConfigError::new(REDIS_CERT, format!("has to be set beside {REDIS_KEY}"))),
    }
}

/// What is in a PEM file. The error never repeats any of it.
fn pem(setting: &str, path: &str) -> Result<Vec<u8>, ConfigError> {
    let bad = |reason: String| ConfigError::new(setting, format!("{path}: {reason}"));
    // Before it is opened: that of a pipe would wait for somebody who writes into it.
    let facts = std::fs::metadata(path).map_err(|e| bad(e.to_string()))?;
    if !facts.is_file() {
        return Err(bad("is not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| bad(e.to_string()))?;
    file.take(MAX_PEM + 1).read_to_end(&mut bytes).map_err(|e| bad(e.to_string()))?;
    if bytes.len() as u64 > MAX_PEM {
        return Err(bad(format!("has more than {MAX_PEM} bytes")));
    }
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return Err(bad("is not a PEM file".to_owned()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> RedisSettings {
        RedisSettings {
            url: Some(SecretUrl::parse(REDIS_URL, url, RedisSettings::SCHEMES).unwrap()),
            namespace: "tm".to_owned(),
            certificate: None,
            address_map: None,
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let good = settings("redis://127.0.0.1:1/3");
        good.check().unwrap();
        let of = |settings: RedisSettings| settings.check().unwrap_err().to_string();
        assert!(of(RedisSettings { namespace: "Prod".into(), ..good.clone() }).starts_with(REDIS_NAMESPACE));
        assert!(
            of(RedisSettings { address_map: Some("x".into()), ..good.clone() })
                .starts_with(REDIS_ADDRESS_MAP)
        );
        let certificate = Some(Certificate { chain: b"-----BEGIN ".to_vec(), key: b"s3cret".to_vec() });
        let text = of(RedisSettings { certificate: certificate.clone(), ..good });
        assert!(text.starts_with(REDIS_CERT) && text.contains("rediss"), "{text}");
        let text = of(RedisSettings { certificate, ..settings("rediss://127.0.0.1:1") });
        assert!(text.starts_with(REDIS_CERT) && !text.contains("s3cret"), "{text}");
    }

    #[test]
    fn a_socket_is_a_place() {
        settings("unix:///run/redis/redis.sock?pass=x").check().unwrap();
        settings("redis+unix:///run/redis/redis.sock").check().unwrap();
        assert_eq!(settings("unix:///a/b?pass=s3cret").url.unwrap().shown(), "unix:///a/b");
    }
}
