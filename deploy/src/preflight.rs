//! What `up` looks at before it starts anything, so that nothing is left half-way: whether it may write, whether the disk has
//! room, whether the data is ours, and whether the clock is behind it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use local_servers::data_folder_owner;
use rustix::fs::{StatVfs, statvfs};

use crate::{
    layout::Layout,
    problem::{Problem, Result},
    recover::redis_data,
    run, say,
    state::{self, State},
};

/// Room for a new database with the sample, in bytes.
const ROOM_AT_FIRST: u64 = 512 << 20;
/// Room below which nothing is started, in bytes: a checkpoint and a snapshot need some.
const ROOM: u64 = 64 << 20;
/// What the first build takes, in bytes.
pub const ROOM_TO_BUILD: u64 = 7 << 30;
/// Files that can be made yet; a new database has about a thousand.
const FILES: u64 = 3_000;
/// How far the clock may be behind what was written, as clocks are put right now and then.
const CLOCK: Duration = Duration::from_secs(120);

/// Looks at all of it.
///
/// # Errors
/// The first thing that is in the way, in one line with what to do.
pub fn check(layout: &Layout, state: &State) -> Result<()> {
    writable(layout)?;
    let data = state.postgres_data.clone().unwrap_or_else(|| layout.kept().join("postgres"));
    postgres_is_ours(&data)?;
    let needed = if data.join("PG_VERSION").exists() { ROOM } else { ROOM_AT_FIRST };
    for dir in [layout.kept(), data] {
        if let Some(text) = lack_of_room(&dir, needed) {
            return Err(Problem::said(format!("{text}, then `up` again")));
        }
    }
    match clock_behind(layout, state) {
        Some(text) => Err(Problem::said(text)),
        None => Ok(()),
    }
}

/// Whether this user may write where `up` keeps things.
fn writable(layout: &Layout) -> Result<()> {
    for dir in [layout.kept(), layout.logs(), layout.secrets(), redis_data(layout)] {
        if dir.exists() {
            tempfile::tempfile_in(&dir).map_err(|error| refused(&dir, &error))?;
        }
    }
    Ok(())
}

/// Why one cannot write there, and what to do.
pub fn refused(path: &Path, error: &io::Error) -> Problem {
    let shown = path.display();
    Problem::said(match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let owner = path.ancestors().find_map(|it| fs::metadata(it).ok()).map(|meta| meta.uid());
            let (owner, me) = (owner.map_or_else(|| "?".to_owned(), user), user(me()));
            if owner == me {
                format!("{shown} cannot be written, though it belongs to {me}: chmod u+rwx {shown}")
            } else {
                // All that is kept, as the next file would be refused in turn.
                let kept = path.ancestors().find(|it| it.ends_with(".tidemark")).unwrap_or(path).display();
                format!(
                    "{shown} cannot be written: it belongs to {owner}, and this runs as {me}; run `cargo deploy` as {owner}, \
                     or give it away: sudo chown -R {me} {kept}"
                )
            }
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            format!("{shown} is on a read-only file system: mount it writable, or move the checkout")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!(
                "{shown} cannot be written, its disk is full: free some space (`df -h`, `df -i`), then `up` again"
            )
        }
        _ => format!("{shown} cannot be written: {error}"),
    })
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A user's name, or the number when there is none.
fn user(id: u32) -> String {
    let name = run::said_out(Command::new("id").args(["-un", &id.to_string()]));
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| id.to_string())
}

/// Whether the folder is empty or missing, or holds data of a PostgreSQL that runs as the user that ours runs as.
fn postgres_is_ours(data: &Path) -> Result<()> {
    let Ok(meta) = fs::metadata(data) else { return Ok(()) };
    let shown = data.display();
    let wanted = data_folder_owner()?;
    // Another user's folder of mode 700 cannot be looked into.
    if meta.uid() != wanted && !(me() == 0 && is_empty(data)) {
        return Err(Problem::said(format!(
            "{shown} belongs to {}, and PostgreSQL would run as {}: run `cargo deploy` as that user, or give it away: chown -R \
             {} {shown}",
            user(meta.uid()),
            user(wanted),
            user(wanted)
        )));
    }
    if !data.join("PG_VERSION").exists() && !is_empty(data) {
        return Err(Problem::said(format!(
            "{shown} holds files, but no data of PostgreSQL (no PG_VERSION): move it away, or restore a backup there"
        )));
    }
    Ok(())
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

/// What the file system lacks that the path is or would be on, and what to do.
pub fn lack_of_room(path: &Path, needed: u64) -> Option<String> {
    let dir = path.ancestors().find(|it| it.exists())?;
    let room: StatVfs = statvfs(dir).ok()?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free < needed {
        return Some(format!(
            "the disk of {} has {} left, and {} are needed: free some (`df -h {}`)",
            dir.display(),
            bytes(free),
            bytes(needed),
            dir.display()
        ));
    }
    // Some file systems make room for files as they are needed, and say 0.
    (room.f_files > 0 && room.f_favail < FILES).then(|| {
        format!(
            "the disk of {} takes {} more files, and {FILES} are needed: remove some (`df -i {}`)",
            dir.display(),
            room.f_favail,
            dir.display()
        )
    })
}

/// The free bytes of the disk that the path is or would be on.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let dir = path.ancestors().find(|it| it.exists())?;
    statvfs(dir).ok().map(|room| room.f_bavail.saturating_mul(room.f_frsize))
}

/// A line when the clock is behind what was written last: times would run backwards, and a replay with them.
pub fn clock_behind(layout: &Layout, state: &State) -> Option<String> {
    let data = state.postgres_data.clone().unwrap_or_else(|| layout.kept().join("postgres"));
    let log = redis_data(layout).join("appendonlydir");
    let written = [state::path(layout), data.join("global/pg_control")].into_iter().chain(entries(&log));
    let newest = written.filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path))).max()?;
    let ahead = newest.0.duration_since(SystemTime::now()).ok().filter(|ahead| *ahead > CLOCK)?;
    Some(format!(
        "the clock is behind: {} was written {} from now; set the clock (`timedatectl set-ntp true`). If it is right and was \
         wrong before: find {} -newermt now -exec touch {{}} +",
        newest.1.display(),
        say::short(ahead),
        layout.kept().display()
    ))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// An amount as a person reads it: `640 B`, `12 kB`, `3.4 GB`.
pub fn bytes(amount: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| amount >= *unit) {
        Some((unit, name)) if amount < 10 * unit => format!("{:.1} {name}", amount as f64 / unit as f64),
        Some((unit, name)) => format!("{} {name}", amount / unit),
        None => format!("{amount} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        let cases =
            [(0, "0 B"), (640, "640 B"), (12_345, "12 kB"), (3_400_000_000, "3.4 GB"), (64 << 20, "67 MB")];
        for (amount, text) in cases {
            assert_eq!(bytes(amount), text);
        }
    }

    #[test]
    fn no_disk_has_room_for_everything() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(lack_of_room(&dir.path().join("not/yet"), 0), None);
        let text = lack_of_room(dir.path(), u64::MAX).unwrap();
        assert!(text.contains("are needed") && text.contains("df -h"), "{text}");
    }
}
