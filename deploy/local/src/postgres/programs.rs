//! Runs PostgreSQL's own programs to their end.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::account::Account;
use crate::{Error, Result, output::output_within, postgres_bin_dir, programs::postgres_bin_dirs};

/// The programs of one PostgreSQL version and the user that they run as.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) bin: PathBuf,
    pub(crate) account: Option<Account>,
}

impl Programs {
    /// The preferred version, or the one that made the data folder `existing`.
    pub(crate) fn find(existing: Option<&Path>) -> Result<Self> {
        let account = Account::of_server()?;
        let of = |bin: PathBuf| Self { bin, account };
        let Some(dir) = existing else {
            return postgres_bin_dir().map(of);
        };
        let file = dir.join("PG_VERSION");
        let wanted = std::fs::read_to_string(&file).map_err(Error::path("read", &file))?;
        let wanted = wanted.trim();
        postgres_bin_dirs()
            .into_iter()
            .map(of)
            .find(|it| it.version().is_ok_and(|version| version.split('.').next() == Some(wanted)))
            .ok_or_else(|| Error::Missing {
                program: format!("PostgreSQL {wanted}"),
                hint: format!(
                    "{} was made by this version; install it or move the folder away",
                    dir.display()
                ),
            })
    }

    /// A program of this version, run as the server's user in a folder that it can enter.
    pub(crate) fn command(&self, name: &str, dir: &Path) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.current_dir(dir);
        if let Some(account) = self.account {
            account.apply(&mut command);
        }
        command
    }

    /// Its version, such as `15.14`.
    pub(crate) fn version(&self) -> Result<String> {
        let text = run(Command::new(self.bin.join("postgres")).arg("--version"), "")?;
        text.split_whitespace()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .map(str::to_owned)
            .ok_or_else(|| Error::Failed {
                what: "postgres --version".to_owned(),
                detail: format!("it said {:?}", text.trim()),
            })
    }
}

/// Longest run of such a program. `initdb` on a slow disk takes the better part of a minute.
const BOUND: Duration = Duration::from_secs(300);

/// Runs a command with this input and returns its output; its error output stands in the error. For commands that end
/// by themselves, within [`BOUND`].
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String> {
    let what = command.get_program().to_string_lossy().into_owned();
    let out = output_within(command, input, BOUND)?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    Err(Error::Failed { what, detail: format!("{}: {}", out.status, said.trim()) })
}
