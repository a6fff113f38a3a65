//! Bad files and lines, and what the binary prints about each: the table of docs/import-errors.md.
//!
//! With `UPDATE_DOCS=1` the table is written anew; otherwise a difference fails.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod import_support;
mod store_support;

use std::{fmt::Write as _, path::Path};

use import_support::*;
use store_support::*;

const KLINE: &str = "1704067200000,1,2,1,2,5,1704070799999,7,3,2,3,0\n";
const BANNER: &str = "https://www.CryptoDataDownload.com\n";
const NAMES: &str = "date,symbol,open,high,low,close,Volume BTC,Volume USD\n";

/// A bad file, in one row of the table.
struct Bad {
    name: &'static str,
    /// What is in it, for the reader of the table.
    what: &'static str,
    content: Vec<u8>,
    arguments: &'static [&'static str],
}

fn bad(name: &'static str, what: &'static str, content: impl Into<Vec<u8>>) -> Bad {
    Bad { name, what, content: content.into(), arguments: &[] }
}

/// A file of the sample layout with this line after a good one.
fn bad_line(what: &'static str) -> Bad {
    bad("BTC-USD-1h.csv", what, format!("{HEADER}0,1,2,1,1,1\n{what}\n"))
}

/// The header of an archive's first member.
fn tar() -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    bytes[257..262].copy_from_slice(b"ustar");
    bytes
}

