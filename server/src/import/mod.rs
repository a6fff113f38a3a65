//! Bringing candles from files into the store.
//!
//! A file is one transaction: read and checked in a thread of its own, a batch at a time, while Postgres takes the batch
//! before. Lines that make no candle are left out and reported; everything else that is wrong with a file leaves the
//! database as it was. Importing a file again changes nothing.

mod checksum;
mod error;
mod reader;
mod source;

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use candle_files::{BarLength, ColumnNames, FileCandle, Format, Given, Progress, Summary, VolumeColumn};
use model::{Interval, Source, Symbol, UnixMs};
use tokio::sync::mpsc;

pub use candle_files::{FileError, Reject};
pub use checksum::is_checksum;
pub use error::ImportError;
pub use source::source;

use self::reader::{Batch, Message};
use crate::store::{
    MarkedCandle, Store, StoreError,
    write::{self, SeriesWriter},
};

/// What is said of a last line that has no line end.
const UNENDED: &str = "the last line has no line end; its last number may be cut off";

/// Batches read ahead of the database.
const AHEAD: usize = 2;

/// Candles that are further apart go to the database apart: a file with one time that is decades off touches no table of
/// the months between.
const GAP_MS: i64 = 28 * 86_400_000;

/// What the caller knows about the files.
#[derive(Clone, Debug)]
pub struct Options {
    /// Ticker symbol; read from the file if not given.
    pub symbol: Option<Symbol>,
    /// Length of the file's bars; read from the file if not given.
    pub length: Option<BarLength>,
    /// The layout; found out if not given.
    pub format: Option<Format>,
    /// Whose candles they are; none takes the exchange that the file tells.
    pub source: Option<Source>,
    /// The columns of files without a header.
    pub columns: Option<ColumnNames>,
    /// Whether `symbol` is taken though a name or rows contradict it.
    pub force: bool,
    /// Whether a line that makes no candle, or a last line without its end, fails the file.
    pub strict: bool,
    /// The time that candles are compared with, Unix ms; that of the clock if not given.
    pub now: Option<UnixMs>,
}

impl Default for Options {
    /// The files tell everything, and their candles are of source `recorded`.
    fn default() -> Self {
        Self {
            symbol: None,
            length: None,
            format: None,
            source: Some(Source::RECORDED),
            columns: None,
            force: false,
            strict: false,
            now: None,
        }
    }
}

/// What happens while a file is imported.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A line was left out.
    Rejected(&'a Reject),
    /// A line's candle was there before. It replaces that of the earlier line, unless it alone is incomplete.
    Repeated(&'a Reject),
    /// The database has been given candles.
    Rows {
        /// Of this file, so far.
        rows: u64,
        /// How far the file has been read, which is a little ahead.
        read: &'a Progress,
    },
    /// All candles have been given to the database. From here on, to drop the import leaves it open whether the file is
    /// stored.
    Committing,
}

/// What an import of one file did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file's layout.
    pub format: Format,
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Whose candles they are.
    pub source: Source,
    /// Length of the file's bars.
    pub length: BarLength,
    /// Length of the candles: longer if the bars were rolled up.
    pub interval: Interval,
    /// Candles that the file makes.
    pub rows: u64,
    /// Candles that the store did not have.
    pub inserted: u64,
    /// Candles that the store had with other values.
    pub updated: u64,
    /// Lines left out, and candles that lack some of their bars.
    pub rejected: u64,
    /// Lines whose candle was there before.
    pub repeated: u64,
    /// Candles that the file marks as incomplete, or that have not ended.
    pub incomplete: u64,
    /// The ticker that the file has for the coin, if it is another one.
    pub alias: Option<String>,
    /// The column that was taken as the volume.
    pub volume: VolumeColumn,
    /// What may be wrong with candles that are in, a sentence each.
    pub warnings: Vec<String>,
    /// The series' new revision; none if nothing changed.
    pub revision: Option<u64>,
}

