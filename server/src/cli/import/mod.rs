//! `tidemark import`.

mod rejects;
mod totals;

use std::{
    cell::Cell,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
};

use candle_files::{BarLength, ColumnNames, Format, parse_symbol};
use model::{Source, Symbol};

use self::{rejects::Rejects, totals::Totals};
use super::{
    fail,
    progress::Progress,
    stop::{Signal, Stop},
};
use crate::{
    config::{Config, SecretUrl, variable},
    import::{Event, FileReport, ImportError, Options, import_file, is_checksum, source},
    store::Store,
};

/// Files of candles, and what they do not say.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Candle files of Tidemark, Binance Vision, CryptoDataDownload, Kraken, freqtrade or TradingView as CSV, klines of
    /// Binance's API or Tidemark's export as JSON; plain, gzip or ZIP; - is standard input. Prices in USD or a dollar
    /// stablecoin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Ticker symbol or pair, if neither name nor rows tell it or they can be read in two ways
    #[arg(long, value_parser = parse_symbol)]
    symbol: Option<Symbol>,
    /// Length of the file's bars, if neither name nor rows tell it: 1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 1w
    #[arg(long, value_name = "LENGTH")]
    interval: Option<BarLength>,
    /// The layout: auto, tidemark, binance, cryptodatadownload or kraken
    #[arg(long, default_value = "auto", value_parser = layout)]
    format: Layout,
    /// The columns of files without a header line, as time,open,high,low,close,volume,-; also symbol and partial; - is
    /// one that is not needed
    #[arg(long, value_name = "NAMES", conflicts_with = "format")]
    columns: Option<ColumnNames>,
    /// Take --symbol though the name or the rows of a file say another coin or currency; prices are then taken as USD
    #[arg(long, requires = "symbol")]
    force: bool,
    /// Whose candles these are: 1 to 32 of a-z, 0-9, - and _; auto takes the exchange that the file tells
    #[arg(long, default_value = "recorded", value_parser = owner)]
    source: Owner,
    /// Fail a file at the first line that makes no candle, or if its last line has no line end, and leave nothing of it
    /// behind
    #[arg(long)]
    strict: bool,
    /// Write all rejected lines here, as FILE:LINE: REASON
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
}

/// A layout; none is `auto`.
#[derive(Clone)]
struct Layout(Option<Format>);

fn layout(text: &str) -> Result<Layout, String> {
    if text == "auto" {
        return Ok(Layout(None));
    }
    text.parse().map(|format| Layout(Some(format))).map_err(|error| format!("{error}, auto"))
}

/// A source; none is `auto`.
#[derive(Clone)]
struct Owner(Option<Source>);

fn owner(text: &str) -> Result<Owner, String> {
    if text == "auto" { Ok(Owner(None)) } else { source(text).map(|source| Owner(Some(source))) }
}

