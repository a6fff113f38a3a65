//! Where in a line the parts of a candle are: by the layout, by the names of a header, or as the caller names them.

use std::{fmt, str::FromStr};

use model::{Candle, Symbol, UnixMs};

use crate::{
    FileError,
    coins::{common_ticker, is_known},
    error::shown,
    format::{Format, without_mark},
    length::BarLength,
    number::number,
    pair::{Pair, is_dollar, is_other_money},
    record::{MAX_COLUMNS, Record},
    time::{TimeUnit, time},
};

/// The columns of Tidemark's own layout.
pub(crate) const TIDEMARK: &str = "open_time,open,high,low,close,volume";
/// The column that Tidemark's layout may have behind them: whether a candle is incomplete.
pub(crate) const PARTIAL: &str = "partial";
/// The columns of Binance Vision, <https://github.com/binance/binance-public-data>; some of the files have no header.
pub(crate) const BINANCE: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,\
                                  taker_buy_volume,taker_buy_quote_volume,ignore";
const BINANCE_COUNT: usize = 12;
/// Kraken's download, <https://support.kraken.com/articles/360047124832>: time in seconds, prices, volume, count of trades.
const KRAKEN_COUNT: usize = 7;
/// Names of a column of times, the one that is taken first: dates may be in another zone, numbers are not.
const TIMES: [&str; 13] = [
    "unix",
    "unix timestamp",
    "timestamp",
    "open time",
    "opentime",
    "time open",
    "timeopen",
    "start time",
    "datetime",
    "date time",
    "date",
    "time",
    "start",
];
/// Names of a column that counts the lines.
const INDEXES: [&str; 5] = ["", "unnamed: 0", "index", "rownames", "row.names"];

/// What a volume is counted in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Unit {
    /// The currency that the column names, upper case.
    Named(String),
    /// Coins, by the layout or a name as `volumefrom`.
    Coins,
    /// The currency of the price.
    Quote,
    /// Nothing says it.
    Unknown,
}

/// A column of volumes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Volume {
    index: usize,
    /// As the file writes it; none without a header.
    name: Option<String>,
    unit: Unit,
}

/// The column that is taken as the volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeColumn {
    /// Its name in quotes, or its number from 1.
    column: String,
    /// Whether the file says that it is in coins.
    is_certain: bool,
}

impl VolumeColumn {
    /// Whether the layout or the column's name says that the volume is in coins.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.is_certain
    }
}

impl fmt::Display for VolumeColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}, {} coins", self.column, if self.is_certain { "in" } else { "taken as" })
    }
}

/// The parts of the lines of a file without a header, in their order: `time,open,high,low,close,volume,-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnNames(Vec<String>);

impl ColumnNames {
    const ALLOWED: [&'static str; 9] =
        ["time", "open", "high", "low", "close", "volume", "symbol", PARTIAL, "-"];
}

impl FromStr for ColumnNames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<_> = text.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
        if names.len() > MAX_COLUMNS {
            return Err(format!("has over {MAX_COLUMNS} columns"));
        }
        for name in &names {
            if !Self::ALLOWED.contains(&name.as_str()) {
                return Err(format!("{} is none of {}", shown(name), Self::ALLOWED.join(" ")));
            }
            if name != "-" && names.iter().filter(|other| *other == name).count() > 1 {
                return Err(format!("{name} is there twice"));
            }
        }
        let lacking = Self::ALLOWED[..6].iter().find(|part| !names.iter().any(|name| name == *part));
        lacking.map_or(Ok(Self(names)), |part| Err(format!("lacks {part}")))
    }
}

/// What the lines of a file are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    format: Format,
    count: usize,
    time: (usize, String, TimeUnit),
    prices: [usize; 4],
    symbol: Option<usize>,
    partial: Option<usize>,
    close_time: Option<usize>,
    volumes: Vec<Volume>,
}

impl Header {
    /// The layout of lines without names: a time, the four prices, the volume.
    fn fixed(format: Format, count: usize, time: (&str, TimeUnit)) -> Self {
        Self {
            format,
            count,
            time: (0, time.0.to_owned(), time.1),
            prices: [1, 2, 3, 4],
            symbol: None,
            partial: None,
            close_time: None,
            volumes: vec![Volume { index: 5, name: None, unit: Unit::Coins }],
        }
    }

    /// The volume by the name that the layout gives it.
    fn with_volume_name(mut self) -> Self {
        self.volumes.iter_mut().for_each(|volume| volume.name = Some("volume".to_owned()));
        self
    }

