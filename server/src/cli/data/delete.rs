//! `tidemark data delete`.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use model::{Interval, Symbol};

use super::{Which, counted, find, minute, open};
use crate::{
    cli::{
        cache::{ask, print},
        fail,
        progress::Progress,
    },
    store::StoredSeries,
};

/// Which series to delete.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// Ticker symbol
    #[arg(long)]
    symbol: Symbol,
    /// Whose candles; those of all sources without it
    #[arg(long)]
    source: Option<String>,
    /// Only the series that is stored at this interval: 1m 5m 15m 30m 1h 4h 1d 1w
    #[arg(long)]
    interval: Option<Interval>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Shows what goes, asks, and deletes it. Exit code 1 if nothing was deleted, 2 if nobody can be asked.
pub(super) async fn run(args: Args) -> ExitCode {
    // Before anything is read: a script should learn it at once.
    if !args.yes && !io::stdin().is_terminal() {
        fail("standard input is no terminal to ask on; --yes deletes without asking");
        return ExitCode::from(2);
    }
    match delete(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(message),
    }
}

async fn delete(args: Args) -> Result<(), String> {
    let store = open().await?;
    let Args { symbol, source, interval, yes } = args;
    let which = Which { symbol: Some(symbol.clone()), source, interval };
    let found = find(&store, &which).await?;
    if found.is_empty() {
        let all = Which { symbol: Some(symbol.clone()), source: None, interval: None };
        return Err(none_such(&symbol, &find(&store, &all).await?));
    }
    let replays = store.replays_of(&found).await.map_err(|error| error.to_string())?;
    if !yes {
        for series in &found {
            eprintln!("{}", line(series));
        }
        for replay in &replays {
            eprintln!("{}: it replays what is to be deleted, and goes with it", line(replay));
        }
        let these =
            if found.len() == 1 { "this series".to_owned() } else { format!("these {} series", found.len()) };
        if !ask::yes(&format!("Delete {these}? This cannot be undone. [y/N] ")).await? {
            return Err("nothing was deleted".to_owned());
        }
    }
    let mut progress = Progress::new(format!("deleting {symbol}"));
    let deleted = store.delete_series(&found, |rows| progress.draw(rows, None)).await;
    progress.clear();
    let deleted = deleted.map_err(|error| format!("nothing was deleted: {error}"))?;
    let mut text = String::new();
    for series in &found {
        text.push_str(&format!("deleted {}\n", line(series)));
    }
    for symbol in deleted.replays {
        text.push_str(&format!(
            "the replay of {symbol} played it: its candles under source replay are deleted too\n"
        ));
    }
    print(&text);
    Ok(())
}

/// A series and what there is of it.
fn line(series: &StoredSeries) -> String {
    let StoredSeries { symbol, source, finest, first_open, last_open, candles, .. } = series;
    format!(
        "{symbol} {finest} {source}: {} from {} to {} UTC",
        counted(*candles, "candle", "candles"),
        minute(*first_open),
        minute(*last_open)
    )
}

/// That there is nothing to delete, and what there is of the symbol.
fn none_such(symbol: &Symbol, stored: &[StoredSeries]) -> String {
    let known: Vec<_> = stored.iter().map(|it| format!("{} {}", it.finest, it.source)).collect();
    if known.is_empty() {
        format!("{symbol} is not stored; `tidemark data list` shows what is")
    } else {
        format!("{symbol} has no such series, only {}", known.join(", "))
    }
}
