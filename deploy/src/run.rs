//! Runs other programs to their end, with an eye on Ctrl-C.

use std::{
    env,
    ffi::OsString,
    io::{Read, Seek},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use local_servers::{Process, Signal, output_within};

use crate::{
    layout::Layout,
    problem::{Problem, Result},
    say, stop,
};

/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// A command in the checkout's root, with the checkout's own tools first on PATH and without what `cargo run` put into
/// our environment about this package.
pub fn command(layout: &Layout, program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(layout.root()).env("PATH", path(layout));
    clean(&mut command);
    command
}

/// Takes out the variables about the package `deploy` that Cargo sets for what it runs.
pub fn clean(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
}

/// PATH with the checkout's own tools first, and last the folder that Cargo installs to, which may not be on it.
pub fn path(layout: &Layout) -> OsString {
    let old = env::var_os("PATH").unwrap_or_default();
    let own = [layout.tools().join("bin"), layout.site_tools().join("node_modules/.bin")];
    let cargo = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
        .map(|home| home.join("bin"));
    env::join_paths(own.into_iter().chain(env::split_paths(&old)).chain(cargo)).unwrap_or(old)
}

/// The first program of this name on [`path`] or in the usual folders.
pub fn find(layout: &Layout, name: &str) -> Option<PathBuf> {
    env::split_paths(&path(layout))
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
        .or_else(|| local_servers::find_program(name))
}

/// Longest wait for a program that only says something.
const SAYS: Duration = Duration::from_secs(60);

/// What a program says, on standard output and error together; `None` when it cannot be started, fails or takes too long.
pub fn said(command: &mut Command) -> Option<String> {
    let out = output_within(command, "", SAYS).ok()?;
    out.status
        .success()
        .then(|| format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

/// What a program says on standard output; `None` when it cannot be started, fails or takes too long.
pub fn said_out(command: &mut Command) -> Option<String> {
    let out = output_within(command, "", SAYS).ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Runs a command to its end; its output goes where ours goes. It has no bound of its own, as compiling has none, but
/// ends when we are asked to.
///
/// # Errors
/// When it cannot be started or fails; [`Problem::Interrupted`] when we were asked to stop.
pub fn to_end(command: &mut Command) -> Result<()> {
    to_end_unless(command, || false)
}

/// As [`to_end`], for work beside other work that may make it pointless: it is ended, as on Ctrl-C, once `pointless` is so.
///
/// # Errors
/// As [`to_end`]; [`Problem::Interrupted`] also when it became pointless.
pub fn to_end_unless(command: &mut Command, pointless: impl Fn() -> bool) -> Result<()> {
    stop::check()?;
    if pointless() {
        return Err(Problem::Interrupted);
    }
    let name = name(command);
    let mut process = Process::spawn(command.stdin(Stdio::null()))?;
    loop {
        if let Some(status) = process.exit_status() {
            stop::check()?;
            return if status.success() {
                Ok(())
            } else {
                Err(Problem::said(format!("`{name}` failed: {status}")))
            };
        }
        if stop::asked() || pointless() {
            // What it started is not to go on alone, such as the tests that `cargo test` runs.
            if !process.end_with_descendants(Signal::TERM, GRACE) {
                say::note(&format!("`{name}` (process {}) does not end", process.pid()));
            }
            return Err(Problem::Interrupted);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// As [`to_end`], for a step of the server's binary: what it says on standard error is shown when it has ended, but for the
/// last line of one that failed, which is the error.
///
/// # Errors
/// As [`to_end`].
pub fn step_to_end(command: &mut Command, what: &str) -> Result<()> {
    let mut said = tempfile::tempfile().map_err(Problem::io("cannot make a temporary file"))?;
    let output = said.try_clone().map_err(Problem::io("cannot make a temporary file"))?;
    let done = to_end(command.stderr(output));
    let mut text = Vec::new();
    said.rewind()
        .and_then(|()| said.read_to_end(&mut text))
        .map_err(Problem::io("cannot read a temporary file"))?;
    let text = String::from_utf8_lossy(&text);
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let problem = match done {
        Err(Problem::Said(how)) => {
            let why = lines.pop().map_or(how, |line| line.trim_start_matches("tidemark: ").to_owned());
            Some(Problem::said(format!("{what} failed: {why}")))
        }
        other => other.err(),
    };
    lines.into_iter().for_each(say::remark);
    problem.map_or(Ok(()), Err)
}

/// Program and arguments, for messages. Secrets are never among arguments.
pub fn name(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
