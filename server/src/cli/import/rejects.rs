//! Where rejected lines go.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use super::shown;
use crate::import::Reject;

/// Rejected lines printed in all; the rest is counted.
const SHOWN: u64 = 20;

/// The first few to standard error, all to a file if one is named.
pub(super) struct Rejects {
    count: u64,
    repeats: u64,
    file: Option<(PathBuf, BufWriter<File>)>,
    /// Why that file could not be written.
    trouble: Option<String>,
}

impl Rejects {
    pub(super) fn new(path: Option<&Path>) -> Result<Self, String> {
        let file = match path {
            None => None,
            Some(path) => {
                let file = File::create(path)
                    .map_err(|error| format!("--rejects {}: cannot be written: {error}", path.display()))?;
                Some((path.to_owned(), BufWriter::new(file)))
            }
        };
        Ok(Self { count: 0, repeats: 0, file, trouble: None })
    }

    pub(super) fn take(&mut self, file: &Path, reject: &Reject) {
        self.count += 1;
        let line = format!("{}:{}: {}", shown(file), reject.line, reject.reason);
        if self.count <= SHOWN {
            eprintln!("{line}");
        }
        if let Some((path, out)) = &mut self.file
            && let Err(error) = writeln!(out, "{line}")
        {
            self.trouble.get_or_insert(format!("--rejects {}: {error}", path.display()));
        }
    }

    /// A line whose candle replaces one before: no candle is lost, so it is no rejected line, but it is said.
    pub(super) fn repeat(&mut self, file: &Path, reject: &Reject) {
        self.repeats += 1;
        if self.repeats <= SHOWN {
            eprintln!("{}:{}: {}", shown(file), reject.line, reject.reason);
        }
    }

    /// Whether all could be written so far.
    pub(super) fn check(&mut self) -> Result<(), String> {
        self.trouble.take().map_or(Ok(()), Err)
    }

    pub(super) fn finish(mut self) -> Result<(), String> {
        if self.count > SHOWN {
            let rest = self.count - SHOWN;
            let hint = if self.file.is_some() { "" } else { "; --rejects FILE writes them all" };
            eprintln!("and {rest} more rejected lines{hint}");
        }
        if self.repeats > SHOWN {
            eprintln!("and {} more lines whose candle was there before", self.repeats - SHOWN);
        }
        self.check()?;
        match self.file {
            None => Ok(()),
            Some((path, mut out)) => {
                out.flush().map_err(|error| format!("--rejects {}: {error}", path.display()))
            }
        }
    }
}
