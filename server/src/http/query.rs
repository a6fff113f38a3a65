//! Query parameters of the JSON API, each answered by name when it is off.

use model::{ChartQuery, DEFAULT_LIMIT, MAX_LIMIT, MarketError, Source, Symbol, UnixMs};

/// Decoded parameters. Those that are empty count as not given.
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Decodes a raw query.
    ///
    /// # Errors
    /// A parameter of these names given twice: which one would count is anybody's guess.
    pub fn parse(raw: Option<&str>, names: &[&str]) -> Result<Self, MarketError> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(raw.unwrap_or_default().as_bytes())
            .filter(|(name, _)| names.contains(&name.as_ref()))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        for name in names {
            if pairs.iter().filter(|(n, _)| n == name).count() > 1 {
                return Err(MarketError::bad(name, "given more than once"));
            }
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
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
        let shown: String = text.chars().take(40).collect();
        text.parse()
            .map(Some)
            .map_err(|_| MarketError::bad(name, format!("{shown:?} is not a Unix time in milliseconds")))
    }
}

/// `symbols=BTC,ETH`; none means all.
pub fn symbols(raw: Option<&str>) -> Result<Vec<Symbol>, MarketError> {
    let params = Params::parse(raw, &["symbols"])?;
    let Some(list) = params.get("symbols") else { return Ok(Vec::new()) };
    let mut symbols: Vec<Symbol> = Vec::new();
    for text in list.split(',').filter(|text| !text.trim().is_empty()) {
        symbols.push(text.parse().map_err(|error| match error {
            MarketError::BadParameter { reason, .. } => MarketError::bad("symbols", reason),
            other => other,
        })?);
    }
    if symbols.is_empty() {
        return Err(MarketError::bad("symbols", "names no symbol; leave it out for all"));
    }
    Ok(symbols)
}

/// The parameters of `chart_data`.
pub fn chart(raw: Option<&str>) -> Result<ChartQuery, MarketError> {
    let names = ["symbol", "interval", "from", "to", "limit", "source", "indicators"];
    let params = Params::parse(raw, &names)?;
    let symbol = params.required("symbol", "a symbol such as BTC")?.parse()?;
    let interval = params.required("interval", "one of 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w")?.parse()?;
    let limit = match params.get("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => text.parse().map_err(|_| {
            let shown: String = text.chars().take(40).collect();
            MarketError::bad("limit", format!("{shown:?} is not a number between 1 and {MAX_LIMIT}"))
        })?,
    };
    let source = match params.get("source") {
        None => None,
        Some(text)
            if text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) =>
        {
            Some(Source::new(text.to_ascii_lowercase()))
        }
        Some(_) => {
            return Err(MarketError::bad(
                "source",
                "is not up to 40 letters, digits, hyphens or underscores",
            ));
        }
    };
    if params.get("indicators").is_some() {
        return Err(MarketError::bad("indicators", "none is offered by this version"));
    }
    let query =
        ChartQuery { symbol, interval, from: params.time("from")?, to: params.time("to")?, limit, source };
    query.validate()?;
    Ok(query)
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
}
