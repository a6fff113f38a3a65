//! Query parameters of the JSON API, each answered by name when it is off.

use model::{ChartQuery, DEFAULT_LIMIT, Interval, MAX_LIMIT, MarketError, Source, Symbol, UnixMs};

use super::export::Format;
use crate::market::{BATCH_DEFAULT_LIMIT, BatchQuery, ExportQuery};

/// Decoded parameters. Those that are empty count as not given.
pub struct Params(Vec<(&'static str, String)>);

/// Characters of what the caller wrote that an error repeats.
const SHOWN: usize = 40;

/// Decodes one side of a pair: `+` is a space. `None` if the bytes are no UTF-8.
fn decode(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

impl Params {
    /// Decodes a raw query of a call that takes these names.
    ///
    /// # Errors
    /// A parameter of another name: it would be left out of account without a word. One given twice: which one would count
    /// is anybody's guess. One that is not UTF-8.
    pub fn parse(raw: Option<&str>, names: &'static [&'static str]) -> Result<Self, MarketError> {
        let mut pairs: Vec<(&'static str, String)> = Vec::new();
        for pair in raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let asked = decode(name);
            let Some(name) = names.iter().find(|known| Some(**known) == asked.as_deref()) else {
                let shown: String = asked.as_deref().unwrap_or(name).chars().take(SHOWN).collect();
                let reason = format!("is no parameter of this call, which takes {}", names.join(", "));
                return Err(MarketError::bad(&shown, reason));
            };
            if pairs.iter().any(|(known, _)| known == name) {
                return Err(MarketError::bad(name, "given more than once"));
            }
            let value = decode(value).ok_or_else(|| MarketError::bad(name, "is not valid UTF-8"))?;
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// A parameter that must be there; `allowed` says what it may be.
    ///
    /// # Errors
    /// It is not there.
    pub fn required(&self, name: &str, allowed: &str) -> Result<&str, MarketError> {
        self.get(name).ok_or_else(|| MarketError::bad(name, format!("is missing; it is {allowed}")))
    }

    fn time(&self, name: &str) -> Result<Option<UnixMs>, MarketError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let shown: String = text.chars().take(SHOWN).collect();
        text.parse()
            .map(Some)
            .map_err(|_| MarketError::bad(name, format!("{shown:?} is not a Unix time in milliseconds")))
    }
}

/// What an interval may be.
const INTERVALS: &str = "one of 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w";

impl Params {
    /// Symbols between commas; none if the parameter is not given.
    fn symbols(&self) -> Result<Vec<Symbol>, MarketError> {
        let Some(list) = self.get("symbols") else { return Ok(Vec::new()) };
        let mut symbols: Vec<Symbol> = Vec::new();
        for text in list.split(',').filter(|text| !text.trim().is_empty()) {
            symbols.push(text.parse().map_err(|error| match error {
                MarketError::BadParameter { reason, .. } => MarketError::bad("symbols", reason),
                other => other,
            })?);
        }
        if symbols.is_empty() {
            return Err(MarketError::bad("symbols", "names no symbol"));
        }
        Ok(symbols)
    }

    fn symbol(&self) -> Result<Symbol, MarketError> {
        self.required("symbol", "a symbol such as BTC")?.parse()
    }

    fn interval(&self) -> Result<Interval, MarketError> {
        self.required("interval", INTERVALS)?.parse()
    }

    fn limit(&self, default: u32) -> Result<u32, MarketError> {
        let Some(text) = self.get("limit") else { return Ok(default) };
        text.parse().map_err(|_| {
            let shown: String = text.chars().take(SHOWN).collect();
            MarketError::bad("limit", format!("{shown:?} is not a number between 1 and {MAX_LIMIT}"))
        })
    }

    fn source(&self) -> Result<Option<Source>, MarketError> {
        let Some(text) = self.get("source") else { return Ok(None) };
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        if text.len() > 40 || !text.bytes().all(good) {
            let reason = "is not up to 40 letters, digits, hyphens or underscores";
            return Err(MarketError::bad("source", reason));
        }
        Ok(Some(Source::new(text.to_ascii_lowercase())))
    }
}

/// The parameters of `latest_prices`: `symbols=BTC,ETH`; none means all.
pub fn symbols(raw: Option<&str>) -> Result<Vec<Symbol>, MarketError> {
    Params::parse(raw, &["symbols"])?.symbols()
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
pub fn export(raw: Option<&str>) -> Result<(ExportQuery, Format), MarketError> {
    const NAMES: &[&str] = &["symbol", "interval", "from", "to", "source", "format"];
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
    Ok((query, format))
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
            ("symbol=BTC&interval=1h&from=5&to=4", "from"),
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
        ] {
            assert_eq!(named(batch(Some(query)).unwrap_err()), name, "{query}");
        }
        for (query, name) in [
            ("interval=1h", "symbol"),
            ("symbol=BTC&interval=1h&format=xml", "format"),
            ("symbol=BTC&interval=1h&limit=5", "limit"),
            ("symbol=BTC&interval=1h&from=2&to=1", "from"),
        ] {
            assert_eq!(named(export(Some(query)).unwrap_err()), name, "{query}");
        }
        assert_eq!(export(Some("symbol=BTC&interval=1h")).unwrap().1, Format::Csv);
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
