//! What an import says at the end: of a file, and of all.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::shown;
use crate::{
    cli::{progress::per_second, stop::Signal},
    import::FileReport,
};

/// Names listed where there may be many.
const LISTED: usize = 5;
/// Names of failed files listed at the end: each of them needs a look.
const FAILED_LISTED: usize = 20;

/// Sums over the files of a run.
pub(super) struct Totals {
    files: usize,
    start: Instant,
    /// Files that are in, in order.
    done: Vec<PathBuf>,
    failed: Vec<PathBuf>,
    counts: Counts,
}

/// What became of the lines of a file, or of all.
#[derive(Default)]
struct Counts {
    rows: u64,
    inserted: u64,
    updated: u64,
    rejected: u64,
    repeated: u64,
    incomplete: u64,
}

impl Counts {
    fn of(report: &FileReport) -> Self {
        let FileReport { rows, inserted, updated, rejected, repeated, incomplete, .. } = *report;
        Self { rows, inserted, updated, rejected, repeated, incomplete }
    }

    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.rejected += other.rejected;
        self.repeated += other.repeated;
        self.incomplete += other.incomplete;
    }

    fn text(&self, took: Duration) -> String {
        let Self { rows, inserted, updated, rejected, repeated, incomplete } = self;
        let mut text = format!("{rows} rows, {inserted} new, {updated} changed, {rejected} rejected");
        for (count, what) in [(repeated, "repeated"), (incomplete, "incomplete")] {
            if *count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text.push_str(&format!(", {:.1} s, {} rows/s", took.as_secs_f64(), per_second(*rows, took)));
        text
    }
}

impl Totals {
    pub(super) fn new(files: usize) -> Self {
        let start = Instant::now();
        Self { files, start, done: Vec::new(), failed: Vec::new(), counts: Counts::default() }
    }

    /// Adds a file that is in, and prints its line and what may be wrong with it.
    pub(super) fn add(&mut self, file: &Path, report: &FileReport, took: Duration) {
        let FileReport { symbol, source, alias, volume, .. } = report;
        self.done.push(file.to_owned());
        let counts = Counts::of(report);
        self.counts.add(&counts);
        let (name, counts) = (shown(file), counts.text(took));
        let alias = alias.as_ref().map_or_else(String::new, |alias| format!("; {alias} taken as {symbol}"));
        say(format_args!(
            "{name}: {symbol} {} {source}: {counts}; volume: {volume}{alias}",
            interval(report)
        ));
        for warning in &report.warnings {
            eprintln!("{name}: warning: {warning}");
        }
    }

    pub(super) fn add_failure(&mut self, file: &Path) {
        self.failed.push(file.to_owned());
    }

    /// The line about the files that failed; none if none did.
    pub(super) fn failed(&self) -> Option<String> {
        let names: Vec<_> = self.failed.iter().take(FAILED_LISTED).map(|file| shown(file)).collect();
        let more = match self.failed.len().saturating_sub(FAILED_LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let count = self.failed.len();
        (count > 0)
            .then(|| format!("{count} of {} files not imported: {}{more}", self.files, names.join(", ")))
    }

    /// Prints the sums, if there are several files.
    pub(super) fn finish(&self) {
        if self.files > 1 {
            let counts = self.counts.text(self.start.elapsed());
            say(format_args!("total: {} of {} files: {counts}", self.done.len(), self.files));
        }
    }

    /// The line about a stop: what became of the file that was being imported, and which ones are in.
    pub(super) fn stopped(&self, signal: Signal, what: &str) -> String {
        let names: Vec<_> = self.done.iter().take(LISTED).map(|file| shown(file)).collect();
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

/// Prints a line. Nobody may be listening: the import goes on all the same.
pub(super) fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}
