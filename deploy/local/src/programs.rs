//! Where the servers' programs are.

use std::{
    env, fs,
    io::{Read, Seek, SeekFrom},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// What a folder must hold to be taken as PostgreSQL's: only parts of one version work together.
pub const POSTGRES_PROGRAMS: [&str; 3] = ["postgres", "initdb", "psql"];

/// The first executable of this name on PATH, or in one of the usual folders that a short PATH leaves out.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    path_dirs().into_iter().map(|dir| dir.join(name)).find(|path| is_executable(path))
}

/// The folder with PostgreSQL's server programs: one on PATH that holds all of [`POSTGRES_PROGRAMS`], otherwise the
/// newest under `/usr/lib/postgresql` (Debian, which keeps them off PATH), `/usr/pgsql-*` (RPM) or Homebrew's.
///
/// # Errors
/// [`Error::Missing`] when there is none.
pub fn postgres_bin_dir() -> Result<PathBuf> {
    postgres_bin_dirs().into_iter().next().ok_or_else(|| Error::Missing {
        program: "PostgreSQL's server".to_owned(),
        hint: "looked for postgres, initdb and psql together on PATH, under /usr/lib/postgresql, /usr/pgsql-* and \
               Homebrew's postgresql@*"
            .to_owned(),
    })
}

/// All such folders, the preferred one first.
pub(crate) fn postgres_bin_dirs() -> Vec<PathBuf> {
    let complete = |dir: &PathBuf| POSTGRES_PROGRAMS.iter().all(|name| is_executable(&dir.join(name)));
    let mut packaged: Vec<(u32, PathBuf)> = [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
    ]
    .into_iter()
    .flat_map(|(parent, prefix)| versions_in(Path::new(parent), prefix))
    .collect();
    packaged.sort();
    path_dirs().into_iter().chain(packaged.into_iter().rev().map(|(_, dir)| dir)).filter(complete).collect()
}

/// `bin` folders of `parent/{prefix}{major version}`.
fn versions_in(parent: &Path, prefix: &str) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let name = name.to_str()?;
            let version = name.strip_prefix(prefix)?.parse().ok()?;
            Some((version, parent.join(name).join("bin")))
        })
        .collect()
}

/// No more than this much of a log's end is read, in bytes.
const END: u64 = 64 << 10;

/// The end of a log, or nothing.
fn end_of(log: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = fs::File::open(log) {
        let size = file.metadata().map_or(0, |it| it.len());
        // What cannot be read is left out of the message.
        drop(file.seek(SeekFrom::Start(size.saturating_sub(END))));
        drop(file.read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last line of a log that is not blank, or nothing.
pub(crate) fn last_line(log: &Path) -> String {
    end_of(log).lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// The last lines of a log, for an error message: empty, or starting with a new line.
pub(crate) fn tail(log: &Path) -> String {
    let text = end_of(log);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].iter().map(|line| format!("\n  {line}")).collect()
}

fn path_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    dirs.extend(
        ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin", "/opt/homebrew/bin"].map(PathBuf::from),
    );
    dirs
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["postgresql@14", "postgresql@16", "postgresql@old", "other"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let mut found = versions_in(dir.path(), "postgresql@");
        found.sort();
        assert_eq!(found.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [14, 16]);
        assert!(found[1].1.ends_with("postgresql@16/bin"));
    }

    #[test]
    fn programs_are_found_or_not() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-such-program-anywhere").is_none());
    }
}
