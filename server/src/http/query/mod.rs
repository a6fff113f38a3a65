//! Query parameters of the JSON API, each answered by name when it is off.

mod params;

use model::{ChartQuery, DEFAULT_LIMIT, MarketError, Symbol};

pub use self::params::Params;
use self::params::SHOWN;
use super::export::Format;
use crate::market::{BATCH_DEFAULT_LIMIT, BatchQuery, ChangesQuery, ExportQuery, IncompleteCandles};

/// The parameters of `latest_prices`: `symbols=BTC,ETH`; none means all.
pub fn symbols(raw: Option<&str>) -> Result<Vec<Symbol>, MarketError> {
    Params::parse(raw, &["symbols"])?.symbols()
}

/// The parameters of `price_changes`: `symbols=BTC,ETH&since=7`.
pub fn changes(raw: Option<&str>) -> Result<ChangesQuery, MarketError> {
    let params = Params::parse(raw, &["symbols", "since"])?;
    params.required("symbols", "up to 200 symbols such as BTC,ETH")?;
    ChangesQuery { symbols: params.symbols()?, since: params.version("since")? }.checked()
}

/// The parameters of `chart_data`.
pub fn chart(raw: Option<&str>) -> Result<ChartQuery, MarketError> {
    const NAMES: &[&str] = &["symbol", "interval", "from", "to", "limit", "source", "indicators"];
    let params = Params::parse(raw, NAMES)?;
    if params.get("indicators").is_some() {
        return Err(MarketError::bad("indicators", "none is offered by this version"));
    }
    let query = ChartQuery {
        symbol: params.symbol()?,
        interval: params.interval()?,
        from: params.time("from")?,
        to: params.time("to")?,
        limit: params.limit(DEFAULT_LIMIT)?,
        source: params.source()?,
    };
    query.validate()?;
    Ok(query)
}

/// The parameters of `charts`.
pub fn batch(raw: Option<&str>) -> Result<BatchQuery, MarketError> {
    const NAMES: &[&str] = &["symbols", "interval", "from", "to", "limit", "source"];
    let params = Params::parse(raw, NAMES)?;
    params.required("symbols", "up to 100 symbols such as BTC,ETH")?;
    let query = BatchQuery {
        symbols: params.symbols()?,
        interval: params.interval()?,
        from: params.time("from")?,
        to: params.time("to")?,
        limit: params.limit(BATCH_DEFAULT_LIMIT)?,
        source: params.source()?,
    };
    query.checked()
}

