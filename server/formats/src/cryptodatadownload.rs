//! The layout of CryptoDataDownload: a banner, a header in changing order, newest or oldest first.

use model::{Candle, Symbol, UnixMs};

use crate::{
    FileError, error::shown, format::without_mark, number::number, pair::DOLLARS, time::unix_or_date,
};

/// Columns that a line is split into, at most.
const MOST_COLUMNS: usize = 64;
/// Columns that hold a time, the one that is taken first: dates may be in another zone, numbers are not.
const TIMES: [&str; 5] = ["unix", "unix timestamp", "timestamp", "date", "time"];

/// Where the columns are.
pub(crate) struct Header {
    count: usize,
    time: (usize, String),
    prices: [usize; 4],
    symbol: Option<usize>,
    /// Places of the volumes, and the currency that each is in, upper case, if its name tells.
    volumes: Vec<(usize, Option<String>)>,
}

impl Header {
    /// Whether a line names prices, so that it is worth saying what it lacks.
    pub(crate) fn resembles(line: &str) -> bool {
        let names = names(line);
        ["open", "high", "low"].iter().all(|name| names.iter().any(|found| found == name))
    }

    pub(crate) fn read(line: &str) -> Result<Self, FileError> {
        let names = names(line);
        if names.len() > MOST_COLUMNS {
            return Err(FileError::Layout(format!("the header has over {MOST_COLUMNS} columns")));
        }
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let lacks = |what: &str| FileError::Layout(format!("the header has no column {what}"));
        let time = TIMES.iter().find_map(|name| Some((place(name)?, (*name).to_owned())));
        let time = time.ok_or_else(|| lacks("of times: date, unix or timestamp"))?;
        let mut prices = [0; 4];
        for (name, slot) in ["open", "high", "low", "close"].into_iter().zip(&mut prices) {
            *slot = place(name).ok_or_else(|| lacks(name))?;
        }
        let volumes: Vec<_> = names
            .iter()
            .enumerate()
            .filter_map(|(index, name)| {
                let currency = name.strip_prefix("volume")?.trim();
                let currency = (!currency.is_empty()).then(|| currency.to_ascii_uppercase());
                Some((index, currency))
            })
            .collect();
        if volumes.is_empty() {
            return Err(lacks("volume"));
        }
        Ok(Self { count: names.len(), time, prices, symbol: place("symbol"), volumes })
    }

    /// The text of the symbol column of a line, if there is one.
    pub(crate) fn symbol<'l>(&self, line: &'l str) -> Option<&'l str> {
        let text = line.split(',').nth(self.symbol?).map(plain)?;
        (!text.is_empty()).then_some(text)
    }

    /// The open time alone, if it is one.
    pub(crate) fn open_time(&self, line: &str) -> Option<UnixMs> {
        unix_or_date("time", plain(line.split(',').nth(self.time.0)?)).ok()
    }

    /// Settles which volume is that of the coin: the one that is named after it, otherwise one of no dollar, otherwise one
    /// without a currency.
    pub(crate) fn columns(&self, symbol: &Symbol, is_given: bool) -> Result<Columns, FileError> {
        let of = |test: &dyn Fn(Option<&str>) -> bool| {
            self.volumes.iter().find(|(_, currency)| test(currency.as_deref())).map(|(index, _)| *index)
        };
        let is_dollar = |currency: &str| DOLLARS.contains(&currency);
        let named = of(&|currency| currency == Some(symbol.as_str()));
        let other = of(&|currency| currency.is_some_and(|currency| !is_dollar(currency)));
        let bare = of(&|currency| currency.is_none());
        let volume = match (named, other, bare) {
            (Some(index), _, _) => index,
            (None, Some(index), _) => {
                let currency = self.volumes.iter().find(|(i, _)| *i == index).and_then(|(_, c)| c.as_deref());
                if !is_given {
                    return Err(FileError::Heading(format!(
                        "the header has a volume of {}, by name or rows it is {symbol}; give --symbol",
                        currency.unwrap_or_default()
                    )));
                }
                index
            }
            (None, None, Some(index)) => index,
            (None, None, None) => {
                return Err(FileError::Layout(
                    "the header has volumes in dollars only, none in coins".to_owned(),
                ));
            }
        };
        Ok(Columns {
            count: self.count,
            time: self.time.clone(),
            prices: self.prices,
            volume,
            symbol: self.symbol.filter(|_| !is_given),
        })
    }
}

/// Where in a line the parts of a candle are.
pub(crate) struct Columns {
    count: usize,
    time: (usize, String),
    prices: [usize; 4],
    volume: usize,
    symbol: Option<usize>,
}

