//! Whose candles a file holds: by the caller, by the name, by the first rows.

use model::{Interval, Symbol, UnixMs};

use crate::{
    FileError,
    columns::{ColumnNames, Header, VolumeColumn},
    format::Format,
    length::BarLength,
    name::Named,
    pair::{Pair, Traded, in_other},
};

const DAY_MS: i64 = 86_400_000;
/// The shortest month. Its bars are that far apart at least, and 31 days at most.
const MONTH_MS: i64 = 28 * DAY_MS;
/// Equal steps that make a length: one line out of place makes two odd ones.
const MIN_STEPS: usize = 2;

/// What the caller knows about a file; it comes before what the file says.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Ticker symbol. A clear name or rows of another coin or currency are refused, unless `is_forced`.
    pub symbol: Option<Symbol>,
    /// Length of the file's bars.
    pub length: Option<BarLength>,
    /// The layout.
    pub format: Option<Format>,
    /// The columns of a file without a header.
    pub columns: Option<ColumnNames>,
    /// Whether `symbol` is taken though name or rows contradict it.
    pub is_forced: bool,
    /// The time now, Unix ms. Candles that end later are incomplete, those that open more than a day later are rejected;
    /// without it none is.
    pub now: Option<UnixMs>,
}

/// Whose candles a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// The layout.
    pub format: Format,
    /// Ticker symbol.
    pub symbol: Symbol,
    /// The ticker that the file has for it, if that is another one: `XBT` of BTC.
    pub alias: Option<String>,
    /// Length of the file's bars.
    pub length: BarLength,
    /// Interval of the candles that they make.
    pub interval: Interval,
    /// The exchange by the name or the layout, lower case.
    pub exchange: Option<String>,
    /// The column that is taken as the volume.
    pub volume: VolumeColumn,
}

/// Whose candles they are, without the column of the volume, which depends on it.
pub(crate) struct Found {
    pub traded: Traded,
    pub length: BarLength,
    pub interval: Interval,
    pub exchange: Option<String>,
}

/// Puts together what is known. `rows` are the first of the file.
pub(crate) fn find(given: &Given, named: &Named, header: &Header, rows: &[&str]) -> Result<Found, FileError> {
    let by_layout = match header.format() {
        Format::Binance => Some("binance".to_owned()),
        Format::Kraken => Some("kraken".to_owned()),
        Format::Tidemark | Format::CryptoDataDownload => None,
    };
    let exchange = named.exchange.clone().or(by_layout);
    let traded = traded(given, named, header, rows)?;
    let length = length(given, named, header, rows)?;
    let interval = length.stored_as().ok_or_else(|| no_interval(length))?;
    Ok(Found { traded, length, interval, exchange })
}

/// As given, by the name, or by the rows' symbol column.
fn traded(given: &Given, named: &Named, header: &Header, rows: &[&str]) -> Result<Traded, FileError> {
    let in_rows = rows.iter().find_map(|row| Pair::read(&header.symbol(row)?));
    if let Some(symbol) = &given.symbol {
        if !given.is_forced
            && let Some(pair) = named.pair.as_ref().filter(|pair| pair.has_currency())
        {
            contradiction(symbol, pair)?;
        }
        return Ok(Traded { symbol: symbol.clone(), alias: None });
    }
    if let Some(pair) = &named.pair {
        let hints: Vec<_> = in_rows.into_iter().chain(header.currencies().filter_map(Pair::read)).collect();
        return pair.traded(&hints);
    }
    if let Some(pair) = in_rows {
        let hints: Vec<_> = header.currencies().filter_map(Pair::read).collect();
        return pair.traded(&hints);
    }
    Err(FileError::Heading(
        "neither name nor rows tell the symbol; give --symbol, or a name as BTC-USD-30m.csv.gz".to_owned(),
    ))
}

/// Refuses a name that is clearly of another coin or currency than the symbol that was given.
fn contradiction(symbol: &Symbol, pair: &Pair) -> Result<(), FileError> {
    if pair.is_of(symbol) {
        return Ok(());
    }
    if let Some(currency) = pair.other_currency() {
        let error = in_other(currency);
        return Err(FileError::Heading(format!("by the name {error}; --force takes them as USD")));
    }
    Err(FileError::Heading(format!(
        "by the name these are prices of {pair}, and --symbol says {symbol}; --force imports them so"
    )))
}

/// As given, by the name, or by the distance of the first rows.
fn length(given: &Given, named: &Named, header: &Header, rows: &[&str]) -> Result<BarLength, FileError> {
    if let Some(length) = given.length {
        return Ok(length);
    }
    let steps = Steps::of(rows.iter().filter_map(|row| header.open_time(row)));
    if let Some(length) = named.length {
        // That bars of such a length cannot be taken at all comes first.
        let other = steps.usual.and_then(Step::length).filter(|other| *other != length);
        if let Some(other) = other.filter(|_| length.stored_as().is_some()) {
            let (named_ms, other_ms) = (length.ms().unwrap_or(MONTH_MS), other.ms().unwrap_or(MONTH_MS));
            // One in so many bars would pass for a longer one; and where bars are missing, those that are left are further
            // apart, but not all of them.
            if other_ms < named_ms || steps.smallest.is_some_and(|smallest| smallest >= other_ms) {
                return Err(FileError::Heading(format!(
                    "by the name these are {length} bars, the rows are {other} apart; give --interval"
                )));
            }
        }
        return Ok(length);
    }
    let unknown =
        |what: &str| FileError::Heading(format!("{what}; give --interval, or a name as BTC-USD-30m.csv.gz"));
    let Some(smallest) = steps.smallest else {
        let has_time = rows.is_empty() || rows.iter().any(|row| header.open_time(row).is_some());
        return Err(unknown(if has_time {
            "neither name nor rows tell the interval"
        } else {
            "the times of the rows cannot be read, so they do not tell the interval"
        }));
    };
    let step = if (MONTH_MS..=31 * DAY_MS).contains(&smallest) { Step::Month } else { Step::Ms(smallest) };
    step.length().ok_or_else(|| unknown(&format!("the rows are {smallest} ms apart, which is no interval")))
}

/// The distance of two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Ms(i64),
    /// 28 to 31 days.
    Month,
}

impl Step {
    fn length(self) -> Option<BarLength> {
        match self {
            Self::Ms(ms) => BarLength::from_ms(ms),
            Self::Month => Some(BarLength::Month),
        }
    }
}

/// Distances between the times of consecutive rows, either way.
struct Steps {
    smallest: Option<i64>,
    /// The one that is more frequent than all others together.
    usual: Option<Step>,
}

impl Steps {
    fn of(times: impl Iterator<Item = UnixMs>) -> Self {
        let times: Vec<_> = times.collect();
        let apart: Vec<_> =
            times.windows(2).map(|pair| (pair[1] - pair[0]).abs()).filter(|step| *step > 0).collect();
        let step = |ms: &i64| match ms {
            MONTH_MS..=2_678_400_000 => Step::Month,
            ms => Step::Ms(*ms),
        };
        let mut steps: Vec<_> = apart.iter().map(step).collect();
        steps.sort_unstable();
        let usual = steps.get(steps.len() / 2).copied().filter(|middle| {
            let count = steps.iter().filter(|step| *step == middle).count();
            count >= MIN_STEPS && 2 * count > steps.len()
        });
        Self { smallest: apart.into_iter().min(), usual }
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
