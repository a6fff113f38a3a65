//! The line that is drawn over while a verb works, on a terminal only.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// How often the line is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);
/// Before that nothing is said about the time left.
const FIRST_GUESS: Duration = Duration::from_millis(500);

/// Progress of one piece of work.
pub(super) struct Progress {
    name: String,
    start: Instant,
    drawn: Option<Instant>,
    on: bool,
}

impl Progress {
    /// Starts the clock. `name` comes before the figures.
    pub(super) fn new(name: String) -> Self {
        Self { name, start: Instant::now(), drawn: None, on: io::stderr().is_terminal() }
    }

    /// Time since the start.
    pub(super) fn took(&self) -> Duration {
        self.start.elapsed()
    }

    /// Draws rows, rate and, if `done` (of 1) is known, percent and time left; seldom, however often it is called.
    pub(super) fn draw(&mut self, rows: u64, done: Option<f64>) {
        if self.on && self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            self.show(&figures(rows, self.took(), done));
        }
    }

    /// Draws a word about what takes time now.
    pub(super) fn say(&mut self, what: &str) {
        if self.on {
            self.show(what);
        }
    }

    fn show(&mut self, text: &str) {
        self.drawn = Some(Instant::now());
        // CSI 2K clears the line. A terminal that is gone is no reason to stop.
        let _ = write!(io::stderr(), "\r\x1b[2K{}: {text}", self.name);
    }

    /// Removes the line.
    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Rows a second, over a millisecond at least.
pub(super) fn per_second(rows: u64, took: Duration) -> u64 {
    (rows as f64 / took.as_secs_f64().max(0.001)) as u64
}

fn figures(rows: u64, took: Duration, done: Option<f64>) -> String {
    let mut text = format!("{rows} rows, {} rows/s", per_second(rows, took));
    if let Some(done) = done {
        let done = done.clamp(0.0, 1.0);
        text.push_str(&format!(", {:.0} %", 100.0 * done));
        if took >= FIRST_GUESS && done > 0.0 {
            let left = took.as_secs_f64() * (1.0 - done) / done;
            text.push_str(&format!(", {} left", seconds(left)));
        }
    }
    text
}

fn seconds(seconds: f64) -> String {
    let whole = seconds.ceil() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_far_it_is() {
        let after = Duration::from_secs;
        assert_eq!(figures(500, after(2), None), "500 rows, 250 rows/s");
        assert_eq!(figures(500, after(2), Some(0.25)), "500 rows, 250 rows/s, 25 %, 6 s left");
        assert_eq!(figures(500, after(2), Some(0.01)), "500 rows, 250 rows/s, 1 %, 3 min 18 s left");
        assert_eq!(figures(5, after(50), Some(0.002)), "5 rows, 0 rows/s, 0 %, 6 h 55 min left");
        assert_eq!(figures(500, after(2), Some(1.5)), "500 rows, 250 rows/s, 100 %, 0 s left");
        assert_eq!(figures(0, after(0), Some(0.0)), "0 rows, 0 rows/s, 0 %");
    }
}
