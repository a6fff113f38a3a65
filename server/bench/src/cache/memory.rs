//! What entries take, beside what the cache counts, and the limit beside what the process grows by.

use crate::error::{BenchError, Result};
use crate::report::Row;
use crate::worker::{Job, Launcher, Said, Worker};

/// About what a quote takes.
const BYTES: usize = 200;
const LIMIT: u64 = 64 << 20;
const MIB: f64 = 1_048_576.0;

/// What a process of its own holds then.
async fn held(launcher: &Launcher, entries: u64, limit: u64) -> Result<(f64, f64, f64)> {
    let mut worker = Worker::start(launcher, &Job::Memory { entries, bytes: BYTES, limit }).await?;
    match worker.hear().await? {
        Said::Held { entries, counted, resident } => {
            Ok((entries.max(1) as f64, counted as f64, resident as f64))
        }
        other => Err(BenchError::new(format!("a worker said {other:?} instead of what it holds"))),
    }
}

/// Measures with so many entries that fit, and with a stream of keys three times what fits.
pub(super) async fn measure(launcher: &Launcher, entries: u64) -> Result<Vec<Row>> {
    let (count, counted, resident) = held(launcher, entries, entries * 1_024).await?;
    let each =
        Row::new("memory of an entry of 200 B", resident / count, "B").beside("B counted", counted / count);
    let (_, counted, grown) = held(launcher, 3 * LIMIT / BYTES as u64, LIMIT).await?;
    let all = Row::new("memory after a scan", grown / MIB, "MiB")
        .beside("MiB limit", LIMIT as f64 / MIB)
        .judged("<= 1", counted <= LIMIT as f64 && grown <= LIMIT as f64)
        .note(format!("{:.1} MiB by the cache's own count", counted / MIB));
    if resident == 0.0 {
        let note = "this system does not say what a process takes";
        return Ok(vec![each.note(note)]);
    }
    Ok(vec![each, all])
}
