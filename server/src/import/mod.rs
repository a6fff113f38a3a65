//! Bringing candles from files into the store.
//!
//! A file is one transaction: read and checked in a thread of its own, a batch at a time, while Postgres takes the batch
//! before. Lines that make no candle are left out and reported; everything else that is wrong with a file leaves the
//! database as it was. Importing a file again changes nothing.

mod error;
mod reader;
mod source;

use std::path::Path;

use candle_files::{BarLength, Format, Given, Progress};
use model::{Interval, Source, Symbol};
use tokio::sync::mpsc;

pub use candle_files::{FileError, Reject};
pub use error::ImportError;
pub use source::source;

use self::reader::Message;
use crate::store::{
    Store,
    write::{self, SeriesWriter},
};

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
    /// Whether a line that makes no candle fails the file.
    pub strict: bool,
}

impl Default for Options {
    /// The files tell everything, and their candles are of source `recorded`.
    fn default() -> Self {
        Self { symbol: None, length: None, format: None, source: Some(Source::RECORDED), strict: false }
    }
}

/// What happens while a file is imported.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A line was left out.
    Rejected(&'a Reject),
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
    mut on_event: impl FnMut(Event<'_>),
) -> Result<FileReport, ImportError> {
    let Options { symbol, length, format, source, strict } = options.clone();
    let given = Given { symbol, length, format };
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
        revision: None,
    };
    // Bad files are found before a connection is made.
    let mut next = messages.recv().await;
    if next.is_none() {
        reading.await??;
        return Ok(report);
    }
    let mut connection = write::connect(store).await?;
    let mut writer =
        SeriesWriter::begin(&mut connection, &report.symbol, &report.source, report.interval).await?;
    while let Some(Message::Batch(batch)) = next {
        for reject in &batch.rejects {
            report.rejected += 1;
            on_event(Event::Rejected(reject));
        }
        // What is stored by time need not care for the time between.
        for some in batch.candles.chunk_by(|one, next| next.open_time - one.open_time < GAP_MS) {
            writer.put(some).await?;
        }
        report.rows += batch.candles.len() as u64;
        on_event(Event::Rows { rows: report.rows, read: &read });
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
