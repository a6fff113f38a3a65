//! `tidemark admin`: the operator's password and sessions, from a shell.

mod password;
mod sessions;

use std::process::ExitCode;

use clap::Subcommand;

use super::fail;
use crate::{
    config::{ADMIN_PASSWORD_FILE, Config, SecretUrl, variable},
    store::{Noted, Store},
};

/// What to do with the account.
#[derive(Subcommand)]
pub(super) enum Verb {
    /// Set the password of the account `admin`, asked for twice or read from standard input; ends all sessions
    Password {
        /// Only if there is no password yet
        #[arg(long)]
        if_none: bool,
    },
    /// List who is signed in
    Sessions {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End all sessions
    SignOut,
}

/// Runs the verb.
pub(super) async fn run(verb: Verb) -> ExitCode {
    let done = match verb {
        Verb::Password { if_none } => password::set(if_none).await,
        Verb::Sessions { json } => sessions::list(json).await,
        Verb::SignOut => sessions::end().await,
    };
    match done {
        Ok(text) => {
            super::cache::print(&text);
            ExitCode::SUCCESS
        }
        Err(message) => fail(message),
    }
}

/// The database that keeps accounts.
fn open() -> Result<Store, String> {
    let Some(url) = variable("DATABASE_URL").map_err(|e| e.to_string())? else {
        return Err(format!(
            "DATABASE_URL is not set: without a database the password is the one in the file that {ADMIN_PASSWORD_FILE} \
             names, and sessions are in the server's memory; change the file and restart the server"
        ));
    };
    let url = SecretUrl::parse("DATABASE_URL", &url, Config::DATABASE_SCHEMES).map_err(|e| e.to_string())?;
    Store::connect_lazy(url.expose()).map_err(|e| e.to_string())
}

/// Warns of what was done and is not in the audit log.
fn warn(noted: Noted) {
    if let Err(error) = noted {
        eprintln!("tidemark: it was done, and is not in the audit log: {error}");
    }
}
