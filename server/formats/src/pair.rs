//! Trading pairs: what is traded, and in what currency its price is. One grammar for names of files, rows and options.

use model::Symbol;

use crate::{
    FileError,
    coins::{common_ticker, is_known, is_legacy_kraken, is_major},
};

/// Currencies that are taken as US dollars: the dollar, and coins that stand for one.
pub const DOLLARS: [&str; 27] = [
    "USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI", "RLUSD", "GUSD", "PYUSD", "USDD", "USDP", "USD1",
    "USDE", "USDG", "USDS", "USDJ", "USDQ", "USDR", "HUSD", "LUSD", "SUSD", "FRAX", "GHO", "XUSD", "PAX",
    "ZUSD",
];
/// Those of them that do not end a joined pair: nearly every name that ends so is another one.
const SPLIT_ONLY: [&str; 4] = ["XUSD", "PAX", "GHO", "ZUSD"];
/// Dollar coins in which so few coins were ever traded that an unknown coin in one of them is no reading to think of.
const RARE: [&str; 5] = ["HUSD", "LUSD", "SUSD", "RLUSD", "GUSD"];
/// Coins in which the prices of other coins come.
const COIN_QUOTES: [&str; 9] = ["BTC", "XBT", "XXBT", "ETH", "XETH", "BNB", "TRX", "SOL", "XRP"];
/// Other currencies that prices come in, to say which one it is.
const OTHERS: [&str; 66] = [
    "EUR", "GBP", "JPY", "KRW", "CNY", "CNH", "AUD", "CAD", "CHF", "SGD", "TRY", "BRL", "RUB", "UAH", "PLN",
    "ZAR", "MXN", "ARS", "IDR", "INR", "NGN", "HKD", "TWD", "THB", "VND", "PHP", "MYR", "NZD", "SEK", "NOK",
    "DKK", "CZK", "HUF", "RON", "ILS", "AED", "SAR", "COP", "CLP", "KZT", "EURT", "EURC", "EURS", "EURI",
    "AEUR", "EURQ", "EURR", "ZEUR", "ZGBP", "ZJPY", "ZCAD", "ZAUD", "XSGD", "BIDR", "IDRT", "BVND", "BKRW",
    "BTC", "XBT", "XXBT", "ETH", "XETH", "BNB", "TRX", "SOL", "XRP",
];

/// Whether a price in this currency is one in dollars.
pub(crate) fn is_dollar(currency: &str) -> bool {
    DOLLARS.contains(&currency)
}

/// Whether prices and volumes in this currency are neither in dollars nor in a coin that other coins are priced in.
pub(crate) fn is_other_money(currency: &str) -> bool {
    OTHERS.contains(&currency) && !COIN_QUOTES.contains(&currency)
}

/// A pair as a name or a row writes it, upper case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// `BTC/USD`, `BTC-USD`, `BTC_USD`, `BTC/USDT:USDT`, `BTC_USDT_USDT`.
    Split(String, String),
    /// `BTCUSD`.
    Joined(String),
}

/// A coin that a pair is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traded {
    pub symbol: Symbol,
    /// The ticker as it was written, if the coin goes by another one.
    pub alias: Option<String>,
}

impl Traded {
    fn new(base: &str, pair: &Pair) -> Result<Self, FileError> {
        let common = common_ticker(base);
        let symbol = common.parse().map_err(|_| no_pair(pair))?;
        Ok(Self { symbol, alias: (common != base).then(|| base.to_owned()) })
    }
}