fn bad_files() -> Vec<Bad> {
    let day = |time: i64| KLINE.replace("1704067200000", &time.to_string());
    let hours = klines(&bars(3_600_000, 473_352..473_400, 1.0), 3_600_000, 1);
    let quarters = klines(&bars(21_600_000, 78_892..78_895, 1.0), 21_600_000, 1);
    // Not compressed, so that what is left of them does not hang on the compressor.
    let mut torn = gzip_stored(hours.as_bytes());
    torn.truncate(torn.len() / 2);
    let archive = zip_stored("a.csv", hours.as_bytes());
    let mut corrupt = archive.clone();
    corrupt[archive.len() / 2] ^= 1;
    // The flag of encryption in the directory's entry: APPNOTE 4.3.12.
    let mut encrypted = archive.clone();
    let entry = encrypted.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    encrypted[entry + 8] |= 1;
    vec![
        bad("empty-1h.csv", "no bytes", ""),
        bad("BTC-USD-1h.csv", "`a,b`", "a,b\n1,2\n"),
        bad("BTC-USD-1h.csv", "a line of 10,000 bytes", format!("{HEADER}{}", "x".repeat(10_000))),
        bad("BTC-USD-1h.csv", "`date,open,high,low,volume`", "date,open,high,low,volume\n"),
        bad("prices.csv", "good candles", format!("{HEADER}0,1,2,1,1,1\n")),
        bad("BTC-USD-soon.csv", "one good candle", format!("{HEADER}0,1,2,1,1,1\n")),
        bad("BTC-EUR-1h.csv", "good candles", format!("{HEADER}0,1,2,1,1,1\n")),
        bad("ETHBTC-1h-2024-01.csv", "good klines", hours.clone()),
        bad("BTCUSDT-1mo-2024-01.csv", "klines of a month", KLINE),
        bad("BTCUSDT-3d-2024-01.csv", "klines of three days", KLINE),
        bad("BTCUSDT-1d-2024-01.csv", "klines of an hour", hours.clone()),
        bad("BTCUSDT-1h-2024-01.csv.gz", "half of the gzip data", torn),
        bad("BTCUSDT-1h-2024-01.zip", "a bit changed", corrupt),
        bad("BTCUSDT-1h-2024-01.zip", "half of the archive", &archive[..archive.len() / 2]),
        bad("BTCUSDT-1h-2024-01.zip", "encrypted", encrypted),
        bad("BTCUSDT-1h-2024-01.zip", "an archive of nothing", zip(&[])),
        bad("BTCUSDT-1h-2024-01.zip", "an archive of two files", zip(&[("a.csv", b"x"), ("b.csv", b"y")])),
        bad_line("3600000,1,2,1,1"),
        bad_line("3600000,1,two,1,1,1"),
        bad_line("3600000,1,2,NaN,1,1"),
        bad_line("3600000,2,1,3,2,1"),
        bad_line("3600000,5,2,1,1,1"),
        bad_line("3600000,1,2,1,1,-1"),
        bad_line("3600000,1,2,0,1,1"),
        bad_line("3600001,1,2,1,1,1"),
        bad_line("1970-1-2,1,2,1,1,1"),
        bad_line("3600000000000000,1,2,1,1,1"),
        bad_line("4102444800000,1,2,1,1,1"),
        bad_line("3600000,1,2,1,1,\"1"),
        bad_line("3.6E+12,1,2,1,1,1"),
        bad_line("0,1,2,1,1,1"),
        bad("BTC-USD-1h.csv", "a last line without its end", format!("{HEADER}0,1,2,1,1,12")),
        Bad {
            arguments: &["--strict"],
            ..bad(
                "BTC-USD-1h.csv",
                "a last line without its end, with `--strict`",
                format!("{HEADER}0,1,2,1,1,12"),
            )
        },
        bad("BTC-USD-1h.csv", "the header alone", HEADER),
        bad("BTC-USD-1d.csv", "a day that opens at 16:00 UTC", format!("{HEADER}1709308800000,1,2,1,1,1\n")),
        bad("BTC-USD-1h.csv", "three days", csv(bars(86_400_000, 0..3, 1.0))),
        bad("BTC-USD-1h.csv", "seven columns without a header", "1704067200,1,2,1,2,5,7\n"),
        bad("ARBUSD-1h.csv", "good candles", format!("{HEADER}0,1,2,1,1,1\n")),
        Bad {
            arguments: &["--symbol", "BTC"],
            ..bad("ETHUSDT-1h.csv", "good candles, with `--symbol BTC`", format!("{HEADER}0,1,2,1,1,1\n"))
        },
        bad("BTC-USD-1h.csv", "semicolons", format!("{HEADER}0,1,2,1,1,1\n").replace(',', ";")),
        bad("BTC-USD-1h.csv", "tabs", format!("{HEADER}0,1,2,1,1,1\n").replace(',', "\t")),
        bad("BTC-USD-1h.csv", "UTF-16", HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
        bad("BTC-USD-1h.csv", "parquet", "PAR1\u{15}\u{4}"),
        bad("BTC-USD-1h.csv.xz", "xz", &b"\xfd7zXZ\0\0\x04"[..]),
        bad("BTC-USD-1h.csv.zst", "zstd", &b"\x28\xb5\x2f\xfd\x24"[..]),
        bad("BTC-USD-1h.tar", "tar", tar()),
        bad("BTC-USD-1h.csv.gz", "gzip twice", gzip(&gzip(HEADER.as_bytes()))),
        bad("BTC-USD-1h.csv", "an HTML page", "<!DOCTYPE html>\n<html></html>\n"),
        bad(
            "BTCUSDT-1h-2024-01.zip",
            "what S3 answers for no file",
            "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>",
        ),
        bad(
            "BTCUSDT-1h.json",
            "what Binance answers for no pair",
            "{\"code\":-1121,\"msg\":\"Invalid symbol.\"}",
        ),
        bad("BTCUSDT-1h.json", "klines that break off", "[[1704067200000,\"1\",\"2\",\"1\",\"2\",\"5\""),
        Bad {
            arguments: &["--strict"],
            ..bad(
                "BTC-USD-1h.csv",
                "`3600000,1,2,0,1,1`, with `--strict`",
                format!("{HEADER}3600000,1,2,0,1,1\n"),
            )
        },
        Bad {
            arguments: &["--source", "auto"],
            ..bad("BTC-USD-1h.csv", "good candles, with `--source auto`", format!("{HEADER}0,1,2,1,1,1\n"))
        },
        Bad {
            arguments: &["--format", "binance"],
            ..bad(
                "BTC-USD-1h.csv",
                "the sample layout, with `--format binance`",
                format!("{HEADER}0,1,2,1,1,1\n"),
            )
        },
        bad("BTCUSDT-1h-2024-01.csv", "a kline of a day", KLINE.replace("1704070799999", "1704153599999")),
        bad("BTCUSDT-1h-2024-01.csv", "a kline with a time in seconds", day(1_704_067_200)),
        bad("BTCUSDT-1h-2024-01.csv", "a kline with a time in nanoseconds", day(1_704_067_200_000_000_000)),
        bad("BTCUSDT-6h-2024-01.csv", "three klines of a day's four", quarters),
        bad("Coinbase_BTCUSD_d.csv", "the banner alone", BANNER),
        bad(
            "Coinbase_BTCUSD_d.csv",
            "`17.10.2019,BTCUSD,1,2,1,1,1,1`",
            format!("{BANNER}{NAMES}17.10.2019,BTCUSD,1,2,1,1,1,1\n"),
        ),
        bad(
            "Coinbase_BTCUSD_d.csv",
            "`2019-10-17 09-AM,BTCUSD,1,2,1,1,1,1`",
            format!("{BANNER}{NAMES}2019-10-17 09-AM,BTCUSD,1,2,1,1,1,1\n"),
        ),
        bad(
            "Coinbase_BTCUSD_d.csv",
            "`2019-10-17,ETHUSD,1,2,1,1,1,1`",
            format!("{BANNER}{NAMES}2019-10-17,ETHUSD,1,2,1,1,1,1\n"),
        ),
        bad(
            "Coinbase_ETHUSD_d.csv",
            "a header with `Volume BTC`",
            format!("{BANNER}{NAMES}2019-10-17,ETHUSD,1,2,1,1,1,1\n"),
        ),
        bad(
            "Coinbase_BTCUSD_d.csv",
            "a header with `Volume USD` alone",
            format!("{BANNER}date,open,high,low,close,Volume USD\n"),
        ),
    ]
}

const INTRO: &str = "# What an import says about bad files

Made by `server/tests/import_bad.rs` from files that it writes and the output of the real binary; `UPDATE_DOCS=1 cargo test
-p tidemark --test import_bad` writes it anew. Whole files that are refused leave everything as it was; a line that is left
out is named with its number, and the rest of its file goes in. A file of which no candle came is refused as well.

| file | with | printed |
|---|---|---|
";

/// RFC 1952 and RFC 1951, section 3.2.4: one block that is stored as it is. The trailer is left out.
fn gzip_stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1];
    [&head[..], &length.to_le_bytes(), &(!length).to_le_bytes(), bytes].concat()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_what_the_binary_prints() {
    let (store, url) = database().await;
    let mut text = INTRO.to_owned();
    let folder = Folder::new();
    for Bad { name, what, content, arguments } in bad_files() {
        folder.file(name, content);
        let said = run(&url, &folder.path(""), &[&["import"], arguments, &[name]].concat());
        let lines: Vec<_> = said.err.lines().collect();
        assert!((1..=2).contains(&lines.len()), "{name}, {what}: {}", said.err);
        assert!(lines.iter().all(|line| line.contains(name)), "{name}, {what}: {}", said.err);
        // Either the whole file is refused, or a line of it is left out or remarked upon.
        let is_refused = lines[lines.len() - 1].starts_with("tidemark: ");
        assert_eq!(said.code(), Some(i32::from(is_refused)), "{name}, {what}: {}", said.err);
        assert_eq!(said.out.is_empty(), is_refused, "{name}, {what}: {}", said.out);
        // Only the words of the file are of interest, not when it was read.
        let lines: Vec<_> = lines.iter().map(|line| format!("`{}`", without_clock(line))).collect();
        let what = if content_is_line(what) { format!("`{what}`") } else { what.to_owned() };
        writeln!(text, "| {name} | {} | {} |", cell(&what), cell(&lines.join("<br>"))).unwrap();
    }
    let symbols: Vec<_> =
        store.directory().await.unwrap().series.into_iter().map(|s| s.symbol.to_string()).collect();
    assert_eq!(symbols, ["BTC"], "the good first lines, and nothing else");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/import-errors.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    for (printed, written) in text.lines().zip(found.lines()) {
        assert_eq!(printed, written, "docs/import-errors.md: UPDATE_DOCS=1 writes it anew");
    }
    assert_eq!(
        found.lines().count(),
        text.lines().count(),
        "docs/import-errors.md: UPDATE_DOCS=1 writes it anew"
    );
}

/// A message without the time at which it was made.
fn without_clock(line: &str) -> String {
    match line.split_once("the time now, ") {
        Some((before, _)) => format!("{before}the time now, …"),
        None => line.to_owned(),
    }
}

/// Whether it is the line itself that the table shows.
fn content_is_line(what: &str) -> bool {
    what.contains(',') && !what.contains('`') && !what.contains(' ')
}
