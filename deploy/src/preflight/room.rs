//! Room on the disk: bytes and files.

use std::path::Path;

use rustix::fs::{StatVfs, statvfs};

use super::quoted;
use crate::{layout::Layout, say};

/// What the first build takes, in bytes.
pub const ROOM_TO_BUILD: u64 = 7 << 30;
/// Files that can be made yet; a new database has about a thousand.
const FILES: u64 = 3_000;

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
            quoted(dir)
        ));
    }
    // Some file systems make room for files as they are needed, and say 0.
    (room.f_files > 0 && room.f_favail < FILES).then(|| {
        format!(
            "the disk of {} takes {} more files, and {FILES} are needed: remove some (`df -i {}`)",
            dir.display(),
            room.f_favail,
            quoted(dir)
        )
    })
}

/// The free bytes of the disk that the path is or would be on.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let dir = path.ancestors().find(|it| it.exists())?;
    statvfs(dir).ok().map(|room| room.f_bavail.saturating_mul(room.f_frsize))
}

/// Says so when the disk may be too small for the first build, which takes most.
pub fn note_room_to_build(layout: &Layout) {
    let free = free_bytes(&layout.target()).unwrap_or(u64::MAX);
    if !layout.server_binary().is_file() && free < ROOM_TO_BUILD {
        say::note(&format!(
            "the first build takes about {}, and the disk of {} has {} left",
            bytes(ROOM_TO_BUILD),
            layout.target().display(),
            bytes(free)
        ));
    }
}

/// An amount as a person reads it: `640 B`, `12 KiB`, `3.4 GiB`.
pub fn bytes(amount: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
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
        let cases = [
            (0, "0 B"),
            (640, "640 B"),
            (12_345, "12 KiB"),
            (3_650_722_202, "3.4 GiB"),
            (64 << 20, "64 MiB"),
        ];
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
