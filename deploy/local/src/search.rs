//! Finds running processes by what they work on: after a crash of whoever started them, nothing else tells which are ours.
//! Linux only; elsewhere nothing is found.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
    path::Path,
    time::Duration,
};

use crate::mark_of;

/// Numbers of the living processes of this program that work in the folder `dir`, and are the folder's owner's or ours; what
/// one of them forked is left out. `None` when the system hides the folder of one that might be: nothing can be said then.
#[must_use]
pub fn working_in(program: &str, dir: &Path) -> Option<Vec<u32>> {
    let (Ok(dir), Ok(meta)) = (dir.canonicalize(), dir.metadata()) else { return Some(Vec::new()) };
    // Others may work in a folder that they can enter, under any name.
    let ours = |pid: &u32| user_of(*pid).is_some_and(|user| user == meta.uid() || user == own_user());
    let mut found = Vec::new();
    for pid in all().filter(|pid| name_of(*pid).as_deref() == Some(program)).filter(ours) {
        match fs::read_link(format!("/proc/{pid}/cwd")) {
            Ok(cwd) if cwd == dir && mark_of(pid).is_some() => found.push(pid),
            Err(_) if mark_of(pid).is_some() => return None,
            // Elsewhere, or it has ended meanwhile.
            _ => {}
        }
    }
    Some(without_children(found))
}

/// Numbers of the living processes of this user that were started with this variable in their environment; what one of them
/// started is left out. Root sees everybody's environment, and anybody may put anything there.
#[must_use]
pub fn started_with(name: &str, value: &OsStr) -> Vec<u32> {
    let marked = |pid: &u32| {
        user_of(*pid) == Some(own_user()) && environment_of(*pid).get(name).is_some_and(|it| it == value)
    };
    without_children(all().filter(marked).filter(|pid| mark_of(*pid).is_some()).collect())
}

/// The environment that a process was started with, as far as we may see it. A name that is not UTF-8 is left out.
#[must_use]
pub fn environment_of(pid: u32) -> BTreeMap<String, OsString> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let pairs = bytes.split(|byte| *byte == 0).filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let name = String::from_utf8(pair[..at].to_vec()).ok()?;
        Some((name, OsString::from_vec(pair[at + 1..].to_vec())))
    });
    pairs.collect()
}

/// How long ago a process was started.
#[must_use]
pub fn age_of(pid: u32) -> Option<Duration> {
    // Of proc(5): field 22 is the start since boot, in hundredths of a second on every Linux.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let start: u64 = stat[stat.rfind(')')? + 1..].split_whitespace().nth(19)?.parse().ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_secs_f64((uptime - start as f64 / 100.0).max(0.0)))
}

/// Whether this process is of the program, and was called with this argument.
pub(crate) fn is_called_with(pid: u32, program: &str, argument: &OsStr) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    name_of(pid).as_deref() == Some(program)
        && line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes())
}

/// Whether this process is of the program, and works in this folder. Not where the system hides that.
pub(crate) fn works_in(pid: u32, program: &str, dir: &Path) -> bool {
    let cwd = fs::read_link(format!("/proc/{pid}/cwd"));
    name_of(pid).as_deref() == Some(program)
        && dir.canonicalize().is_ok_and(|dir| cwd.is_ok_and(|cwd| cwd == dir))
}

fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The user that started a process and as whom it works.
fn user_of(pid: u32) -> Option<u32> {
    user_in(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// The user in a `/proc/PID/status`: real, effective, saved and of files, see proc(5). `None` where they differ, as of a program
/// that has another user's rights: whoever called it chose its environment.
fn user_in(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let users: Vec<u32> = line.split_whitespace().filter_map(|user| user.parse().ok()).collect();
    let first = *users.first()?;
    (users.len() == 4 && users.iter().all(|user| *user == first)).then_some(first)
}

fn name_of(pid: u32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].split_whitespace().nth(1)?.parse().ok()
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn without_children(found: Vec<u32>) -> Vec<u32> {
    let is_child = |pid: &&u32| parent_of(**pid).is_some_and(|parent| found.contains(&parent));
    found.iter().filter(|pid| !is_child(pid)).copied().collect()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{os::unix::process::CommandExt, process::Command};

    use super::*;
    use crate::{Process, Signal, wait_until};

    #[test]
    fn a_process_is_found_by_its_folder_and_its_environment() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().as_os_str();
        // A child of the same name in the same folder is not a second one.
        let mut shell = Process::spawn(
            Command::new("sh")
                .args(["-c", "sh -c 'sleep 600; true'; true"])
                .current_dir(dir.path())
                .env("SEARCH_TEST", mark),
        )
        .unwrap();
        let found = || started_with("SEARCH_TEST", mark);
        assert!(wait_until(Duration::from_secs(60), || found() == [shell.pid()]));
        assert!(age_of(shell.pid()).unwrap() < Duration::from_secs(600));
        assert!(age_of(1).unwrap() >= age_of(shell.pid()).unwrap());
        assert!(environment_of(shell.pid()).contains_key("PATH"));
        if let Some(working) = working_in("sh", dir.path()) {
            assert_eq!(working, [shell.pid()]);
        }
        assert!(works_in(shell.pid(), "sh", dir.path()));
        assert!(
            !works_in(shell.pid(), "postgres", dir.path()) && !works_in(shell.pid(), "sh", Path::new("/"))
        );
        assert!(is_called_with(shell.pid(), "sh", OsStr::new("-c")));
        assert!(!is_called_with(shell.pid(), "sh", OsStr::new("-d")));
        assert!(shell.end_with_descendants(Signal::KILL, Duration::from_secs(60)));
        assert!(wait_until(Duration::from_secs(60), || found().is_empty()));
    }

    #[test]
    fn a_process_of_somebody_else_is_not_ours_whatever_its_environment_says() {
        // Nobody else's can be started, nor its environment seen, but by root.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mark = dir.path().as_os_str();
        let mut command = Command::new("sleep");
        command.arg("600").current_dir(dir.path()).env("SEARCH_TEST_OTHER", mark).uid(65_534);
        let mut other = Process::spawn(&mut command).unwrap();
        let called = || name_of(other.pid()).as_deref() == Some("sleep");
        assert!(wait_until(Duration::from_secs(60), called));
        assert_eq!(environment_of(other.pid()).get("SEARCH_TEST_OTHER").unwrap(), mark);
        assert_eq!(user_of(other.pid()), Some(65_534));
        assert!(started_with("SEARCH_TEST_OTHER", mark).is_empty());
        assert!(works_in(other.pid(), "sleep", dir.path()));
        assert_eq!(working_in("sleep", dir.path()), Some(Vec::new()));
        assert!(other.end(Signal::KILL, Duration::from_secs(60)).unwrap());
    }

    #[test]
    fn a_program_with_the_rights_of_another_user_is_nobodys() {
        assert_eq!(user_in("Name:\tx\nUid:\t1000\t1000\t1000\t1000\nGid:\t0\t0\t0\t0\n"), Some(1000));
        assert_eq!(user_in("Uid:\t1000\t0\t0\t0\n"), None);
        assert_eq!(user_in("Name:\tx\n"), None);
    }
}
