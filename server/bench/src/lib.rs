//! Measures the cache: beside the bare libraries and servers that it is made of, and while faults are injected.
//!
//! Everything that is compared is measured in one run, in turns: a ratio means something on a busy machine, too, the
//! figures by themselves do not. What the figures mean is in `docs/benchmarks.md`.

mod bare;
pub mod cache;
mod closed_form;
mod error;
pub mod faults;
mod middle;
mod report;
mod servers;
mod value;
mod worker;
mod zipf;

pub use error::{BenchError, Result};
pub use report::{Report, Row, Verdict};
pub use worker::Launcher;

/// What to measure.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Verb {
    /// Hits, loads, hit ratios and memory of the cache, each beside its limit, on Redis servers of its own
    Cache(cache::Args),
    /// The cache under load while its Redis servers fail, one fault after the other
    Faults(faults::Args),
    /// Be a process of a measurement; told on standard input what to do
    #[command(hide = true)]
    Worker,
}

/// Does it. The table, or JSON, goes to standard output, progress to standard error. Returns whether every budget was
/// kept. Ctrl-C breaks off; the servers end with it.
///
/// # Errors
/// Servers cannot be started, or a measurement broke off.
pub async fn run(verb: Verb, launcher: &Launcher) -> Result<bool> {
    tokio::select! {
        done = measure(verb, launcher) => done,
        stopped = tokio::signal::ctrl_c() => {
            stopped.map_err(BenchError::at("Ctrl-C"))?;
            Err(BenchError::new("stopped"))
        }
    }
}

async fn measure(verb: Verb, launcher: &Launcher) -> Result<bool> {
    match verb {
        Verb::Cache(args) => {
            let size = if args.quick { cache::Size::quick() } else { cache::Size::full() };
            let report = cache::measure(launcher, size, args.only.as_deref()).await?;
            print(args.json, &report, Report::table)?;
            Ok(report.holds())
        }
        Verb::Faults(args) => {
            let table = faults::measure(&args).await?;
            print(args.json, &table, faults::Table::text)?;
            Ok(table.holds())
        }
        Verb::Worker => worker::work().await.map(|()| true),
    }
}

fn print<T: serde::Serialize>(json: bool, what: &T, text: fn(&T) -> String) -> Result<()> {
    if json {
        let text = serde_json::to_string_pretty(what).map_err(BenchError::at("JSON"))?;
        println!("{text}");
    } else {
        print!("{}", text(what));
    }
    Ok(())
}
