//! `cargo deploy logs`: what the parts wrote.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    cli::LogsArgs,
    layout::Layout,
    problem::{Problem, Result},
    say,
    state::State,
    stop,
};

/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// No more than this much of a log's end is read to find its last lines, in bytes.
const TAIL: u64 = 4 << 20;

/// A log and how far it was shown.
struct Shown {
    name: &'static str,
    path: PathBuf,
    offset: u64,
    /// The start of a line whose end was not written yet.
    partial: Vec<u8>,
}

/// Shows the last lines, and with `--follow` what comes after them until Ctrl-C, or until nobody reads them any more.
///
/// # Errors
/// When a log exists but cannot be read, or the state cannot.
pub fn run(layout: &Layout, args: &LogsArgs) -> Result<u8> {
    let parts = if args.parts.is_empty() { State::load(layout)?.parts() } else { args.parts.clone() };
    let many = parts.len() > 1;
    let mut logs: Vec<Shown> = parts
        .into_iter()
        .map(|part| Shown { name: part.name(), path: part.log(layout), offset: 0, partial: Vec::new() })
        .collect();
    for log in &mut logs {
        let size = size(&log.path)?;
        log.offset = size.saturating_sub(TAIL);
        let lines = log.read()?;
        for line in &lines[lines.len().saturating_sub(args.lines)..] {
            show(many, log.name, line);
        }
    }
    while args.follow && !stop::asked() && !say::reader_left() {
        for log in &mut logs {
            // Put aside, or emptied: begin anew.
            if size(&log.path)? < log.offset {
                log.offset = 0;
                log.partial.clear();
            }
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

/// A log's size in bytes; 0 when it was not written yet.
fn size(path: &Path) -> Result<u64> {
    match std::fs::metadata(path) {
        Ok(meta) => Ok(meta.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Problem::said(format!("cannot look at {}: {error}", path.display()))),
    }
}

impl Shown {
    /// The whole lines since the last call, at most [`TAIL`] bytes of them.
    fn read(&mut self) -> Result<Vec<String>> {
        let what = format!("cannot read {}", self.path.display());
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Problem::io(what)(error)),
        };
        let mut bytes = std::mem::take(&mut self.partial);
        let read = file
            .seek(SeekFrom::Start(self.offset))
            .and_then(|_| file.take(TAIL).read_to_end(&mut bytes))
            .map_err(Problem::io(what))?;
        self.offset += read as u64;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.partial = bytes.split_off(end);
        Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_whole_lines_are_shown_and_each_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        let mut log = Shown { name: "x", path: path.clone(), offset: 0, partial: Vec::new() };
        assert!(log.read().unwrap().is_empty(), "not written yet");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntwo\nthr").unwrap();
        assert_eq!(log.read().unwrap(), ["one", "two"]);
        file.write_all(b"ee\n").unwrap();
        assert_eq!(log.read().unwrap(), ["three"]);
        assert!(log.read().unwrap().is_empty());
    }
}
