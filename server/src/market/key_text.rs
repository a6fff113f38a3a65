//! Keys read back from their text, for the hot keys that are remembered in Redis.

use std::str::FromStr;

use model::{Source, Symbol, UnixMs};

use super::keys::{ChartKey, DirectoryKey, PricesKey, RANGE_LIMITS, SparklinesKey};

/// The text is no key: of another release, perhaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey;

impl FromStr for DirectoryKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        if text == Self.to_string() { Ok(Self) } else { Err(NoKey) }
    }
}

impl FromStr for PricesKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        if text.is_empty() { Err(NoKey) } else { Ok(Self(Source::new(text.to_owned()))) }
    }
}

impl FromStr for SparklinesKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        if text.is_empty() { Err(NoKey) } else { Ok(Self(Source::new(text.to_owned()))) }
    }
}

impl FromStr for ChartKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        // A source may hold anything but is not expected to hold a slash: such a key is not read back.
        let parts: Vec<&str> = text.split('/').collect();
        let [symbol, source, finest, interval, from, to, limit] = parts[..] else { return Err(NoKey) };
        let end = |text: &str| match text {
            "-" => Ok(None),
            time => time.parse::<UnixMs>().map(Some).map_err(|_| NoKey),
        };
        let limit: u32 = limit.parse().map_err(|_| NoKey)?;
        // Of an earlier release, which kept ranges of any limit: no query asks for it.
        if !RANGE_LIMITS.contains(&limit) {
            return Err(NoKey);
        }
        let key = Self {
            symbol: symbol.parse::<Symbol>().map_err(|_| NoKey)?,
            source: Source::new(source.to_owned()),
            finest: finest.parse().map_err(|_| NoKey)?,
            interval: interval.parse().map_err(|_| NoKey)?,
            from: end(from)?,
            to: end(to)?,
            limit,
        };
        // Two texts of one key would be loaded twice.
        if key.to_string() == text { Ok(key) } else { Err(NoKey) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_back_from_its_text() {
        for text in ["BTC/recorded/30m/1h/-/-/500", "XRP/my-own_1/1m/1w/-5/1554075000000/5000"] {
            assert_eq!(text.parse::<ChartKey>().unwrap().to_string(), text);
        }
        assert_eq!("recorded".parse::<PricesKey>().unwrap().to_string(), "recorded");
        assert_eq!("recorded".parse::<SparklinesKey>().unwrap().to_string(), "recorded");
        assert!("all".parse::<DirectoryKey>().is_ok());
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in [
            "",
            "BTC",
            "btc/recorded/30m/1h/-/-/500",
            "BTC/recorded/30m/2h/-/-/500",
            "BTC/recorded/30m/1h/-/x/500",
            "BTC/recorded/30m/1h/-/-/30",
            "BTC/recorded/30m/1h/-/-/5001",
            "BTC/recorded/30m/1h/-/-/+500",
            "BTC/recorded/30m/1h/-/-/500/",
        ] {
            assert!(text.parse::<ChartKey>().is_err(), "{text}");
        }
        assert!("some".parse::<DirectoryKey>().is_err());
        assert!("".parse::<PricesKey>().is_err());
        assert!("".parse::<SparklinesKey>().is_err());
    }
}
