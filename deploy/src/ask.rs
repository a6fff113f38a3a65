//! A question to the operator.

use std::{
    io::{BufRead, IsTerminal, stdin},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::{
    problem::{Problem, Result},
    say, stop,
};

/// Whether there is anybody to ask.
pub fn can_be_asked() -> bool {
    stdin().is_terminal()
}

/// Asks, and takes anything but a clear yes for a no.
///
/// # Errors
/// [`Problem::Interrupted`] on Ctrl-C, or when the answer cannot be read.
pub fn agreed(question: &str) -> Result<bool> {
    say::line(&format!("{question} [y/N]"));
    let answer = read_answer()?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// A line from the terminal. It is waited for without a bound, as a person is, but Ctrl-C ends the wait: our signals are only
/// noted and would not end the read, so another thread reads.
fn read_answer() -> Result<String> {
    let (sender, answers) = mpsc::channel();
    thread::spawn(move || {
        let mut answer = String::new();
        let read = stdin().lock().read_line(&mut answer);
        drop(sender.send(read.map(|_| answer)));
    });
    loop {
        stop::check()?;
        match answers.recv_timeout(Duration::from_millis(50)) {
            Ok(answer) => return answer.map_err(Problem::io("cannot read the answer")),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(String::new()),
        }
    }
}
