//! `tidemark cache`: what the cache does, and clears, from a shell.

pub(super) mod ask;
mod client;
mod direct;
mod report;
pub(super) mod size;
pub(super) mod table;
mod target;
mod top;
mod via;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use serde_json::Value;

use self::{target::Target, via::Via};
use super::fail;

/// Names of the categories, for the shell's help; a server may know others.
const CATEGORIES: [&str; 4] = ["directory", "prices", "charts", "sparklines"];

/// What to do with the cache, and where it is.
#[derive(Args)]
pub(super) struct Command {
    #[command(subcommand)]
    verb: Verb,
    /// The running server, http://host:port. Without it: the one at LEPTOS_SITE_ADDR if there is a token and it answers,
    /// otherwise Redis itself
    #[arg(long, global = true)]
    url: Option<String>,
    /// File with the server's token; TIDEMARK_ADMIN_TOKEN_FILE without it
    #[arg(long, global = true)]
    token_file: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

/// What to do with the cache.
#[derive(Subcommand)]
enum Verb {
    /// What a server's cache does: reads, loads, memory, Redis
    Stats,
    /// The keys that a server reads most, each second anew until Ctrl-C
    Top {
        /// Print once, as where there is no terminal
        #[arg(long)]
        once: bool,
    },
    /// Health of each Redis node
    Nodes,
    /// All that is known of one entry
    Inspect {
        /// Full name: prices:recorded
        #[arg(value_parser = target::full_name)]
        key: String,
    },
    /// Clear a part of the cache in Redis and in every server's memory; Postgres keeps everything
    Clear {
        #[command(flatten)]
        target: Target,
        /// Only say what would be cleared
        #[arg(long)]
        dry_run: bool,
        /// Clear everything without asking
        #[arg(long)]
        yes: bool,
    },
    /// Take a clear back: what has not expired or been read anew since lives again
    Undo {
        /// The number that `clear` printed
        handle: u64,
    },
}

/// Runs the verb.
pub(super) async fn run(command: Command) -> ExitCode {
    match act(command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(message),
    }
}

async fn act(command: Command) -> Result<(), String> {
    let Command { verb, url, token_file, json } = command;
    let server_only = matches!(verb, Verb::Stats | Verb::Top { .. });
    let via = Via::find(url.as_deref(), token_file.as_deref(), server_only).await?;
    let done = match verb {
        Verb::Stats => via.stats().await.map(|stats| show(&stats, json, report::stats)),
        Verb::Top { once } => return top::run(&via, once, json).await,
        Verb::Nodes => via.nodes().await.map(|nodes| show(&nodes, json, report::nodes)),
        Verb::Inspect { key } => via.inspect(&key).await.map(|entry| show(&entry, json, report::inspection)),
        Verb::Clear { target, dry_run, yes } => clear(&via, &target, dry_run, yes, json).await,
        Verb::Undo { handle } => {
            via.undo(handle).await.map(|undone| show(&undone, json, |undone| report::undone(handle, undone)))
        }
    };
    // Also after an error: the others may wait for what was told before it.
    via.close().await;
    done
}

async fn clear(via: &Via, target: &Target, dry_run: bool, yes: bool, json: bool) -> Result<(), String> {
    let asking = target.is_all() && !yes && !dry_run && io::stdin().is_terminal();
    if asking {
        let preview = via.clear(target, true).await?;
        let question = format!("{}; clear everything? [y/N] ", report::covered(&preview["preview"]));
        if !ask::yes(&question).await? {
            return Err("nothing was cleared".to_owned());
        }
    }
    let answer = via.clear(target, dry_run).await?;
    show(&answer, json, report::cleared);
    Ok(())
}

/// Prints a document: as it is, or as `text` puts it.
fn show(document: &Value, json: bool, text: impl FnOnce(&Value) -> String) {
    print(&if json { format!("{document:#}\n") } else { text(document) });
}

/// Prints text. A reader that went away, such as `head`, is no error.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
