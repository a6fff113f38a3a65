//! `tidemark data`: what is stored, what is missing, and deleting series.

mod delete;
mod gaps;
mod list;

use std::process::ExitCode;

use candle_files::date_text;
use clap::Subcommand;
use model::{Interval, Source, Symbol, UnixMs};

use super::{cache::print, fail, import::open_store};
use crate::store::{Store, StoredSeries};

/// What to do with the stored series.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// List the series, how many candles each has, and how many of them are incomplete
    List {
        #[command(flatten)]
        which: Which,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show where candles are missing between the first and the last of a series, the longest gaps first
    Gaps {
        #[command(flatten)]
        which: Which,
        /// Gaps, and incomplete candles, shown of each series; all are counted
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete all candles of series, after asking
    Delete(delete::Args),
}

/// Which series: all without any of them.
#[derive(clap::Args)]
pub(super) struct Which {
    /// Of this ticker symbol
    #[arg(long)]
    symbol: Option<Symbol>,
    /// Of this source
    #[arg(long)]
    source: Option<String>,
    /// Stored at this interval: 1m 5m 15m 30m 1h 4h 1d 1w
    #[arg(long)]
    interval: Option<Interval>,
}

/// Runs the verb.
pub(super) async fn run(verb: Verb) -> ExitCode {
    let done = match verb {
        Verb::List { which, json } => list::list(&which, json).await,
        Verb::Gaps { which, limit, json } => gaps::gaps(&which, limit, json).await,
        Verb::Delete(args) => return delete::run(args).await,
    };
    match done {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(message) => fail(message),
    }
}

/// The store, once it answers.
async fn open() -> Result<Store, String> {
    let store = open_store()?;
    store.ping().await.map_err(|error| error.to_string())?;
    Ok(store)
}

/// The series that are meant, with what is stored of them.
async fn find(store: &Store, which: &Which) -> Result<Vec<StoredSeries>, String> {
    let source = which.source.as_ref().map(|source| Source::new(source.clone()));
    let found = store.stored_series(which.symbol.as_ref(), source.as_ref(), which.interval).await;
    found.map_err(|error| error.to_string())
}

/// A time to the minute, UTC: no candle begins within one.
fn minute(time: UnixMs) -> String {
    let mut text = date_text(time);
    text.truncate("2019-10-17 00:00".len());
    text
}

/// A number and what it counts.
fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
