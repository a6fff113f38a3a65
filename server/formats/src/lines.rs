//! Lines of a file, with a bound on their length.

use std::{
    borrow::Cow,
    collections::VecDeque,
    io::{self, BufRead, Cursor, Read},
};

use crate::{
    FileError,
    input::{Input, Packing},
    json::{Elements, Json},
    kind,
};

/// No line of a layout comes near it; a binary file does.
const LONGEST_LINE: u64 = 4096;

/// The lines of one file, or the elements of its array.
pub(crate) struct Lines {
    input: Box<dyn BufRead + Send>,
    packing: Packing,
    json: Option<Json>,
    elements: Elements,
    buffer: Vec<u8>,
    /// Lines read and not yet given out, without their ends.
    ahead: VecDeque<Vec<u8>>,
    /// Lines read from the input so far.
    read: u64,
    /// Whether the last line that was read had no line end.
    is_unended: bool,
}

impl Lines {
    /// Begins to read.
    ///
    /// # Errors
    /// A file of a kind that holds no candles, or that cannot be read.
    pub(crate) fn new(input: Input) -> Result<Self, FileError> {
        let Input { mut reader, packing, .. } = input;
        let mut head = Vec::with_capacity(kind::HEAD_BYTES);
        let read = (&mut reader).take(kind::HEAD_BYTES as u64).read_to_end(&mut head);
        read.map_err(|error| failed(packing, 0, &error))?;
        kind::check(&head)?;
        let json = Json::recognize(&String::from_utf8_lossy(&head))?;
        Ok(Self {
            input: Box::new(Cursor::new(head).chain(reader)),
            packing,
            json,
            elements: Elements::default(),
            buffer: Vec::new(),
            ahead: VecDeque::new(),
            read: 0,
            is_unended: false,
        })
    }

    /// How its JSON is laid out, if it is JSON.
    pub(crate) const fn json(&self) -> Option<Json> {
        self.json
    }

    /// Whether the last line of the file had no line end. Known when all lines have been read.
    pub(crate) const fn is_unended(&self) -> bool {
        self.is_unended
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
        if self.json == Some(Json::Klines) {
            let read = self.elements.next(&mut self.input, &mut self.buffer, LONGEST_LINE as usize);
            let found = read.map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof if self.packing == Packing::Plain => FileError::Read {
                    line: self.read,
                    reason: "the JSON array is not closed: the file is truncated".to_owned(),
                },
                io::ErrorKind::InvalidData if self.packing == Packing::Plain => FileError::Read {
                    line: self.read,
                    reason: format!("the JSON is no list of klines: {error}"),
                },
                _ => failed(self.packing, self.read, &error),
            })?;
            self.read += u64::from(found);
            return Ok(found);
        }
        let read = (&mut self.input).take(LONGEST_LINE).read_until(b'\n', &mut self.buffer);
        let length = read.map_err(|error| failed(self.packing, self.read, &error))?;
        if length == 0 {
            return Ok(false);
        }
        let has_end = self.buffer.ends_with(b"\n");
        if length as u64 == LONGEST_LINE && !has_end {
            let reason = format!("the next is over {LONGEST_LINE} bytes long: no text file, or damaged");
            return Err(FileError::Read { line: self.read, reason });
        }
        self.is_unended = !has_end;
        self.read += 1;
        for end in [b'\n', b'\r'] {
            if self.buffer.last() == Some(&end) {
                self.buffer.pop();
            }
        }
        Ok(true)
    }
}

fn failed(packing: Packing, line: u64, error: &io::Error) -> FileError {
    let packing = packing.name();
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("the {packing} data ends early: the file is truncated"),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            format!("the {packing} data is corrupt: {error}")
        }
        _ => error.to_string(),
    };
    FileError::Read { line, reason }
}
