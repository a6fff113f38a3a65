//! `tidemark import`.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use model::{Interval, Source, Symbol};

use super::fail;
use crate::{
    config::variable,
    import::{Event, FileReport, Options, Reject, import_file},
    store::Store,
};

/// Rejected lines printed in all; the rest is counted.
const SHOWN_REJECTS: u64 = 20;
/// How often the progress line is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);

/// Files of candles, and what their names do not say.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Files with the header open_time,open,high,low,close,volume; gzip too. Times in Unix milliseconds, prices in USD
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Ticker symbol, if the name is not like BTC-USD-30m.csv
    #[arg(long)]
    symbol: Option<Symbol>,
    /// Length of the candles, if the name does not tell: 1m 5m 15m 30m 1h 4h 1d 1w
    #[arg(long)]
    interval: Option<Interval>,
    /// Whose candles these are: 1 to 32 of a-z, 0-9, - and _
    #[arg(long, default_value = "recorded", value_parser = source)]
    source: Source,
    /// Fail a file at the first line that makes no candle, and leave nothing of it behind
    #[arg(long)]
    strict: bool,
    /// Write all rejected lines here, as FILE:LINE: REASON
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

fn source(text: &str) -> Result<Source, String> {
    let ok = (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if !ok {
        return Err("is not 1 to 32 of a-z, 0-9, - and _".to_owned());
    }
    // Charts of that source come from the simulation: what was stored under it could not be read.
    if text == Source::SIMULATED.as_str() {
        return Err("simulated is the name of made-up prices".to_owned());
    }
    Ok(Source::new(text.to_owned()))
}

/// The store of `DATABASE_URL`.
pub(super) fn open_store() -> Result<Store, String> {
    let url = variable("DATABASE_URL").map_err(|error| error.to_string())?;
    let url = url.ok_or("DATABASE_URL: is not set; expected postgres://user:password@host:port/database")?;
    Store::connect_lazy(&url).map_err(|error| error.to_string())
}

/// Imports each file by itself; exit code 1 if one failed.
pub(super) async fn run(args: Args) -> ExitCode {
    match import_all(args).await {
        Ok(code) => code,
        Err(message) => fail(message),
    }
}

async fn import_all(args: Args) -> Result<ExitCode, String> {
    let store = open_store()?;
    let mut rejects = Rejects::new(args.rejects.as_deref())?;
    store.ping().await.map_err(|error| error.to_string())?;
    let options =
        Options { symbol: args.symbol, interval: args.interval, source: args.source, strict: args.strict };
    let mut failed = 0_usize;
    for file in &args.files {
        let mut progress = Progress::new(file);
        let mut trouble = None;
        let result = import_file(&store, file, &options, |event| match event {
            Event::Rejected(reject) => {
                progress.clear();
                if let Err(error) = rejects.take(file, reject) {
                    trouble.get_or_insert(error);
                }
            }
            Event::Rows(rows) => progress.draw(rows),
        })
        .await;
        progress.clear();
        match result {
            Ok(report) => println!("{}", summary(file, &options.source, &report, progress.start.elapsed())),
            Err(error) => {
                failed += 1;
                fail(format!("{}: {error}", file.display()));
            }
        }
        if let Some(error) = trouble {
            return Err(error);
        }
    }
    rejects.finish()?;
    if failed > 0 && args.files.len() > 1 {
        fail(format!("{failed} of {} files not imported", args.files.len()));
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(file: &Path, source: &Source, report: &FileReport, took: Duration) -> String {
    let FileReport { symbol, interval, rows, inserted, updated, rejected, .. } = report;
    format!(
        "{}: {symbol} {interval} {source}: {rows} rows, {inserted} new, {updated} changed, {rejected} rejected, {:.1} s, {} rows/s",
        file.display(),
        took.as_secs_f64(),
        per_second(*rows, took)
    )
}

fn per_second(rows: u64, took: Duration) -> u64 {
    (rows as f64 / took.as_secs_f64().max(0.001)) as u64
}

/// The line that is drawn over while a file is read, on a terminal only.
struct Progress {
    name: String,
    start: Instant,
    drawn: Option<Instant>,
    on: bool,
}

impl Progress {
    fn new(file: &Path) -> Self {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        Self { name, start: Instant::now(), drawn: None, on: io::stderr().is_terminal() }
    }

    fn draw(&mut self, rows: u64) {
        if self.on && self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            self.drawn = Some(Instant::now());
            let rate = per_second(rows, self.start.elapsed());
            // CSI 2K clears the line. A terminal that is gone is no reason to stop.
            let _ = write!(io::stderr(), "\r\x1b[2K{}: {rows} rows, {rate} rows/s", self.name);
        }
    }

    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Where rejected lines go: the first few to standard error, all to a file if one is named.
struct Rejects {
    count: u64,
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl Rejects {
    fn new(path: Option<&Path>) -> Result<Self, String> {
        let file = match path {
            None => None,
            Some(path) => {
                let file = File::create(path)
                    .map_err(|error| format!("--rejects {}: cannot be written: {error}", path.display()))?;
                Some((path.to_owned(), BufWriter::new(file)))
            }
        };
        Ok(Self { count: 0, file })
    }

    fn take(&mut self, file: &Path, reject: &Reject) -> Result<(), String> {
        self.count += 1;
        let line = format!("{}:{}: {}", file.display(), reject.line, reject.reason);
        if self.count <= SHOWN_REJECTS {
            eprintln!("{line}");
        }
        match &mut self.file {
            None => Ok(()),
            Some((path, out)) => {
                writeln!(out, "{line}").map_err(|error| format!("--rejects {}: {error}", path.display()))
            }
        }
    }

    fn finish(self) -> Result<(), String> {
        if self.count > SHOWN_REJECTS {
            let rest = self.count - SHOWN_REJECTS;
            let hint = if self.file.is_some() { "" } else { "; --rejects FILE writes them all" };
            eprintln!("and {rest} more rejected lines{hint}");
        }
        match self.file {
            None => Ok(()),
            Some((path, mut out)) => {
                out.flush().map_err(|error| format!("--rejects {}: {error}", path.display()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn sources_are_plain_names() {
        assert_eq!(source("my-feed_2").unwrap().as_str(), "my-feed_2");
        for bad in ["", "simulated", "Recorded", "a b", "a/b", "a23456789012345678901234567890123"] {
            assert!(source(bad).is_err(), "{bad:?}");
        }
    }
}
