//! `tidemark cache`: clears, from a shell.

use std::{process::ExitCode, time::Duration};

use clap::Subcommand;
use tidemark_cache::{Cache, Scope};

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
    /// Keys of a category that begin so, as CATEGORY/PREFIX: charts/BTC/
    #[arg(long, value_parser = category_and_text)]
    prefix: Option<(String, String)>,
    /// One key, as CATEGORY/KEY: prices/recorded
    #[arg(long, value_parser = category_and_text)]
    key: Option<(String, String)>,
}

/// Splits `category/rest`.
fn category_and_text(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((category @ ("directory" | "prices" | "charts"), rest)) if !rest.is_empty() => {
            Ok((category.to_owned(), rest.to_owned()))
        }
        _ => Err("is not of the form CATEGORY/…, with one of directory, prices, charts".to_owned()),
    }
}

impl Target {
    fn scope(self) -> Scope {
        match self {
            Self { prefix: Some((category, prefix)), .. } => Scope::Prefix { category, prefix },
            Self { key: Some((category, key)), .. } => Scope::Key { category, key },
            Self { category: Some(category), .. } => Scope::Category { category },
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
    connected(&cache).await.map_err(|reason| format!("REDIS_URL={}: {reason}", url.shown()))?;
    match verb {
        Verb::Clear(target) => {
            let handle = cache.clear(target.scope()).await.map_err(|e| e.to_string())?;
            Ok(format!("cleared; take it back with: tidemark cache undo {handle}"))
        }
        Verb::Undo { handle } => {
            cache.undo(handle).await.map_err(|e| e.to_string())?;
            Ok(format!("clear {handle} is taken back"))
        }
    }
}

/// Waits until Redis has joined.
async fn connected(cache: &Cache) -> Result<(), String> {
    let joined = tokio::time::timeout(CONNECT, async {
        while !cache.l2_state().connected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    if joined.await.is_ok() {
        return Ok(());
    }
    Err(cache.l2_state().last_error.unwrap_or_else(|| "no answer within 3 seconds".to_owned()))
}
