//! Trading pairs: what is traded, and in what currency its price is.

use model::{Symbol, coin_name};

use crate::FileError;

/// Currencies that are taken as US dollars: the dollar, and coins that stand for one.
pub const DOLLARS: [&str; 7] = ["USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI"];
/// Other currencies that prices come in, to say which one it is.
const OTHERS: [&str; 24] = [
    "EUR", "GBP", "JPY", "KRW", "CNY", "AUD", "CAD", "CHF", "SGD", "TRY", "BRL", "RUB", "UAH", "PLN", "ZAR",
    "MXN", "ARS", "IDR", "INR", "NGN", "BTC", "XBT", "ETH", "BNB",
];

/// A pair as a name or a row writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// `BTC/USD`, `BTC-USD`, `BTC_USD`.
    Split(String, String),
    /// `BTCUSD`.
    Joined(String),
}

impl Pair {
    /// Reads a pair; none if it has other characters than letters, digits and one mark between.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
        if is_word(text) {
            return Some(Self::Joined(text.to_ascii_uppercase()));
        }
        let (base, quote) = text.split_once(['/', '-', '_'])?;
        (is_word(base) && is_word(quote))
            .then(|| Self::Split(base.to_ascii_uppercase(), quote.to_ascii_uppercase()))
    }

    /// What is traded, if the price is in dollars. Where the letters of a joined pair can be cut in two ways, as
    /// `BNBUSD`, a coin with a name decides; without one, Binance is taken to trade BUSD and TUSD, others the dollar.
    pub(crate) fn symbol(&self, exchange: Option<&str>) -> Result<Symbol, FileError> {
        let unknown =
            || FileError::Heading(format!("{self} is no pair of a coin and a currency; give --symbol"));
        let parse = |base: &str| base.parse().map_err(|_| unknown());
        match self {
            Self::Split(base, quote) if DOLLARS.contains(&quote.as_str()) => parse(base),
            Self::Split(_, quote) => Err(in_other(quote)),
            Self::Joined(text) => {
                let mut bases: Vec<_> = bases(text).collect();
                bases.sort_by_key(|base| base.len());
                // Two coins have no other name than their symbol.
                let named =
                    bases.iter().find(|base| coin_name(base) != **base || **base == "BNB" || **base == "EOS");
                let by_exchange = if exchange == Some("binance") { bases.first() } else { bases.last() };
                match named.or(by_exchange) {
                    Some(base) => parse(base),
                    None => Err(other_currency(text).map_or_else(unknown, in_other)),
                }
            }
        }
    }

    /// Whether it is priced in a currency that is known.
    pub(crate) fn has_currency(&self) -> bool {
        let is_known = |quote: &str| DOLLARS.contains(&quote) || OTHERS.contains(&quote);
        match self {
            Self::Split(_, quote) => is_known(quote),
            Self::Joined(text) => bases(text).next().is_some() || other_currency(text).is_some(),
        }
    }

    /// Whether this may be a pair of the symbol and a dollar.
    pub(crate) fn is_of(&self, symbol: &Symbol) -> bool {
        match self {
            Self::Split(base, quote) => base == symbol.as_str() && DOLLARS.contains(&quote.as_str()),
            Self::Joined(text) => bases(text).any(|base| base == symbol.as_str()),
        }
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Split(base, quote) => write!(f, "{base}/{quote}"),
            Self::Joined(text) => f.write_str(text),
        }
    }
}

/// What is left of a joined pair without each dollar that it may end with.
fn bases(text: &str) -> impl Iterator<Item = &str> {
    DOLLARS.into_iter().filter_map(|quote| text.strip_suffix(quote)).filter(|base| !base.is_empty())
}

/// The currency that a joined pair ends with, if it is no dollar.
fn other_currency(text: &str) -> Option<&'static str> {
    OTHERS.into_iter().find(|quote| text.len() > quote.len() && text.ends_with(quote))
}

/// The refusal of prices in another currency.
pub(crate) fn in_other(quote: &str) -> FileError {
    let quote: String = quote.chars().take(20).collect();
    FileError::Heading(format!("prices are in {quote}; only USD and dollar stablecoins are taken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str, exchange: Option<&str>) -> Result<String, String> {
        let pair = Pair::read(text).ok_or("no pair")?;
        pair.symbol(exchange).map(|symbol| symbol.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn finds_what_is_traded() {
        let cases = [
            ("BTCUSD", None, "BTC"),
            ("btc/usd", None, "BTC"),
            ("BTC-USD", None, "BTC"),
            ("BTC/USDT", None, "BTC"),
            ("BTCUSDT", Some("binance"), "BTC"),
            ("ETHFDUSD", Some("binance"), "ETH"),
            ("ETHTUSD", Some("binance"), "ETH"),
            ("ETHUSDC", None, "ETH"),
            ("ETHDAI", None, "ETH"),
            ("1000SHIBUSDT", Some("binance"), "1000SHIB"),
            // Could be BN in BUSD and DO in TUSD.
            ("BNBUSD", Some("coinbase"), "BNB"),
            ("DOTUSD", None, "DOT"),
            ("DOTUSDT", Some("binance"), "DOT"),
            ("BNBBUSD", Some("binance"), "BNB"),
            // Nobody knows: AR in BUSD on Binance, ARB in USD elsewhere.
            ("ARBUSD", Some("binance"), "AR"),
            ("ARBUSD", Some("gemini"), "ARB"),
            ("USDCUSDT", Some("binance"), "USDC"),
            ("USDUSD", None, "USD"),
        ];
        for (text, exchange, expected) in cases {
            assert_eq!(symbol(text, exchange).as_deref(), Ok(expected), "{text} {exchange:?}");
        }
    }

    #[test]
    fn refuses_other_currencies_by_name() {
        for (text, quote) in [("BTCEUR", "EUR"), ("ETHBTC", "BTC"), ("BTC/EUR", "EUR"), ("BTC-XYZ", "XYZ")] {
            let expected = format!("prices are in {quote}; only USD and dollar stablecoins are taken");
            assert_eq!(symbol(text, None), Err(expected), "{text}");
        }
        for text in ["BTC", "USD", "XYZ", "A2345678901234567890ZUSD"] {
            assert!(symbol(text, None).unwrap_err().contains("give --symbol"), "{text}");
        }
        for text in ["", "BTCUSD_PERP-x", "BTC USD", "BTC/", "ÄÖ"] {
            assert_eq!(symbol(text, None), Err("no pair".to_owned()), "{text}");
        }
    }

    #[test]
    fn knows_its_symbol_however_it_is_cut() {
        let is_of = |text: &str, of: &str| Pair::read(text).unwrap().is_of(&of.parse().unwrap());
        assert!(is_of("ARBUSD", "ARB") && is_of("ARBUSD", "AR") && is_of("BTC/USDT", "BTC"));
        assert!(!is_of("ETHUSD", "BTC") && !is_of("BTC/EUR", "BTC") && !is_of("BTCEUR", "BTC"));
    }
}