    /// The columns of Binance.
    pub(crate) fn binance() -> Self {
        let fixed = Self::fixed(Format::Binance, BINANCE_COUNT, ("open_time", TimeUnit::MillisOrMicros));
        Self { close_time: Some(6), ..fixed.with_volume_name() }
    }

    /// The columns of Kraken's download.
    pub(crate) fn kraken() -> Self {
        Self::fixed(Format::Kraken, KRAKEN_COUNT, ("time", TimeUnit::BySize))
    }

    /// The columns of Tidemark, with or without the mark of incomplete candles.
    pub(crate) fn tidemark(has_partial: bool) -> Self {
        let count = 6 + usize::from(has_partial);
        let fixed = Self::fixed(Format::Tidemark, count, ("open_time", TimeUnit::Millis));
        Self { partial: has_partial.then_some(6), ..fixed.with_volume_name() }
    }

    /// The columns as the caller names them.
    pub(crate) fn named(columns: &ColumnNames) -> Self {
        let place = |wanted: &str| columns.0.iter().position(|name| name == wanted);
        // All but the last two are there: `ColumnNames` has checked it.
        let at = |wanted: &str| place(wanted).unwrap_or_default();
        Self {
            format: Format::CryptoDataDownload,
            count: columns.0.len(),
            time: (at("time"), "time".to_owned(), TimeUnit::BySize),
            prices: ["open", "high", "low", "close"].map(at),
            symbol: place("symbol"),
            partial: place(PARTIAL),
            close_time: None,
            volumes: vec![Volume { index: at("volume"), name: None, unit: Unit::Unknown }],
        }
    }

    /// Tidemark's header, also behind a column that counts the lines.
    pub(crate) fn read_tidemark(line: &str) -> Option<Self> {
        let names = names(line)?;
        let names: Vec<&str> = names.iter().map(|(_, name)| name.as_str()).collect();
        let shift = usize::from(names.first().is_some_and(|name| INDEXES.contains(name)));
        let mut found = names.iter().skip(shift);
        let is_same = TIDEMARK.split(',').all(|name| found.next() == Some(&&*name.replace('_', " ")));
        let has_partial = match found.next() {
            None => false,
            Some(name) if *name == PARTIAL => true,
            Some(_) => return None,
        };
        (is_same && found.next().is_none()).then(|| Self::tidemark(has_partial).shifted(shift))
    }

    /// Whether this is the header line of Binance; the names of the columns differ between the markets.
    pub(crate) fn is_binance(line: &str) -> bool {
        let Some(names) = names(line) else { return false };
        let name = |index: usize| names.get(index).map_or("", |(_, name)| name.as_str());
        names.len() == BINANCE_COUNT && ["open time", "opentime"].contains(&name(0)) && name(1) == "open"
    }

    /// Whether this looks like a line of Binance.
    pub(crate) fn is_binance_row(line: &str) -> bool {
        has_numbers(line, BINANCE_COUNT)
    }

    /// Whether this looks like a line of Kraken's download.
    pub(crate) fn is_kraken_row(line: &str) -> bool {
        has_numbers(line, KRAKEN_COUNT)
    }

    /// Whether a line names prices, so that it is worth saying what it lacks.
    pub(crate) fn resembles(line: &str) -> bool {
        let Some(names) = names(line) else { return false };
        ["open", "high", "low"].iter().all(|name| names.iter().any(|(_, found)| found == name))
    }

    /// Reads the names of a header.
    pub(crate) fn read(line: &str) -> Result<Self, FileError> {
        let Some(names) = names(line) else {
            return Err(FileError::Layout(format!("the header has over {MAX_COLUMNS} columns")));
        };
        let place = |wanted: &str| names.iter().position(|(_, name)| name == wanted);
        let lacks = |what: &str| FileError::Layout(format!("the header has no column {what}"));
        let time = TIMES.iter().find_map(|name| place(name));
        let time = time.ok_or_else(|| lacks("of times: date, unix or timestamp"))?;
        let mut prices = [0; 4];
        for (name, slot) in ["open", "high", "low", "close"].into_iter().zip(&mut prices) {
            *slot = place(name).ok_or_else(|| lacks(name))?;
        }
        let volumes: Vec<_> = names
            .iter()
            .enumerate()
            .filter_map(|(index, (raw, name))| {
                Some(Volume { index, name: Some(raw.clone()), unit: unit(name)? })
            })
            .collect();
        if volumes.is_empty() {
            return Err(lacks("volume"));
        }
        let time_name = names.get(time).map(|(_, name)| name.clone()).unwrap_or_default();
        Ok(Self {
            format: Format::CryptoDataDownload,
            count: names.len(),
            time: (time, time_name, TimeUnit::BySize),
            prices,
            symbol: ["symbol", "pair", "ticker"].iter().find_map(|name| place(name)),
            partial: place(PARTIAL),
            close_time: None,
            volumes,
        })
    }