impl Pair {
    /// Reads a pair; none if it has other characters than letters, digits and one mark between. The currency in which a
    /// perpetual future is settled changes nothing of whose price it is.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
        if is_word(text) {
            return Some(Self::Joined(text.to_ascii_uppercase()));
        }
        let text = match text.split_once(':') {
            Some((pair, settled)) => is_word(settled).then_some(pair)?,
            None => text,
        };
        let (base, quote) = text.split_once(['/', '-', '_'])?;
        // Names of freqtrade for futures: BTC_USDT_USDT.
        let quote = match quote.split_once('_') {
            Some((quote, settled)) if text.matches('_').count() == 2 && is_currency(settled) => quote,
            _ => quote,
        };
        (is_word(base) && is_word(quote))
            .then(|| Self::Split(base.to_ascii_uppercase(), quote.to_ascii_uppercase()))
    }

    /// What is traded, if the price is in dollars. Where the letters of a joined pair can be cut in two ways, as `BATUSD`,
    /// a hint decides (a word for the coin or the currency that the file has elsewhere), then what coins are known.
    pub(crate) fn traded(&self, hints: &[Pair]) -> Result<Traded, FileError> {
        let text = match self {
            Self::Split(base, quote) if is_dollar(quote) && base != "USD" => return Traded::new(base, self),
            Self::Split(_, quote) if is_dollar(quote) => return Err(no_pair(self)),
            Self::Split(_, quote) => return Err(in_other(quote)),
            Self::Joined(text) => text,
        };
        let readings = readings(text);
        if let [(base, _)] = readings.as_slice() {
            return Traded::new(base, self);
        }
        if readings.is_empty() {
            let other = other_currency(text).filter(|_| !is_known(common_ticker(text)));
            return Err(other.map_or_else(|| no_pair(self), in_other));
        }
        let agrees = |(base, quote): &(&str, &str)| {
            hints.iter().any(|hint| match hint {
                Self::Split(hinted, currency) => {
                    common_ticker(hinted) == common_ticker(base) && currency == quote
                }
                Self::Joined(word) => common_ticker(word) == common_ticker(base) || word == quote,
            })
        };
        let hinted = only(readings.iter().copied().filter(agrees));
        if let Some(base) = hinted.or_else(|| likely(&readings)) {
            return Traded::new(base, self);
        }
        let ways: Vec<_> = readings.iter().map(|(base, quote)| format!("{base} in {quote}")).collect();
        Err(FileError::Heading(format!("{self} could be {}; give --symbol", ways.join(" or "))))
    }

    /// Whether it is priced in a currency that is known.
    pub(crate) fn has_currency(&self) -> bool {
        match self {
            Self::Split(_, quote) => is_currency(quote),
            Self::Joined(text) => {
                !readings(text).is_empty()
                    || (other_currency(text).is_some() && !is_known(common_ticker(text)))
            }
        }
    }

    /// Whether words of a name that stand where a pair does are one: `kraken_eth` and `data-1` are not, `ADA_ETH` is.
    pub(crate) fn is_likely(&self) -> bool {
        let Self::Split(base, quote) = self else { return true };
        if is_dollar(quote) || is_other_money(quote) {
            return true;
        }
        // There is a coin DATA, and far more files of data.
        let is_coin = base != "DATA" && is_known(common_ticker(base));
        is_coin && quote.bytes().any(|byte| byte.is_ascii_alphabetic())
    }

    /// The currency that is no dollar, if it is certain.
    pub(crate) fn other_currency(&self) -> Option<&str> {
        match self {
            Self::Split(_, quote) => OTHERS.contains(&quote.as_str()).then_some(quote),
            Self::Joined(text) if readings(text).is_empty() => other_currency(text),
            Self::Joined(_) => None,
        }
    }

    /// Whether a coin that is known is one of those that it may be of.
    pub(crate) fn may_be_known(&self) -> bool {
        match self {
            Self::Split(base, _) => is_known(common_ticker(base)),
            Self::Joined(text) => readings(text).iter().any(|(base, _)| is_known(common_ticker(base))),
        }
    }

    /// Whether this may be a pair of the symbol and a dollar, or the symbol by itself.
    pub(crate) fn is_of(&self, symbol: &Symbol) -> bool {
        let is_same = |base: &str| common_ticker(base) == common_ticker(symbol.as_str());
        match self {
            Self::Split(base, quote) => is_same(base) && is_dollar(quote),
            Self::Joined(text) => is_same(text) || readings(text).iter().any(|(base, _)| is_same(base)),
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

/// Reads the ticker of a command line: a coin, or a pair of a coin and a dollar. `XBT` is BTC, `BTCUSDT` and `BTC/USDT` too.
///
/// # Errors
/// What is wrong with it.
pub fn parse_symbol(text: &str) -> Result<Symbol, String> {
    let text = text.trim();
    let symbol = |text: &str| text.parse::<Symbol>().map_err(|error| error.to_string());
    let pair = Pair::read(text).ok_or_else(|| {
        symbol(text).err().unwrap_or_else(|| "is no pair of a coin and a currency".to_owned())
    })?;
    let Pair::Joined(word) = &pair else {
        return pair.traded(&[]).map(|traded| traded.symbol).map_err(|error| error.to_string());
    };
    let in_known = |quote: &str| word.strip_suffix(quote).is_some_and(|base| is_known(common_ticker(base)));
    if is_known(common_ticker(word)) {
        symbol(common_ticker(word))
    } else if let Some(quote) = pair.other_currency().filter(|quote| in_known(quote)) {
        Err(in_other(quote).to_string())
    } else if pair.may_be_known() {
        pair.traded(&[]).map(|traded| traded.symbol).map_err(|error| error.to_string())
    } else {
        // A ticker that nobody knows may end as a pair does.
        symbol(word)
    }
}

/// The coin of the only reading that is left.
fn only<'t>(mut left: impl Iterator<Item = (&'t str, &'static str)>) -> Option<&'t str> {
    let (base, _) = left.next()?;
    left.next().is_none().then_some(base)
}

/// The coin of the reading that no other one rivals, of several, the longest coin first. The coin that nobody knows may just
/// be missing from the table, so a shorter coin must be certain.
fn likely<'t>(readings: &[(&'t str, &'static str)]) -> Option<&'t str> {
    let is_coin = |base: &str| is_known(common_ticker(base));
    let (&(longest, _), shorter) = readings.split_first()?;
    if is_coin(longest) {
        // Nearly all coins of Binance were traded in BUSD and many are in FDUSD, few in others. `PAXGUSD` is not PAX in
        // GUSD.
        let rivals = |&(base, quote): &(&str, &str)| {
            let is_listed = is_coin(base) && ["BUSD", "FDUSD"].contains(&quote);
            !is_dollar(base) && (is_listed || is_major(common_ticker(base)))
        };
        return (!shorter.iter().any(rivals)).then_some(longest);
    }
    let mut known = shorter.iter().copied().filter(|(base, _)| is_coin(base));
    match (known.next(), known.next()) {
        (Some((base, quote)), None) => is_certain(base, quote).then_some(base),
        (None, _) if shorter.iter().all(|(_, quote)| RARE.contains(quote)) => Some(longest),
        _ => None,
    }
}

/// Whether a known coin is traded in a dollar coin for sure, though the letters could be those of a longer coin in USD.
fn is_certain(base: &str, quote: &str) -> bool {
    let base = common_ticker(base);
    // `USDCTUSD` is USDC in TUSD; DAI, PAX and FRAX may begin another word.
    let is_clear = if is_dollar(base) { base.contains("USD") } else { is_major(base) };
    match quote {
        // No longer coin than these is known to end so.
        "BUSD" | "FDUSD" => base.len() >= 3 && (is_clear || !is_dollar(base)),
        "TUSD" | "HUSD" | "GUSD" | "RLUSD" | "PYUSD" => is_clear,
        _ => false,
    }
}

/// All ways to cut a joined pair into a coin and a dollar, the longest coin first.
fn readings(text: &str) -> Vec<(&str, &'static str)> {
    // A currency by itself is no pair.
    if is_dollar(text) {
        return Vec::new();
    }
    let cut = |quote: &'static str| {
        let base = text.strip_suffix(quote).filter(|base| !base.is_empty() && *base != "USD")?;
        let ends_so = !SPLIT_ONLY.contains(&quote) || (quote == "ZUSD" && is_legacy_kraken(base));
        ends_so.then_some((base, quote))
    };
    let mut found: Vec<_> = DOLLARS.into_iter().filter_map(cut).collect();
    if found.iter().any(|(_, quote)| *quote == "ZUSD") {
        found.retain(|(_, quote)| *quote == "ZUSD");
    }
    found.sort_by_key(|(base, _)| std::cmp::Reverse(base.len()));
    found
}

/// The currency that a joined pair ends with, if it is no dollar.
fn other_currency(text: &str) -> Option<&'static str> {
    let ends = |quote: &&str| text.len() > quote.len() && text.ends_with(quote);
    OTHERS.into_iter().filter(ends).max_by_key(|quote| quote.len())
}

