//! `tidemark.toml`: policies of the cache, how long candles are kept, and how long sessions last.

use std::{collections::BTreeMap, fs, io::ErrorKind, time::Duration};

use serde::Deserialize;
use tidemark_cache::Policy;

use super::{
    ConfigError,
    retention::Retention,
    session::{SessionLimits, SessionTable},
    variable,
};

/// Names of the categories that can be set.
/// Categories that the server reads for itself: each request looks into the directory for the series that there are, whatever it
/// asks for.
pub(crate) const OWN_CATEGORIES: [&str; 1] = ["directory"];
pub(crate) const CATEGORIES: [&str; 4] = ["directory", "prices", "charts", "sparklines"];

/// Longest warm-up that can be set, milliseconds: a balancer waits for it.
const MAX_WARM_UP_MS: u64 = 60_000;

/// Changes to one category's policy. Durations are written as `10s`, `5m`, `1h 30m`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyOverride {
    /// Soft life: past it a value is refreshed behind the reader.
    #[serde(default, with = "humantime_serde::option")]
    pub fresh_for: Option<Duration>,
    /// Hard life: past it a value is gone.
    #[serde(default, with = "humantime_serde::option")]
    pub stale_for: Option<Duration>,
    /// Longest wait for a load when a stale value is at hand.
    #[serde(default, with = "humantime_serde::option")]
    pub soft_timeout: Option<Duration>,
    /// Longest wait for a load.
    #[serde(default, with = "humantime_serde::option")]
    pub hard_timeout: Option<Duration>,
    /// How eagerly a value is refreshed before its soft life ends: 0 never, 1 by what its load costs, at most 10.
    pub refresh_ahead: Option<f64>,
    /// How long "no such thing" is remembered; `0s` is not at all.
    #[serde(default, with = "humantime_serde::option")]
    pub negative_for: Option<Duration>,
    /// How long other servers leave a load to the one that began it; `0s` is not at all.
    #[serde(default, with = "humantime_serde::option")]
    pub lease_for: Option<Duration>,
    /// Whether replicas of a Redis Cluster may answer reads.
    pub read_replicas: Option<bool>,
    /// Bytes above which values are compressed in Redis.
    pub compress_over: Option<usize>,
}

/// The `[cache]` table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheTable {
    memory_mib: Option<u64>,
    warm_up_ms: Option<u64>,
    #[serde(default)]
    categories: BTreeMap<String, PolicyOverride>,
}

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    cache: CacheTable,
    #[serde(default)]
    retention: BTreeMap<String, humantime_serde::Serde<Duration>>,
    #[serde(default)]
    session: SessionTable,
}

/// All that the file can say.
#[derive(Clone, Debug, Default)]
pub struct FileSettings {
    /// `[cache]`.
    pub policies: CachePolicies,
    /// `[retention]`.
    pub retention: Retention,
    /// `[session]`.
    pub sessions: SessionLimits,
}

/// Settings of the cache.
#[derive(Clone, Debug)]
pub struct CachePolicies {
    /// Limit of the memory tier, bytes.
    pub memory_bytes: u64,
    /// Longest time for loading the hot keys at the start; zero is no warm-up.
    pub warm_up: Duration,
    overrides: BTreeMap<String, PolicyOverride>,
}

impl Default for CachePolicies {
    fn default() -> Self {
        Self { memory_bytes: 64 << 20, warm_up: Duration::from_secs(5), overrides: BTreeMap::new() }
    }
}

