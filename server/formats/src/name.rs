//! What a file's name says.

use crate::{length::BarLength, pair::Pair};

/// Ends of names that say how a file is packed or written.
const EXTENSIONS: [&str; 9] = [".csv", ".txt", ".gz", ".gzip", ".zip", ".json", ".ndjson", ".jsonl", ".dat"];

/// What a name says; nothing of it is sure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Lower case, and fit to be the name of a source.
    pub exchange: Option<String>,
    pub pair: Option<Pair>,
    pub length: Option<BarLength>,
    /// As Kraken names the files of its download: `SOLUSD_60.csv`.
    pub is_kraken: bool,
}

/// Reads a name, without its folder: `BTC-USD-30m.csv.gz`, `BTCUSDT-1h-2024-01.zip`, `Coinbase_BTCUSD_d.csv`,
/// `gemini_BTCUSD_2019_1min.csv`, `BTC_USDT-1h.csv`, `BINANCE_BTCUSDT, 60.csv`, `SOLUSD_60.csv`, `LTC-USD.csv`.
pub(crate) fn read(name: &str) -> Named {
    let stem = stem(name);
    if let Some((left, right)) = stem.split_once(", ") {
        return trading_view(left, right);
    }
    let dashed: Vec<_> = stem.split('-').collect();
    match dashed.as_slice() {
        [pair, length, rest @ ..] if BarLength::from_word(length).is_some() && is_rest(rest) => {
            // With a mark, only a currency makes it a pair: BTCUSDT_240329 and BTCUSD_PERP are other things.
            let is_pair =
                |pair: &Pair| matches!(pair, Pair::Joined(_)) || (pair.has_currency() && pair.is_likely());
            let pair = Pair::read(pair).filter(is_pair);
            return Named { pair, length: BarLength::from_word(length), ..Named::default() };
        }
        // BTCUSD-5-min, and data-5-min.
        [pair, count, unit] if minutes(count, unit).is_some() => {
            let pair = Pair::read(pair).filter(|pair| pair.has_currency() && pair.is_likely());
            return found(None, pair.filter(Pair::may_be_known), minutes(count, unit));
        }
        [base, quote, length, rest @ ..] if is_rest(rest) => {
            let is_pair = |pair: &Pair| matches!(pair, Pair::Split(..)) && pair.is_likely();
            let pair = Pair::read(&format!("{base}/{quote}")).filter(is_pair);
            if rest.is_empty() || pair.as_ref().is_some_and(Pair::has_currency) {
                return found(None, pair, BarLength::from_word(length));
            }
        }
        // As Yahoo names its files.
        [base, quote] => {
            let pair = split(base, quote);
            if pair.is_some() {
                return found(None, pair, None);
            }
        }
        _ => {}
    }
    underscored(&stem)
}

/// Two words of a name that are a coin and a currency, and not just an exchange or another word before a coin.
fn split(base: &str, quote: &str) -> Option<Pair> {
    Pair::read(&format!("{base}/{quote}")).filter(|pair| pair.has_currency() && pair.is_likely())
}

/// `5-min`: a length in two parts.
fn minutes(count: &str, unit: &str) -> Option<BarLength> {
    let is_number = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    BarLength::from_word(&format!("{count}{unit}")).filter(|_| is_number)
}

fn underscored(stem: &str) -> Named {
    let parts: Vec<_> = stem.split('_').collect();
    let joined = |text: &str| Pair::read(text).filter(|pair| pair.has_currency() && pair.is_likely());
    let length = |word: &str| BarLength::from_word(word).or_else(|| BarLength::from_minutes(word));
    match parts.as_slice() {
        [pair] => found(None, joined(pair).filter(Pair::may_be_known), None),
        [base, quote] if split(base, quote).is_some() => found(None, split(base, quote), None),
        [pair, word] if joined(pair).is_some() && length(word).is_some() => {
            let is_kraken = BarLength::from_minutes(word).is_some();
            Named { pair: joined(pair), length: length(word), is_kraken, exchange: None }
        }
        [base, quote, word] if split(base, quote).is_some() && length(word).is_some() => {
            found(None, split(base, quote), length(word))
        }
        [pair, count, unit] if minutes(count, unit).is_some() => {
            found(None, joined(pair).filter(Pair::may_be_known), minutes(count, unit))
        }
        [exchange, base, quote, word] if split(base, quote).is_some() && length(word).is_some() => {
            found(source_name(exchange), split(base, quote), length(word))
        }
        [exchange, pair, .., word] => {
            let length = BarLength::from_word(word)
                .or_else(|| BarLength::from_minutes(word).filter(|_| joined(pair).is_some()));
            found(source_name(exchange), joined(pair), length)
        }
        _ => Named::default(),
    }
}

