//! `cargo deploy build`: the next release, while the server that runs goes on.

use std::{path::Path, time::Duration};

use local_servers::Process;

use super::up;
use crate::{
    build,
    cli::BuildArgs,
    layout::Layout,
    parts::Part,
    preflight,
    problem::{Problem, Result},
    recover,
    release::{self, Lock, Release},
    say,
    state::State,
    tools::{Consent, Need, ensure},
};

/// Builds, and puts the release beside the one that runs.
///
/// # Errors
/// When something needed is missing or the build fails.
pub fn run(layout: &Layout, args: &BuildArgs) -> Result<u8> {
    layout.make()?;
    let consent = if args.yes { Consent::Given } else { Consent::Ask };
    ensure(layout, &[Need::Build], &[Need::Recommended], consent)?;
    preflight::note_room_to_build(layout);
    let release = release(layout)?;
    say::done(&format!("built {}", release.binary().display()));
    if release::current(layout).as_ref() != Some(&release) {
        say::line("`cargo deploy down` and `cargo deploy up --no-build` serve it.");
    }
    // An `up` that is at work may be about to start one that no link names yet. It removes the old ones itself.
    if let (Ok(_up), Ok(lock)) = (up::lock_within(layout, Duration::ZERO), release::lock(layout)) {
        release::remove_old(layout, &lock);
    }
    Ok(0)
}

/// Builds, and copies it to a release, which is the next to be served.
///
/// # Errors
/// When another build is at work, the build fails, or a server runs from the folder that it writes to.
pub fn release(layout: &Layout) -> Result<Release> {
    let lock = release::lock(layout)?;
    build(layout, &lock)?;
    let release = release::take(layout, "it was built into another folder", &lock)?;
    release.make_next(layout)?;
    Ok(release)
}

/// Builds server and site for release, into Cargo's output folder.
///
/// # Errors
/// When the build fails, or a server runs from that folder.
pub fn build(layout: &Layout, lock: &Lock) -> Result<()> {
    require_no_server_in_target(layout)?;
    build::build(layout, lock)
}

/// Refuses to build under a server that runs from the folder that the build writes to, as one that an earlier version of
/// this tool started: its pages would name files of two builds.
fn require_no_server_in_target(layout: &Layout) -> Result<()> {
    // One whose notes cannot be read is found all the same.
    let state = State::load(layout).unwrap_or_else(|_| recover::found(layout));
    let target = layout.target();
    let Some(server) = state.process(Part::Server).filter(|it| runs_from(it, &target)) else { return Ok(()) };
    Err(Problem::said(format!(
        "the server that runs (process {}) was started from {}, which the build writes to, and its pages would break: \
         `cargo deploy down` first",
        server.pid(),
        target.display()
    )))
}

/// Whether the executable of a process is below this folder. False if the system does not say, as outside Linux.
fn runs_from(process: &Process, dir: &Path) -> bool {
    let program = std::fs::read_link(format!("/proc/{}/exe", process.pid()));
    dir.canonicalize().is_ok_and(|dir| program.is_ok_and(|program| program.starts_with(dir)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::Running;

    #[test]
    #[cfg(target_os = "linux")]
    fn nothing_is_built_under_a_server_that_runs_from_there() {
        let dir = tempfile::tempdir().unwrap();
        let me = std::env::current_exe().unwrap();
        let layout = Layout::with_target(dir.path().to_owned(), me.parent().unwrap().to_owned());
        layout.make().unwrap();
        require_no_server_in_target(&layout).unwrap();
        let mut state = State::default();
        state.server = Running::note(std::process::id());
        state.save(&layout).unwrap();
        let refused = require_no_server_in_target(&layout).unwrap_err().to_string();
        assert!(refused.contains("`cargo deploy down` first"), "{refused}");
        let elsewhere = Layout::with_target(dir.path().to_owned(), dir.path().join("target"));
        require_no_server_in_target(&elsewhere).unwrap();
    }
}
