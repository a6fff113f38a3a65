//! Reading a file, in a thread that may block.

use std::{io, path::Path};

use candle_files::{CandleReader, FileCandle, Given, Heading, Progress, Reject, Summary};
use tokio::sync::mpsc::Sender;

use super::{ImportError, checksum};

/// The path that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Lines in a batch: some 1.5 MB of candles.
const BATCH: usize = 32_768;

/// What some lines made.
#[derive(Default)]
pub(super) struct Batch {
    /// Candles by ascending open time, each once in the batch.
    pub candles: Vec<FileCandle>,
    /// Lines that make none.
    pub rejects: Vec<Reject>,
    /// Lines whose candle was there before.
    pub repeats: Vec<Reject>,
}

impl Batch {
    /// Lines that it is of: those that are left out because of an earlier one are among the repeats alone.
    fn len(&self) -> usize {
        self.repeats.len().max(self.candles.len() + self.rejects.len())
    }

    fn message(mut self) -> Message {
        // Of a repeated candle the later line stands: an incomplete one after a complete one was left out by the reader, as
        // the store does between batches. The sort keeps the order of the lines.
        self.candles.sort_by_key(|row| row.candle.open_time);
        self.candles.reverse();
        self.candles.dedup_by_key(|row| row.candle.open_time);
        self.candles.reverse();
        Message::Batch(self)
    }
}

/// What the thread sends: first whose candles they are, then the candles, at the end what they came to.
pub(super) enum Message {
    Heading(Box<Heading>, Progress),
    Batch(Batch),
    End(Box<Summary>),
}

/// Reads and checks a file, sending a batch at a time and waiting for the receiver. Returns early, without an error,
/// when nobody receives any more.
pub(super) fn read(
    path: &Path,
    given: &Given,
    strict: bool,
    messages: &Sender<Message>,
) -> Result<(), ImportError> {
    let mut reader = if path == Path::new(STANDARD_INPUT) {
        CandleReader::from_stream(io::stdin(), given)?
    } else {
        checksum::check(path)?;
        CandleReader::open(path, given)?
    };
    let heading = Message::Heading(Box::new(reader.heading().clone()), reader.progress());
    if messages.blocking_send(heading).is_err() {
        return Ok(());
    }
    let mut batch = Batch::default();
    while let Some(row) = reader.next_row()? {
        match row {
            Ok(row) => batch.candles.push(row),
            Err(reject) if strict => return Err(ImportError::Strict(reject)),
            Err(reject) => batch.rejects.push(reject),
        }
        batch.repeats.append(&mut reader.take_repeats());
        if batch.len() >= BATCH && messages.blocking_send(std::mem::take(&mut batch).message()).is_err() {
            return Ok(());
        }
    }
    if let Some(line) = reader.summary().unended_line.filter(|_| strict) {
        return Err(ImportError::Strict(Reject { line, reason: super::UNENDED.to_owned() }));
    }
    batch.repeats.append(&mut reader.take_repeats());
    if batch.len() > 0 && messages.blocking_send(batch.message()).is_err() {
        return Ok(());
    }
    if let Some(reason) = reader.nothing() {
        return Err(ImportError::Nothing(reason));
    }
    // If nobody receives it, nobody wants the file any more.
    let _ = messages.blocking_send(Message::End(Box::new(reader.summary().clone())));
    Ok(())
}
