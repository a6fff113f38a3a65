//! A disk that is full, read-only, or out of places for files: a small file system of its own where this user may mount one.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use local_servers::data_folder_is_reachable;
use tempfile::TempDir;

use crate::{
    checkout::{Checkout, text},
    troubles::refused,
};

/// A file system in memory, gone with the value.
struct Mount(TempDir);

impl Mount {
    /// `None` where this user may not mount, as in most containers, or PostgreSQL's user does not get to the folder.
    fn new(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if !data_folder_is_reachable(&dir.path().join("data")).unwrap() {
            println!("not tried: PostgreSQL's user cannot enter {}", dir.path().display());
            return None;
        }
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("mode=755,{options}"), "tmpfs"])
            .arg(dir.path())
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        if !mounted {
            println!("not tried: this user may not mount");
        }
        mounted.then_some(Self(dir))
    }

    fn remount(&self, options: &str) {
        let done =
            Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.0.path()).status();
        assert!(done.unwrap().success());
    }

    fn checkout(&self) -> Checkout {
        let own = tempfile::tempdir().unwrap();
        // As root, Postgres is another user, who must be let through.
        fs::set_permissions(self.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Checkout::at(own, self.0.path().canonicalize().unwrap())
    }

    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        // It ends where the disk does.
        drop(
            Command::new("dd")
                .args(["if=/dev/zero", "bs=64k"])
                .arg(format!("of={}", path.display()))
                .output(),
        );
        path
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

#[test]
fn a_disk_without_room() {
    let Some(mount) = Mount::new("size=100m") else { return };
    let checkout = mount.checkout();
    refused(&checkout, &checkout.up(), "the disk has no room for a new database");
    assert!(checkout.all_ports_free());
    let doctor = checkout.run(&["doctor"]);
    assert!(doctor.status.code() == Some(1) && text(&doctor).contains("are needed"), "{}", text(&doctor));
}

#[test]
fn a_disk_without_places_for_files() {
    let Some(mount) = Mount::new("size=700m,nr_inodes=600") else { return };
    let checkout = mount.checkout();
    refused(&checkout, &checkout.up(), "the disk has no places for files left");
    assert!(checkout.all_ports_free());
}

#[test]
fn a_disk_that_fills_up_on_the_way() {
    let Some(mount) = Mount::new("size=640m") else { return };
    let checkout = mount.checkout();
    // While the import runs: what is to be noted after it finds no room.
    checkout.hook("[ \"$1\" != import ] || dd if=/dev/zero of=filler bs=64k 2>/dev/null; true");
    let up = checkout.up();
    refused(&checkout, &up, "the disk becomes full while `up` works");
    assert!(checkout.all_ports_free(), "{}", text(&up));
    fs::remove_file(checkout.root().join("hook")).unwrap();
    // Still full: it says so before it starts anything.
    refused(&checkout, &checkout.up(), "the disk is full");
    // `down` does its work all the same, and with room again all is well.
    assert!(checkout.run(&["down"]).status.success());
    fs::remove_file(checkout.root().join("filler")).unwrap();
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    checkout.sql("CREATE TABLE kept AS SELECT 42 AS n");
    // It fills up while all runs: `down` still stops it, and nothing is lost.
    let filler = mount.fill();
    let down = checkout.run(&["down"]);
    assert!(checkout.all_ports_free(), "{}", text(&down));
    fs::remove_file(filler).unwrap();
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert_eq!(checkout.sql("SELECT n FROM kept"), "42");
    assert!(checkout.run(&["down"]).status.success());
}

#[test]
fn a_read_only_disk() {
    let Some(mount) = Mount::new("size=700m") else { return };
    let checkout = mount.checkout();
    mount.remount("ro");
    refused(&checkout, &checkout.up(), "the checkout is on a read-only file system");
    mount.remount("rw");
    assert!(checkout.up().status.success());
    assert!(checkout.run(&["down"]).status.success());
}
