//! Parameters as they come, and what each may be.

use model::{Interval, MAX_LIMIT, MarketError, Source, Symbol, UnixMs};

/// Decoded parameters. Those that are empty count as not given.
pub struct Params(Vec<(&'static str, String)>);

/// Characters of what the caller wrote that an error repeats.
pub(super) const SHOWN: usize = 40;

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

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// A parameter that must be there; `allowed` says what it may be.
    ///
    /// # Errors
    /// It is not there.
    pub fn required(&self, name: &str, allowed: &str) -> Result<&str, MarketError> {
        self.get(name).ok_or_else(|| MarketError::bad(name, format!("is missing; it is {allowed}")))
    }

    pub(super) fn version(&self, name: &str) -> Result<Option<u64>, MarketError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let shown: String = text.chars().take(SHOWN).collect();
        text.parse()
            .map(Some)
            .map_err(|_| MarketError::bad(name, format!("{shown:?} is not the version of an earlier answer")))
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<UnixMs>, MarketError> {
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
    pub(super) fn symbols(&self) -> Result<Vec<Symbol>, MarketError> {
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

    pub(super) fn symbol(&self) -> Result<Symbol, MarketError> {
        self.required("symbol", "a symbol such as BTC")?.parse()
    }

    pub(super) fn interval(&self) -> Result<Interval, MarketError> {
        self.required("interval", INTERVALS)?.parse()
    }

    pub(super) fn limit(&self, default: u32) -> Result<u32, MarketError> {
        let Some(text) = self.get("limit") else { return Ok(default) };
        text.parse().map_err(|_| {
            let shown: String = text.chars().take(SHOWN).collect();
            MarketError::bad("limit", format!("{shown:?} is not a number between 1 and {MAX_LIMIT}"))
        })
    }

    pub(super) fn source(&self) -> Result<Option<Source>, MarketError> {
        let Some(text) = self.get("source") else { return Ok(None) };
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        if text.len() > 40 || !text.bytes().all(good) {
            let reason = "is not up to 40 letters, digits, hyphens or underscores";
            return Err(MarketError::bad("source", reason));
        }
        Ok(Some(Source::new(text.to_ascii_lowercase())))
    }
}
