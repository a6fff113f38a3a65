//! How long sessions last.

use std::time::Duration;

use humantime_serde::{Serde, re::humantime};
use serde::Deserialize;

use super::{ConfigError, variable};

/// Name of the setting: how long a session lasts in which nothing is asked for.
pub const SESSION_IDLE: &str = "TIDEMARK_SESSION_IDLE";
/// Name of the setting: how long a session lasts at most.
pub const SESSION_MAX: &str = "TIDEMARK_SESSION_MAX";

const DEFAULT_IDLE: Duration = Duration::from_secs(30 * 60);
const DEFAULT_MAX: Duration = Duration::from_secs(12 * 3_600);
/// Shorter ones would end between two clicks.
const SHORTEST: Duration = Duration::from_secs(1);
/// Longer ones are no limit.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request.
    pub idle: Duration,
    /// In all.
    pub max: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle: DEFAULT_IDLE, max: DEFAULT_MAX }
    }
}

/// The `[session]` table of the file.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionTable {
    idle: Option<Serde<Duration>>,
    max: Option<Serde<Duration>>,
}

impl SessionLimits {
    /// Checks the file's table.
    pub(super) fn of_file(path: &str, table: SessionTable) -> Result<Self, ConfigError> {
        let default = Self::default();
        let idle = table.idle.map_or(default.idle, Serde::into_inner);
        let max = table.max.map_or(default.max, Serde::into_inner);
        let limits = Self { idle, max };
        limits.check().map_err(|(name, reason)| {
            let name = if name == SESSION_IDLE { "idle" } else { "max" };
            ConfigError::new(path, format!("session.{name} {reason}"))
        })
    }

    /// These limits with what the environment says instead.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn with_env(self) -> Result<Self, ConfigError> {
        let read = |name| -> Result<Option<Duration>, ConfigError> {
            let Some(text) = variable(name)? else { return Ok(None) };
            let time = humantime::parse_duration(&text);
            time.map(Some)
                .map_err(|_| ConfigError::new(name, format!("{text:?} is no time such as 30m or 12h")))
        };
        let limits = Self {
            idle: read(SESSION_IDLE)?.unwrap_or(self.idle),
            max: read(SESSION_MAX)?.unwrap_or(self.max),
        };
        limits.check().map_err(|(name, reason)| ConfigError::new(name, reason))
    }

    fn check(self) -> Result<Self, (&'static str, String)> {
        let shown = humantime::format_duration;
        for (name, time) in [(SESSION_IDLE, self.idle), (SESSION_MAX, self.max)] {
            if !(SHORTEST..=LONGEST).contains(&time) {
                return Err((name, format!("{} is not 1s to 30days", shown(time))));
            }
        }
        if self.idle > self.max {
            let reason =
                format!("{} is longer than a session lasts at most, {}", shown(self.idle), shown(self.max));
            return Err((SESSION_IDLE, reason));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SessionLimits, String> {
        let table = toml::from_str(text).map_err(|error| error.to_string())?;
        SessionLimits::of_file("t.toml", table).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_times_and_says_what_does_not_go_together() {
        let day = Duration::from_secs(86_400);
        assert_eq!(parse("").unwrap(), SessionLimits::default());
        assert_eq!(parse("max = \"1day\"").unwrap(), SessionLimits { idle: DEFAULT_IDLE, max: day });
        for (text, named) in [
            ("idle = \"0s\"", "session.idle 0s is not"),
            ("max = \"90days\"", "session.max 2months"),
            ("max = \"10m\"", "session.idle 30m is longer"),
            ("most = \"1h\"", "most"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
