//! Reading a file, in a thread that may block.

use std::path::Path;

use model::{Candle, Interval};
use tokio::sync::mpsc::Sender;

use super::{ImportError, Reject, layout, lines::Lines, seen::Seen};

/// Lines in a batch: some 1.5 MB of candles.
const BATCH: usize = 32_768;

/// What a stretch of lines made.
#[derive(Default)]
pub(super) struct Batch {
    /// Candles in the order of the file, each open time once in the whole file.
    pub candles: Vec<Candle>,
    /// Lines that make none.
    pub rejects: Vec<Reject>,
}

/// Reads and checks a file, sending a batch at a time and waiting for the receiver. Returns early, without an error,
/// when nobody receives any more.
pub(super) fn read(
    path: &Path,
    interval: Interval,
    strict: bool,
    batches: &Sender<Batch>,
) -> Result<(), ImportError> {
    let mut lines = Lines::open(path)?;
    match lines.next()? {
        None => return Err(ImportError::Layout("the file is empty".to_owned())),
        Some((_, line)) if layout::is_header(&line) => {}
        Some(_) => {
            return Err(ImportError::Layout(format!("the first line is not {}", layout::HEADER)));
        }
    }
    let mut seen = Seen::default();
    let mut batch = Batch::default();
    while let Some((number, line)) = lines.next()? {
        if line.trim().is_empty() {
            continue;
        }
        let candle = layout::parse(&line, interval).and_then(|candle| {
            if seen.insert(interval, candle.open_time) {
                Ok(candle)
            } else {
                Err(format!("open_time {} is there before: the first line stays", candle.open_time))
            }
        });
        match candle {
            Ok(candle) => batch.candles.push(candle),
            Err(reason) => {
                let reject = Reject { line: number, reason };
                if strict {
                    return Err(ImportError::Strict(reject));
                }
                batch.rejects.push(reject);
            }
        }
        if batch.candles.len() + batch.rejects.len() >= BATCH
            && batches.blocking_send(std::mem::take(&mut batch)).is_err()
        {
            return Ok(());
        }
    }
    if !(batch.candles.is_empty() && batch.rejects.is_empty()) {
        // If nobody receives it, nobody wants the file any more.
        let _ = batches.blocking_send(batch);
    }
    Ok(())
}
