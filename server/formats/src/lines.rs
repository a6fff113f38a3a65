//! Lines of a file, with a bound on their length.

use std::{
    borrow::Cow,
    collections::VecDeque,
    io::{self, BufRead, Read},
};

use crate::{
    FileError,
    input::{Input, Packing},
};

/// No line of a layout comes near it; a binary file does.
const LONGEST_LINE: u64 = 4096;

/// The lines of one file.
pub(crate) struct Lines {
    input: Box<dyn BufRead + Send>,
    packing: Packing,
    buffer: Vec<u8>,
    /// Lines read and not yet given out, without their ends.
    ahead: VecDeque<Vec<u8>>,
    /// Lines read from the input so far.
    read: u64,
}

impl Lines {
    pub(crate) fn new(input: Input) -> Self {
        let Input { reader, packing, .. } = input;
        Self { input: reader, packing, buffer: Vec::new(), ahead: VecDeque::new(), read: 0 }
    }

    /// The next line and its number from 1, without its end; `None` at the end of the file. Bytes that are not UTF-8
    /// are replaced: such a line makes no candle, but has a number and a reason.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Cow<'_, str>)>, FileError> {
        let number = self.read - self.ahead.len() as u64 + 1;
        if let Some(line) = self.ahead.pop_front() {
            self.buffer = line;
        } else if !self.fill()? {
            return Ok(None);
        }
        Ok(Some((number, String::from_utf8_lossy(&self.buffer))))
    }

    /// The next lines up to `count`, which stay to be read.
    pub(crate) fn peek(&mut self, count: usize) -> Result<Vec<String>, FileError> {
        while self.ahead.len() < count && self.fill()? {
            self.ahead.push_back(std::mem::take(&mut self.buffer));
        }
        Ok(self.ahead.iter().take(count).map(|line| String::from_utf8_lossy(line).into_owned()).collect())
    }

    /// Reads a line into the buffer; false at the end of the file.
    fn fill(&mut self) -> Result<bool, FileError> {
        self.buffer.clear();
        let read = (&mut self.input).take(LONGEST_LINE).read_until(b'\n', &mut self.buffer);
        let length = read.map_err(|error| self.failed(&error))?;
        if length == 0 {
            return Ok(false);
        }
        if length as u64 == LONGEST_LINE && !self.buffer.ends_with(b"\n") {
            let reason = format!("the next is over {LONGEST_LINE} bytes long: no text file, or damaged");
            return Err(FileError::Read { line: self.read, reason });
        }
        self.read += 1;
        for end in [b'\n', b'\r'] {
            if self.buffer.last() == Some(&end) {
                self.buffer.pop();
            }
        }
        Ok(true)
    }

    fn failed(&self, error: &io::Error) -> FileError {
        let packing = self.packing.name();
        let reason = match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("the {packing} data ends early: the file is truncated"),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                format!("the {packing} data is corrupt: {error}")
            }
            _ => error.to_string(),
        };
        FileError::Read { line: self.read, reason }
    }
}
