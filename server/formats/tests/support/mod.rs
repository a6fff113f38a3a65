//! What the tests share: files in memory.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{Cursor, Write};

use candle_files::{CandleReader, CandleWriter, FileError, Format, Given, Heading, Input, Reject, Summary};
use flate2::{Compression, write::GzEncoder};
use model::{Candle, Interval};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// A whole file, read.
#[derive(Debug)]
pub struct Read {
    pub heading: Heading,
    pub candles: Vec<Candle>,
    /// Whether each candle is incomplete.
    pub incomplete: Vec<bool>,
    pub rejects: Vec<Reject>,
    /// Lines that replace an earlier one.
    pub repeats: Vec<Reject>,
    pub summary: Summary,
    /// Why no candle came, if none did.
    pub nothing: Option<String>,
}

pub fn read_as(name: &str, bytes: impl Into<Vec<u8>>, given: &Given) -> Result<Read, FileError> {
    let bytes = bytes.into();
    let size = bytes.len() as u64;
    let mut reader = CandleReader::new(Input::from_reader(Cursor::new(bytes), Some(size))?, name, given)?;
    let heading = reader.heading().clone();
    let (mut candles, mut incomplete, mut rejects) = (Vec::<Candle>::new(), Vec::new(), Vec::new());
    while let Some(row) = reader.next_row()? {
        match row {
            Ok(row) => {
                // A later line stands for an earlier one.
                match candles.iter().position(|candle| candle.open_time == row.candle.open_time) {
                    Some(index) => (candles[index], incomplete[index]) = (row.candle, row.incomplete),
                    None => {
                        candles.push(row.candle);
                        incomplete.push(row.incomplete);
                    }
                }
            }
            Err(reject) => rejects.push(reject),
        }
    }
    let progress = reader.progress();
    assert!(progress.read() <= progress.size().unwrap_or(u64::MAX));
    let (repeats, nothing) = (reader.take_repeats(), reader.nothing());
    let summary = reader.summary().clone();
    assert_eq!(summary.candles, candles.len() as u64);
    assert_eq!(summary.rejected, rejects.len() as u64);
    assert_eq!(nothing.is_some(), candles.is_empty());
    Ok(Read { heading, candles, incomplete, rejects, repeats, summary, nothing })
}

pub fn read(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Read, FileError> {
    read_as(name, bytes, &Given::default())
}

/// The one line that refuses a file.
pub fn refused(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    let text = read(name, bytes).unwrap_err().to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

pub fn written(format: Format, interval: Interval, candles: &[Candle]) -> Vec<u8> {
    let mut writer = CandleWriter::new(Vec::new(), format, "BTC".parse().unwrap(), interval).unwrap();
    candles.iter().for_each(|candle| writer.write(candle).unwrap());
    writer.into_inner()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zip(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        if let Some(folder) = name.strip_suffix('/') {
            archive.add_directory(folder, options).unwrap();
        } else {
            archive.start_file(*name, options).unwrap();
            archive.write_all(bytes).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}