impl FileSettings {
    /// Reads `tidemark.toml` of the working directory, or the file that `TIDEMARK_CONFIG` names. The former may be
    /// missing.
    ///
    /// # Errors
    /// Names the file and what is wrong in it.
    pub fn read() -> Result<Self, ConfigError> {
        let named = variable("TIDEMARK_CONFIG")?;
        let path = named.clone().unwrap_or_else(|| "tidemark.toml".to_owned());
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => Ok(Self::default()),
            Err(error) => Err(ConfigError::new(path, error.to_string())),
        }
    }

    /// Parses the file's text.
    ///
    /// # Errors
    /// Names the file and what is wrong in it.
    pub fn parse(path: &str, text: &str) -> Result<Self, ConfigError> {
        let file: File =
            toml::from_str(text).map_err(|e| ConfigError::new(path, e.to_string().replace('\n', " ")))?;
        if let Some(name) = file.cache.categories.keys().find(|n| !CATEGORIES.contains(&n.as_str())) {
            let reason = format!("cache.categories.{name} is none of {}", CATEGORIES.join(", "));
            return Err(ConfigError::new(path, reason));
        }
        let default = CachePolicies::default();
        let memory_bytes = match file.cache.memory_mib {
            None => default.memory_bytes,
            Some(mib @ 1..=1_048_576) => mib << 20,
            Some(mib) => {
                return Err(ConfigError::new(path, format!("cache.memory_mib {mib} is not 1 to 1048576")));
            }
        };
        let warm_up = match file.cache.warm_up_ms {
            None => default.warm_up,
            Some(ms @ 0..=MAX_WARM_UP_MS) => Duration::from_millis(ms),
            Some(ms) => {
                let reason = format!("cache.warm_up_ms {ms} is not 0 to {MAX_WARM_UP_MS}");
                return Err(ConfigError::new(path, reason));
            }
        };
        let retention = Retention::new(path, file.retention)?;
        let sessions = SessionLimits::of_file(path, file.session)?;
        let policies = CachePolicies { memory_bytes, warm_up, overrides: file.cache.categories };
        Ok(Self { policies, retention, sessions })
    }
}

impl CachePolicies {
    /// This category's policy with the file's changes.
    #[must_use]
    pub fn apply(&self, category: &str, mut policy: Policy) -> Policy {
        let Some(change) = self.overrides.get(category) else { return policy };
        if let Some(value) = change.fresh_for {
            policy = policy.fresh_for(value);
        }
        if let Some(value) = change.stale_for {
            policy = policy.stale_for(value);
        }
        if let Some(value) = change.soft_timeout {
            policy = policy.soft_timeout(value);
        }
        if let Some(value) = change.hard_timeout {
            policy = policy.hard_timeout(value);
        }
        if let Some(value) = change.refresh_ahead {
            policy = policy.refresh_ahead(value);
        }
        if let Some(value) = change.negative_for {
            policy = policy.negative_for(value);
        }
        if let Some(value) = change.lease_for {
            policy = policy.lease_for(value);
        }
        if let Some(value) = change.read_replicas {
            policy = policy.read_replicas(value);
        }
        if let Some(value) = change.compress_over {
            policy = policy.compress_over(value);
        }
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_and_names_what_is_unknown() {
        let good = "[cache]\nmemory_mib = 8\nwarm_up_ms = 0\n[cache.categories.prices]\nfresh_for = \"2s\"\n";
        let policies = FileSettings::parse("t.toml", good).unwrap().policies;
        assert_eq!(policies.memory_bytes, 8 << 20);
        assert_eq!(policies.warm_up, Duration::ZERO);
        assert_eq!(policies.overrides["prices"].fresh_for, Some(Duration::from_secs(2)));
        for bad in [
            "[cache.categories.pricez]\nfresh_for = \"2s\"",
            "[cache.categories.prices]\nfresh = \"2s\"",
            "[cache.categories.prices]\nfresh_for = \"two\"",
            "[cache]\nmemory_mib = 0",
            "[cache]\nwarm_up_ms = 60001",
            "[retention]\n1m = \"soon\"",
            "[retention]\n2h = \"90d\"",
        ] {
            let text = FileSettings::parse("t.toml", bad).unwrap_err().to_string();
            assert!(text.starts_with("t.toml: "), "{text}");
        }
    }
    #[test]
    fn each_field_reaches_the_policy() {
        let text = r#"
            [cache.categories.charts]
            fresh_for = "2s"
            stale_for = "3m"
            soft_timeout = "4ms"
            hard_timeout = "6s"
            refresh_ahead = 0.5
            negative_for = "7s"
            lease_for = "0s"
            read_replicas = true
            compress_over = 9
        "#;
        let policies = FileSettings::parse("t.toml", text).unwrap().policies;
        let changed = policies.apply("charts", Policy::default());
        let expected = Policy::default()
            .fresh_for(Duration::from_secs(2))
            .stale_for(Duration::from_secs(180))
            .soft_timeout(Duration::from_millis(4))
            .hard_timeout(Duration::from_secs(6))
            .refresh_ahead(0.5)
            .negative_for(Duration::from_secs(7))
            .lease_for(Duration::ZERO)
            .read_replicas(true)
            .compress_over(9);
        assert_eq!(changed, expected);
        assert_eq!(policies.apply("prices", Policy::default()), Policy::default());
    }
}
