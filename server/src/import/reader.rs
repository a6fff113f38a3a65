//! Reading a file, in a thread that may block.

use std::path::Path;

use candle_files::{CandleReader, Given, Heading, Progress, Reject};
use model::Candle;
use tokio::sync::mpsc::Sender;

use super::ImportError;

/// Lines in a batch: some 1.5 MB of candles.
const BATCH: usize = 32_768;

/// What a stretch of lines made.
#[derive(Default)]
pub(super) struct Batch {
    /// Candles by ascending open time, each of which is there once in the whole file.
    pub candles: Vec<Candle>,
    /// Lines that make none.
    pub rejects: Vec<Reject>,
}

impl Batch {
    fn message(mut self) -> Message {
        self.candles.sort_unstable_by_key(|candle| candle.open_time);
        Message::Batch(self)
    }
}

/// What the thread sends: first whose candles they are, then the candles.
pub(super) enum Message {
    Heading(Box<Heading>, Progress),
    Batch(Batch),
}

/// Reads and checks a file, sending a batch at a time and waiting for the receiver. Returns early, without an error,
/// when nobody receives any more.
pub(super) fn read(
    path: &Path,
    given: &Given,
    strict: bool,
    messages: &Sender<Message>,
) -> Result<(), ImportError> {
    let mut reader = CandleReader::open(path, given)?;
    let heading = Message::Heading(Box::new(reader.heading().clone()), reader.progress());
    if messages.blocking_send(heading).is_err() {
        return Ok(());
    }
    let mut batch = Batch::default();
    while let Some(row) = reader.next_row()? {
        match row {
            Ok(candle) => batch.candles.push(candle),
            Err(reject) if strict => return Err(ImportError::Strict(reject)),
            Err(reject) => batch.rejects.push(reject),
        }
        if batch.candles.len() + batch.rejects.len() >= BATCH
            && messages.blocking_send(std::mem::take(&mut batch).message()).is_err()
        {
            return Ok(());
        }
    }
    if !(batch.candles.is_empty() && batch.rejects.is_empty()) {
        // If nobody receives it, nobody wants the file any more.
        let _ = messages.blocking_send(batch.message());
    }
    Ok(())
}
