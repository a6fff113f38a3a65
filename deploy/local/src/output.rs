//! What a program says, with a bound on the wait for it.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::{Error, Result, Signal, process::send};

/// Runs a command with this input, which must fit into a pipe (64 KiB), and returns how it ended and what it wrote. One that
/// has not ended in time is killed.
///
/// # Errors
/// [`Error::Io`] when it cannot be started or waited for, [`Error::Timeout`] when it does not end in time.
pub fn output_within(command: &mut Command, input: &str, bound: Duration) -> Result<Output> {
    let what = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io(format!("cannot start {what}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read all says itself why.
        drop(stdin.write_all(input.as_bytes()));
    }
    let pid = child.id();
    let (sender, output) = mpsc::channel();
    // It ends with the program, or with the last one that holds the other end of its output.
    thread::spawn(move || drop(sender.send(child.wait_with_output())));
    match output.recv_timeout(bound) {
        Ok(output) => output.map_err(Error::io(format!("cannot wait for {what}"))),
        Err(_) => {
            // Nobody has waited for it yet, so that the number is still its own.
            send(pid, Signal::KILL)?;
            Err(Error::Timeout { what: format!("the end of {what}"), after: bound, detail: String::new() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_and_output_go_through_and_a_wait_is_bounded() {
        let long = Duration::from_secs(60);
        let output = output_within(
            Command::new("sh").args(["-c", "read x; echo $x; echo no >&2; exit 3"]),
            "yes\n",
            long,
        );
        let output = output.unwrap();
        assert_eq!((output.stdout, output.stderr), (b"yes\n".to_vec(), b"no\n".to_vec()));
        assert_eq!(output.status.code(), Some(3));
        let late = output_within(Command::new("sleep").arg("600"), "", Duration::from_millis(50));
        assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
    }
}
