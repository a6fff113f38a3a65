//! `tidemark export`.

mod target;
mod writer;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use candle_files::{Format, parse_time};
use model::{Interval, Source, Symbol, UnixMs};
use tokio::{sync::mpsc, task::JoinHandle};

use self::{
    target::Target,
    writer::{Counts, Message, Plan},
};
use super::{
    fail,
    import::open_store,
    progress::{Progress, per_second},
    stop::{Signal, Stop},
};
use crate::{
    market::{IncompleteCandles, choose_series},
    store::{Export, SeriesInfo, Store},
};

/// Pages read ahead of the writer.
const AHEAD: usize = 2;
/// Symbols named when the one that is asked for is not there.
const LISTED: usize = 20;
/// Longest wait for the writer to take its half file away when the export is stopped.
const AWAY_WITHIN: Duration = Duration::from_secs(2);

/// Which candles, and where to.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Ticker symbol
    #[arg(long)]
    symbol: Symbol,
    /// Length of the candles, rolled up where it is not stored: 1m 5m 15m 30m 1h 4h 1d 1w; the stored one without it
    #[arg(long)]
    interval: Option<Interval>,
    /// Whose candles
    #[arg(long, default_value = "recorded")]
    source: String,
    /// First open time: Unix ms or YYYY-MM-DD[THH:MM[:SS]Z]
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true)]
    from: Option<UnixMs>,
    /// Last open time, inclusive
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_hyphen_values = true)]
    to: Option<UnixMs>,
    /// The layout: tidemark, binance or cryptodatadownload
    #[arg(long, default_value = "tidemark")]
    format: Format,
    /// What becomes of incomplete candles: mark (in the seventh column of the layout tidemark, partial), omit or keep
    /// (without a mark). Without it they are marked in the layout tidemark, and omitted in the others, which have no mark
    #[arg(long)]
    partial: Option<IncompleteCandles>,
    /// Where to; - is standard output. A file gets its name when it is whole
    #[arg(long, default_value = "-", value_name = "FILE")]
    output: PathBuf,
    /// Pack it as gzip, as for a name that ends in .gz
    #[arg(long)]
    gzip: bool,
}

/// Writes the candles; exit code 1 if that failed.
pub(super) async fn run(args: Args) -> ExitCode {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from > to
    {
        fail("--from is after --to");
        return ExitCode::from(2);
    }
    let incomplete = match (args.partial, args.format) {
        (None, Format::Tidemark) => IncompleteCandles::Mark,
        (None, _) => IncompleteCandles::Omit,
        (Some(IncompleteCandles::Mark), format) if format != Format::Tidemark => {
            fail(format!("--partial mark: the layout {format} has no mark; give omit or keep"));
            return ExitCode::from(2);
        }
        (Some(incomplete), _) => incomplete,
    };
    let mut stop = match Stop::new() {
        Ok(stop) => stop,
        Err(error) => return fail(format!("signals cannot be waited for: {error}")),
    };
    match export(args, incomplete, &mut stop).await {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(signal)) => {
            fail(format!("stopped by {}; nothing is left of the file", signal.name()));
            signal.exit_code()
        }
        Err(message) => fail(message),
    }
}

async fn export(
    args: Args,
    incomplete: IncompleteCandles,
    stop: &mut Stop,
) -> Result<Option<Signal>, String> {
    let store = open_store()?;
    let beginning = async {
        let (series, interval, mut export) = begin(&store, &args).await?;
        // A column of marks only where there is something to mark.
        let may_mark = incomplete == IncompleteCandles::Mark;
        let has_marks = may_mark && export.has_incomplete().await.map_err(|error| error.to_string())?;
        Ok::<_, String>((series, interval, export, has_marks))
    };
    let (series, interval, mut export, has_marks) = tokio::select! {
        begun = beginning => begun?,
        signal = stop.asked() => return Ok(Some(signal)),
    };
    let gzip = args.gzip || args.output.extension().is_some_and(|extension| extension == "gz");
    let target = Target::open(&args.output)?;
    let mut progress = Progress::new(format!("{} {interval} {}", series.symbol, series.source));
    let is_shown = target.is_file();
    let (sender, messages) = mpsc::channel(AHEAD);
    let plan =
        Plan { format: args.format, symbol: series.symbol.clone(), interval, gzip, incomplete, has_marks };
    let mut writing = tokio::task::spawn_blocking(move || writer::write(target, &plan, messages));

    let (from, to) = range(&series, args.from, args.to);
    let reading = async {
        let mut rows = 0;
        loop {
            let page = export.next_marked().await.map_err(|error| error.to_string())?;
            let Some(last) = page.last().map(|marked| marked.candle.open_time) else { break };
            rows += page.len() as u64;
            if sender.send(Message::Page(page)).await.is_err() {
                // The writer knows why.
                return Ok(());
            }
            if is_shown {
                let done = (last - from) as f64 / (to - from).max(1) as f64;
                progress.draw(rows, Some(done));
            }
        }
        // Without this word the writer takes what it has for a piece.
        let _ = sender.send(Message::End).await;
        Ok::<(), String>(())
    };
    let read = tokio::select! {
        read = reading => Ok(read),
        signal = stop.asked() => Err(signal),
    };
    drop(sender);
    let result = match read {
        Ok(Ok(())) => tokio::select! {
            written = &mut writing => Ok(written),
            signal = stop.asked() => Err(signal),
        },
        Ok(Err(error)) => {
            abandon(writing).await;
            progress.clear();
            return Err(error);
        }
        Err(signal) => Err(signal),
    };
    progress.clear();
    match result {
        Ok(written) => {
            let written = written.map_err(|error| format!("writing stopped: {error}"))?;
            report(written, &args, incomplete, &series, interval, progress.took())?;
            export.close().await;
            Ok(None)
        }
        Err(signal) => {
            abandon(writing).await;
            Ok(Some(signal))
        }
    }
}

