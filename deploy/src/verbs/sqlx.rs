//! `cargo deploy sqlx`: the data by which queries are checked without a database, written anew.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use local_servers::PostgresServer;

use crate::{
    layout::Layout,
    problem::{Problem, Result},
    run, say,
};

/// Name and text of each file.
type Files = BTreeMap<String, String>;

/// Writes `.sqlx` anew and says what changed.
///
/// # Errors
/// When Postgres does not start, a migration fails, or the server does not compile against the database.
pub fn run(layout: &Layout) -> Result<u8> {
    let fresh = generate(layout)?;
    let dir = committed_dir(layout);
    let old = read(&dir)?;
    fs::create_dir_all(&dir).map_err(Problem::io(format!("cannot make {}", dir.display())))?;
    for name in old.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(dir.join(name)).map_err(Problem::io(format!("cannot remove {name}")))?;
    }
    for (name, text) in &fresh {
        fs::write(dir.join(name), text).map_err(Problem::io(format!("cannot write {name}")))?;
    }
    say::done(&format!(
        "{} queries in {}: {}",
        fresh.len(),
        dir.display(),
        difference(&old, &fresh).unwrap_or("as before".to_owned())
    ));
    Ok(0)
}

/// Compares what is committed with what the database says today.
///
/// # Errors
/// When they differ, or as [`run`].
pub fn check(layout: &Layout) -> Result<()> {
    let fresh = generate(layout)?;
    match difference(&read(&committed_dir(layout))?, &fresh) {
        None => Ok(()),
        Some(what) => Err(Problem::said(format!(
            ".sqlx is out of date ({what}): run `cargo deploy sqlx` and commit it"
        ))),
    }
}

fn committed_dir(layout: &Layout) -> PathBuf {
    layout.root().join(".sqlx")
}

/// Has the query macros write their data against a database of its own. They write it themselves when they are online
/// and `SQLX_OFFLINE_DIR` is set; they are run anew when a file of the crate is newer than the last build.
fn generate(layout: &Layout) -> Result<Files> {
    let dir = tempfile::tempdir().map_err(Problem::io("cannot make a temporary folder"))?;
    let server =
        say::step("Postgres with the migrations of server/migrations", || -> Result<PostgresServer> {
            let server = PostgresServer::ephemeral()?;
            for file in migrations(layout)? {
                server.execute_file(&file)?;
            }
            Ok(server)
        })?;
    touch(layout)?;
    say::step("check the server's queries against it", || {
        run::to_end(
            run::command(layout, "cargo")
                .args(["check", "--package", "tidemark", "--all-targets"])
                .env("SQLX_OFFLINE", "false")
                .env("SQLX_OFFLINE_DIR", dir.path())
                .env("DATABASE_URL", server.url()),
        )
    })?;
    let files = read(dir.path())?;
    if files.is_empty() {
        return Err(Problem::said("the server's build wrote no query data: are its queries unchecked?"));
    }
    Ok(files)
}

fn migrations(layout: &Layout) -> Result<Vec<PathBuf>> {
    let dir = layout.root().join("server/migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(&dir)
        .map_err(Problem::io(format!("cannot read {}", dir.display())))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|it| it == "sql"))
        .filter(|path| !path.to_string_lossy().ends_with(".down.sql"))
        .collect();
    files.sort();
    Ok(files)
}

/// Makes the server's crate newer than its last build. Only the time changes.
fn touch(layout: &Layout) -> Result<()> {
    for dir in ["server/src", "server/tests", "server/benches"] {
        for entry in fs::read_dir(layout.root().join(dir)).into_iter().flatten().filter_map(|it| it.ok()) {
            let path = entry.path();
            if path.extension().is_some_and(|it| it == "rs") {
                fs::File::options()
                    .append(true)
                    .open(&path)
                    .and_then(|file| file.set_modified(SystemTime::now()))
                    .map_err(Problem::io(format!("cannot touch {}", path.display())))?;
            }
        }
    }
    Ok(())
}

/// The query files of a folder; none if it is missing.
fn read(dir: &Path) -> Result<Files> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(Files::new()) };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .map(|path| {
            let text =
                fs::read_to_string(&path).map_err(Problem::io(format!("cannot read {}", path.display())))?;
            Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text))
        })
        .collect()
}

/// What changed, in words; `None` when nothing did.
fn difference(old: &Files, new: &Files) -> Option<String> {
    let added = new.keys().filter(|name| !old.contains_key(*name)).count();
    let removed = old.keys().filter(|name| !new.contains_key(*name)).count();
    let changed = new.iter().filter(|(name, text)| old.get(*name).is_some_and(|it| it != *text)).count();
    (added + removed + changed > 0).then(|| format!("{added} new, {changed} changed, {removed} gone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_counted() {
        let files = |pairs: &[(&str, &str)]| -> Files {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        let old = files(&[("a", "1"), ("b", "1"), ("c", "1")]);
        assert_eq!(difference(&old, &old), None);
        let new = files(&[("a", "1"), ("b", "2"), ("d", "1"), ("e", "1")]);
        assert_eq!(difference(&old, &new).unwrap(), "2 new, 1 changed, 1 gone");
    }
}