/// The name without what says how the file is written, and without the marks of a second copy.
fn stem(name: &str) -> String {
    let mut stem = name;
    while let Some(shorter) = EXTENSIONS.into_iter().find_map(|end| {
        let cut = stem.len().checked_sub(end.len())?;
        let (shorter, found) = stem.split_at_checked(cut)?;
        found.eq_ignore_ascii_case(end).then_some(shorter)
    }) {
        stem = shorter;
    }
    for copy in [" (", " - Copy"] {
        stem = stem.split(copy).next().unwrap_or_default();
    }
    // TradingView marks perpetual futures with it: `BINANCE_BTCUSDT.P, 60.csv`.
    let stem = stem.trim().replace(".P,", ",").replace(".P_", "_");
    stem.split('.').next().unwrap_or_default().to_owned()
}

/// `BINANCE_BTCUSDT, 60`, also with an identifier behind it: `BINANCE_BTCUSDT, 1D_5f3c1`.
fn trading_view(left: &str, right: &str) -> Named {
    let word = right.split(['_', ' ']).next().unwrap_or_default();
    let length = BarLength::from_word(word).or_else(|| BarLength::from_minutes(word));
    match left.split_once('_') {
        Some((exchange, pair)) => found(source_name(exchange), Pair::read(pair), length),
        None => found(None, Pair::read(left), length),
    }
}

/// Whether these parts behind a length are a date, or the market of freqtrade.
fn is_rest(parts: &[&str]) -> bool {
    let is_date = parts.len() <= 3 && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    is_date || matches!(parts, ["futures" | "spot"])
}

