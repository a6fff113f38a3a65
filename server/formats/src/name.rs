//! What a file's name says.

use crate::{length::BarLength, pair::Pair};

/// What a name tells; nothing of it is sure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Lower case, and fit to be the name of a source.
    pub exchange: Option<String>,
    pub pair: Option<Pair>,
    pub length: Option<BarLength>,
}

/// Reads a name, without its folder: `BTC-USD-30m.csv.gz`, `BTCUSDT-1h-2024-01.zip`, `Coinbase_BTCUSD_d.csv`,
/// `gemini_BTCUSD_2019_1min.csv`.
pub(crate) fn read(name: &str) -> Named {
    let stem = name.split('.').next().unwrap_or_default();
    // A browser's second copy: `Coinbase_BTCUSD_d (1).csv`.
    let stem = stem.split(" (").next().unwrap_or_default().trim();
    let dashed: Vec<_> = stem.split('-').collect();
    match dashed.as_slice() {
        [pair, length, date @ ..] if BarLength::from_word(length).is_some() && date.len() <= 3 => {
            let all_digits = date.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
            if all_digits {
                let pair = Pair::read(pair).filter(|pair| matches!(pair, Pair::Joined(_)));
                // Only Binance names its files so.
                return Named {
                    exchange: Some("binance".to_owned()),
                    pair,
                    length: BarLength::from_word(length),
                };
            }
        }
        [base, quote, length] => {
            let pair = Pair::read(&format!("{base}/{quote}")).filter(|pair| matches!(pair, Pair::Split(..)));
            return told(None, pair, length);
        }
        _ => {}
    }
    let parts: Vec<_> = stem.split('_').collect();
    let [exchange, pair, .., length] = parts.as_slice() else { return Named::default() };
    told(source_name(exchange), Pair::read(pair), length)
}

/// Words that happen to stand where a pair and a length would are neither: `my-old-prices.csv`.
fn told(exchange: Option<String>, pair: Option<Pair>, length: &str) -> Named {
    let length = BarLength::from_word(length);
    if length.is_none() && !pair.as_ref().is_some_and(Pair::has_currency) {
        return Named::default();
    }
    Named { exchange, pair, length }
}

fn source_name(exchange: &str) -> Option<String> {
    let fits = (1..=32).contains(&exchange.len())
        && exchange.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    fits.then(|| exchange.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str) -> (Option<String>, Option<String>, Option<&'static str>) {
        let Named { exchange, pair, length } = read(name);
        (exchange, pair.map(|pair| pair.to_string()), length.map(BarLength::as_str))
    }

    #[test]
    fn reads_names_of_all_layouts() {
        let cases = [
            ("BTC-USD-30m.csv.gz", None, "BTC/USD", "30m"),
            ("eth-usd-1d.csv", None, "ETH/USD", "1d"),
            ("BTC-EUR-1h.csv", None, "BTC/EUR", "1h"),
            ("BTC-USD-2h.csv", None, "BTC/USD", "2h"),
            ("BTCUSDT-1h-2024-01.zip", Some("binance"), "BTCUSDT", "1h"),
            ("BTCUSDT-1m-2024-01-15.csv", Some("binance"), "BTCUSDT", "1m"),
            ("BTCUSDT-1M-2024-01.csv", Some("binance"), "BTCUSDT", "1mo"),
            ("BTCUSDT-1mo-2024-01.zip", Some("binance"), "BTCUSDT", "1mo"),
            ("BTCUSDT-3d.csv", Some("binance"), "BTCUSDT", "3d"),
            ("Coinbase_BTCUSD_d.csv", Some("coinbase"), "BTCUSD", "1d"),
            ("Coinbase_BTCUSD_d (1).csv", Some("coinbase"), "BTCUSD", "1d"),
            ("Binance_ETHUSDT_1h.csv", Some("binance"), "ETHUSDT", "1h"),
            ("gemini_BTCUSD_2019_1min.csv", Some("gemini"), "BTCUSD", "1m"),
            ("Bitstamp_BTCUSD_minute.csv", Some("bitstamp"), "BTCUSD", "1m"),
            ("Bitstamp_BTCUSD_day.csv", Some("bitstamp"), "BTCUSD", "1d"),
            ("Bitstamp_BTCUSD_hour.csv", Some("bitstamp"), "BTCUSD", "1h"),
            ("Kraken_BTCUSD_4hr.csv", Some("kraken"), "BTCUSD", "4h"),
            ("Kraken_BTCUSD_daily.csv", Some("kraken"), "BTCUSD", "1d"),
            ("Kraken_BTC-USD_hourly.csv", Some("kraken"), "BTC/USD", "1h"),
            ("Kraken_BTC-USD_1d.csv", Some("kraken"), "BTC/USD", "1d"),
        ];
        for (name, exchange, pair, length) in cases {
            let expected = (exchange.map(str::to_owned), Some(pair.to_owned()), Some(length));
            assert_eq!(told(name), expected, "{name}");
        }
    }

    #[test]
    fn tells_only_what_is_there() {
        assert_eq!(told("prices.csv"), (None, None, None));
        assert_eq!(told(""), (None, None, None));
        assert_eq!(told("---"), (None, None, None));
        assert_eq!(told("my-old-prices.csv"), (None, None, None));
        assert_eq!(told("my_old_prices.csv"), (None, None, None));
        assert_eq!(told("Kraken_BTCEUR_x.csv"), (Some("kraken".into()), Some("BTCEUR".into()), None));
        assert_eq!(told("BTC-USD-x.csv"), (None, Some("BTC/USD".into()), None));
        assert_eq!(told("Coinbase_BTCUSD_later.csv"), (Some("coinbase".into()), Some("BTCUSD".into()), None));
        assert_eq!(told("BTCUSD_PERP-1h-2024-01.zip"), (Some("binance".into()), None, Some("1h")));
    }
}
