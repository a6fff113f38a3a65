//! Reading a file: its heading, and then line by line.

use std::path::Path;

use model::Candle;

use crate::{
    FileError, binance,
    cryptodatadownload::{Columns, other_symbol},
    format::{Layout, Start, detect, is_blank, without_mark},
    heading::{Given, Heading},
    input::{Input, Progress},
    lines::Lines,
    number::check,
    pair::Pair,
    rollup::{RollUp, there_before},
    seen::Seen,
    tidemark,
};

/// Lines looked at for the layout, and for what neither name nor caller tell.
const HEAD: usize = 200;

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
        let heading = Heading::find(given, name, &layout, &rows)?;
        let rows = match layout {
            Layout::Tidemark => Rows::Tidemark,
            Layout::Binance => Rows::Binance,
            Layout::CryptoDataDownload(header) => {
                Rows::CryptoDataDownload(header.columns(&heading.symbol, given.symbol.is_some())?)
            }
        };
        let rollup = RollUp::new(heading.length);
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
