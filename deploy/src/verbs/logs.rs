//! `cargo deploy logs`: what the parts wrote.

use std::{thread, time::Duration};

use crate::{
    cli::LogsArgs,
    layout::Layout,
    problem::Result,
    say,
    shown_log::{Shown, TAIL},
    state::State,
    stop,
};

/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Shows the last lines, and with `--follow` what comes after them until Ctrl-C, or until nobody reads them any more. A log
/// that is put aside, emptied or made anew meanwhile is followed on.
///
/// # Errors
/// When a log exists but cannot be read, or the state cannot.
pub fn run(layout: &Layout, args: &LogsArgs) -> Result<u8> {
    let parts = if args.parts.is_empty() { State::load(layout)?.parts() } else { args.parts.clone() };
    let many = parts.len() > 1;
    let mut logs: Vec<Shown> =
        parts.into_iter().map(|part| Shown::new(part.name(), part.log(layout))).collect();
    for log in &mut logs {
        let size = std::fs::metadata(&log.path).map_or(0, |meta| meta.len());
        log.offset = size.saturating_sub(TAIL);
        let lines = log.read()?;
        for line in &lines[lines.len().saturating_sub(args.lines)..] {
            show(many, log.name, line);
        }
    }
    while args.follow && !stop::asked() && !say::reader_left() {
        for log in &mut logs {
            for line in log.read()? {
                show(many, log.name, &line);
            }
        }
        thread::sleep(LOOK);
    }
    Ok(0)
}

fn show(many: bool, name: &str, line: &str) {
    say::line(&if many { format!("{name:<8} | {line}") } else { line.to_owned() });
}
