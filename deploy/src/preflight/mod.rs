//! What `up` looks at before it starts anything, so that nothing is left half-way: whether it may write, whether the disk has
//! room, whether the data is ours, and whether the clock is behind it.

mod clock;
mod room;

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use local_servers::data_folder_owner;

use crate::{
    layout::Layout,
    problem::{Problem, Result},
    recover::{self, redis_data},
    run,
    state::State,
};

pub use clock::clock_behind;
pub use room::{ROOM_TO_BUILD, bytes, free_bytes, lack_of_room, note_room_to_build};

/// Room for a new database with the sample, in bytes.
const ROOM_AT_FIRST: u64 = 512 << 20;
/// Room below which nothing is started, in bytes: a checkpoint and a snapshot need some.
const ROOM: u64 = 64 << 20;

/// Looks at all of it.
///
/// # Errors
/// The first thing that is in the way, in one line with what to do.
pub fn check(layout: &Layout, state: &State) -> Result<()> {
    writable(layout)?;
    let data = postgres_data(layout, state);
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

/// Where Postgres's data is or will be. Without PostgreSQL's user, which comes with its package, the place is a guess.
fn postgres_data(layout: &Layout, state: &State) -> PathBuf {
    recover::postgres_data(layout, state).unwrap_or_else(|_| layout.kept().join("postgres"))
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
                format!("{shown} cannot be written, though it belongs to {me}: chmod u+rwx {}", quoted(path))
            } else {
                // All that is kept, as the next file would be refused in turn.
                let kept = path.ancestors().find(|it| it.ends_with(".tidemark")).unwrap_or(path);
                let kept = quoted(kept);
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
             {} {}",
            user(meta.uid()),
            user(wanted),
            user(wanted),
            quoted(data)
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

/// A path as it can be put into a shell's line.
pub fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c);
    if text.chars().all(plain) { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use local_servers::server_account;

    use super::*;

    #[test]
    fn the_folder_that_will_be_used_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        // As root, PostgreSQL's own user does not get there.
        fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let layout = Layout::at(dir.path().canonicalize().unwrap());
        layout.make().unwrap();
        let usual = layout.kept().join("postgres");
        fs::create_dir(&usual).unwrap();
        fs::write(usual.join("notes"), "somebody's").unwrap();
        let state = State::default();
        if server_account().is_ok_and(|account| account.is_some()) {
            assert!(postgres_data(&layout, &state).starts_with("/var/lib/tidemark"));
            check(&layout, &state).unwrap();
        } else {
            assert_eq!(postgres_data(&layout, &state), usual);
            assert!(check(&layout, &state).unwrap_err().to_string().contains("holds files"));
        }
    }

    #[test]
    fn odd_paths_are_quoted_for_the_shell() {
        assert_eq!(quoted(Path::new("/a-b/行情.x")), "/a-b/行情.x");
        assert_eq!(quoted(Path::new("/my own/it's")), "'/my own/it'\\''s'");
        assert_eq!(quoted(Path::new("/$HOME")), "'/$HOME'");
    }
}
