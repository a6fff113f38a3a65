//! `cargo deploy reset`: stops all, and deletes what `up` keeps.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::down;
use crate::{
    ask,
    cli::ResetArgs,
    elsewhere,
    layout::Layout,
    preflight::{bytes, refused},
    problem::{Problem, Result},
    release, say,
    state::{self, State},
};

/// Something that is deleted.
struct Doomed {
    path: PathBuf,
    what: &'static str,
    size: u64,
}

/// Shows what there is, asks, stops all, and deletes it.
///
/// # Errors
/// When there is nobody to ask and `--yes` is missing, a part cannot be stopped, or something cannot be deleted.
pub fn run(layout: &Layout, args: &ResetArgs) -> Result<u8> {
    // One of another format is refused before anything is asked or shown.
    let doomed = doomed(layout, &State::load(layout)?, args.cache);
    if doomed.is_empty() {
        say::done("nothing to delete");
        return Ok(0);
    }
    say::line("This deletes:");
    for it in &doomed {
        say::line(&format!("  {:>8}  {}  ({})", bytes(it.size), it.path.display(), it.what));
    }
    say::line(&format!("  {:>8}  in all", bytes(doomed.iter().map(|it| it.size).sum())));
    if !args.cache {
        say::line(
            "Imported candles, the accounts and what was saved are gone then: `up` begins anew with the sample.",
        );
    }
    if !args.yes {
        if !ask::can_be_asked() {
            return Err(Problem::said("this is no terminal to ask at: give --yes to delete the above"));
        }
        if !ask::agreed("Stop all and delete it?")? {
            say::line("Nothing was stopped or deleted.");
            return Ok(1);
        }
    }
    // The data may be elsewhere, and this folder, which has the lock, be gone.
    layout.make_kept()?;
    // Nothing starts between the end of the last part and that of its files.
    let _lock = down::stop(layout)?;
    for it in &doomed {
        delete(&it.path)?;
    }
    say::done(&format!("deleted; `cargo deploy up` starts {}", if args.cache { "it again" } else { "anew" }));
    Ok(0)
}

fn delete(path: &Path) -> Result<()> {
    let done = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match done {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(refused(path, &error)),
        _ => Ok(()),
    }
}

/// What there is to delete. The tools are no data, and the lock is in use.
fn doomed(layout: &Layout, state: &State, cache_only: bool) -> Vec<Doomed> {
    let kept = layout.kept();
    let elsewhere = elsewhere::own_folders(layout, state).into_iter().map(|dir| (dir, "the database"));
    let cache = [(kept.join("redis"), "the cache"), (kept.join("cluster"), "the cache, as a cluster")];
    let rest = [
        (kept.join("postgres"), "the database"),
        (kept.join("postgres.unfinished"), "a database that was not finished"),
        (kept.join("postgres.password"), "its password"),
        (release::folder(layout), "releases of the server"),
        (layout.logs(), "logs"),
        (layout.secrets(), "passwords and tokens"),
        (state::path(layout), "ports, and what ran"),
        (state::unfinished(layout), "the same, not written to its end"),
    ];
    let rest = rest.into_iter().chain(elsewhere).filter(|_| !cache_only);
    let there = cache.into_iter().chain(rest).filter(|(path, _)| path.exists());
    there.map(|(path, what)| Doomed { size: size_of(&path), path, what }).collect()
}

/// Bytes of the files below a path; what cannot be looked into counts nothing.
fn size_of(path: &Path) -> u64 {
    let Ok(meta) = fs::symlink_metadata(path) else { return 0 };
    if !meta.is_dir() {
        return meta.len();
    }
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| size_of(&entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recover::postgres_folders;

    #[test]
    fn tools_stay_and_the_cache_can_go_alone() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().to_owned());
        assert!(doomed(&layout, &State::default(), false).is_empty());
        layout.make().unwrap();
        let unfinished = ["postgres.password", "state.new"];
        for name in [&["tools/bin/x", "redis/appendonlydir/y", "postgres/z"][..], &unfinished].concat() {
            let path = layout.kept().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "12345").unwrap();
        }
        let named = |cache_only| -> Vec<(String, u64)> {
            let name = |it: Doomed| (it.path.file_name().unwrap().to_string_lossy().into_owned(), it.size);
            doomed(&layout, &State::default(), cache_only).into_iter().map(name).collect()
        };
        assert_eq!(named(true), [("redis".to_owned(), 5)]);
        let all: Vec<String> = named(false).into_iter().map(|(name, _)| name).collect();
        assert_eq!(all, ["redis", "postgres", "postgres.password", "logs", "secrets", "state.new"]);
    }

    #[test]
    fn data_elsewhere_goes_also_when_nothing_else_is_left() {
        // Others' data is never there.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().canonicalize().unwrap());
        let [_, data] = postgres_folders(&layout);
        // That of the checkout's old place, from before it was moved.
        let [_, old] = postgres_folders(&Layout::at(dir.path().join("old")));
        let make = |data: &Path| {
            fs::create_dir_all(data).unwrap();
            fs::write(data.join("PG_VERSION"), "15\n").unwrap();
        };
        let deleted = || {
            let done = run(&layout, &ResetArgs { yes: true, cache: false });
            let left = [&data, &old].map(|it| it.parent().unwrap()).into_iter().filter(|it| it.exists());
            let left: Vec<_> = left.inspect(|it| drop(fs::remove_dir_all(it))).collect();
            assert_eq!(done.unwrap(), 0);
            assert!(left.is_empty(), "{left:?}");
        };
        make(&data);
        deleted();
        make(&old);
        layout.make().unwrap();
        let mut state = State::default();
        state.postgres_data = Some(old.clone());
        state.save(&layout).unwrap();
        deleted();
    }
}
