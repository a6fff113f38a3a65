//! Bringing candles from files into the store.
//!
//! A file is one transaction: read and checked in a thread of its own, a batch at a time, while Postgres takes the batch
//! before. Lines that make no candle are left out and reported; everything else that is wrong with a file leaves the
//! database as it was. Importing a file again changes nothing.

mod error;
mod layout;
mod lines;
mod name;
mod reader;
mod seen;

use std::path::Path;

use model::{Interval, Source, Symbol};
use tokio::sync::mpsc;

pub use error::ImportError;

use crate::store::{
    Store,
    write::{self, SeriesWriter},
};

/// Batches read ahead of the database.
const AHEAD: usize = 2;

/// What the caller knows about the files.
#[derive(Clone, Debug)]
pub struct Options {
    /// Ticker symbol; read from the file's name if not given.
    pub symbol: Option<Symbol>,
    /// Length of the candles; read from the file's name if not given.
    pub interval: Option<Interval>,
    /// Whose candles they are.
    pub source: Source,
    /// Whether a line that makes no candle fails the file.
    pub strict: bool,
}

/// A line that makes no candle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Line of the file (unpacked), from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What happens while a file is imported.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A line was left out.
    Rejected(&'a Reject),
    /// So many candles have been given to the database.
    Rows(u64),
}

/// What an import of one file did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Length of the candles.
    pub interval: Interval,
    /// Candles in the file.
    pub rows: u64,
    /// Candles that the store did not have.
    pub inserted: u64,
    /// Candles that the store had with other values.
    pub updated: u64,
    /// Lines left out.
    pub rejected: u64,
    /// The series' new revision; none if nothing changed.
    pub revision: Option<u64>,
}

/// Imports one file. On an error, or if the future is dropped, the database is as before.
///
/// # Errors
/// [`ImportError`], one line that says what is wrong; it does not repeat the path.
pub async fn import_file(
    store: &Store,
    path: &Path,
    options: &Options,
    mut on_event: impl FnMut(Event<'_>),
) -> Result<FileReport, ImportError> {
    let (symbol, interval) = name::symbol_and_interval(path, options)?;
    let (sender, mut batches) = mpsc::channel(AHEAD);
    let (file, strict) = (path.to_owned(), options.strict);
    // Ends by itself when `batches` is dropped.
    let reading = tokio::task::spawn_blocking(move || reader::read(&file, interval, strict, &sender));

    let mut report =
        FileReport { symbol, interval, rows: 0, inserted: 0, updated: 0, rejected: 0, revision: None };
    // Bad files are found before a connection is made.
    let first = batches.recv().await;
    if first.is_none() {
        reading.await.map_err(ImportError::reader)??;
        return Ok(report);
    }
    let mut connection = write::connect(store).await?;
    let mut writer = SeriesWriter::begin(&mut connection, &report.symbol, &options.source, interval).await?;
    let mut next = first;
    while let Some(batch) = next {
        for reject in &batch.rejects {
            report.rejected += 1;
            on_event(Event::Rejected(reject));
        }
        writer.put(&batch.candles).await?;
        report.rows += batch.candles.len() as u64;
        on_event(Event::Rows(report.rows));
        next = batches.recv().await;
    }
    // The channel also closes when reading fails: only its own word makes the file complete.
    reading.await.map_err(ImportError::reader)??;
    let written = writer.commit().await?;
    report.inserted = written.inserted;
    report.updated = written.updated;
    report.revision = written.revision;
    Ok(report)
}