/// The store of `DATABASE_URL`.
pub(super) fn open_store() -> Result<Store, String> {
    let url = variable("DATABASE_URL").map_err(|error| error.to_string())?;
    let url = url.ok_or("DATABASE_URL: is not set; expected postgres://user:password@host:port/database")?;
    let url = SecretUrl::parse("DATABASE_URL", &url, Config::DATABASE_SCHEMES).map_err(|e| e.to_string())?;
    Store::connect_lazy(url.expose()).map_err(|error| error.to_string())
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
    let mut stop = Stop::new().map_err(|error| format!("signals cannot be waited for: {error}"))?;
    let Args {
        files,
        symbol,
        interval: length,
        format: Layout(format),
        columns,
        force,
        source: Owner(source),
        strict,
        ..
    } = args;
    // A checksum is compared with the file beside it.
    let (checksums, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_checksum(file));
    for file in &checksums {
        totals::say(format_args!("{}: skipped: a checksum, compared with the file beside it", shown(file)));
    }
    let mut totals = Totals::new(files.len());
    tokio::select! {
        ping = store.ping() => ping.map_err(|error| error.to_string())?,
        signal = stop.asked() => {
            fail(totals.stopped(signal, "nothing was begun"));
            return Ok(signal.exit_code());
        }
    }
    let options = Options { symbol, length, format, source, columns, force, strict, now: None };
    for (index, file) in files.iter().enumerate() {
        let mut progress = Progress::new(label(file, index, files.len()));
        let outcome = import_or_stop(&store, file, &options, &mut stop, &mut progress, &mut rejects).await;
        progress.clear();
        match &outcome.result {
            Some(Ok(report)) => totals.add(file, report, progress.took()),
            Some(Err(error)) => {
                totals.add_failure(file);
                fail(format!("{}: {error}", shown(file)));
            }
            None => {}
        }
        if let Some(signal) = outcome.stopped {
            let begun = match outcome.result {
                Some(_) => format!("{} was finished", shown(file)),
                None if outcome.committing => {
                    format!("{} may be in: import it again to be sure", shown(file))
                }
                None => format!("{} was undone", shown(file)),
            };
            let left = files.len() - index - 1;
            let what = if left > 0 { format!("{begun}, {left} not begun") } else { begun };
            fail(totals.stopped(signal, &what));
            rejects.finish()?;
            return Ok(signal.exit_code());
        }
        rejects.check()?;
    }
    rejects.finish()?;
    totals.finish();
    if let Some(failed) = totals.failed().filter(|_| files.len() > 1) {
        fail(failed);
    }
    Ok(if totals.failed().is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The name of a file in a message. Anything may be in a name: what a terminal would take for a command is escaped.
fn shown(file: &Path) -> String {
    if file == Path::new("-") {
        return "standard input".to_owned();
    }
    let is_plain = |c: char| !c.is_control() && !INVISIBLE.contains(&c);
    let name = file.display().to_string();
    if name.chars().all(is_plain) {
        return name;
    }
    name.chars().map(|c| if is_plain(c) { c.to_string() } else { c.escape_default().to_string() }).collect()
}

/// Marks that change the direction of the text behind them, so that a name seems to be another one.
const INVISIBLE: [char; 12] = [
    '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
    '\u{2067}', '\u{2068}', '\u{2069}', '\u{feff}',
];

/// What stands before the progress: which file of how many.
fn label(file: &Path, index: usize, files: usize) -> String {
    let name = shown(Path::new(file.file_name().unwrap_or(file.as_os_str())));
    if files > 1 { format!("{}/{files} {name}", index + 1) } else { name }
}

/// How the import of a file ended.
struct Outcome {
    /// None if it was dropped.
    result: Option<Result<FileReport, ImportError>>,
    /// What asked to stop meanwhile.
    stopped: Option<Signal>,
    /// Whether the database had been given the whole file.
    committing: bool,
}

/// Imports a file, or drops the import when a signal comes. One that is being committed is waited for: only a second signal
/// drops it too, and leaves open whether it is in.
async fn import_or_stop(
    store: &Store,
    file: &Path,
    options: &Options,
    stop: &mut Stop,
    progress: &mut Progress,
    rejects: &mut Rejects,
) -> Outcome {
    let committing = Cell::new(false);
    let mut importing = pin!(import_file(store, file, options, |event| match event {
        Event::Rejected(reject) => {
            progress.clear();
            rejects.take(file, reject);
        }
        Event::Repeated(reject) => {
            progress.clear();
            rejects.repeat(file, reject);
        }
        Event::Rows { rows, read } => {
            progress.draw(rows, read.size().map(|size| read.read() as f64 / size as f64));
        }
        Event::Committing => {
            committing.set(true);
            progress.say("rolling up");
        }
    }));
    let signal = tokio::select! {
        result = &mut importing => return Outcome { result: Some(result), stopped: None, committing: true },
        signal = stop.asked() => signal,
    };
    let mut result = None;
    if committing.get() {
        if io::stderr().is_terminal() {
            // The progress stays above.
            eprintln!();
        }
        eprintln!("tidemark: {}: being committed; once more does not wait for it", shown(file));
        result = tokio::select! {
            result = &mut importing => Some(result),
            _ = stop.asked() => None,
        };
    }
    Outcome { result, stopped: Some(signal), committing: committing.get() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_command_a_terminal() {
        assert_eq!(shown(Path::new("比特币/BTC-USD-1h.csv")), "比特币/BTC-USD-1h.csv");
        assert_eq!(shown(Path::new("a\u{1b}[31mb\nc.csv")), "a\\u{1b}[31mb\\nc.csv");
        assert_eq!(shown(Path::new("a\u{202e}vsc.csv")), "a\\u{202e}vsc.csv");
        assert_eq!(shown(Path::new("-")), "standard input");
    }
}
