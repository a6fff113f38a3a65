//! Words about the disk: before the checks, which fill it, and after one that it may have failed.

use std::fs;

use crate::{
    layout::Layout,
    preflight::{bytes, free_bytes},
};

/// What a run of all checks from nothing takes, in bytes: 9 GiB, as measured; most of it are the crates and tests as built by
/// `clippy` and `test`, the release build another two.
const ROOM: u64 = 9 << 30;
/// With less room than this in bytes, a check that failed may have failed by that.
const SCARCE: u64 = 512 << 20;

/// What there is to say before a run of all checks.
pub fn before(layout: &Layout) -> Option<String> {
    lack_of_room(layout, free_bytes(&layout.target())?)
}

/// A line if nothing is built yet and this much room in bytes is too little.
fn lack_of_room(layout: &Layout, free: u64) -> Option<String> {
    let target = layout.target();
    let built = fs::read_dir(target.join("debug")).is_ok_and(|mut entries| entries.next().is_some());
    (!built && free < ROOM).then(|| {
        format!(
            "all checks from nothing take about {}, and the disk of {} has {} left",
            bytes(ROOM),
            target.display(),
            bytes(free)
        )
    })
}

/// What a check's failure has to do with the disk, perhaps: to be added to its line.
pub fn after_failure(layout: &Layout) -> Option<String> {
    scarce(free_bytes(&layout.target())?)
}

fn scarce(free: u64) -> Option<String> {
    (free < SCARCE).then(|| format!("the disk has {} left", bytes(free)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_is_told_of_before_the_first_build_only() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        // Its own folder for what is built, whatever the environment says.
        let layout = Layout::with_target(root.clone(), root.join("target"));
        let told = || lack_of_room(&layout, ROOM - 1);
        let shown = root.display();
        let line = format!(
            "all checks from nothing take about 9.0 GiB, and the disk of {shown}/target has 8.9 GiB left"
        );
        assert_eq!(lack_of_room(&layout, (9 << 30) - (1 << 26)), Some(line));
        assert_eq!(lack_of_room(&layout, ROOM), None);
        fs::create_dir_all(root.join("target/debug")).unwrap();
        assert!(told().is_some(), "it holds nothing");
        fs::create_dir(root.join("target/debug/deps")).unwrap();
        assert_eq!(told(), None);
    }

    #[test]
    fn a_failure_on_a_full_disk_says_so() {
        assert_eq!(scarce(12 << 20).as_deref(), Some("the disk has 12 MiB left"));
        assert_eq!(scarce(SCARCE), None);
    }
}
