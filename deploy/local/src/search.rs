//! Finds running processes by what they work on: after a crash of whoever started them, nothing else tells which are ours.
//! Linux only; elsewhere nothing is found.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::Path,
    time::Duration,
};

use crate::mark_of;

/// Numbers of the living processes of this program that work in the folder `dir`; what one of them forked is left out.
/// `None` when the system hides the folder of one that might be: nothing can be said then.
#[must_use]
pub fn working_in(program: &str, dir: &Path) -> Option<Vec<u32>> {
    let Ok(dir) = dir.canonicalize() else { return Some(Vec::new()) };
    let mut found = Vec::new();
    for pid in all().filter(|pid| name_of(*pid).as_deref() == Some(program)) {
        match fs::read_link(format!("/proc/{pid}/cwd")) {
            Ok(cwd) if cwd == dir && mark_of(pid).is_some() => found.push(pid),
            Err(_) if mark_of(pid).is_some() => return None,
            // Elsewhere, or it has ended meanwhile.
            _ => {}
        }
    }
    Some(without_children(found))
}

/// Numbers of the living processes of ours that were started with this variable in their environment; what one of them
/// started is left out.
#[must_use]
pub fn started_with(name: &str, value: &OsStr) -> Vec<u32> {
    let marked = |pid: &u32| environment_of(*pid).get(name).is_some_and(|it| it == value);
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
    use std::process::Command;

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
        assert!(is_called_with(shell.pid(), "sh", OsStr::new("-c")));
        assert!(!is_called_with(shell.pid(), "sh", OsStr::new("-d")));
        assert!(shell.end_with_descendants(Signal::KILL, Duration::from_secs(60)));
        assert!(found().is_empty());
    }
}