    /// The same behind so many more columns: R writes no name for the column that counts the lines.
    fn shifted(mut self, by: usize) -> Self {
        self.count += by;
        self.time.0 += by;
        self.prices = self.prices.map(|index| index + by);
        for index in [&mut self.symbol, &mut self.partial, &mut self.close_time].into_iter().flatten() {
            *index += by;
        }
        self.volumes.iter_mut().for_each(|volume| volume.index += by);
        self
    }

    /// Fits the header to lines that all have a column more, which counts them.
    pub(crate) fn fitted(self, rows: &[&str]) -> Self {
        let counts = |row: &&str| {
            Record::new(row).is_ok_and(|record| {
                record.fields().count() == self.count + 1
                    && record
                        .fields()
                        .next()
                        .is_some_and(|first| first.len() < 9 && first.parse::<u32>().is_ok())
            })
        };
        let has_more = !rows.is_empty() && rows.iter().all(counts);
        // Binance and Kraken have no such column, and a line too long is what is wrong with it.
        if has_more && matches!(self.format, Format::Tidemark | Format::CryptoDataDownload) {
            self.shifted(1)
        } else {
            self
        }
    }

    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// The text of the symbol column of a line, if there is one.
    pub(crate) fn symbol(&self, line: &str) -> Option<String> {
        let record = Record::new(line).ok()?;
        let text = record.fields().nth(self.symbol?)?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The open time alone, if it is one.
    pub(crate) fn open_time(&self, line: &str) -> Option<UnixMs> {
        let record = Record::new(line).ok()?;
        time(&self.time.1, record.fields().nth(self.time.0)?, self.time.2).ok()
    }

    /// The currencies that the volumes name.
    pub(crate) fn currencies(&self) -> impl Iterator<Item = &str> {
        self.volumes.iter().filter_map(|volume| match &volume.unit {
            Unit::Named(currency) => Some(currency.as_str()),
            _ => None,
        })
    }

    /// Settles which volume is that of the coin: the one that is named after it, otherwise one that is in coins, otherwise
    /// one whose unit nothing says. `is_forced` takes that of another coin too.
    pub(crate) fn columns(self, symbol: &Symbol, is_forced: bool) -> Result<Columns, FileError> {
        let of = |test: &dyn Fn(&Unit) -> bool| self.volumes.iter().find(|volume| test(&volume.unit));
        let is_symbol = |name: &str| common_ticker(name) == common_ticker(symbol.as_str());
        let named = of(&|unit| matches!(unit, Unit::Named(name) if is_symbol(name)));
        let coins = of(&|unit| *unit == Unit::Coins);
        let is_money = |name: &str| is_dollar(name) || is_other_money(name);
        let is_coin = |name: &str| !is_money(name) && is_known(common_ticker(name));
        let other = of(&|unit| matches!(unit, Unit::Named(name) if is_coin(name)));
        // A word that is neither a coin nor a currency says nothing of the unit: `Volume Traded`.
        let is_word = |name: &str| !is_money(name) && !is_coin(name);
        let unknown = of(&|unit| *unit == Unit::Unknown)
            .or_else(|| of(&|unit| matches!(unit, Unit::Named(name) if is_word(name))));
        let (volume, is_certain) = match (named.or(coins), other, unknown) {
            (Some(volume), ..) => (volume, true),
            (None, Some(Volume { unit: Unit::Named(name), .. }), _) if !is_forced => {
                return Err(FileError::Heading(format!(
                    "the header has a volume of {name}, by name or rows it is {symbol}; give --symbol {name}, or \
                     --force"
                )));
            }
            (None, Some(volume), _) | (None, None, Some(volume)) => (volume, false),
            (None, None, None) => {
                let is_fiat = |unit: &Unit| matches!(unit, Unit::Named(name) if !is_dollar(name));
                let currency = if of(&is_fiat).is_some() { "other currencies" } else { "dollars" };
                return Err(FileError::Layout(format!(
                    "the header has volumes in {currency} only, none in coins"
                )));
            }
        };
        let index = volume.index;
        let column = volume.name.as_ref().map_or_else(|| (index + 1).to_string(), |name| shown(name));
        Ok(Columns { volume: index, taken: VolumeColumn { column, is_certain }, header: self })
    }
}

/// What a volume's name says it is counted in; none if it is no name of a volume. `volume_btc`, `Volume_(BTC)`, `volumefrom`.
fn unit(name: &str) -> Option<Unit> {
    let words: String =
        name.chars().map(|c| if matches!(c, '(' | ')' | '[' | ']') { ' ' } else { c }).collect();
    let words: Vec<_> = words.split_whitespace().collect();
    Some(match words.as_slice() {
        ["volume" | "vol" | "vol."] => Unit::Unknown,
        ["volumefrom" | "basevolume"]
        | ["volume", "from" | "base" | "coin" | "coins"]
        | ["base" | "coin", "volume"]
        | ["base", "asset", "volume"] => Unit::Coins,
        ["volumeto" | "quotevolume" | "turnover"]
        | ["volume", "to" | "currency" | "quote"]
        | ["quote" | "currency", "volume"]
        | ["quote", "asset", "volume"] => Unit::Quote,
        ["volume" | "vol", currency] => Unit::Named(currency.to_ascii_uppercase()),
        [currency, "volume"] => {
            let currency = currency.to_ascii_uppercase();
            (is_dollar(&currency) || is_known(common_ticker(&currency))).then_some(Unit::Named(currency))?
        }
        ["volume", more @ ..] => Unit::Named(more.join(" ").to_ascii_uppercase()),
        _ => return None,
    })
}

/// The names of a header as they are written, and in lower case with single spaces for `_`; none for too many.
fn names(line: &str) -> Option<Vec<(String, String)>> {
    let line = without_mark(line).trim_start_matches(['#', ' ']);
    let record = Record::new(line).ok()?;
    let name = |raw: &str| (raw.to_owned(), raw.to_ascii_lowercase().replace('_', " "));
    let names: Vec<_> = record.fields().take(MAX_COLUMNS + 1).map(name).collect();
    (names.len() <= MAX_COLUMNS).then_some(names)
}

/// Whether a line has so many fields, of which the first is a whole number.
fn has_numbers(line: &str, count: usize) -> bool {
    let Ok(record) = Record::new(line) else { return false };
    let first = record.fields().next().unwrap_or_default().trim_end_matches(".0");
    !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit()) && record.fields().count() == count
}

