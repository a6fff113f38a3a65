//! Writing pages of candles, in a thread that may block.

use std::io::{self, BufWriter, Write};

use candle_files::{CandleWriter, Format};
use flate2::{Compression, write::GzEncoder};
use model::{Interval, Symbol};
use tokio::sync::mpsc::Receiver;

use super::target::Target;
use crate::{market::IncompleteCandles, store::MarkedCandle};

const BUFFER: usize = 128 * 1024;

/// What is written.
pub(super) struct Plan {
    pub format: Format,
    pub symbol: Symbol,
    pub interval: Interval,
    pub gzip: bool,
    /// What becomes of incomplete candles.
    pub incomplete: IncompleteCandles,
    /// Whether there is a column of marks.
    pub has_marks: bool,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Candles in the file.
    pub rows: u64,
    /// Incomplete candles, whether they are in the file or were left out.
    pub incomplete: u64,
}

/// What the writer receives.
pub(super) enum Message {
    /// The next candles.
    Page(Vec<MarkedCandle>),
    /// All have been sent.
    End,
}

/// Writes what comes, and gives the file its name after [`Message::End`]. Without it, nothing is left of the file. None if
/// nobody reads the candles any more.
pub(super) fn write(
    target: Target,
    plan: &Plan,
    mut pages: Receiver<Message>,
) -> Result<Option<Counts>, String> {
    match write_all(&target, plan, &mut pages) {
        Ok(Some(counts)) => target.place().map(|()| Some(counts)).map_err(|error| error.to_string()),
        Ok(None) => Err("the export was not finished".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn write_all(target: &Target, plan: &Plan, pages: &mut Receiver<Message>) -> io::Result<Option<Counts>> {
    let out = BufWriter::with_capacity(BUFFER, target.writer()?);
    if plan.gzip {
        let (out, counts) = write_pages(GzEncoder::new(out, Compression::default()), plan, pages)?;
        out.finish()?.flush()?;
        Ok(counts)
    } else {
        let (mut out, counts) = write_pages(out, plan, pages)?;
        out.flush()?;
        Ok(counts)
    }
}

fn write_pages<W: Write>(
    out: W,
    plan: &Plan,
    pages: &mut Receiver<Message>,
) -> io::Result<(W, Option<Counts>)> {
    let (symbol, interval) = (plan.symbol.clone(), plan.interval);
    let mut writer = if plan.has_marks {
        CandleWriter::with_marks(out, symbol, interval)?
    } else {
        CandleWriter::new(out, plan.format, symbol, interval)?
    };
    let mut counts = Counts::default();
    loop {
        match pages.blocking_recv() {
            Some(Message::Page(page)) => {
                for MarkedCandle { candle, incomplete } in &page {
                    counts.incomplete += u64::from(*incomplete);
                    if *incomplete && plan.incomplete == IncompleteCandles::Omit {
                        continue;
                    }
                    writer.write_marked(candle, *incomplete)?;
                    counts.rows += 1;
                }
            }
            Some(Message::End) => return Ok((writer.into_inner(), Some(counts))),
            None => return Ok((writer.into_inner(), None)),
        }
    }
}
