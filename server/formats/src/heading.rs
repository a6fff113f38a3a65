//! Whose candles a file holds: by the caller, by the name, by the first rows.

use model::{Interval, Symbol, UnixMs};

use crate::{
    FileError, binance,
    format::{Format, Layout},
    length::BarLength,
    name::{self, Named},
    pair::Pair,
    tidemark,
};

/// What the caller knows about a file; it comes before what the file says.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Ticker symbol. The prices are then taken as USD, whatever the file says.
    pub symbol: Option<Symbol>,
    /// Length of the file's bars.
    pub length: Option<BarLength>,
    /// The layout.
    pub format: Option<Format>,
}

/// Whose candles a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// The layout.
    pub format: Format,
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Length of the file's bars.
    pub length: BarLength,
    /// Interval of the candles that they make.
    pub interval: Interval,
    /// The exchange by the name or the layout, lower case.
    pub exchange: Option<String>,
}

impl Heading {
    /// Puts together what is known. `rows` are the first of the file.
    pub(crate) fn find(given: &Given, name: &str, layout: &Layout, rows: &[&str]) -> Result<Self, FileError> {
        let named = name::read(name);
        let format = layout.format();
        let by_layout = (format == Format::Binance).then(|| "binance".to_owned());
        let exchange = named.exchange.clone().or(by_layout);
        let symbol = symbol(given, &named, layout, rows, exchange.as_deref())?;
        let length = length(given, &named, layout, rows)?;
        let interval = length.stored_as().ok_or_else(|| no_interval(length))?;
        Ok(Self { format, symbol, length, interval, exchange })
    }
}

/// As given, by the name, or by the rows' symbol column.
fn symbol(
    given: &Given,
    named: &Named,
    layout: &Layout,
    rows: &[&str],
    exchange: Option<&str>,
) -> Result<Symbol, FileError> {
    if let Some(symbol) = &given.symbol {
        return Ok(symbol.clone());
    }
    if let Some(pair) = &named.pair {
        return pair.symbol(exchange);
    }
    if let Layout::CryptoDataDownload(header) = layout
        && let Some(pair) = rows.iter().find_map(|row| Pair::read(header.symbol(row)?))
    {
        return pair.symbol(exchange);
    }
    Err(FileError::Heading(
        "neither name nor rows tell the symbol; give --symbol, or a name as BTC-USD-30m.csv.gz".to_owned(),
    ))
}

/// As given, by the name, or by the distance of the first rows.
fn length(given: &Given, named: &Named, layout: &Layout, rows: &[&str]) -> Result<BarLength, FileError> {
    if let Some(length) = given.length {
        return Ok(length);
    }
    let steps = Steps::of(rows.iter().filter_map(|row| open_time(layout, row)));
    if let Some(length) = named.length {
        // Otherwise one in so many bars would pass for a longer one.
        if let Some(usual) = steps.usual.and_then(BarLength::from_ms)
            && usual.ms() < length.ms()
        {
            return Err(FileError::Heading(format!(
                "by the name these are {length} bars, the rows are {usual} apart; give --interval"
            )));
        }
        return Ok(length);
    }
    let unknown =
        |what: &str| FileError::Heading(format!("{what}; give --interval, or a name as BTC-USD-30m.csv.gz"));
    let step = steps.smallest.ok_or_else(|| unknown("neither name nor rows tell the interval"))?;
    BarLength::from_ms(step)
        .ok_or_else(|| unknown(&format!("the rows are {step} ms apart, which is no interval")))
}

fn open_time(layout: &Layout, row: &str) -> Option<UnixMs> {
    match layout {
        Layout::Tidemark => tidemark::parse(row).ok().map(|bar| bar.open_time),
        Layout::Binance => binance::open_time(row),
        Layout::CryptoDataDownload(header) => header.open_time(row),
    }
}

/// Distances between the times of consecutive rows, either way.
struct Steps {
    smallest: Option<i64>,
    /// The one that is more frequent than all others together, of three at least.
    usual: Option<i64>,
}

impl Steps {
    fn of(times: impl Iterator<Item = UnixMs>) -> Self {
        let times: Vec<_> = times.collect();
        let mut steps: Vec<_> =
            times.windows(2).map(|pair| (pair[1] - pair[0]).abs()).filter(|s| *s > 0).collect();
        steps.sort_unstable();
        let middle = steps.get(steps.len() / 2).copied();
        let usual = middle.filter(|middle| {
            let count = steps.iter().filter(|step| *step == middle).count();
            count >= 3 && 2 * count > steps.len()
        });
        Self { smallest: steps.first().copied(), usual }
    }
}

fn no_interval(length: BarLength) -> FileError {
    let stored = Interval::ALL.map(Interval::as_str).join(" ");
    let names: Vec<_> = BarLength::ALL
        .into_iter()
        .filter(|(_, length)| matches!(length, BarLength::Divides { .. }))
        .map(|(name, _)| name)
        .collect();
    FileError::Heading(format!(
        "{length} bars cannot be taken: stored are {stored}, and rolled up to these {}",
        names.join(" ")
    ))
}
