//! Runs other programs, within a time.

use std::{
    io::{self, Read},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::error::{Error, Result};

/// How often a running program is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Runs a program to its end. What it writes to standard error is shown only when it fails.
pub(crate) fn run(command: &mut Command, timeout: Duration) -> Result<()> {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default().display().to_string();
    let args: Vec<_> = command.get_args().map(|arg| arg.display().to_string()).collect();
    let line = format!("`{name} {}`", args.join(" "));
    let failed = |error: io::Error| Error::caused(&line, error);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    // Read meanwhile: a full pipe would stop the program.
    let stderr = child.stderr.take();
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        drop(stderr.map(|mut stderr| stderr.read_to_end(&mut text)));
        text
    });
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if began.elapsed() > timeout {
            drop(child.kill());
            drop(child.wait());
            return Err(Error::caused(line, format!("killed after {} s without an end", timeout.as_secs())));
        }
        thread::sleep(POLL_INTERVAL);
    };
    if status.success() {
        return Ok(());
    }
    let text = reader.join().unwrap_or_default();
    Err(Error::caused(format!("{line} failed ({status})"), String::from_utf8_lossy(&text).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(60);

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_has_the_command_and_what_it_said() {
        let error = run(&mut sh("echo not wasm >&2; exit 3"), BOUND).unwrap_err().to_string();
        assert!(
            error.starts_with("`sh -c ") && error.ends_with("failed (exit status: 3): not wasm"),
            "{error}"
        );
        run(&mut sh("echo a warning >&2"), BOUND).unwrap();
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("/nowhere/wasm-opt"), BOUND).unwrap_err().to_string();
        assert!(error.starts_with("`wasm-opt `: No such file"), "{error}");
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let error = run(&mut sh("exec sleep 60"), Duration::from_millis(50)).unwrap_err().to_string();
        assert!(error.contains("killed after 0 s"), "{error}");
    }

    #[test]
    fn more_than_a_pipe_holds_does_not_stop_a_program() {
        let error = run(&mut sh("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1"), BOUND).unwrap_err();
        assert!(error.to_string().len() > 300_000);
    }
}
