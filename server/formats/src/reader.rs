//! Reading a file: its heading, and then line by line.

use std::{io::Read, path::Path};

use model::{Candle, UnixMs};

use crate::{
    FileError,
    columns::{Columns, other_symbol},
    format::{Known, Start, detect, is_blank, without_mark},
    heading::{Given, Heading, find},
    input::{Input, Progress},
    json::{Json, to_csv},
    lines::Lines,
    name,
    number::{check_numbers, is_start},
    pair::Pair,
    rollup::{Repeat, RollUp},
    seen::Seen,
    summary::Summary,
    time::{TimeUnit, date_text},
};

/// Lines looked at for the layout, and for what neither name nor caller tell.
const HEAD: usize = 200;
/// How far a clock may be behind: a candle that opens later is no candle of a market.
const MAX_AHEAD_MS: i64 = 86_400_000;

/// A line that makes no candle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Line of the file (unpacked), from 1; of an array in JSON, the element.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// A candle of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FileCandle {
    /// The candle.
    pub candle: Candle,
    /// Whether it lacks data or has not ended: the file marks it so, or its end is after the time now.
    pub incomplete: bool,
}

/// What a line of the file made.
pub type Row = Result<FileCandle, Reject>;

/// The candles of one file. An open time that comes again replaces the candle before, unless that is complete and the later
/// one is not. Memory does not grow with the file but for a bit a candle.
pub struct CandleReader {
    lines: Lines,
    rules: Rules,
    progress: Progress,
    seen: Seen,
    /// Those of them whose candle is incomplete.
    running: Seen,
    rollup: Option<RollUp>,
    summary: Summary,
    /// Lines whose candle was there before, until they are reported.
    repeats: Vec<Reject>,
    /// The last line, if it made a candle.
    last_line: Option<u64>,
}

/// How a line is read, and what must hold of it.
struct Rules {
    columns: Columns,
    json: Option<Json>,
    heading: Heading,
    /// Whether rows of another symbol are left out.
    checks_symbol: bool,
    /// Whether the symbol was given: a row whose text is no pair says nothing then.
    is_given: bool,
    now: Option<UnixMs>,
}

/// Why a line makes no candle.
struct Bad {
    reason: String,
    /// Its open time, if all that is wrong is where it opens.
    misaligned: Option<UnixMs>,
}

impl From<String> for Bad {
    fn from(reason: String) -> Self {
        Self { reason, misaligned: None }
    }
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