/// Words that happen to stand where a pair and a length would are neither: `my-old-prices.csv`.
fn found(exchange: Option<String>, pair: Option<Pair>, length: Option<BarLength>) -> Named {
    if length.is_none() && !pair.as_ref().is_some_and(Pair::has_currency) {
        return Named::default();
    }
    Named { exchange, pair, length, is_kraken: false }
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
        let Named { exchange, pair, length, .. } = read(name);
        (exchange, pair.map(|pair| pair.to_string()), length.map(BarLength::as_str))
    }

    #[test]
    fn reads_names_of_all_layouts() {
        let cases = [
            ("BTC-USD-30m.csv.gz", None, "BTC/USD", "30m"),
            ("eth-usd-1d.csv", None, "ETH/USD", "1d"),
            ("BTC-USD-1h.CSV", None, "BTC/USD", "1h"),
            ("BTC-EUR-1h.csv", None, "BTC/EUR", "1h"),
            ("BTC-USD-2h.csv", None, "BTC/USD", "2h"),
            ("BTC-USDT-1h-2024-01.zip", None, "BTC/USDT", "1h"),
            ("BTCUSDT-1h-2024-01.zip", None, "BTCUSDT", "1h"),
            ("BTCUSDT-1m-2024-01-15.csv", None, "BTCUSDT", "1m"),
            ("BTCUSDT-1M-2024-01.csv", None, "BTCUSDT", "1mo"),
            ("BTCUSDT-1mo-2024-01.zip", None, "BTCUSDT", "1mo"),
            ("BTCUSDT-3d.csv", None, "BTCUSDT", "3d"),
            ("BTC_USDT-1h.csv", None, "BTC/USDT", "1h"),
            ("BTC_USDT-1h-spot.csv", None, "BTC/USDT", "1h"),
            ("BTC_USDT_USDT-1h-futures.csv.gz", None, "BTC/USDT", "1h"),
            ("BTC_USDT_1h.csv", None, "BTC/USDT", "1h"),
            ("Coinbase_BTCUSD_d.csv", Some("coinbase"), "BTCUSD", "1d"),
            ("Coinbase_BTCUSD_d (1).csv", Some("coinbase"), "BTCUSD", "1d"),
            ("Coinbase_BTCUSD_d - Copy.csv", Some("coinbase"), "BTCUSD", "1d"),
            ("Binance_ETHUSDT_1h.csv", Some("binance"), "ETHUSDT", "1h"),
            ("gemini_BTCUSD_2019_1min.csv", Some("gemini"), "BTCUSD", "1m"),
            ("Bitstamp_BTCUSD_minute.csv", Some("bitstamp"), "BTCUSD", "1m"),
            ("Bitstamp_BTCUSD_day.csv", Some("bitstamp"), "BTCUSD", "1d"),
            ("Bitstamp_BTCUSD_hour.csv", Some("bitstamp"), "BTCUSD", "1h"),
            ("Kraken_BTCUSD_4hr.csv", Some("kraken"), "BTCUSD", "4h"),
            ("Kraken_BTCUSD_daily.csv", Some("kraken"), "BTCUSD", "1d"),
            ("Kraken_BTC-USD_hourly.csv", Some("kraken"), "BTC/USD", "1h"),
            ("Kraken_BTC-USD_1d.csv", Some("kraken"), "BTC/USD", "1d"),
            ("Kraken_BTC_USD_1d.csv", Some("kraken"), "BTC/USD", "1d"),
            ("BINANCE_BTCUSDT, 60.csv", Some("binance"), "BTCUSDT", "1h"),
            ("BINANCE_BTCUSDT, 1D.csv", Some("binance"), "BTCUSDT", "1d"),
            ("BINANCE_BTCUSDT, 240_5f3c1.csv", Some("binance"), "BTCUSDT", "4h"),
            ("BINANCE_BTCUSDT.P, 60.csv", Some("binance"), "BTCUSDT", "1h"),
            ("COINBASE_ETHUSD, 1W.csv", Some("coinbase"), "ETHUSD", "1w"),
            ("COINBASE_ETHUSD_60.csv", Some("coinbase"), "ETHUSD", "1h"),
            ("SOLUSD_60.csv", None, "SOLUSD", "1h"),
            ("XBTUSD_1440.csv", None, "XBTUSD", "1d"),
        ];
        for (name, exchange, pair, length) in cases {
            let expected = (exchange.map(str::to_owned), Some(pair.to_owned()), Some(length));
            assert_eq!(told(name), expected, "{name}");
        }
        assert!(read("SOLUSD_60.csv").is_kraken && !read("SOLUSD_1h.csv").is_kraken);
    }

    #[test]
    fn tells_only_what_is_there() {
        for name in [
            "prices.csv",
            "",
            "---",
            "my-old-prices.csv",
            "my_old_prices.csv",
            "bitstampUSD_1-min_data_2012-01-01_to_2021-03-31.csv",
            "swap.csv",
            "mydai.csv",
            "BTC.csv",
            ", ",
            "é.csv",
            "kraken_eth.csv",
            "prices-btc.csv",
            "prices_btc.csv",
            "data_btc.csv",
        ] {
            assert_eq!(told(name), (None, None, None), "{name}");
        }
        // An exchange or another word before a coin is no pair.
        for (name, exchange, length) in [
            ("Binance_ETH_1h.csv", Some("binance"), "1h"),
            ("coinbase-sol-1d.csv", None, "1d"),
            ("coinbase-doge-1d.csv", None, "1d"),
            ("my-btc-1h.csv", None, "1h"),
            ("kraken_eth-1h.csv", None, "1h"),
            ("Kraken_my-btc_1h.csv", Some("kraken"), "1h"),
            ("data-1-min.csv", None, "1m"),
            ("data-5-min.csv", None, "5m"),
            ("data_5_min.csv", None, "5m"),
        ] {
            assert_eq!(told(name), (exchange.map(str::to_owned), None, Some(length)), "{name}");
        }
        for (name, pair, length) in [
            ("ETH_BTC.csv", "ETH/BTC", None),
            ("ada-eth.csv", "ADA/ETH", None),
            ("ETH-BTC-1h.csv", "ETH/BTC", Some("1h")),
            ("XBT_ETH_1d.csv", "XBT/ETH", Some("1d")),
            ("BTCUSD-5-min.csv", "BTCUSD", Some("5m")),
        ] {
            assert_eq!(told(name), (None, Some(pair.into()), length), "{name}");
        }
        assert_eq!(told("Kraken_BTCEUR_x.csv"), (Some("kraken".into()), Some("BTCEUR".into()), None));
        assert_eq!(told("BTC-USD-x.csv"), (None, Some("BTC/USD".into()), None));
        assert_eq!(told("LTC-USD.csv"), (None, Some("LTC/USD".into()), None));
        assert_eq!(told("BTC_USDT.csv"), (None, Some("BTC/USDT".into()), None));
        assert_eq!(told("BTCUSDT.csv"), (None, Some("BTCUSDT".into()), None));
        assert_eq!(told("Coinbase_BTCUSD_later.csv"), (Some("coinbase".into()), Some("BTCUSD".into()), None));
        assert_eq!(told("BTCUSD_PERP-1h-2024-01.zip"), (None, None, Some("1h")));
        assert_eq!(told("BTC_USDT_USDT-1h-mark.csv").1, None);
        assert_eq!(told("BTC_USDT_USDT-8h-funding_rate.csv").1, None);
    }
}
