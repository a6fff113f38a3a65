//! Reading a file: which layout, whose candles, and then line by line.

use std::path::Path;

use model::{Candle, Interval, Symbol, UnixMs};

use crate::{
    FileError, binance,
    cryptodatadownload::{Columns, Header, other_symbol},
    format::{Format, Layout, Start, detect, is_blank, without_mark},
    input::{Input, Progress},
    length::BarLength,
    lines::Lines,
    name::{self, Named},
    number::check,
    pair::Pair,
    rollup::{RollUp, there_before},
    seen::Seen,
    tidemark,
};

/// Lines looked at for the layout, and for what neither name nor caller tell.
const HEAD: usize = 200;

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

/// A line that makes no candle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Line of the file (unpacked), from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What a line of the file made.
pub type Row = Result<Candle, Reject>;

/// The candles of one file, each open time once. Memory does not grow with the file but for a bit a candle.
pub struct CandleReader {
    lines: Lines,
    rows: Rows,
    heading: Heading,
    progress: Progress,
    seen: Seen,
    rollup: Option<RollUp>,
}

/// How a line is read.
enum Rows {
    Tidemark,
    Binance,
    CryptoDataDownload(Columns),
}

impl CandleReader {
    /// Opens a file, plain, gzip or ZIP.
    ///
    /// # Errors
    /// [`FileError`]: not to be read, of no known layout, or it does not tell whose candles it holds.
    pub fn open(path: &Path, given: &Given) -> Result<Self, FileError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Self::new(Input::open(path)?, name, given)
    }

    /// Reads from elsewhere; `name` is what the file would be called.
    ///
    /// # Errors
    /// As [`CandleReader::open`].
    pub fn new(input: Input, name: &str, given: &Given) -> Result<Self, FileError> {
        let progress = input.progress.clone();
        let mut lines = Lines::new(input);
        let head = lines.peek(HEAD)?;
        let Start { layout, skip } = detect(&head, given.format)?;
        for _ in 0..skip {
            lines.next()?;
        }
        let rows: Vec<&str> =
            head.iter().skip(skip).map(|line| without_mark(line)).filter(|line| !is_blank(line)).collect();
        let named = name::read(name);
        let format = match layout {
            Layout::Tidemark => Format::Tidemark,
            Layout::Binance => Format::Binance,
            Layout::CryptoDataDownload(_) => Format::CryptoDataDownload,
        };
        let by_layout = (format == Format::Binance).then(|| "binance".to_owned());
        let exchange = named.exchange.clone().or(by_layout);
        let symbol = symbol(given, &named, &layout, &rows, exchange.as_deref())?;
        let length = length(given, &named, &layout, &rows)?;
        let interval = length.stored_as().ok_or_else(|| no_interval(length))?;
        let heading = Heading { format, symbol, length, interval, exchange };
        let rows = match layout {
            Layout::Tidemark => Rows::Tidemark,
            Layout::Binance => Rows::Binance,
            Layout::CryptoDataDownload(header) => {
                Rows::CryptoDataDownload(header.columns(&heading.symbol, given.symbol.is_some())?)
            }
        };
        let rollup = RollUp::new(length);
        Ok(Self { lines, rows, heading, progress, seen: Seen::default(), rollup })
    }

    /// Whose candles these are.
    #[must_use]
    pub fn heading(&self) -> &Heading {
        &self.heading
    }

    /// How much has been read; goes on being true while the file is read.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The next candle or rejected line; `None` at the end.
    ///
    /// # Errors
    /// [`FileError::Read`]: the file breaks off; what came before is not to be trusted to be whole.
    pub fn next_row(&mut self) -> Result<Option<Row>, FileError> {
        while let Some((number, line)) = self.lines.next()? {
            // Only the first line can have the mark.
            let line = if number == 1 { without_mark(&line) } else { &*line };
            if is_blank(line) {
                continue;
            }
            let bar = self.rows.parse(line, &self.heading);
            let row = bar.and_then(|bar| match &mut self.rollup {
                Some(rollup) => rollup.push(number, bar),
                None if self.seen.insert(self.heading.interval, bar.open_time) => Ok(Some(Ok(bar))),
                None => Err(there_before(bar.open_time)),
            });
            match row {
                Ok(None) => {}
                Ok(Some(row)) => return Ok(Some(row)),
                Err(reason) => return Ok(Some(Err(Reject { line: number, reason }))),
            }
        }
        Ok(self.rollup.as_mut().and_then(RollUp::finish))
    }
}

impl Rows {
    fn parse(&self, line: &str, heading: &Heading) -> Result<Candle, String> {
        let bar = match self {
            Self::Tidemark => tidemark::parse(line)?,
            Self::Binance => binance::parse(line, heading.length)?,
            Self::CryptoDataDownload(columns) => {
                let (bar, symbol) = columns.parse(line)?;
                if let Some(text) = symbol
                    && !Pair::read(text).is_some_and(|pair| pair.is_of(&heading.symbol))
                {
                    return Err(other_symbol(text, &heading.symbol));
                }
                bar
            }
        };
        check(&bar, heading.length)?;
        Ok(bar)
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
        Layout::CryptoDataDownload(header) => Header::open_time(header, row),
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