/// Gives the writer time to take away what it began.
async fn abandon<T>(writing: JoinHandle<T>) {
    // A reader of our output that does not read may hold it up for ever.
    let _ = tokio::time::timeout(AWAY_WITHIN, writing).await;
}

/// Finds the series and opens a snapshot of it.
async fn begin(store: &Store, args: &Args) -> Result<(SeriesInfo, Interval, Export), String> {
    store.ping().await.map_err(|error| error.to_string())?;
    let directory = store.directory().await.map_err(|error| error.to_string())?;
    if !directory.series.iter().any(|series| series.symbol == args.symbol) {
        return Err(format!(
            "--symbol: {} is not stored; stored are {}",
            args.symbol,
            symbols(&directory.series)
        ));
    }
    let source = Source::new(args.source.clone());
    let series = choose_series(&directory.series, &args.symbol, Some(&source), &source, args.interval)
        .map_err(|error| error.to_string())?;
    let interval = args.interval.unwrap_or(series.finest);
    let export =
        store.export(series.id, interval, args.from, args.to).await.map_err(|error| error.to_string())?;
    let export = export.ok_or_else(|| format!("the series of {} is gone", args.symbol))?;
    Ok((series.clone(), interval, export))
}

/// What is stored, not too long for a line.
fn symbols(series: &[SeriesInfo]) -> String {
    let mut symbols: Vec<_> = series.iter().map(|series| series.symbol.as_str()).collect();
    symbols.dedup();
    let listed = symbols.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    match symbols.len() {
        0 => "none".to_owned(),
        count if count > LISTED => format!("{listed} and {} more", count - LISTED),
        _ => listed,
    }
}

/// The times that the export goes over, for the progress.
fn range(series: &SeriesInfo, from: Option<UnixMs>, to: Option<UnixMs>) -> (UnixMs, UnixMs) {
    let from = from.map_or(series.first_open, |from| from.max(series.first_open));
    let to = to.map_or(series.last_open, |to| to.min(series.last_open));
    (from, to)
}

fn report(
    written: Result<Option<Counts>, String>,
    args: &Args,
    incomplete: IncompleteCandles,
    series: &SeriesInfo,
    interval: Interval,
    took: Duration,
) -> Result<(), String> {
    let Some(Counts { rows, incomplete: count }) =
        written.map_err(|error| format!("--output {}: {error}", args.output.display()))?
    else {
        // Whoever read it has had enough.
        return Ok(());
    };
    eprintln!(
        "{} {interval} {}: {rows} rows, {:.1} s, {} rows/s{}",
        series.symbol,
        series.source,
        took.as_secs_f64(),
        per_second(rows, took),
        about_incomplete(count, incomplete)
    );
    Ok(())
}

/// What became of incomplete candles; nothing where there are none.
fn about_incomplete(count: u64, incomplete: IncompleteCandles) -> String {
    let (candles, are) = if count == 1 { ("candle", "is") } else { ("candles", "are") };
    match incomplete {
        _ if count == 0 => String::new(),
        IncompleteCandles::Mark => {
            format!("; {count} incomplete {candles} {are} marked in the column partial")
        }
        IncompleteCandles::Omit => {
            format!("; {count} incomplete {candles} left out, --partial keep writes them")
        }
        IncompleteCandles::Keep => format!("; {count} incomplete {candles} {are} in it without a mark"),
    }
}
