//! The verbs of the `tidemark` binary.

mod admin;
mod bench;
mod cache;
mod check;
mod data;
mod export;
mod housekeeping;
mod import;
mod migrate;
mod progress;
mod serve;
mod stop;

use std::{io::IsTerminal, process::ExitCode};

use clap::{Parser, Subcommand};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::log_limit::{LogLimit, log_panics};

/// Crypto market dashboard: serves pages and a JSON API from one tiered cache.
#[derive(Parser)]
#[command(name = "tidemark", version, about)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve pages and API (the default)
    Serve,
    /// Bring the database's schema up to date
    Migrate,
    /// Import candles from files
    Import(import::Args),
    /// Test each setting and connection, and say what is wrong
    Check(check::Args),
    /// Write candles to a file
    Export(export::Args),
    /// See which series are stored and what they lack, and delete series
    #[command(subcommand)]
    Data(data::Verb),
    /// See what the cache does, and clear parts of it, without touching the database
    Cache(cache::Command),
    /// Set the operator's password, see who is signed in, end sessions
    #[command(subcommand)]
    Admin(admin::Verb),
    /// Measure the cache, by itself and while its servers fail; needs redis-server
    #[command(subcommand)]
    Bench(tidemark_bench::Verb),
}

/// Parses the command line, reads `.env`, runs the verb.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let env_file = dotenvy::dotenv();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(std::io::stderr))
        .with(LogLimit::default())
        .with(filter)
        .init();
    log_panics();
    match env_file {
        Err(error) if !error.not_found() => {
            // The text of the error repeats the line, which may hold a password.
            return fail(".env: a line cannot be read; each is NAME=value");
        }
        _ => {}
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(format!("the runtime cannot be started: {error}")),
    };
    let code = runtime.block_on(async {
        match cli.verb.unwrap_or(Verb::Serve) {
            Verb::Serve => serve::run().await,
            Verb::Migrate => migrate::run().await,
            Verb::Import(args) => import::run(args).await,
            Verb::Check(args) => check::run(args).await,
            Verb::Export(args) => export::run(args).await,
            Verb::Data(verb) => data::run(verb).await,
            Verb::Cache(command) => cache::run(command).await,
            Verb::Admin(verb) => admin::run(verb).await,
            Verb::Bench(verb) => bench::run(verb).await,
        }
    });
    // A blocked thread of a library must not hold the end up.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}

/// One line on standard error, exit code 1.
fn fail(message: impl std::fmt::Display) -> ExitCode {
    eprintln!("tidemark: {message}");
    ExitCode::FAILURE
}
