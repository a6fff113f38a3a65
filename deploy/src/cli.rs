//! The command line.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Brings Tidemark up on this machine, looks after it, and runs its checks.
#[derive(Debug, Parser)]
#[command(name = "cargo deploy", bin_name = "cargo deploy", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List each prerequisite as found, missing or too old, with the fix.
    Doctor(DoctorArgs),
    /// Install what is missing, build, start Redis, Postgres and the server, and load the sample.
    Up(UpArgs),
    /// Stop all that `up` started, in order.
    Down,
    /// Tell which parts run, and how they are. Exit code 3 when one does not.
    Status(StatusArgs),
    /// Show what the parts wrote.
    Logs(LogsArgs),
    /// Install what is missing and run every check.
    Test(TestArgs),
    /// Write the data for checked queries (`.sqlx`) anew, against a database of its own.
    Sqlx,
}

/// Options of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Write JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Install what is missing without asking.
    #[arg(long, short)]
    pub yes: bool,
    /// Leave it running in the background.
    #[arg(long, short)]
    pub detach: bool,
    /// Address to serve on.
    #[arg(long, default_value = "127.0.0.1:3000")]
    pub addr: SocketAddr,
    /// Where prices come from; the server's own default if not given.
    #[arg(long)]
    pub feed: Option<Feed>,
    /// Serve what was built before, without building.
    #[arg(long)]
    pub no_build: bool,
}

/// Where prices come from (`TIDEMARK_FEED`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Feed {
    /// The server chooses.
    Auto,
    /// Binance's public stream.
    Binance,
    /// The recording, moved to now.
    Replay,
    /// Invented prices.
    Simulated,
    /// Stored prices only.
    None,
}

impl Feed {
    /// As the server's setting spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Binance => "binance",
            Self::Replay => "replay",
            Self::Simulated => "simulated",
            Self::None => "none",
        }
    }
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Write JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Which parts; all of them if none is named.
    pub parts: Vec<crate::parts::Part>,
    /// Go on showing what is written.
    #[arg(long, short)]
    pub follow: bool,
    /// How many of the last lines of each.
    #[arg(long, short = 'n', default_value_t = 50)]
    pub lines: usize,
}

/// Options of `test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Install what is missing without asking. Without a terminal, or with CI=true, it never asks.
    #[arg(long, short)]
    pub yes: bool,
    /// Stop at the first check that fails.
    #[arg(long)]
    pub fail_fast: bool,
    /// Only these checks; `clippy` stands for all whose name begins so.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
