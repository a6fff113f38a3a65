//! The command line.

use std::{ffi::OsString, net::SocketAddr};

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

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
    /// Build the next release while the server that runs goes on; `down` and `up --no-build` serve it.
    Build(BuildArgs),
    /// Stop all that `up` started, in order.
    Down,
    /// Tell which parts run, and how they are. Exit code 3 when one does not, or is not well.
    Status(StatusArgs),
    /// Show what the parts wrote.
    Logs(LogsArgs),
    /// Stop all, and delete the data after showing what and asking. Downloaded tools stay.
    Reset(ResetArgs),
    /// Keep the logs of what runs in the background from growing without end; `up --detach` starts it.
    #[command(hide = true)]
    LimitLogs,
    /// Install what is missing and run every check.
    Test(TestArgs),
    /// See what the cache of the running server does, and clear parts of it: `tidemark cache` with address and token set.
    #[command(disable_help_flag = true)]
    Cache(CacheArgs),
    /// Set the operator's password, see who is signed in, end sessions: `tidemark admin` with the local database set.
    #[command(disable_help_flag = true)]
    Admin(AdminArgs),
    /// Look at the local Redis Cluster, and steer it.
    #[command(subcommand)]
    Cluster(ClusterVerb),
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
    /// Address to serve on [default: 127.0.0.1:3000].
    #[arg(long)]
    pub addr: Option<SocketAddr>,
    /// Where prices come from; the server's own default if not given.
    #[arg(long)]
    pub feed: Option<Feed>,
    /// Run Redis as a cluster of six nodes rather than as one server.
    #[arg(long)]
    pub cluster: bool,
    /// Port of the cluster's first node; the others follow, and their bus ports are 10,000 higher. 7001 unless it was
    /// another one the last time.
    #[arg(long, requires = "cluster", value_parser = clap::value_parser!(u16).range(1024..=55_530))]
    pub base_port: Option<u16>,
    /// Serve what was built before, without building.
    #[arg(long)]
    pub no_build: bool,
    /// Serve a release that was served before, without building: `previous` goes back to the one before the current one.
    #[arg(long)]
    pub release: Option<KeptRelease>,
}

/// A release that was served before and is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeptRelease {
    /// The one that was started last.
    Current,
    /// The one before it.
    Previous,
}

/// Options of `build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Install what is missing without asking.
    #[arg(long, short)]
    pub yes: bool,
}

/// Arguments of `cache`.
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// As `tidemark cache` takes them, such as `stats`; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// Arguments of `admin`.
#[derive(Debug, Args)]
pub struct AdminArgs {
    /// As `tidemark admin` takes them, such as `password`; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// What to do with the local cluster. A NODE is its number, 1 to 6, or its port.
#[derive(Debug, Subcommand)]
pub enum ClusterVerb {
    /// Its state, and each node's load.
    Info,
    /// Each node's role, slots and identity.
    Nodes,
    /// Whether all slots are served, none is open, all nodes agree, and replicas are linked. Exit code 1 if not.
    Check,
    /// Close slots that a broken-off move left open. Takes nothing from a node that does not answer, and starts none.
    Fix,
    /// Make a replica the master, without losing a write. A master stands for its replica; without a node, the first
    /// master does.
    Failover {
        /// Number or port.
        node: Option<String>,
    },
    /// Kill a node (SIGKILL), as a drill, and tell how its replica takes over.
    Kill {
        /// Number or port.
        node: String,
    },
    /// Start a node that does not run, and wait until it has rejoined.
    Start {
        /// Number or port.
        node: String,
    },
}

/// Where prices come from (`TIDEMARK_FEED`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feed {
    /// The server chooses: the replay.
    Auto,
    /// Recorded prices, played again as if they came in now.
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

/// Options of `reset`.
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// Delete without asking.
    #[arg(long, short)]
    pub yes: bool,
    /// Only the data of Redis: the cache begins empty, and fills again from Postgres.
    #[arg(long)]
    pub cache: bool,
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

    #[test]
    fn every_option_is_in_the_docs() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let page = std::fs::read_to_string(path).unwrap();
        for verb in super::Cli::command().get_subcommands() {
            for long in verb.get_arguments().filter_map(|it| it.get_long()).filter(|it| *it != "help") {
                let option = format!("`{} --{long}`", verb.get_name());
                assert!(page.contains(&option), "docs/configuration.md lacks {option}");
            }
        }
    }
}
