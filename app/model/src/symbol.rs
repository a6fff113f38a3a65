//! Ticker symbols.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::MarketError;

/// A ticker symbol such as `BTC`: 1 to 20 upper-case ASCII letters and digits. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(Arc<str>);

impl Symbol {
    /// The longest symbol, in characters.
    pub const MAX_LEN: usize = 20;

    /// The text, upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Symbol {
    type Err = MarketError;

    /// Takes either case; anything but ASCII letters and digits is a bad parameter `symbol`.
    fn from_str(text: &str) -> Result<Self, MarketError> {
        let text = text.trim();
        let ok = !text.is_empty()
            && text.len() <= Self::MAX_LEN
            && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if ok {
            Ok(Self(text.to_ascii_uppercase().into()))
        } else {
            let shown: String = text.chars().take(40).collect();
            Err(MarketError::bad(
                "symbol",
                format!("{shown:?} is not 1 to {} letters and digits", Self::MAX_LEN),
            ))
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Symbol {
    type Error = MarketError;

    fn try_from(text: String) -> Result<Self, MarketError> {
        text.parse()
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.0.as_ref().to_owned()
    }
}

/// The common English name of a coin, where it is known; otherwise the symbol stands for itself.
#[must_use]
pub fn coin_name(symbol: &str) -> &str {
    match symbol {
        "ADA" => "Cardano",
        "AVAX" => "Avalanche",
        "BCH" => "Bitcoin Cash",
        "BNB" => "BNB",
        "BTC" => "Bitcoin",
        "DASH" => "Dash",
        "DOGE" => "Dogecoin",
        "DOT" => "Polkadot",
        "EOS" => "EOS",
        "ETC" => "Ethereum Classic",
        "ETH" => "Ethereum",
        "LINK" => "Chainlink",
        "LTC" => "Litecoin",
        "NEO" => "NEO",
        "SOL" => "Solana",
        "TRX" => "TRON",
        "XLM" => "Stellar",
        "XMR" => "Monero",
        "XRP" => "XRP",
        "ZEC" => "Zcash",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_cases_and_refuses_what_is_no_symbol() {
        assert_eq!("btc".parse::<Symbol>().unwrap().as_str(), "BTC");
        for bad in ["", " ", "B C", "BTC/USD", "ÄÖ", "A23456789012345678901"] {
            assert!(bad.parse::<Symbol>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reads_from_json_only_what_parses() {
        assert!(serde_json::from_str::<Symbol>("\"eth\"").is_ok());
        assert!(serde_json::from_str::<Symbol>("\"e/h\"").is_err());
    }
}
