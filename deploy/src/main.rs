//! The operator's tool of Tidemark, run as `cargo deploy <verb>`.
//!
//! Exit codes: 0 all well, 1 something failed, 2 wrong usage, 3 `status` found a part
//! that does not run or is not well, 130 interrupted.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod admin_password;
mod admin_token;
mod ask;
mod build;
mod checks;
mod cli;
mod cluster;
mod elsewhere;
mod explain;
mod file_lock;
mod health;
mod layout;
mod log_rotation;
mod moved;
mod parts;
mod path_hash;
mod port_holder;
mod preflight;
mod probe;
mod problem;
mod recover;
mod release;
mod run;
mod running;
mod sample;
mod say;
mod shown_log;
mod state;
mod stop;
mod tools;
mod verbs;
mod version;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Verb},
    layout::Layout,
    problem::Problem,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    stop::listen();
    let done = Layout::find().and_then(|layout| match cli.verb {
        Verb::Doctor(args) => verbs::doctor::run(&layout, &args),
        Verb::Up(args) => verbs::up::run(&layout, &args),
        Verb::Build(args) => verbs::build::run(&layout, &args),
        Verb::Down => verbs::down::run(&layout),
        Verb::Status(args) => verbs::status::run(&layout, &args),
        Verb::Logs(args) => verbs::logs::run(&layout, &args),
        Verb::LimitLogs => log_rotation::run(&layout),
        Verb::Reset(args) => verbs::reset::run(&layout, &args),
        Verb::Test(args) => checks::run(&layout, &args),
        Verb::Cache(args) => verbs::cache::run(&layout, &args),
        Verb::Admin(args) => verbs::admin::run(&layout, &args),
        Verb::Cluster(verb) => verbs::cluster::run(&layout, &verb),
        Verb::Sqlx => verbs::sqlx::run(&layout),
    });
    match done {
        Ok(code) => ExitCode::from(code),
        Err(Problem::Interrupted) => {
            say::error("interrupted");
            ExitCode::from(130)
        }
        Err(Problem::Usage(text)) => {
            say::error(&text);
            ExitCode::from(2)
        }
        Err(problem) => {
            say::error(&problem.to_string());
            ExitCode::FAILURE
        }
    }
}
