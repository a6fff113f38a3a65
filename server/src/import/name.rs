//! What a file's name says.

use std::path::Path;

use model::{Interval, Symbol};

use super::{ImportError, Options};

/// Symbol and interval: as given, otherwise from a name like `BTC-USD-30m.csv.gz`. Prices are in USD everywhere, so a
/// name with another quote currency is refused unless the symbol is given.
pub(super) fn symbol_and_interval(path: &Path, options: &Options) -> Result<(Symbol, Interval), ImportError> {
    if let (Some(symbol), Some(interval)) = (&options.symbol, options.interval) {
        return Ok((symbol.clone(), interval));
    }
    let unreadable = |flag: &str| {
        ImportError::Name(format!(
            "the name does not tell {}; expected SYMBOL-USD-INTERVAL.csv, as BTC-USD-30m.csv.gz, or give {flag}",
            flag.trim_start_matches("--")
        ))
    };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parts: Vec<_> = name.split('.').next().unwrap_or_default().split('-').collect();
    let named = <[&str; 3]>::try_from(parts).ok();
    let symbol = match (&options.symbol, named) {
        (Some(symbol), _) => symbol.clone(),
        (None, Some([symbol, quote, _])) => {
            if !quote.eq_ignore_ascii_case("USD") {
                return Err(ImportError::Name(format!(
                    "by its name the prices are in {quote}, not USD; give --symbol to import them as USD"
                )));
            }
            symbol.parse().map_err(|_| unreadable("--symbol"))?
        }
        (None, None) => return Err(unreadable("--symbol")),
    };
    let interval = match (options.interval, named) {
        (Some(interval), _) => interval,
        (None, Some([_, _, interval])) => interval.parse().map_err(|_| unreadable("--interval"))?,
        (None, None) => return Err(unreadable("--interval")),
    };
    Ok((symbol, interval))
}

#[cfg(test)]
mod tests {
    use model::Source;

    use super::*;

    fn read(
        name: &str,
        symbol: Option<&str>,
        interval: Option<Interval>,
    ) -> Result<(String, Interval), String> {
        let symbol = symbol.map(|text| text.parse().unwrap());
        let options = Options { symbol, interval, source: Source::RECORDED, strict: false };
        symbol_and_interval(Path::new(name), &options)
            .map(|(symbol, interval)| (symbol.to_string(), interval))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn reads_names_of_the_sample() {
        assert_eq!(read("a/BTC-USD-30m.csv.gz", None, None), Ok(("BTC".into(), Interval::M30)));
        assert_eq!(read("eth-usd-1d.csv", None, None), Ok(("ETH".into(), Interval::D1)));
    }

    #[test]
    fn flags_come_first() {
        assert_eq!(read("x.csv", Some("LTC"), Some(Interval::H1)), Ok(("LTC".into(), Interval::H1)));
        assert_eq!(read("BTC-USD-30m.csv", Some("LTC"), None), Ok(("LTC".into(), Interval::M30)));
        assert_eq!(read("BTC-EUR-30m.csv", Some("LTC"), None), Ok(("LTC".into(), Interval::M30)));
    }

    #[test]
    fn says_what_is_missing() {
        assert!(read("prices.csv", None, None).unwrap_err().contains("--symbol"));
        assert!(read("prices.csv", Some("BTC"), None).unwrap_err().contains("--interval"));
        assert!(read("BTC-USD-2h.csv", None, None).unwrap_err().contains("--interval"));
        assert!(read("BTC-EUR-1h.csv", None, None).unwrap_err().contains("EUR"));
    }
}