/// Imports one file. On an error, or if the future is dropped before [`Event::Committing`], the database is as before.
///
/// # Errors
/// [`ImportError`], one line that says what is wrong; it does not repeat the path.
pub async fn import_file(
    store: &Store,
    path: &Path,
    options: &Options,
    on_event: impl FnMut(Event<'_>),
) -> Result<FileReport, ImportError> {
    import(store, path, options, on_event).await.map_err(|error| match error {
        ImportError::Store(error) => ImportError::Store(store.for_user(error)),
        other => other,
    })
}

async fn import(
    store: &Store,
    path: &Path,
    options: &Options,
    mut on_event: impl FnMut(Event<'_>),
) -> Result<FileReport, ImportError> {
    let Options { symbol, length, format, source, columns, force, strict, now } = options.clone();
    let now = now.unwrap_or_else(clock);
    let given = Given { symbol, length, format, columns, is_forced: force, now: Some(now) };
    let (sender, mut messages) = mpsc::channel(AHEAD);
    let file = path.to_owned();
    // Ends by itself when `messages` is dropped.
    let reading = tokio::task::spawn_blocking(move || reader::read(&file, &given, strict, &sender));

    let Some(Message::Heading(heading, read)) = messages.recv().await else {
        reading.await??;
        return Err(FileError::Open("nothing was read".to_owned()).into());
    };
    let source = source.map_or_else(|| source::of_file(&heading), Ok)?;
    let mut report = FileReport {
        format: heading.format,
        symbol: heading.symbol,
        source,
        length: heading.length,
        interval: heading.interval,
        rows: 0,
        inserted: 0,
        updated: 0,
        rejected: 0,
        repeated: 0,
        incomplete: 0,
        alias: heading.alias,
        volume: heading.volume,
        warnings: Vec::new(),
        revision: None,
    };
    // No connection is made, and no series, before there is a candle.
    let mut next = loop {
        let message = messages.recv().await;
        if let Some(Message::Batch(batch)) = &message {
            report.rejected += batch.rejects.len() as u64;
            say(batch, &mut on_event);
            if batch.candles.is_empty() {
                continue;
            }
        }
        break message;
    };
    if next.is_none() {
        reading.await??;
        return Err(ImportError::Nothing("nothing was read".to_owned()));
    }
    let mut connection = write::connect(store).await?;
    let mut writer =
        SeriesWriter::begin(&mut connection, &report.symbol, &report.source, report.interval).await?;
    let (mut rows, mut is_first) = (0, true);
    while let Some(message) = next {
        match message {
            Message::Batch(batch) => {
                if !std::mem::take(&mut is_first) {
                    report.rejected += batch.rejects.len() as u64;
                    say(&batch, &mut on_event);
                }
                put(&mut writer, &batch.candles).await?;
                rows += batch.candles.len() as u64;
                on_event(Event::Rows { rows, read: &read });
            }
            Message::End(summary) => {
                report.rows = summary.candles;
                report.repeated = summary.repeated;
                report.incomplete = summary.incomplete;
                report.warnings = warnings(&report.volume, &summary);
            }
            Message::Heading(..) => {}
        }
        next = messages.recv().await;
    }
    // The channel also closes when reading fails: only its own word makes the file complete.
    reading.await??;
    on_event(Event::Committing);
    let written = writer.commit().await?;
    report.inserted = written.inserted;
    report.updated = written.updated;
    report.revision = written.revision;
    Ok(report)
}

/// Reports the lines of a batch that made no candle, or one that was there before.
fn say(batch: &Batch, on_event: &mut impl FnMut(Event<'_>)) {
    batch.rejects.iter().for_each(|reject| on_event(Event::Rejected(reject)));
    batch.repeats.iter().for_each(|reject| on_event(Event::Repeated(reject)));
}

/// Gives rows, by ascending open time, to the database.
async fn put(writer: &mut SeriesWriter<'_>, rows: &[FileCandle]) -> Result<(), StoreError> {
    // What is stored by time need not care for the time between.
    for some in rows.chunk_by(|one, next| next.candle.open_time - one.candle.open_time < GAP_MS) {
        let marked = |row: &FileCandle| MarkedCandle { candle: row.candle, incomplete: row.incomplete };
        writer.put_marked(&some.iter().map(marked).collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// What may be wrong though it is in.
fn warnings(volume: &VolumeColumn, summary: &Summary) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(line) = summary.unended_line {
        warnings.push(format!("line {line}: {UNENDED}"));
    }
    if let Some(turnover) = summary.unbelievable_turnover().filter(|_| !volume.is_certain()) {
        warnings.push(format!(
            "volume: {volume}, makes a turnover of ${:.1} billion a day, which is beyond belief; it may be in dollars",
            turnover / 1e9
        ));
    }
    warnings
}

/// The time now, Unix ms.
fn clock() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