/// Whether prices come in this currency, in either case.
fn is_currency(quote: &str) -> bool {
    let quote = quote.to_ascii_uppercase();
    is_dollar(&quote) || OTHERS.contains(&quote.as_str())
}

fn no_pair(pair: &Pair) -> FileError {
    FileError::Heading(format!("{pair} is no pair of a coin and a currency; give --symbol"))
}

/// The refusal of prices in another currency.
pub(crate) fn in_other(quote: &str) -> FileError {
    let quote: String = quote.chars().take(20).collect();
    FileError::Heading(format!("prices are in {quote}; only USD and dollar stablecoins are taken"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str) -> Result<String, String> {
        let pair = Pair::read(text).ok_or("no pair")?;
        pair.traded(&[]).map(|traded| traded.symbol.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn finds_what_is_traded() {
        let cases = [
            ("BTCUSD", "BTC"),
            ("btc/usd", "BTC"),
            ("BTC-USD", "BTC"),
            ("BTC_USDT", "BTC"),
            ("BTC/USDT", "BTC"),
            ("BTC/USDT:USDT", "BTC"),
            ("BTC/USD:BTC", "BTC"),
            ("BTC_USDT_USDT", "BTC"),
            ("BTCUSDT", "BTC"),
            ("ETHFDUSD", "ETH"),
            ("ETHTUSD", "ETH"),
            ("ETHUSDC", "ETH"),
            ("ETHDAI", "ETH"),
            ("1000SHIBUSDT", "1000SHIB"),
            ("XRPRLUSD", "XRP"),
            ("BTCGUSD", "BTC"),
            ("SOLPYUSD", "SOL"),
            ("TRXUSDD", "TRX"),
            ("BTCUSD1", "BTC"),
            ("ETHUSDE", "ETH"),
            // The other reading is of a coin that nobody knows.
            ("BNBUSD", "BNB"),
            ("BATUSD", "BAT"),
            ("GRTUSD", "GRT"),
            ("DOTUSD", "DOT"),
            ("APTUSD", "APT"),
            ("SHIBUSD", "SHIB"),
            ("FETUSD", "FET"),
            ("BNTUSD", "BNT"),
            ("BTTUSD", "BTT"),
            ("STRAXBUSD", "STRAX"),
            ("BTCBUSD", "BTC"),
            ("BNBBUSD", "BNB"),
            ("ARBTUSD", "ARB"),
            ("XAUTUSD", "XAUT"),
            ("SOLUSD", "SOL"),
            ("EOSUSD", "EOS"),
            ("NEARUSD", "NEAR"),
            ("BTCFDUSD", "BTC"),
            ("XRPFDUSD", "XRP"),
            ("GALABUSD", "GALA"),
            ("CTKBUSD", "CTK"),
            ("USDCTUSD", "USDC"),
            ("TUSDBUSD", "TUSD"),
            // Both are known, and the shorter one was never much traded in that coin.
            ("GTUSD", "GT"),
            ("METUSD", "MET"),
            ("BELTUSD", "BELT"),
            ("TTUSD", "TT"),
            ("SCRTUSD", "SCRT"),
            ("WINGUSD", "WING"),
            ("OMGUSD", "OMG"),
            // A dollar coin in a dollar coin.
            ("PAXGUSD", "PAXG"),
            ("STETHUSD", "STETH"),
            ("CBETHUSD", "CBETH"),
            ("MSOLUSD", "MSOL"),
            ("USTUSD", "UST"),
            ("PERLUSD", "PERL"),
            ("BTRSTUSD", "BTRST"),
            ("DRIFTUSD", "DRIFT"),
            ("XPLUSD", "XPL"),
            ("BBUSD", "BB"),
            ("MOODENGUSD", "MOODENG"),
            // Neither is known, and hardly any coin is traded in such a dollar.
            ("QQGUSD", "QQG"),
            ("QQRLUSD", "QQRL"),
            ("QQHUSD", "QQH"),
            // One reading only.
            ("ARUSDT", "AR"),
            ("ARBUSDT", "ARB"),
            ("YLTCUSDT", "YLTC"),
            ("ZZZUSD", "ZZZ"),
            ("USDCUSDT", "USDC"),
            ("USDTUSD", "USDT"),
            ("DAIUSDT", "DAI"),
            ("FDUSDUSDT", "FDUSD"),
            ("EURUSDT", "EUR"),
            // Other tickers of the same coin.
            ("XBTUSD", "BTC"),
            ("XBT/USD", "BTC"),
            ("XXBTZUSD", "BTC"),
            ("XETHZUSD", "ETH"),
            ("XXBT/ZUSD", "BTC"),
            ("XDGUSD", "DOGE"),
            ("XBTUSDT", "BTC"),
        ];
        for (text, expected) in cases {
            assert_eq!(symbol(text).as_deref(), Ok(expected), "{text}");
        }
        let alias = |text| Pair::read(text).unwrap().traded(&[]).unwrap().alias;
        assert_eq!((alias("XBTUSD").as_deref(), alias("BTCUSD")), (Some("XBT"), None));
    }

    #[test]
    fn two_readings_are_no_fact() {
        let cases = [
            ("ARBUSD", "ARBUSD could be ARB in USD or AR in BUSD; give --symbol"),
            ("QQTUSD", "QQTUSD could be QQT in USD or QQ in TUSD; give --symbol"),
            // The longer coin may be missing from the table.
            ("AITUSD", "AITUSD could be AIT in USD or AI in TUSD; give --symbol"),
            ("OPTUSD", "OPTUSD could be OPT in USD or OP in TUSD; give --symbol"),
            ("STUSD", "STUSD could be ST in USD or S in TUSD; give --symbol"),
            ("IOTUSD", "IOTUSD could be IOT in USD or IO in TUSD; give --symbol"),
            ("CTKTUSD", "CTKTUSD could be CTKT in USD or CTK in TUSD; give --symbol"),
            ("WBUSD", "WBUSD could be WB in USD or W in BUSD; give --symbol"),
            ("ETHSUSD", "ETHSUSD could be ETHS in USD or ETH in SUSD; give --symbol"),
            ("XRPHUSD", "XRPHUSD could be XRPH in USD or XRP in HUSD; give --symbol"),
            ("CTKGUSD", "CTKGUSD could be CTKG in USD or CTK in GUSD; give --symbol"),
            ("DAIBUSD", "DAIBUSD could be DAIB in USD or DAI in BUSD; give --symbol"),
        ];
        for (text, expected) in cases {
            assert_eq!(symbol(text), Err(expected.to_owned()));
        }
        // What the file has elsewhere decides.
        let hinted = |text: &str, hints: &[&str]| {
            let hints: Vec<_> = hints.iter().filter_map(|hint| Pair::read(hint)).collect();
            Pair::read(text).unwrap().traded(&hints).map(|traded| traded.symbol.to_string()).ok()
        };
        assert_eq!(hinted("ARBUSD", &["ARB/USD"]).as_deref(), Some("ARB"));
        assert_eq!(hinted("ARBUSD", &["AR/BUSD"]).as_deref(), Some("AR"));
        assert_eq!(hinted("ARBUSD", &["AR", "BUSD"]).as_deref(), Some("AR"));
        assert_eq!(hinted("BATUSD", &["BA", "TUSD"]).as_deref(), Some("BA"));
        assert_eq!(hinted("ARBUSD", &["ARBUSD"]), None);
        assert_eq!(hinted("ARBUSD", &["AR", "ARB"]), None);
    }

    #[test]
    fn refuses_other_currencies_by_name() {
        for (text, quote) in [
            ("BTCEUR", "EUR"),
            ("ETHBTC", "BTC"),
            ("BTC/EUR", "EUR"),
            ("BTC-XYZ", "XYZ"),
            ("BTC/EUR:EUR", "EUR"),
            ("BTCEURC", "EURC"),
            ("XXBTZEUR", "ZEUR"),
            ("ETH_BTC", "BTC"),
            ("ADATRY", "TRY"),
        ] {
            let expected = format!("prices are in {quote}; only USD and dollar stablecoins are taken");
            assert_eq!(symbol(text), Err(expected), "{text}");
        }
        for text in ["BTC", "WBTC", "USD", "TUSD", "GUSD", "USDUSD", "XYZ", "A2345678901234567890ZUSD"] {
            assert!(symbol(text).unwrap_err().contains("give --symbol"), "{text}");
        }
        for text in ["", "BTCUSD_PERP-x", "BTC USD", "BTC/", "ÄÖ", "BTC/USDT:USDT-240329", "BTC/USDT:"] {
            assert_eq!(symbol(text), Err("no pair".to_owned()), "{text}");
        }
    }

    #[test]
    fn knows_its_symbol_however_it_is_cut() {
        let is_of = |text: &str, of: &str| Pair::read(text).unwrap().is_of(&of.parse().unwrap());
        assert!(is_of("ARBUSD", "ARB") && is_of("ARBUSD", "AR") && is_of("BTC/USDT", "BTC"));
        assert!(is_of("BTC/USDT:USDT", "BTC") && is_of("XBT/USD", "BTC") && is_of("BTC", "BTC"));
        assert!(!is_of("ETHUSD", "BTC") && !is_of("BTC/EUR", "BTC") && !is_of("BTCEUR", "BTC"));
    }

    #[test]
    fn options_have_the_same_grammar() {
        for (text, expected) in [
            ("btc", "BTC"),
            ("XBT", "BTC"),
            ("BTCUSDT", "BTC"),
            ("BTC/USDT", "BTC"),
            ("BTC/USDT:USDT", "BTC"),
            ("BATUSD", "BAT"),
            ("USDT", "USDT"),
            ("TUSD", "TUSD"),
            ("YLTC", "YLTC"),
            ("QQTUSD", "QQTUSD"),
            ("SFTUSDX", "SFTUSDX"),
        ] {
            assert_eq!(parse_symbol(text).unwrap().as_str(), expected, "{text}");
        }
        for bad in ["B/C", "", "BTC/EUR", "BTCEUR", "B C", "ARBUSD", "STUSD", "A23456789012345678901"] {
            assert!(parse_symbol(bad).is_err(), "{bad}");
        }
    }
}
