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

/// Chinese names of a coin: the usual one in simplified characters first, then others that it is searched by. Empty where
/// Chinese texts use the Latin name too (BNB apart, whose exchange calls it 币安币 there; Chainlink has none).
///
/// Source: common usage, as in the coins' articles in the Chinese Wikipedia (zh.wikipedia.org) in simplified and traditional
/// characters, and, for EOS, NEO, DOT and AVAX, in the lists of Chinese exchanges.
#[must_use]
pub fn coin_names_zh(symbol: &str) -> &'static [&'static str] {
    match symbol {
        "ADA" => &["艾达币", "卡尔达诺", "艾達幣"],
        "AVAX" => &["雪崩协议", "雪崩幣", "雪崩币"],
        "BCH" => &["比特币现金", "比特幣現金", "比特现金"],
        "BNB" => &["币安币", "幣安幣"],
        "BTC" => &["比特币", "比特幣"],
        "DASH" => &["达世币", "達世幣"],
        "DOGE" => &["狗狗币", "狗狗幣", "多吉币"],
        "DOT" => &["波卡币", "波卡幣"],
        "EOS" => &["柚子", "柚子币", "柚子幣"],
        "ETC" => &["以太坊经典", "以太经典", "以太坊經典"],
        "ETH" => &["以太坊", "以太币", "以太幣"],
        "LTC" => &["莱特币", "萊特幣"],
        "NEO" => &["小蚁", "小蚁币", "小蟻"],
        "SOL" => &["索拉纳", "索拉納"],
        "TRX" => &["波场", "波场币", "波場"],
        "XLM" => &["恒星币", "恆星幣"],
        "XMR" => &["门罗币", "門羅幣"],
        "XRP" => &["瑞波币", "瑞波幣"],
        "ZEC" => &["大零币", "零币", "大零幣"],
        _ => &[],
    }
}

/// The usual Chinese name of a coin, in simplified characters, where it has one.
#[must_use]
pub fn coin_name_zh(symbol: &str) -> Option<&'static str> {
    coin_names_zh(symbol).first().copied()
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
    fn each_named_coin_has_its_chinese_name_and_no_two_share_one() {
        let mut seen = std::collections::HashSet::new();
        for symbol in [
            "ADA", "AVAX", "BCH", "BNB", "BTC", "DASH", "DOGE", "DOT", "EOS", "ETC", "ETH", "LTC", "NEO",
            "SOL", "TRX", "XLM", "XMR", "XRP", "ZEC",
        ] {
            assert!(coin_name_zh(symbol).is_some_and(|name| !name.is_ascii()), "{symbol}");
            for name in coin_names_zh(symbol) {
                assert!(seen.insert(*name), "{name} names two coins");
            }
        }
        assert_eq!((coin_name_zh("BTC"), coin_name_zh("EOS")), (Some("比特币"), Some("柚子")));
        assert_eq!((coin_name_zh("LINK"), coin_name_zh("NOPE")), (None, None));
    }

    #[test]
    fn reads_from_json_only_what_parses() {
        assert!(serde_json::from_str::<Symbol>("\"eth\"").is_ok());
        assert!(serde_json::from_str::<Symbol>("\"e/h\"").is_err());
    }
}
