//! A log that is read as it grows, through what puts it aside, empties it or makes it anew.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    log_rotation,
    problem::{Problem, Result},
};

/// No more than this much of a log is read at once, in bytes.
pub const TAIL: u64 = 4 << 20;

/// A log and how far it was shown.
pub struct Shown {
    /// Of its part.
    pub name: &'static str,
    /// Where it is.
    pub path: PathBuf,
    /// The log, or where it was put aside while the rest of that is read; held open, so that the end of one that was
    /// renamed is not missed.
    file: Option<File>,
    /// Bytes that were read.
    pub offset: u64,
    /// The file that the log was put aside as when we looked last: another one there is a new copy of it.
    aside: Option<Identity>,
    /// The start of a line whose end was not written yet.
    partial: Vec<u8>,
}

/// Device and number of a file.
type Identity = (u64, u64);

impl Shown {
    /// One of which nothing was shown yet.
    pub fn new(name: &'static str, path: PathBuf) -> Self {
        let aside = File::open(log_rotation::aside(&path)).ok().and_then(|file| identity(&file));
        Self { name, path, file: None, offset: 0, aside, partial: Vec::new() }
    }

    /// The whole lines since the last call, at most [`TAIL`] bytes of each file.
    ///
    /// # Errors
    /// When there is a log and it cannot be read.
    pub fn read(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        if self.file.is_none() {
            self.file = self.open(&self.path)?;
        }
        self.turn_aside()?;
        self.read_open(&mut lines)?;
        let other = |new: &File| self.file.as_ref().is_none_or(|old| identity(old) != identity(new));
        // Another file under this name, and the old one was read to its end.
        if let Some(new) = self.open(&self.path)?.filter(other).filter(|_| self.length() <= self.offset) {
            self.file = Some(new);
            self.begin_anew(&mut lines);
            self.read_open(&mut lines)?;
        }
        Ok(lines)
    }

    fn open(&self, path: &Path) -> Result<Option<File>> {
        match File::open(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Problem::io(format!("cannot read {}", path.display()))(error)),
        }
    }

    /// Bytes of the open file.
    fn length(&self) -> u64 {
        self.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |meta| meta.len())
    }

    /// Goes on in the copy if the log was copied aside and emptied since the last look, whose writer may be past our place
    /// again by now. Whether it was.
    fn turn_aside(&mut self) -> Result<bool> {
        let copy = self.open(&log_rotation::aside(&self.path))?;
        let (found, own) = (copy.as_ref().and_then(identity), self.file.as_ref().and_then(identity));
        if found == self.aside {
            return Ok(false);
        }
        let Some(copy) = copy.filter(|_| own.is_some() && found != own) else {
            // Removed, or the log itself under another name.
            self.aside = found;
            return Ok(false);
        };
        // An earlier copy is read to its end first; and a log that is not emptied yet is none shorter than its copy.
        let length = copy.metadata().map_or(0, |meta| meta.len());
        if self.open(&self.path)?.as_ref().and_then(identity) != own || self.length() >= length {
            return Ok(false);
        }
        self.aside = found;
        self.offset = self.offset.min(length);
        self.file = Some(copy);
        Ok(true)
    }

    fn begin_anew(&mut self, lines: &mut Vec<String>) {
        self.offset = 0;
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            lines.push(String::from_utf8_lossy(&rest).into_owned());
        }
    }

    fn read_open(&mut self, lines: &mut Vec<String>) -> Result<()> {
        // Emptied under its writer.
        if self.length() < self.offset && !self.turn_aside()? {
            self.begin_anew(lines);
        }
        let Some(mut file) = self.file.as_ref().and_then(|file| file.try_clone().ok()) else { return Ok(()) };
        let mut bytes = std::mem::take(&mut self.partial);
        let read = file
            .seek(SeekFrom::Start(self.offset))
            .and_then(|_| file.take(TAIL).read_to_end(&mut bytes))
            .map_err(Problem::io(format!("cannot read {}", self.path.display())))?;
        self.offset += read as u64;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.partial = bytes.split_off(end);
        lines.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned));
        Ok(())
    }
}

/// Which file an open one is.
fn identity(file: &File) -> Option<Identity> {
    file.metadata().map(|meta| (meta.dev(), meta.ino())).ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    fn log() -> (tempfile::TempDir, Shown) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        (dir, Shown::new("x", path))
    }

    #[test]
    fn only_whole_lines_are_shown_and_each_once() {
        let (_dir, mut log) = log();
        assert!(log.read().unwrap().is_empty(), "not written yet");
        let mut file = File::create(&log.path).unwrap();
        file.write_all(b"one\ntwo\nthr").unwrap();
        assert_eq!(log.read().unwrap(), ["one", "two"]);
        file.write_all(b"ee\n").unwrap();
        assert_eq!(log.read().unwrap(), ["three"]);
        assert!(log.read().unwrap().is_empty());
    }

    #[test]
    fn a_log_is_followed_through_rotation_and_truncation() {
        let (dir, mut log) = log();
        let append = |path: &std::path::Path, text: &str| {
            let mut file = File::options().create(true).append(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        append(&log.path, "one\n");
        assert_eq!(log.read().unwrap(), ["one"]);
        // Put aside with lines that were not shown yet; the new file is longer than the old one.
        append(&log.path, "two\n");
        fs::rename(&log.path, dir.path().join("x.log.1")).unwrap();
        append(&log.path, "three is longer than both\n");
        assert_eq!(log.read().unwrap(), ["two", "three is longer than both"]);
        File::options().write(true).open(&log.path).unwrap().set_len(0).unwrap();
        append(&log.path, "four\n");
        assert_eq!(log.read().unwrap(), ["four"]);
        fs::remove_file(&log.path).unwrap();
        assert!(log.read().unwrap().is_empty());
        append(&log.path, "five\n");
        assert_eq!(log.read().unwrap(), ["five"]);
    }

    #[test]
    fn what_was_put_aside_before_it_was_shown_is_not_missed() {
        let (_dir, mut log) = log();
        let append = |path: &Path, text: &str| {
            let mut file = File::options().create(true).append(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        append(&log.path, "one\n");
        assert_eq!(log.read().unwrap(), ["one"]);
        // Twice, and each time the writer is past the old place again.
        for _ in 0..2 {
            append(&log.path, "two\nthree\nfour\n");
            log_rotation::keep_below(&log.path, 4);
            append(&log.path, "five\nsix\n");
            assert_eq!(log.read().unwrap(), ["two", "three", "four", "five", "six"]);
        }
        append(&log.path, "seven\n");
        assert_eq!(log.read().unwrap(), ["seven"]);
        // Copied, and not emptied yet.
        let new = log.path.with_extension("log.new");
        fs::copy(&log.path, &new).unwrap();
        fs::rename(&new, log_rotation::aside(&log.path)).unwrap();
        append(&log.path, "eight\n");
        assert_eq!(log.read().unwrap(), ["eight"]);
        File::options().write(true).open(&log.path).unwrap().set_len(0).unwrap();
        append(&log.path, "nine\n");
        assert_eq!(log.read().unwrap(), ["nine"]);
    }
}
