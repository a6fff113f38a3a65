//! What an import says at the end: of a file, and of all.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    cli::{progress::per_second, stop::Signal},
    import::FileReport,
};

/// Names listed where there may be many.
const LISTED: usize = 5;

/// Sums over the files of a run.
pub(super) struct Totals {
    files: usize,
    start: Instant,
    /// Files that are in, in order.
    done: Vec<PathBuf>,
    failed: usize,
    rows: u64,
    inserted: u64,
    updated: u64,
    rejected: u64,
}

impl Totals {
    pub(super) fn new(files: usize) -> Self {
        let start = Instant::now();
        Self { files, start, done: Vec::new(), failed: 0, rows: 0, inserted: 0, updated: 0, rejected: 0 }
    }

    /// Adds a file that is in, and prints its line.
    pub(super) fn add(&mut self, file: &Path, report: &FileReport, took: Duration) {
        let FileReport { symbol, source, rows, inserted, updated, rejected, .. } = report;
        self.done.push(file.to_owned());
        self.rows += rows;
        self.inserted += inserted;
        self.updated += updated;
        self.rejected += rejected;
        let counts = counts(*rows, *inserted, *updated, *rejected, took);
        say(format_args!("{}: {symbol} {} {source}: {counts}", file.display(), interval(report)));
    }

    pub(super) fn add_failure(&mut self) {
        self.failed += 1;
    }

    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    /// Prints the sums, if there are several files.
    pub(super) fn finish(&self) {
        if self.files > 1 {
            let counts = counts(self.rows, self.inserted, self.updated, self.rejected, self.start.elapsed());
            say(format_args!("total: {} of {} files: {counts}", self.done.len(), self.files));
        }
    }

    /// The line about a stop: what became of the file that was being imported, and which ones are in.
    pub(super) fn stopped(&self, signal: Signal, what: &str) -> String {
        let names: Vec<_> = self.done.iter().take(LISTED).map(|file| file.display().to_string()).collect();
        let done = match self.done.len() {
            0 => "no file is in".to_owned(),
            count if count > LISTED => format!("in are {} and {} more", names.join(", "), count - LISTED),
            _ => format!("in are {}", names.join(", ")),
        };
        format!("stopped by {}: {what}; {done}", signal.name())
    }
}

/// The candles' interval, and the bars' that they were rolled up from.
fn interval(report: &FileReport) -> String {
    if report.length.ms() == Some(report.interval.ms()) {
        report.interval.to_string()
    } else {
        format!("{} (of {} bars)", report.interval, report.length)
    }
}

fn counts(rows: u64, inserted: u64, updated: u64, rejected: u64, took: Duration) -> String {
    format!(
        "{rows} rows, {inserted} new, {updated} changed, {rejected} rejected, {:.1} s, {} rows/s",
        took.as_secs_f64(),
        per_second(rows, took)
    )
}

/// Prints a line. Nobody may be listening: the import goes on all the same.
fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}
