//! What the tool prints: a line a step, with marks and colour in a terminal, plain elsewhere.

use std::{
    io::{IsTerminal, Write, stderr, stdout},
    sync::LazyLock,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

static TERMINAL: LazyLock<bool> =
    LazyLock::new(|| stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none());

/// A line on standard output. A reader that went away is no reason to fail.
pub fn line(text: &str) {
    drop(writeln!(stdout(), "{text}"));
    drop(stdout().flush());
}

/// Whether standard output is a pipe or terminal that nobody reads any more.
pub fn reader_left() -> bool {
    let out = stdout();
    // An end that was closed is reported whether or not one asks.
    let mut fds = [PollFd::new(&out, PollFlags::empty())];
    poll(&mut fds, Some(&Timespec::default()))
        .is_ok_and(|_| fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP))
}

/// A line on standard error.
pub fn error(text: &str) {
    drop(writeln!(stderr(), "error: {text}"));
}

/// What another program said, on standard error.
pub fn remark(text: &str) {
    drop(writeln!(stderr(), "{text}"));
}

/// Something the operator should know, on standard error: standard output is what was asked for.
pub fn aside(text: &str) {
    drop(writeln!(stderr(), "note: {text}"));
}

/// A step that went well at once.
pub fn done(text: &str) {
    line(&format!("{} {text}", mark(true)));
}

/// Something the operator should know.
pub fn note(text: &str) {
    line(&if *TERMINAL { format!("\u{1b}[33m!\u{1b}[0m {text}") } else { format!("note: {text}") });
}

/// The mark before a finished step.
pub fn mark(good: bool) -> &'static str {
    match (*TERMINAL, good) {
        (true, true) => "\u{1b}[32m✓\u{1b}[0m",
        (true, false) => "\u{1b}[31m✗\u{1b}[0m",
        (false, true) => "ok:",
        (false, false) => "FAILED:",
    }
}

/// A step that takes its time: announced now, closed by [`Step::end`].
pub struct Step {
    title: String,
    began: Instant,
}

impl Step {
    /// Announces a step.
    pub fn begin(title: impl Into<String>) -> Self {
        let title = title.into();
        line(&if *TERMINAL { format!("\u{1b}[1m→ {title}\u{1b}[0m") } else { format!("-> {title}") });
        Self { title, began: Instant::now() }
    }

    /// Says how it went and how long it took; returns the time.
    pub fn end(self, good: bool) -> Duration {
        let took = self.began.elapsed();
        line(&format!("{} {} ({})", mark(good), self.title, short(took)));
        took
    }
}

/// Runs a step and says how it went.
///
/// # Errors
/// Those of the work.
pub fn step<T, E>(title: impl Into<String>, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let step = Step::begin(title);
    let result = work();
    step.end(result.is_ok());
    result
}

/// A duration as a person reads it: `0.4 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`.
pub fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(short(Duration::from_millis(420)), "0.4 s");
        assert_eq!(short(Duration::from_secs(185)), "3 min 05 s");
        assert_eq!(short(Duration::from_secs(7_800)), "2 h 10 min");
        assert_eq!(short(Duration::from_secs(273_600)), "3 d 4 h");
    }
}