/// Where in a line the parts of a candle are.
pub(crate) struct Columns {
    header: Header,
    volume: usize,
    taken: VolumeColumn,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub candle: Candle,
    /// Whether the line marks its candle as incomplete.
    pub is_partial: bool,
    /// The pair, where there is a column of it.
    pub symbol: Option<String>,
}

impl Columns {
    /// What was taken as the volume.
    pub(crate) fn volume(&self) -> &VolumeColumn {
        &self.taken
    }

    /// The unit of the times.
    pub(crate) const fn time_unit(&self) -> TimeUnit {
        self.header.time.2
    }

    /// Whether the last column is one that is read, so that a line which is cut off in it says something else.
    pub(crate) fn has_last(&self) -> bool {
        let Header { count, time, prices, symbol, partial, .. } = &self.header;
        let read = prices.iter().chain([&self.volume, &time.0]).chain(symbol.iter()).chain(partial.iter());
        read.max().is_some_and(|last| last + 1 == *count)
    }

    /// Reads a line; what must hold between its numbers is not checked yet.
    ///
    /// # Errors
    /// Why it makes no candle of this length.
    pub(crate) fn parse(&self, line: &str, length: BarLength) -> Result<Line, String> {
        let header = &self.header;
        let record = Record::new(line)?;
        let mut fields = [""; MAX_COLUMNS];
        let mut count = 0;
        for field in record.fields() {
            if let Some(place) = fields.get_mut(count) {
                *place = field;
            }
            count += 1;
        }
        if count != header.count {
            return Err(format!("has {count} fields, not {}", header.count));
        }
        let field = |index: usize| fields.get(index).copied().unwrap_or_default();
        let [open, high, low, close] = header.prices;
        let candle = Candle {
            open_time: time(&header.time.1, field(header.time.0), header.time.2)?,
            open: number("open", field(open))?,
            high: number("high", field(high))?,
            low: number("low", field(low))?,
            close: number("close", field(close))?,
            volume: number("volume", field(self.volume))?,
        };
        if let Some(index) = header.close_time {
            check_close(candle.open_time, field(index), length)?;
        }
        let is_partial = header.partial.map_or(Ok(false), |index| mark(field(index)))?;
        Ok(Line { candle, is_partial, symbol: header.symbol.map(|index| field(index).to_owned()) })
    }
}

