//! Where prices come from: `TIDEMARK_FEED` and the settings of the simulation.

use super::{ConfigError, variable};
use crate::feed::simulated::{DEFAULT_COINS, MOST_COINS};

const SYMBOLS: &str = "TIDEMARK_SIMULATED_SYMBOLS";
const TICKS: &str = "TIDEMARK_SIMULATED_TICKS";
/// Most bars a second of the simulation.
const MOST_TICKS: u32 = 20_000;

/// Where prices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// What is stored, and nothing new.
    None,
    /// Recorded prices, played again.
    Replay,
    /// Made-up prices, marked as such.
    Simulated,
}

/// The feed and what goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedSettings {
    /// `TIDEMARK_FEED`, with `auto` resolved.
    pub feed: Feed,
    /// `TIDEMARK_SIMULATED_SYMBOLS`: coins of the simulation.
    pub simulated_symbols: usize,
    /// `TIDEMARK_SIMULATED_TICKS`: bars a second that the simulation feeds, of all coins together; one a coin without it.
    pub simulated_ticks: Option<u32>,
}

impl FeedSettings {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first that cannot be used, by name.
    pub fn from_env(has_database: bool) -> Result<Self, ConfigError> {
        let feed = feed(variable("TIDEMARK_FEED")?.as_deref(), has_database)?;
        let symbols =
            variable(SYMBOLS)?.map(|text| number(SYMBOLS, &text, DEFAULT_COINS as u32, MOST_COINS as u32));
        let ticks = variable(TICKS)?.map(|text| number(TICKS, &text, 1, MOST_TICKS));
        Ok(Self {
            feed,
            simulated_symbols: symbols.transpose()?.map_or(DEFAULT_COINS, |n| n as usize),
            simulated_ticks: ticks.transpose()?,
        })
    }
}

fn number(name: &str, text: &str, least: u32, most: u32) -> Result<u32, ConfigError> {
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(ConfigError::new(name, format!("{text:?} is not a number from {least} to {most}"))),
    }
}

/// Resolves `TIDEMARK_FEED`.
fn feed(name: Option<&str>, has_database: bool) -> Result<Feed, ConfigError> {
    let wrong = |reason: String| Err(ConfigError::new("TIDEMARK_FEED", reason));
    match name.unwrap_or("auto") {
        "auto" if has_database => Ok(Feed::Replay),
        "auto" | "simulated" => Ok(Feed::Simulated),
        "replay" if has_database => Ok(Feed::Replay),
        "replay" => wrong("replay plays recorded candles: it needs DATABASE_URL".to_owned()),
        "none" => Ok(Feed::None),
        "binance" => {
            wrong("binance is not part of this version; use auto, replay, simulated or none".to_owned())
        }
        other => wrong(format!("{other:?} is none of auto, replay, simulated, none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_follows_the_database() {
        assert_eq!(feed(None, true).unwrap(), Feed::Replay);
        assert_eq!(feed(None, false).unwrap(), Feed::Simulated);
        assert_eq!(feed(Some("none"), false).unwrap(), Feed::None);
        assert_eq!(feed(Some("simulated"), true).unwrap(), Feed::Simulated);
        for (bad, has_database) in
            [("bloomberg", true), ("binance", true), ("replay", false), ("Replay", true)]
        {
            let text = feed(Some(bad), has_database).unwrap_err().to_string();
            assert!(text.starts_with("TIDEMARK_FEED: "), "{text}");
        }
    }

    #[test]
    fn numbers_have_bounds_that_the_error_names() {
        assert_eq!(number(TICKS, "1000", 1, 20_000).unwrap(), 1_000);
        for bad in ["0", "20001", "-1", "many", "1e3"] {
            let text = number(TICKS, bad, 1, 20_000).unwrap_err().to_string();
            assert!(text.starts_with(TICKS) && text.contains("from 1 to 20000"), "{text}");
        }
    }
}