impl Columns {
    /// Reads a line, and its symbol if that is to be compared; what must hold between its numbers is not checked yet.
    ///
    /// # Errors
    /// Why it makes no candle.
    pub(crate) fn parse<'l>(&self, line: &'l str) -> Result<(Candle, Option<&'l str>), String> {
        let mut fields = [""; MOST_COLUMNS];
        let mut count = 0;
        for field in line.split(',') {
            if let Some(place) = fields.get_mut(count) {
                *place = plain(field);
            }
            count += 1;
        }
        if count != self.count {
            return Err(format!("has {count} fields, not {}", self.count));
        }
        let field = |index: usize| fields.get(index).copied().unwrap_or_default();
        let [open, high, low, close] = self.prices;
        let candle = Candle {
            open_time: unix_or_date(&self.time.1, field(self.time.0))?,
            open: number("open", field(open))?,
            high: number("high", field(high))?,
            low: number("low", field(low))?,
            close: number("close", field(close))?,
            volume: number("volume", field(self.volume))?,
        };
        Ok((candle, self.symbol.map(field)))
    }
}

/// Why a line of another pair is left out.
pub(crate) fn other_symbol(found: &str, symbol: &Symbol) -> String {
    format!("symbol {} is not {symbol} in dollars, which the file is imported as", shown(found))
}

/// The names of a header: lower case, with single spaces for `_`, without quotes.
fn names(line: &str) -> Vec<String> {
    let line = without_mark(line).trim_start_matches(['#', ' ']);
    let name = |name| plain(name).to_ascii_lowercase().replace('_', " ");
    line.split(',').take(MOST_COLUMNS + 1).map(name).collect()
}

fn plain(field: &str) -> &str {
    field.trim().trim_matches('"').trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(header: &str, symbol: &str, is_given: bool) -> Result<Columns, String> {
        let header = Header::read(header).map_err(|error| error.to_string())?;
        header.columns(&symbol.parse().unwrap(), is_given).map_err(|error| error.to_string())
    }

    #[test]
    fn finds_the_columns_and_the_volume_of_the_coin() {
        let cases = [
            ("date,symbol,open,high,low,close,volume_btc,volume", "2019-10-17,BTCUSD,1,4,0.5,2,7,9"),
            ("Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD", "2019-10-17,BTCUSD,1,4,0.5,2,7,9"),
            (
                "unix,date,symbol,open,high,low,close,Volume USD,Volume BTC",
                "1571270400,?,BTC/USD,1,4,0.5,2,9,7",
            ),
            ("Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume", "1571270400000,?,BTCUSD,1,4,0.5,2,7"),
            ("open,close,high,low,timestamp,volume,tradecount", "1,2,4,0.5,2019-10-17T00:00:00Z,7,100"),
            (
                "\"date\",\"open\",\"high\",\"low\",\"close\",\"Volume USDT\",\"Volume BTC\"",
                "\"2019-10-17\",\"1\",4,0.5,2,9,7",
            ),
            ("# date,unix,open,high,low,close,volume usdt,volume", "?,1571270400000000,1,4,0.5,2,9,7"),
        ];
        let expected =
            Candle { open_time: 1_571_270_400_000, open: 1.0, high: 4.0, low: 0.5, close: 2.0, volume: 7.0 };
        for (header, line) in cases {
            let found = columns(header, "BTC", false).unwrap().parse(line).unwrap().0;
            assert_eq!(found, expected, "{header}");
            assert_eq!(Header::read(header).unwrap().open_time(line), Some(expected.open_time), "{header}");
        }
        // The coin is a dollar itself.
        let line = "2019-10-17,1,1,1,1,7,9";
        let header = "date,open,high,low,close,Volume USDC,Volume USD";
        assert_eq!(columns(header, "USDC", false).unwrap().parse(line).unwrap().0.volume, 7.0);
    }

    #[test]
    fn refuses_headers_that_do_not_fit() {
        let cases = [
            ("open,high,low,close,volume", "no column of times"),
            ("date,high,low,close,volume", "no column open"),
            ("date,open,high,low,close", "no column volume"),
            ("date,open,high,low,close,Volume USD", "volumes in dollars only"),
            ("date,open,high,low,close,Volume ETH,Volume USD", "a volume of ETH, by name or rows it is BTC"),
        ];
        for (header, reason) in cases {
            let error = columns(header, "BTC", false).err().unwrap();
            assert!(error.contains(reason), "{header}: {error}");
        }
        let given = columns("date,open,high,low,close,Volume XBT,Volume USD", "BTC", true).unwrap();
        assert_eq!(given.parse("2019-10-17,1,1,1,1,7,9").unwrap().0.volume, 7.0);
        assert!(Header::read(&"x,".repeat(1000)).err().unwrap().to_string().contains("over 64"));
    }

    #[test]
    fn says_why_a_line_makes_no_candle() {
        let columns = columns("date,open,high,low,close,volume", "BTC", false).unwrap();
        let cases = [
            ("2019-10-17,1,1,1,1", "has 5 fields, not 6"),
            ("2019-10-17,1,1,1,1,1,1", "has 7 fields, not 6"),
            ("10/17/2019,1,1,1,1,1", "date \"10/17/2019\" is neither a Unix time nor a date as 2019-10-17"),
            ("1969-12-31,1,1,1,1,1", "date -86400000 is not in milliseconds between 1970 and 9999"),
            ("2019-10-17,one,1,1,1,1", "open \"one\" is not a number"),
            ("2019-10-17,1,1,1,1,nan", "volume \"nan\" is not finite"),
        ];
        for (line, reason) in cases {
            assert_eq!(columns.parse(line).err().unwrap(), reason, "{line}");
        }
    }
}