/// Whether a candle is marked as incomplete.
fn mark(text: &str) -> Result<bool, String> {
    match text {
        "" | "0" | "false" => Ok(false),
        "1" | "true" => Ok(true),
        other => Err(format!("{PARTIAL} {} is neither 1 nor 0", shown(other))),
    }
}

/// Bars that ended early, as some did when the exchange stood still, are taken; those of another length are not.
fn check_close(open_time: UnixMs, text: &str, length: BarLength) -> Result<(), String> {
    // The last millisecond or microsecond of the bar.
    let close = match text.parse::<i64>() {
        Ok(micros) if micros >= 100_000_000_000_000 => micros / 1000,
        Ok(millis) => millis,
        Err(_) => return Err(format!("close_time {} is not a whole number", shown(text))),
    };
    let took = close.saturating_add(1).saturating_sub(open_time);
    let Some(ms) = length.ms() else { return Ok(()) };
    if took == ms {
        return Ok(());
    }
    if took < 0 {
        return Err(format!("close_time {text} is before open_time"));
    }
    match BarLength::from_ms(took) {
        Some(other) => Err(format!("close_time {text} makes it a {other} candle, not {length}")),
        None if took > ms => Err(format!("close_time {text} is past the end of a {length} candle")),
        None => Ok(()),
    }
}

/// Why a line of another pair is left out.
pub(crate) fn other_symbol(found: &str, symbol: &Symbol) -> String {
    let other = Pair::read(found).and_then(|pair| pair.other_currency().map(str::to_owned));
    other.map_or_else(
        || format!("symbol {} is not {symbol}, which the file is imported as", shown(found)),
        |currency| format!("symbol {} is in {currency}, not in dollars", shown(found)),
    )
}

#[cfg(test)]
mod tests {
    use model::Interval;

    use super::*;
    use crate::number::{check_numbers, is_start};

    fn check(candle: &Candle, length: BarLength) -> Result<(), String> {
        let time = candle.open_time;
        if !is_start(time, length) {
            return Err(format!("open_time {time} is not the start of a {length} candle"));
        }
        check_numbers(candle)
    }

    const HOUR: BarLength = BarLength::Stored(Interval::H1);
    const DAY: BarLength = BarLength::Stored(Interval::D1);

    fn columns(header: &str, symbol: &str, is_forced: bool) -> Result<Columns, String> {
        let header = Header::read(header).map_err(|error| error.to_string())?;
        header.columns(&symbol.parse().unwrap(), is_forced).map_err(|error| error.to_string())
    }

    #[test]
    fn finds_the_columns_and_the_volume_of_the_coin() {
        let cases = [
            ("date,symbol,open,high,low,close,volume_btc,volume", "2019-10-17,BTCUSD,1,4,0.5,2,7,9", true),
            (
                "Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD",
                "2019-10-17,BTCUSD,1,4,0.5,2,7,9",
                true,
            ),
            (
                "unix,date,symbol,open,high,low,close,Volume USD,Volume BTC",
                "1571270400,?,BTC/USD,1,4,0.5,2,9,7",
                true,
            ),
            (
                "Unix Timestamp,Date,Symbol,Open,High,Low,Close,Volume",
                "1571270400000,?,BTCUSD,1,4,0.5,2,7",
                false,
            ),
            (
                "open,close,high,low,timestamp,volume,tradecount",
                "1,2,4,0.5,2019-10-17T00:00:00Z,7,100",
                false,
            ),
            (
                "\"date\",\"open\",\"high\",\"low\",\"close\",\"Volume USDT\",\"Volume BTC\"",
                "\"2019-10-17\",\"1\",4,0.5,2,9,7",
                true,
            ),
            ("# date,unix,open,high,low,close,volume usdt,volume", "?,1571270400000000,1,4,0.5,2,9,7", false),
            (
                "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency)",
                "1571270400,1,4,0.5,2,7,9",
                true,
            ),
            ("time,high,low,open,volumefrom,volumeto,close", "1571270400,4,0.5,1,7,9,2", true),
            ("Date,Open,High,Low,Close,Adj Close,Volume", "2019-10-17,1,4,0.5,2,2,7", false),
            ("time,open,high,low,close,Volume,Volume MA", "1571270400,1,4,0.5,2,7,9", false),
            ("time,open,high,low,close,Volume Traded", "1571270400,1,4,0.5,2,7", false),
            ("time,open,high,low,close,Volume (24h)", "1571270400,1,4,0.5,2,7", false),
            ("time,open,high,low,close,Volume Traded 24h,Volume USD", "1571270400,1,4,0.5,2,7,9", false),
            ("time,open,high,low,close,Volume Traded,Volume", "1571270400,1,4,0.5,2,9,7", false),
            ("time,open,high,low,close,Volume Traded,Volume BTC", "1571270400,1,4,0.5,2,9,7", true),
            ("time,open,high,low,close,USD Volume,BTC volume", "1571270400,1,4,0.5,2,9,7", true),
            ("time,open,high,low,close,sell volume,Vol(BTC)", "1571270400,1,4,0.5,2,9,7", true),
            ("unix,open,high,low,close,Volume XBT,Volume USD", "1571270400,1,4,0.5,2,7,9", true),
            (
                "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume",
                "2019-10-17,1,4,0.5,2,7,x,9",
                false,
            ),
        ];
        let expected =
            Candle { open_time: 1_571_270_400_000, open: 1.0, high: 4.0, low: 0.5, close: 2.0, volume: 7.0 };
        for (header, line, is_certain) in cases {
            let found = columns(header, "BTC", false).unwrap();
            assert_eq!(found.parse(line, DAY).unwrap().candle, expected, "{header}");
            assert_eq!(found.volume().is_certain(), is_certain, "{header}");
            assert_eq!(Header::read(header).unwrap().open_time(line), Some(expected.open_time), "{header}");
        }
        // The coin is a dollar itself.
        let line = "2019-10-17,1,1,1,1,7,9";
        let header = "date,open,high,low,close,Volume USDC,Volume USD";
        assert_eq!(columns(header, "USDC", false).unwrap().parse(line, DAY).unwrap().candle.volume, 7.0);
    }

