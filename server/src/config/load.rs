//! Limits on what clients may take up: answers that are not sent yet, connections, exports.

use std::str::FromStr;

use super::{ConfigError, variable};

/// Name of the setting for [`LoadLimits::unsent`].
pub const MAX_UNSENT: &str = "TIDEMARK_MAX_UNSENT_MIB";
/// Name of the setting for [`LoadLimits::unsent_per_client`].
pub const MAX_UNSENT_PER_CLIENT: &str = "TIDEMARK_MAX_UNSENT_MIB_PER_CLIENT";
/// Name of the setting for [`LoadLimits::connections_per_client`].
pub const MAX_CONNECTIONS_PER_CLIENT: &str = "TIDEMARK_MAX_CONNECTIONS_PER_CLIENT";
/// Name of the setting for [`LoadLimits::min_body_rate`].
pub const MIN_BODY_RATE: &str = "TIDEMARK_MIN_BODY_KIB_PER_SECOND";
/// Name of the setting for [`LoadLimits::exports_per_client`].
pub const MAX_EXPORTS_PER_CLIENT: &str = "TIDEMARK_MAX_EXPORTS_PER_CLIENT";

/// What clients may take up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadLimits {
    /// Bytes of answers that are not sent yet, of all clients.
    pub unsent: usize,
    /// Bytes of answers that are not sent yet, of one client. A single larger answer is allowed.
    pub unsent_per_client: usize,
    /// Connections of one client. Through a trusted proxy, its calls at once.
    pub connections_per_client: usize,
    /// Slowest rate at which a client may take an answer, bytes a second; 0 is any.
    pub min_body_rate: u64,
    /// Exports at once of one client.
    pub exports_per_client: usize,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            unsent: 64 << 20,
            unsent_per_client: 8 << 20,
            connections_per_client: 64,
            min_body_rate: 8 << 10,
            exports_per_client: 2,
        }
    }
}

impl LoadLimits {
    /// The settings; without them the defaults.
    ///
    /// # Errors
    /// The first that cannot be used, by name.
    pub fn from_env() -> Result<Self, ConfigError> {
        let default = Self::default();
        let mib = |name, most| Ok(number::<usize>(name, 1, most)?.map(|mib| mib << 20));
        let kib = number::<u64>(MIN_BODY_RATE, 0, 1_024)?.map(|kib| kib << 10);
        Ok(Self {
            unsent: mib(MAX_UNSENT, 65_536)?.unwrap_or(default.unsent),
            unsent_per_client: mib(MAX_UNSENT_PER_CLIENT, 65_536)?.unwrap_or(default.unsent_per_client),
            connections_per_client: number(MAX_CONNECTIONS_PER_CLIENT, 1, 1_000_000)?
                .unwrap_or(default.connections_per_client),
            min_body_rate: kib.unwrap_or(default.min_body_rate),
            exports_per_client: number(MAX_EXPORTS_PER_CLIENT, 1, 4)?.unwrap_or(default.exports_per_client),
        })
    }
}

/// A number from `least` to `most`.
fn number<T: FromStr + PartialOrd + std::fmt::Display>(
    name: &str,
    least: T,
    most: T,
) -> Result<Option<T>, ConfigError> {
    let Some(text) = variable(name)? else { return Ok(None) };
    match text.parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(Some(number)),
        _ => {
            let shown: String = text.chars().take(40).collect();
            Err(ConfigError::new(name, format!("{shown:?} is not a number from {least} to {most}")))
        }
    }
}
