//! Writing pages of candles, in a thread that may block.

use std::io::{self, BufWriter, Write};

use candle_files::{CandleWriter, Format};
use flate2::{Compression, write::GzEncoder};
use model::{Candle, Interval, Symbol};
use tokio::sync::mpsc::Receiver;

use super::target::Target;

const BUFFER: usize = 128 * 1024;

/// What is written.
pub(super) struct Plan {
    pub format: Format,
    pub symbol: Symbol,
    pub interval: Interval,
    pub gzip: bool,
}

/// What the writer is told.
pub(super) enum Message {
    /// The next candles.
    Page(Vec<Candle>),
    /// All have been sent.
    End,
}

/// Writes what comes, and gives the file its name after [`Message::End`]. Without it, nothing is left of the file. The
/// number of candles; none if nobody reads them any more.
pub(super) fn write(
    target: Target,
    plan: &Plan,
    mut pages: Receiver<Message>,
) -> Result<Option<u64>, String> {
    match write_all(&target, plan, &mut pages) {
        Ok(Some(rows)) => target.place().map(|()| Some(rows)).map_err(|error| error.to_string()),
        Ok(None) => Err("the export was not finished".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn write_all(target: &Target, plan: &Plan, pages: &mut Receiver<Message>) -> io::Result<Option<u64>> {
    let out = BufWriter::with_capacity(BUFFER, target.writer()?);
    if plan.gzip {
        let (out, rows) = write_pages(GzEncoder::new(out, Compression::default()), plan, pages)?;
        out.finish()?.flush()?;
        Ok(rows)
    } else {
        let (mut out, rows) = write_pages(out, plan, pages)?;
        out.flush()?;
        Ok(rows)
    }
}

fn write_pages<W: Write>(out: W, plan: &Plan, pages: &mut Receiver<Message>) -> io::Result<(W, Option<u64>)> {
    let mut writer = CandleWriter::new(out, plan.format, plan.symbol.clone(), plan.interval)?;
    let mut rows = 0;
    loop {
        match pages.blocking_recv() {
            Some(Message::Page(page)) => {
                for candle in &page {
                    writer.write(candle)?;
                }
                rows += page.len() as u64;
            }
            Some(Message::End) => return Ok((writer.into_inner(), Some(rows))),
            None => return Ok((writer.into_inner(), None)),
        }
    }
}