    #[test]
    fn refuses_headers_that_do_not_fit() {
        let cases = [
            ("open,high,low,close,volume", "no column of times"),
            ("date,high,low,close,volume", "no column open"),
            ("date,open,high,low,close", "no column volume"),
            ("date,open,high,low,close,Volume USD", "volumes in dollars only"),
            ("date,open,high,low,close,volumeto", "volumes in dollars only"),
            ("date,open,high,low,close,Volume ETH,Volume USD", "a volume of ETH, by name or rows it is BTC"),
            (
                "date,open,high,low,close,Volume ETH,Volume Traded",
                "a volume of ETH, by name or rows it is BTC",
            ),
            ("date,open,high,low,close,Volume EUR", "volumes in other currencies only"),
        ];
        for (header, reason) in cases {
            let error = columns(header, "BTC", false).err().unwrap();
            assert!(error.contains(reason), "{header}: {error}");
        }
        let forced = columns("date,open,high,low,close,Volume ETH,Volume USD", "BTC", true).unwrap();
        assert_eq!(forced.parse("2019-10-17,1,1,1,1,7,9", DAY).unwrap().candle.volume, 7.0);
        assert!(Header::read(&"x,".repeat(1000)).err().unwrap().to_string().contains("over 64"));
    }

    #[test]
    fn says_why_a_line_of_names_makes_no_candle() {
        let columns = columns("date,open,high,low,close,volume", "BTC", false).unwrap();
        let cases = [
            ("2019-10-17,1,1,1,1", "has 5 fields, not 6"),
            ("2019-10-17,1,1,1,1,1,1", "has 7 fields, not 6"),
            ("2019-10-17,\"1,1,1,1,1", "has a quote that is not closed"),
            ("10/17/2019,1,1,1,1,1", "date \"10/17/2019\" is neither a Unix time nor a date as 2019-10-17"),
            ("1969-12-31,1,1,1,1,1", "date -86400000 is not in milliseconds between 1970 and 9999"),
            ("2019-10-17,one,1,1,1,1", "open \"one\" is not a number"),
            ("2019-10-17,1,1,1,1,nan", "volume \"nan\" is not finite"),
        ];
        for (line, reason) in cases {
            assert_eq!(columns.parse(line, DAY).err().unwrap(), reason, "{line}");
        }
    }

    fn tidemark(line: &str, length: BarLength) -> Result<Line, String> {
        let columns = Header::tidemark(false).columns(&"BTC".parse().unwrap(), false).unwrap();
        let found = columns.parse(line, length)?;
        check(&found.candle, length).map(|()| found)
    }

