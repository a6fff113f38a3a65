//! Ends an ephemeral server when the process that started it dies without saying goodbye: killed, aborted, or with the
//! server in a `static`, which is never dropped.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{Error, Result};

/// Waits for a line on its input. A line means: all is in order, leave. The end of input means: the writer, our process,
/// is gone. The pipe is close-on-exec, so no other child holds it open.
const WATCH: &str =
    r#"read -r line || { kill -INT "$1"; kill -CONT "$1"; sleep 1; kill -KILL "$1"; rm -rf -- "$2"; }"#;

/// A watching child process; dropping it calls it off.
#[derive(Debug)]
pub(crate) struct Guard(Child);

impl Guard {
    /// Watches over process `pid`, which works in `dir`.
    pub(crate) fn over(pid: u32, dir: &Path) -> Result<Self> {
        Command::new("sh")
            .args(["-c", WATCH, "guard"])
            .arg(pid.to_string())
            .arg(dir)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in the terminal goes to our group; the guard must outlive it.
            .process_group(0)
            .spawn()
            .map(Self)
            .map_err(Error::io("cannot start the guard (sh)"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut input) = self.0.stdin.take() {
            // A guard that is already gone cannot be told, and need not be.
            drop(input.write_all(b"\n"));
        }
        drop(self.0.wait());
    }
}