/// The parameters of `export`.
pub fn export(raw: Option<&str>) -> Result<(ExportQuery, Format, IncompleteCandles), MarketError> {
    const NAMES: &[&str] = &["symbol", "interval", "from", "to", "source", "format", "partial"];
    let params = Params::parse(raw, NAMES)?;
    let query = ExportQuery {
        symbol: params.symbol()?,
        interval: params.interval()?,
        from: params.time("from")?,
        to: params.time("to")?,
        source: params.source()?,
    };
    // The same bounds of times; the limit is none of this call.
    let ExportQuery { symbol, interval, from, to, .. } = query.clone();
    ChartQuery { from, to, ..ChartQuery::last(symbol, interval) }.validate()?;
    let format = match params.get("format") {
        None => Format::Csv,
        Some(name) => Format::named(name).ok_or_else(|| {
            let shown: String = name.chars().take(SHOWN).collect();
            MarketError::bad("format", format!("{shown:?} is none of csv, ndjson"))
        })?,
    };
    let incomplete = match params.get("partial") {
        None => IncompleteCandles::default(),
        Some(name) => name.parse().map_err(|reason| {
            let shown: String = name.chars().take(SHOWN).collect();
            MarketError::bad("partial", format!("{shown:?} {reason}"))
        })?,
    };
    Ok((query, format, incomplete))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_split_and_named_when_bad() {
        let all = symbols(Some("symbols=btc,ETH,BTC")).unwrap();
        assert_eq!(all.iter().map(Symbol::as_str).collect::<Vec<_>>(), ["BTC", "ETH", "BTC"]);
        assert!(symbols(None).unwrap().is_empty());
        assert!(symbols(Some("symbols=")).unwrap().is_empty());
        assert!(symbols(Some("symbols=,")).unwrap_err().to_string().starts_with("bad symbols: "));
        assert!(symbols(Some("symbols=%F0%9F%98%80")).unwrap_err().to_string().starts_with("bad symbols: "));
        assert!(symbols(Some("symbols=A&symbols=B")).is_err());
    }

    #[test]
    fn changes_are_asked_of_named_symbols_since_a_version() {
        let query = changes(Some("symbols=btc,ETH,BTC&since=7")).unwrap();
        assert_eq!(query.symbols.iter().map(Symbol::as_str).collect::<Vec<_>>(), ["BTC", "ETH"]);
        assert_eq!(query.since, Some(7));
        assert_eq!(changes(Some("symbols=BTC")).unwrap().since, None);
        for (query, name) in
            [("since=7", "symbols"), ("symbols=BTC&since=-1", "since"), ("symbols=BTC&since=x", "since")]
        {
            assert!(
                changes(Some(query)).unwrap_err().to_string().starts_with(&format!("bad {name}: ")),
                "{query}"
            );
        }
    }

    #[test]
    fn each_bad_chart_parameter_is_named() {
        for (query, name) in [
            ("interval=1h", "symbol"),
            ("symbol=BTC", "interval"),
            ("symbol=B%20C&interval=1h", "symbol"),
            ("symbol=BTC&interval=2h", "interval"),
            ("symbol=BTC&interval=1h&limit=0", "limit"),
            ("symbol=BTC&interval=1h&limit=5001", "limit"),
            ("symbol=BTC&interval=1h&limit=-1", "limit"),
            ("symbol=BTC&interval=1h&limit=1e3", "limit"),
            ("symbol=BTC&interval=1h&from=yesterday", "from"),
            ("symbol=BTC&interval=1h&to=99999999999999999999", "to"),
            ("symbol=BTC&interval=1h&from=1546300800001&to=1546300800000", "from"),
            ("symbol=BTC&interval=1h&from=1546300800&to=1546300800000", "from"),
            ("symbol=BTC&interval=1h&from=0&to=1546300800", "to"),
            ("symbol=BTC&interval=1h&source=a/b", "source"),
            ("symbol=BTC&interval=1h&indicators=sma:20", "indicators"),
            ("symbol=BTC&interval=1h&interval=1d", "interval"),
        ] {
            match chart(Some(query)) {
                Err(MarketError::BadParameter { name: named, .. }) => assert_eq!(named, name, "{query}"),
                other => panic!("{query}: {other:?}"),
            }
        }
    }

    #[test]
    fn names_of_the_other_calls_are_checked_too() {
        let named = |error: MarketError| match error {
            MarketError::BadParameter { name, .. } => name,
            other => panic!("{other:?}"),
        };
        for (query, name) in [
            ("interval=1h", "symbols"),
            ("symbols=,&interval=1h", "symbols"),
            ("symbols=BTC", "interval"),
            ("symbols=BTC&interval=1h&limit=5001", "limit"),
            ("symbols=BTC&interval=1h&indicators=sma:20", "indicators"),
            ("symbols=BTC&interval=1h&to=-1", "to"),
            ("symbols=BTC&interval=1h&to=1546300800", "to"),
        ] {
            assert_eq!(named(batch(Some(query)).unwrap_err()), name, "{query}");
        }
        for (query, name) in [
            ("interval=1h", "symbol"),
            ("symbol=BTC&interval=1h&format=xml", "format"),
            ("symbol=BTC&interval=1h&partial=all", "partial"),
            ("symbol=BTC&interval=1h&limit=5", "limit"),
            ("symbol=BTC&interval=1h&from=1546300800001&to=1546300800000", "from"),
            ("symbol=BTC&interval=1h&from=1546300800", "from"),
        ] {
            assert_eq!(named(export(Some(query)).unwrap_err()), name, "{query}");
        }
        let (_, format, incomplete) = export(Some("symbol=BTC&interval=1h")).unwrap();
        assert_eq!((format, incomplete), (Format::Csv, IncompleteCandles::Mark));
        assert_eq!(export(Some("symbol=BTC&interval=1h&partial=omit")).unwrap().2, IncompleteCandles::Omit);
    }

    #[test]
    fn what_is_unknown_twice_or_no_text_is_refused_by_name() {
        for (query, text) in [
            ("symbol=BTC", "bad symbol: is no parameter of this call, which takes symbols"),
            ("symbols=BTC&symbols=BTC", "bad symbols: given more than once"),
            ("symbols=%FF", "bad symbols: is not valid UTF-8"),
            ("%FF=1", "bad %FF: is no parameter of this call, which takes symbols"),
            ("=1", "bad : is no parameter of this call, which takes symbols"),
        ] {
            assert_eq!(symbols(Some(query)).unwrap_err().to_string(), text, "{query}");
        }
        assert!(symbols(Some("&symbols=&")).unwrap().is_empty());
        assert_eq!(symbols(Some("symbol%73=%42TC")).unwrap()[0].as_str(), "BTC");
    }
}