    #[test]
    fn reads_lines_of_tidemark() {
        let found = tidemark("1506816000000,4367.1,4387.5,4365.0,4386.3,755.5217587", HOUR).unwrap();
        let expected = Candle {
            open_time: 1_506_816_000_000,
            open: 4367.1,
            high: 4387.5,
            low: 4365.0,
            close: 4386.3,
            volume: 755.5217587,
        };
        assert_eq!(found, Line { candle: expected, is_partial: false, symbol: None });
        assert!(tidemark(" 0 , 1 , 1 , 1 , 1 , 0 ", HOUR).is_ok(), "an idle bar, with spaces");
        assert!(tidemark("0,1,1,1,1,-0", HOUR).unwrap().candle.volume.is_sign_positive());
        let marked = Header::tidemark(true).columns(&"BTC".parse().unwrap(), false).unwrap();
        for (text, expected) in [("", false), ("0", false), ("1", true)] {
            assert_eq!(marked.parse(&format!("0,1,1,1,1,1,{text}"), HOUR).unwrap().is_partial, expected);
        }
        let error = marked.parse("0,1,1,1,1,1,2", HOUR).unwrap_err();
        assert_eq!(error, "partial \"2\" is neither 1 nor 0");
    }

    #[test]
    fn knows_the_header_of_tidemark() {
        for line in [
            TIDEMARK,
            "Open_Time, Open,High,Low,Close,Volume",
            "\"open_time\",\"open\",\"high\",\"low\",\"close\",\"volume\"",
        ] {
            assert_eq!(Header::read_tidemark(line), Some(Header::tidemark(false)), "{line}");
        }
        assert_eq!(Header::read_tidemark(&format!("{TIDEMARK},partial")), Some(Header::tidemark(true)));
        for line in [format!(",{TIDEMARK}"), format!("\"\",{TIDEMARK}"), format!("Unnamed: 0,{TIDEMARK}")] {
            assert_eq!(Header::read_tidemark(&line), Some(Header::tidemark(false).shifted(1)), "{line}");
        }
        for other in ["", "open_time,open,close,high,low,volume", "1506816000000,1,1,1,1,1", "a,b"] {
            assert_eq!(Header::read_tidemark(other), None, "{other}");
        }
        assert_eq!(Header::read_tidemark(&format!("{TIDEMARK},more")), None);
        // R writes no name for the column that counts.
        let fitted = |rows: &[&str]| Header::tidemark(false).fitted(rows) != Header::tidemark(false);
        assert!(fitted(&["\"1\",0,1,1,1,1,1", "\"2\",0,1,1,1,1,1"]));
        assert!(!fitted(&["0,1,1,1,1,1", "1,0,1,1,1,1,1"]) && !fitted(&[]));
    }

    #[test]
    fn says_why_a_line_of_tidemark_makes_no_candle() {
        let cases = [
            ("0,1,1,1,1", "has 5 fields, not 6"),
            ("0,1,1,1,1,1,1", "has 7 fields, not 6"),
            ("x,1,1,1,1,1", "open_time \"x\" is neither a Unix time nor a date as 2019-10-17"),
            ("1.5,1,1,1,1,1", "open_time \"1.5\" is neither a Unix time nor a date as 2019-10-17"),
            ("-60000,1,1,1,1,1", "open_time -60000 is not in milliseconds between 1970 and 9999"),
            (
                "1506816000000000,1,1,1,1,1",
                "open_time 1506816000000000 is not in milliseconds between 1970 and 9999",
            ),
            ("1,1,1,1,1,1", "open_time 1 is not the start of a 1m candle"),
            ("0,1,?,1,1,1", "high \"?\" is not a number"),
            ("0,,1,1,1,1", "open \"\" is not a number"),
            ("0,1,1,1,NaN,1", "close \"NaN\" is not finite"),
            ("0,1,inf,1,1,1", "high \"inf\" is not finite"),
            ("0,1,1e999,1,1,1", "high \"1e999\" is not finite"),
            ("0,1,1,1,1,-2", "volume -2 is negative"),
            ("0,1,1,-1,1,1", "low -1 is negative"),
            ("0,1,1,0,1,1", "low is zero"),
            ("0,1,1e21,1,1,1", "high 1e21 is over 1e20"),
            ("0,1e-300,1,1e-300,1,1", "open 1e-300 is under 1e-12"),
            ("0,1,1,9e-13,1,1", "low 9e-13 is under 1e-12"),
            ("0,1,1,2,1,1", "high 1 is below low 2"),
            ("0,9,3,1,2,1", "open 9 is outside low 1 to high 3"),
            ("0,2,3,1,0.5,1", "close 0.5 is outside low 1 to high 3"),
        ];
        for (line, reason) in cases {
            assert_eq!(tidemark(line, Interval::M1.into()).unwrap_err(), reason, "{line}");
        }
    }