    /// Reads from a stream without a name, as standard input.
    ///
    /// # Errors
    /// As [`CandleReader::open`].
    pub fn from_stream<R: Read + Send + 'static>(stream: R, given: &Given) -> Result<Self, FileError> {
        Self::new(Input::from_stream(stream)?, "", given)
    }

    /// Reads from elsewhere; `name` is what the file would be called.
    ///
    /// # Errors
    /// As [`CandleReader::open`].
    pub fn new(input: Input, name: &str, given: &Given) -> Result<Self, FileError> {
        let progress = input.progress.clone();
        let mut lines = Lines::new(input)?;
        let json = lines.json();
        let named = name::read(name);
        let head = lines.peek(HEAD)?;
        let known =
            Known { format: given.format, columns: given.columns.as_ref(), json, is_kraken: named.is_kraken };
        let Start { header, skip } = detect(&head, &known)?;
        for _ in 0..skip {
            lines.next()?;
        }
        let rows: Vec<String> = head
            .iter()
            .skip(skip)
            .map(|line| without_mark(line))
            .filter(|line| !is_blank(line))
            .map(|line| json.and_then(|json| to_csv(json, line).ok()).unwrap_or_else(|| line.to_owned()))
            .collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let header = header.fitted(&rows);
        let found = find(given, &named, &header, &rows)?;
        let format = header.format();
        let columns = header.columns(&found.traded.symbol, given.is_forced)?;
        let heading = Heading {
            format,
            symbol: found.traded.symbol,
            alias: found.traded.alias,
            length: found.length,
            interval: found.interval,
            exchange: found.exchange,
            volume: columns.volume().clone(),
        };
        let rollup = RollUp::new(heading.length, given.now);
        let rules = Rules {
            columns,
            json,
            heading,
            checks_symbol: !given.is_forced,
            is_given: given.symbol.is_some(),
            now: given.now,
        };
        Ok(Self {
            lines,
            rules,
            progress,
            seen: Seen::default(),
            running: Seen::default(),
            rollup,
            summary: Summary::default(),
            repeats: Vec::new(),
            last_line: None,
        })
    }

    /// Whose candles these are.
    #[must_use]
    pub fn heading(&self) -> &Heading {
        &self.rules.heading
    }

    /// How much has been read; goes on being true while the file is read.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// What the lines came to so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// If no candle came of the file, which has been read to its end: what its lines have in common.
    #[must_use]
    pub fn nothing(&self) -> Option<String> {
        let is_in_ms = self.rules.columns.time_unit() == TimeUnit::Millis;
        self.summary.nothing(self.rules.heading.length, is_in_ms)
    }

    /// The lines since the last call whose candle was there before; the reason says which of them stands.
    pub fn take_repeats(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.repeats)
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
            self.summary.lines += 1;
            let bar = self.rules.read(line);
            self.last_line = bar.is_ok().then_some(number);
            let row = bar.and_then(|bar| self.take(number, bar).map_err(Bad::from));
            match row {
                Ok(None) => {}
                Ok(Some(row)) => return Ok(Some(row)),
                Err(Bad { reason, misaligned }) => {
                    self.summary.reject(&reason);
                    if let Some(time) = misaligned {
                        self.summary.misalign(time);
                    }
                    return Ok(Some(Err(Reject { line: number, reason })));
                }
            }
        }
        if self.lines.is_unended() && self.rules.json.is_none() && self.rules.columns.has_last() {
            self.summary.unended_line = self.last_line;
        }
        let row = self.rollup.as_mut().and_then(RollUp::finish);
        Ok(row.map(|row| self.count(row)))
    }

    /// Takes a bar that is right by itself. Gives the candle that it makes or ends, if it does.
    fn take(&mut self, number: u64, bar: FileCandle) -> Result<Option<Row>, String> {
        let time = bar.candle.open_time;
        let (row, repeat) = match &mut self.rollup {
            Some(rollup) => {
                let pushed = rollup.push(number, bar)?;
                (pushed.ended, pushed.repeat)
            }
            None => {
                let repeat = self.see(&bar);
                ((repeat != Some(Repeat::LeftOut)).then_some(Ok(bar)), repeat)
            }
        };
        let Some(repeat) = repeat else { return Ok(row.map(|row| self.count(row))) };
        self.summary.repeated += 1;
        self.repeats.push(Reject { line: number, reason: repeat.reason(time) });
        // It takes the place of a candle that has been counted.
        Ok(row)
    }

    /// Remembers a candle that is stored as it is. Which one stands, if it was there before.
    fn see(&mut self, bar: &FileCandle) -> Option<Repeat> {
        let (interval, time) = (self.rules.heading.interval, bar.candle.open_time);
        let repeat = (!self.seen.insert(interval, time))
            .then(|| Repeat::of(self.running.contains(interval, time), bar.incomplete));
        if repeat.is_none() && bar.incomplete {
            self.running.insert(interval, time);
        } else if !bar.incomplete && self.running.contains(interval, time) {
            self.running.remove(interval, time);
            self.summary.incomplete -= 1;
        }
        repeat
    }

    fn count(&mut self, row: Row) -> Row {
        match &row {
            Ok(found) => self.summary.take(found, self.rules.heading.interval),
            Err(reject) => self.summary.reject(&reject.reason),
        }
        row
    }
}

impl Rules {
    fn read(&self, line: &str) -> Result<FileCandle, Bad> {
        let Self { heading, .. } = self;
        let line = match self.json {
            None => self.columns.parse(line, heading.length)?,
            Some(json) => self.columns.parse(&to_csv(json, line)?, heading.length)?,
        };
        if self.checks_symbol
            && let Some(text) = line.symbol.as_deref()
        {
            let pair = Pair::read(text);
            let is_other = match &pair {
                Some(pair) => !pair.is_of(&heading.symbol) && (!self.is_given || pair.has_currency()),
                None => !self.is_given,
            };
            if is_other {
                return Err(other_symbol(text, &heading.symbol).into());
            }
        }
        let open_time = line.candle.open_time;
        if !is_start(open_time, heading.length) {
            let reason = format!("open_time {open_time} is not the start of a {} candle", heading.length);
            return Err(Bad { reason, misaligned: Some(open_time) });
        }
        check_numbers(&line.candle)?;
        let mut incomplete = line.is_partial;
        if let Some(now) = self.now {
            if open_time > now.saturating_add(MAX_AHEAD_MS) {
                return Err(format!(
                    "opens at {}, more than a day after the time now, {}",
                    date_text(open_time),
                    date_text(now)
                )
                .into());
            }
            incomplete |= heading.length.ms().is_some_and(|ms| open_time.saturating_add(ms) > now);
        }
        Ok(FileCandle { candle: line.candle, incomplete })
    }
}
