//! Lines of a file, unpacked if it is gzip, with a bound on their length.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use super::ImportError;

/// RFC 1952, section 2.3.1.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// No line of a layout comes near it; a binary file does.
const LONGEST_LINE: u64 = 4096;
const BUFFER: usize = 128 * 1024;

/// The lines of one file.
pub(super) struct Lines {
    input: Box<dyn BufRead>,
    buffer: Vec<u8>,
    /// Lines read so far.
    number: u64,
}

impl Lines {
    /// Opens a file; whether it is gzip is told by its first bytes, not by its name.
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        let file = File::open(path).map_err(|error| ImportError::open(&error))?;
        if file.metadata().map_err(|error| ImportError::open(&error))?.is_dir() {
            return Err(ImportError::Open("is a directory, not a file".to_owned()));
        }
        let mut file = BufReader::with_capacity(BUFFER, file);
        let magic = file.fill_buf().map_err(|error| ImportError::open(&error))?;
        let input: Box<dyn BufRead> = if magic.starts_with(&GZIP_MAGIC) {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Self { input, buffer: Vec::new(), number: 0 })
    }

    /// The next line and its number from 1, without its end; `None` at the end of the file. Bytes that are not UTF-8
    /// are replaced: such a line makes no candle, but has a number and a reason.
    pub(super) fn next(&mut self) -> Result<Option<(u64, std::borrow::Cow<'_, str>)>, ImportError> {
        self.buffer.clear();
        let read = (&mut self.input).take(LONGEST_LINE).read_until(b'\n', &mut self.buffer);
        let length = read.map_err(|error| self.failed(&error))?;
        if length == 0 {
            return Ok(None);
        }
        if length as u64 == LONGEST_LINE && !self.buffer.ends_with(b"\n") {
            let reason = format!("the next is over {LONGEST_LINE} bytes long: no text file, or damaged");
            return Err(ImportError::Read { line: self.number, reason });
        }
        self.number += 1;
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Ok(Some((self.number, String::from_utf8_lossy(line))))
    }

    fn failed(&self, error: &io::Error) -> ImportError {
        let reason = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the gzip data ends early: the file is truncated".to_owned(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                format!("the gzip data is corrupt: {error}")
            }
            _ => error.to_string(),
        };
        ImportError::Read { line: self.number, reason }
    }
}
