//! `tidemark cache`: clears, from a shell.

use std::{process::ExitCode, time::Duration};

use clap::Subcommand;
use tidemark_cache::Scope;

use super::{fail, serve::open_cache};
use crate::config::Config;

/// Longest wait for Redis, for it joins behind.
const CONNECT: Duration = Duration::from_secs(3);

/// What to do with the cache.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Clear a part of the cache in Redis and in every server's memory; Postgres keeps everything
    Clear(Target),
    /// Take a clear back: what has not expired or been read anew since lives again
    Undo {
        /// The number that `clear` printed
        handle: u64,
    },
}

/// Exactly one of these.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Target {
    /// Everything
    #[arg(long)]
    all: bool,
    /// One category: directory, prices or charts
    #[arg(long, value_parser = ["directory", "prices", "charts"])]
    category: Option<String>,
    /// Entries whose name begins so: charts:BTC/
    #[arg(long, value_parser = full_name)]
    prefix: Option<String>,
    /// The entry of this name: prices:recorded
    #[arg(long, value_parser = full_name)]
    key: Option<String>,
}

/// Checks `category:rest`.
fn full_name(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some(("directory" | "prices" | "charts", _)) => Ok(text.to_owned()),
        _ => Err("does not begin with directory:, prices: or charts:".to_owned()),
    }
}

impl Target {
    fn scope(self) -> Scope {
        match self {
            Self { prefix: Some(prefix), .. } => Scope::Prefix(prefix),
            Self { key: Some(key), .. } => Scope::Key(key),
            Self { category: Some(category), .. } => Scope::Category(category),
            _ => Scope::All,
        }
    }
}

/// Runs the verb.
pub(super) async fn run(verb: Verb) -> ExitCode {
    match act(verb).await {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(message) => fail(message),
    }
}

async fn act(verb: Verb) -> Result<String, String> {
    let config = Config::from_env().map_err(|e| e.to_string())?;
    let Some(url) = &config.redis_url else {
        return Err("REDIS_URL is not set: a server's memory alone is cleared by a restart".to_owned());
    };
    let cache = open_cache(&config)?;
    if !cache.wait_for_l2(CONNECT).await {
        let reason = cache.l2_state().last_error.unwrap_or_else(|| "no answer within 3 seconds".to_owned());
        return Err(format!("REDIS_URL={}: {reason}", url.shown()));
    }
    match verb {
        Verb::Clear(target) => {
            let cleared = cache.clear(target.scope()).await.map_err(|e| e.to_string())?;
            Ok(format!("cleared; take it back with: tidemark cache undo {}", cleared.seq))
        }
        Verb::Undo { handle } => {
            cache.undo(handle).await.map_err(|e| e.to_string())?;
            Ok(format!("clear {handle} is taken back"))
        }
    }
}
