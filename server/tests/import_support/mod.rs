//! What the tests of import and export share: the real binary, and files of the other layouts.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    fmt::Write as _,
    io::{Cursor, Write},
    path::Path,
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use model::Candle;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::store_support::{Line, count};

/// What the binary said.
#[derive(Debug)]
pub struct Said {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// The binary with this database, in a folder of its own, so that no `.env` is read.
pub fn tidemark(url: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
    command.env("DATABASE_URL", url).current_dir(folder);
    command
}

/// Runs it to its end.
pub fn run(url: &str, folder: &Path, arguments: &[&str]) -> Said {
    let output = tidemark(url, folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { status: output.status, out: text(output.stdout), err: text(output.stderr) }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    zip_by(CompressionMethod::Deflated, files)
}

/// Not compressed.
pub fn zip_stored(name: &str, bytes: &[u8]) -> Vec<u8> {
    zip_by(CompressionMethod::Stored, &[(name, bytes)])
}

fn zip_by(method: CompressionMethod, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Lines as Binance writes them; `unit` is 1 for milliseconds and 1,000 for microseconds.
pub fn klines(lines: &[Line], step_ms: i64, unit: i64) -> String {
    let mut text = String::new();
    for (time, open, high, low, close, volume) in lines {
        let (from, to) = (time * unit, (time + step_ms) * unit - 1);
        writeln!(text, "{from},{open},{high},{low},{close},{volume},{to},1.5,3,0.5,0.25,0").unwrap();
    }
    text
}

pub fn line(candle: &Candle) -> Line {
    (candle.open_time, candle.open, candle.high, candle.low, candle.close, candle.volume)
}

/// Waits until the statement gives this number.
pub async fn wait_for(connection: &mut sqlx::PgConnection, sql: &str, number: i64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while count(connection, sql).await != number {
        assert!(Instant::now() < deadline, "waited in vain: {sql}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
