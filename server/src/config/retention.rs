//! `[retention]` of `tidemark.toml`: how long candles are kept, by interval.

use std::{collections::BTreeMap, time::Duration};

use model::Interval;

use super::ConfigError;

/// Less is no history, and the day that runs must stay whole.
const LEAST: Duration = Duration::from_secs(2 * 86_400);

/// How long the candles of an interval are kept; those of others for ever. Empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention(BTreeMap<Interval, Duration>);

impl Retention {
    /// Checks what the file says. `file` is named by errors.
    ///
    /// # Errors
    /// An unknown interval, too short a time, or roll-ups that would go before what they are rolled up from.
    pub(super) fn new(
        file: &str,
        table: BTreeMap<String, humantime_serde::Serde<Duration>>,
    ) -> Result<Self, ConfigError> {
        let bad =
            |key: &str, reason: String| Err(ConfigError::new(file, format!("retention.{key} {reason}")));
        let mut kept = BTreeMap::new();
        for (key, time) in table {
            let Ok(interval) = key.parse::<Interval>() else {
                return bad(&key, "is none of 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w".to_owned());
            };
            let time = time.into_inner();
            if time < LEAST {
                return bad(
                    &key,
                    format!("is {}, less than 2 days", humantime_serde::re::humantime::format_duration(time)),
                );
            }
            kept.insert(interval, time);
        }
        for (interval, time) in &kept {
            let finer = Interval::ALL.into_iter().filter(|finer| finer < interval);
            for finer in finer {
                let is_rolled_up = matches!(interval, Interval::H1 | Interval::D1);
                match kept.get(&finer) {
                    Some(longer) if longer > time => {
                        return bad(interval.as_str(), format!("is shorter than that of {finer}"));
                    }
                    None if is_rolled_up => {
                        let reason =
                            format!("needs one of {finer} that is no longer: coarser bars are read from it");
                        return bad(interval.as_str(), reason);
                    }
                    _ => {}
                }
            }
        }
        Ok(Self(kept))
    }

    /// How long each interval is kept, finest first.
    pub fn iter(&self) -> impl Iterator<Item = (Interval, Duration)> {
        self.0.iter().map(|(interval, time)| (*interval, *time))
    }

    /// Whether all is kept for ever.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Retention, String> {
        let table = toml::from_str(text).map_err(|error| error.to_string())?;
        Retention::new("t.toml", table).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_times_by_interval() {
        let kept = parse("30m = \"400 days\"\n1m = \"90d\"").unwrap();
        let day = |n: u64| Duration::from_secs(n * 86_400);
        assert_eq!(kept.iter().collect::<Vec<_>>(), [(Interval::M1, day(90)), (Interval::M30, day(400))]);
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn says_what_does_not_go_together() {
        for (text, expected) in [
            ("2m = \"90d\"", "t.toml: retention.2m is none of"),
            ("1m = \"1h\"", "t.toml: retention.1m is 1h, less than 2 days"),
            ("1m = \"90d\"\n5m = \"30d\"", "t.toml: retention.5m is shorter than that of 1m"),
            ("1h = \"90d\"", "t.toml: retention.1h needs one of 1m"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
