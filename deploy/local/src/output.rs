//! What a program says, with a bound on the wait for it.

use std::{
    io::{Read, Write},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use crate::{Error, Result, wait_until};

/// Runs a command with this input, which must fit into a pipe (64 KiB), and returns how it ended and what it wrote. One that
/// has not ended in time is killed.
///
/// # Errors
/// [`Error::Io`] when it cannot be started, read or waited for, [`Error::Timeout`] when it does not end in time.
pub fn output_within(command: &mut Command, input: &str, bound: Duration) -> Result<Output> {
    let what = command.get_program().to_string_lossy().into_owned();
    let until = Instant::now() + bound;
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
    let (stdout, stderr) = (read_to_end(child.stdout.take()), read_to_end(child.stderr.take()));
    // They end with the program, or with the last one that holds the other end.
    let read = |pipe: Receiver<std::io::Result<Vec<u8>>>| pipe.recv_timeout(left(until)).ok();
    if let (Some(stdout), Some(stderr)) = (read(stdout), read(stderr))
        && let Some(status) =
            ended(&mut child, until).map_err(Error::io(format!("cannot wait for {what}")))?
    {
        let failed = Error::io(format!("cannot read what {what} says"));
        return match (stdout, stderr) {
            (Ok(stdout), Ok(stderr)) => Ok(Output { status, stdout, stderr }),
            (Err(error), _) | (_, Err(error)) => Err(failed(error)),
        };
    }
    // Only this function waits for it, so that the number is still its own.
    child.kill().map_err(Error::io(format!("cannot kill {what}")))?;
    // Its end may take a while, as on a file system that does not answer.
    thread::spawn(move || drop(child.wait()));
    Err(Error::Timeout { what: format!("the end of {what}"), after: bound, detail: String::new() })
}

/// Reads a pipe to its end in a thread of its own.
fn read_to_end(pipe: Option<impl Read + Send + 'static>) -> Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
        // Nobody listens any more once the bound is over.
        drop(sender.send(read.map(|_| bytes)));
    });
    receiver
}

/// How the program ended, if it does so in time.
fn ended(child: &mut Child, until: Instant) -> std::io::Result<Option<ExitStatus>> {
    let mut status = child.try_wait();
    wait_until(left(until), || {
        if matches!(status, Ok(None)) {
            status = child.try_wait();
        }
        !matches!(status, Ok(None))
    });
    status
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
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
        // One that has closed its output runs on, too.
        let mut silent = Command::new("sh");
        silent.args(["-c", "exec >&- 2>&-; exec sleep 600"]);
        let late = output_within(&mut silent, "", Duration::from_millis(50));
        assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
    }
}