    fn kline(line: &str) -> Result<Candle, String> {
        let columns = Header::binance().columns(&"BTC".parse().unwrap(), false).unwrap();
        let candle = columns.parse(line, HOUR)?.candle;
        check(&candle, HOUR).map(|()| candle)
    }

    #[test]
    fn reads_klines_with_both_kinds_of_times() {
        const TAIL: &str = ",7,3,2,3,0";
        let expected =
            Candle { open_time: 1_735_689_600_000, open: 1.5, high: 2.5, low: 1.0, close: 2.0, volume: 0.25 };
        let millis = format!("1735689600000,1.5,2.5,1.0,2.0,0.25,1735693199999{TAIL}");
        let micros = format!("1735689600000000,1.5,2.5,1.0,2.0,0.25,1735693199999999{TAIL}");
        assert_eq!(kline(&millis), Ok(expected));
        assert_eq!(kline(&micros), Ok(expected));
        assert_eq!(Header::binance().open_time(&micros), Some(expected.open_time));
        // A bar that the exchange cut short.
        let cut = format!("1735689600000,1.5,2.5,1.0,2.0,0.25,1735692000123{TAIL}");
        assert_eq!(kline(&cut), Ok(expected));
        assert!(Header::is_binance(BINANCE));
        assert!(Header::is_binance("Open time,Open,High,Low,Close,Volume,Close time,a,b,c,d,Ignore"));
        assert!(!Header::is_binance("open_time,open,high,low,close,volume"));
        assert!(Header::is_binance_row("1,a,b,c,d,e,f,g,h,i,j,k"));
        assert!(!Header::is_binance_row(BINANCE) && !Header::is_binance_row("1,2,3,4,5,6"));
        assert!(Header::is_kraken_row("1704067200,101,103,100,102,50.5,7"));
    }

    #[test]
    fn says_why_a_kline_makes_no_candle() {
        let cases = [
            ("0,1,1,1,1,1", "has 6 fields, not 12"),
            ("x,1,1,1,1,1,3599999", "open_time \"x\" is neither a Unix time nor a date as 2019-10-17"),
            ("-1,1,1,1,1,1,3599999", "open_time -1 is not in milliseconds between 1970 and 9999"),
            ("1735689600000001,1,1,1,1,1,0", "open_time 1735689600000001 is no whole number of milliseconds"),
            (
                "999999999999999000,1,1,1,1,1,0",
                "open_time 999999999999999000 is not in milliseconds or microseconds between 1970 and 9999",
            ),
            ("60000,1,1,1,1,1,3659999", "open_time 60000 is not the start of a 1h candle"),
            ("0,1,?,1,1,1,3599999", "high \"?\" is not a number"),
            ("0,1,1,1,1,NaN,3599999", "volume \"NaN\" is not finite"),
            ("0,1,1,1,1,1,soon", "close_time \"soon\" is not a whole number"),
            ("0,1,1,1,1,1,59999", "close_time 59999 makes it a 1m candle, not 1h"),
            ("0,1,1,1,1,1,86399999", "close_time 86399999 makes it a 1d candle, not 1h"),
            ("0,1,1,1,1,1,3600999", "close_time 3600999 is past the end of a 1h candle"),
            ("3600000,1,1,1,1,1,59999", "close_time 59999 is before open_time"),
        ];
        for (line, reason) in cases {
            let fields = line.split(',').count();
            let line = if fields == 7 { format!("{line},1,1,1,1,0") } else { line.to_owned() };
            assert_eq!(kline(&line).unwrap_err(), reason, "{line}");
        }
    }

    #[test]
    fn columns_are_named_by_the_caller() {
        let names: ColumnNames = "time,low,high,open,close,volume,-".parse().unwrap();
        let columns = Header::named(&names).columns(&"BTC".parse().unwrap(), false).unwrap();
        let found = columns.parse("1571270400,0.5,4,1,2,7,9", DAY).unwrap().candle;
        assert_eq!((found.open, found.low, found.volume), (1.0, 0.5, 7.0));
        for (text, reason) in [
            ("time,open,high,low,close", "lacks volume"),
            ("time,open,high,low,close,volume,time", "time is there twice"),
            ("time,open,high,low,close,volume,count", "\"count\" is none of time open"),
            ("", "\"\" is none of"),
        ] {
            assert!(text.parse::<ColumnNames>().unwrap_err().contains(reason), "{text}");
        }
    }
}
