//! Whole files: packing, what their names and rows tell, and roll-ups.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fmt::Write as _;

use candle_files::{BarLength, Format, Given};
use model::{Candle, Interval};
use support::*;
use zip::CompressionMethod::{Deflated, Stored};

const HOUR: i64 = 3_600_000;
/// 2024-01-01, a Monday.
const START: i64 = 1_704_067_200_000;

fn bars(ms: i64, count: i64) -> Vec<Candle> {
    let bar = |i: i64| Candle {
        open_time: START + i * ms,
        open: 100.0 + i as f64,
        high: 101.5 + i as f64,
        low: 99.25 + i as f64,
        close: 101.0 + i as f64,
        volume: 0.1 * i as f64,
    };
    (0..count).map(bar).collect()
}

/// As Binance writes them: times in ms or µs.
fn klines(ms: i64, count: i64, unit: i64) -> String {
    let mut text = String::new();
    for Candle { open_time, open, high, low, close, volume } in bars(ms, count) {
        let (from, to) = (open_time * unit, (open_time + ms) * unit - 1);
        writeln!(text, "{from},{open},{high},{low},{close},{volume},{to},1.5,3,0.5,0.25,0").unwrap();
    }
    text
}

#[test]
fn packing_does_not_matter() {
    let text = klines(HOUR, 100, 1);
    let bytes = text.as_bytes();
    let gz: Vec<u8> = [gzip(&bytes[..1000]), gzip(&bytes[1000..])].concat();
    let beside =
        [("folder/", &b""[..]), ("folder/a.csv", bytes), ("a.zip.CHECKSUM", b"x"), ("__MACOSX/._a", b"y")];
    let files = [
        bytes.to_vec(),
        gz,
        zip(&[("BTCUSDT-1h-2024-01.csv", bytes)], Deflated),
        zip(&[("BTCUSDT-1h-2024-01.csv", bytes)], Stored),
        zip(&beside, Deflated),
        text.replace('\n', "\r\n").into_bytes(),
        format!("\u{feff}\n\n{text}\n\n").into_bytes(),
        text.trim_end().as_bytes().to_vec(),
    ];
    for (index, file) in files.into_iter().enumerate() {
        // Its first bytes tell how a file is packed, not its name.
        let found = read("BTCUSDT-1h-2024-01.zip", file).unwrap();
        assert_eq!(found.candles, bars(HOUR, 100), "{index}");
        assert_eq!(found.rejects, [], "{index}");
        assert_eq!(found.heading.format, Format::Binance);
        assert_eq!((found.heading.symbol.as_str(), found.heading.interval), ("BTC", Interval::H1));
        assert_eq!(found.heading.exchange.as_deref(), Some("binance"));
    }
}

#[test]
fn broken_archives_are_refused_in_one_line() {
    let text = klines(60_000, 5_000, 1);
    let name = "BTCUSDT-1m-2024-01.zip";
    let good = zip(&[("a.csv", text.as_bytes())], Deflated);
    assert_eq!(read(name, good.clone()).unwrap().candles.len(), 5_000);

    let mut corrupt = good.clone();
    corrupt[good.len() / 2] ^= 0xff;
    let error = refused(name, corrupt);
    assert!(
        error.contains("the ZIP data is corrupt") || error.contains("the ZIP data ends early"),
        "{error}"
    );
    for length in [10, good.len() / 2, good.len() - 5] {
        assert!(
            refused(name, &good[..length]).contains("the ZIP archive is truncated or corrupt"),
            "{length}"
        );
    }
    // The checksum in the directory, at its place in the entry: APPNOTE 4.3.12.
    let mut wrong = zip(&[("a.csv", text.as_bytes())], Stored);
    let entry = wrong.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    wrong[entry + 16] ^= 1;
    assert!(refused(name, wrong.clone()).contains("the ZIP data is corrupt: the checksum is wrong"));
    // Its length as unpacked.
    wrong[entry + 16] ^= 1;
    wrong[entry + 24] ^= 1;
    let error = refused(name, wrong.clone());
    assert!(error.contains("ZIP data"), "{error}");
    // The flag of encryption.
    wrong[entry + 24] ^= 1;
    wrong[entry + 8] |= 1;
    assert_eq!(refused(name, wrong), "the file in the ZIP archive is encrypted");

    assert_eq!(refused(name, zip(&[], Stored)), "the ZIP archive holds no file");
    assert_eq!(
        refused(name, zip(&[("d/", b""), ("a.CHECKSUM", b"x")], Stored)),
        "the ZIP archive holds no file"
    );
    let two = zip(&[("a.csv", text.as_bytes()), ("b.csv", b"x")], Deflated);
    assert_eq!(refused(name, two), "the ZIP archive holds 2 files, not one: \"a.csv\", \"b.csv\"");

    let packed = gzip(text.as_bytes());
    let error = refused(name, &packed[..packed.len() / 2]);
    assert!(error.contains("the gzip data ends early: the file is truncated"), "{error}");
    assert!(refused(name, "x".repeat(10_000)).contains("over 4096 bytes long"));
    assert_eq!(refused(name, ""), "unknown layout: the file is empty");
}

#[test]
fn each_row_of_binance_is_judged_by_its_own_size() {
    let mut text = klines(HOUR, 10, 1);
    text.push_str("open_time,open,high,low,close,volume,close_time,quote_volume,count,a,b,ignore\n");
    let later = klines(HOUR, 20, 1_000);
    later.lines().skip(10).for_each(|line| writeln!(text, "{line}").unwrap());
    let found = read("ETHFDUSD-1h-2024-01-01.csv", text).unwrap();
    assert_eq!(found.candles, bars(HOUR, 20));
    assert_eq!(found.rejects.len(), 1, "a header in the middle");
    assert_eq!(found.heading.symbol.as_str(), "ETH");
}

#[test]
fn foreign_lengths_are_rolled_up() {
    for (name, length) in BarLength::ALL {
        let file = format!("BTCUSDT-{name}-2024-01.csv");
        let Some(interval) = length.stored_as() else {
            let error = refused(&file, klines(3 * 24 * HOUR, 3, 1));
            assert!(error.starts_with(&format!("{name} bars cannot be taken: stored are 1m 5m")), "{error}");
            continue;
        };
        let ms = length.ms().unwrap();
        let each = interval.ms() / ms;
        // Three whole candles, and one bar more where several make one.
        let count = 3 * each + i64::from(each > 1);
        for unit in [1, 1_000] {
            let found = read(&file, klines(ms, count, unit)).unwrap();
            assert_eq!((found.heading.length, found.heading.interval), (length, interval));
            let parts = bars(ms, 3 * each);
            let expected: Vec<_> = parts
                .chunks(each as usize)
                .map(|some| Candle {
                    open_time: some[0].open_time,
                    open: some[0].open,
                    high: some[some.len() - 1].high,
                    low: some[0].low,
                    close: some[some.len() - 1].close,
                    // As decimals: the volumes have two of them at most.
                    volume: (some.iter().map(|bar| bar.volume).sum::<f64>() * 100.0).round() / 100.0,
                })
                .collect();
            assert_eq!(found.candles, expected, "{name}");
            if each > 1 {
                assert_eq!(found.rejects.len(), 1, "{name}");
                assert_eq!(found.rejects[0].line, 3 * each as u64 + 1, "{name}");
                let end = format!("has 1 of its {each} {name} bars");
                assert!(found.rejects[0].reason.ends_with(&end), "{}", found.rejects[0].reason);
            } else {
                assert_eq!(found.rejects, [], "{name}");
            }
        }
    }
}

#[test]
fn reads_cryptodatadownload_newest_first() {
    let text = "Created on 10-17-2019,https://www.CryptoDataDownload.com\n\
                date,symbol,open,high,low,close,volume_btc,volume\n\
                2019-10-17,BTCUSD,7993.54,8070,7937.01,8034.32,1570.08,12537245.82\n\
                2019-10-16,BTC/USD,8162.44,8171.59,7908.86,7993.54,8123.72,65132771.81\n\
                2019-10-15,ETHUSD,8355,8420,8085.65,8162.44,7919.56,65109952.98\n\
                2019-10-14,BTCEUR,8355,8420,8085.65,8162.44,7919.56,65109952.98\n";
    let found = read("Coinbase_BTCUSD_d.csv", text).unwrap();
    assert_eq!(found.heading.exchange.as_deref(), Some("coinbase"));
    assert_eq!(found.heading.interval, Interval::D1);
    let times: Vec<_> = found.candles.iter().map(|candle| (candle.open_time, candle.volume)).collect();
    assert_eq!(times, [(1_571_270_400_000, 1570.08), (1_571_184_000_000, 8123.72)]);
    let reasons: Vec<_> = found.rejects.iter().map(|reject| (reject.line, reject.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            (5, "symbol \"ETHUSD\" is not BTC, which the file is imported as"),
            (6, "symbol \"BTCEUR\" is in EUR, not in dollars")
        ]
    );

    // A given symbol does not make other coins' rows its own, unless it is forced.
    let given = Given { symbol: Some("BTC".parse().unwrap()), ..Given::default() };
    assert_eq!(read_as("Coinbase_BTCUSD_d.csv", text, &given).unwrap().candles.len(), 2);
    let forced = Given { is_forced: true, ..given };
    assert_eq!(read_as("Coinbase_BTCUSD_d.csv", text, &forced).unwrap().candles.len(), 4);
}

#[test]
fn rows_tell_what_the_name_does_not() {
    let hourly = "unix,date,symbol,open,high,low,close,Volume ETH,Volume USD\n\
                  1546304400,2019-01-01 01:00:00,ETH/USD,2,2,2,2,1,2\n\
                  1546300800,2019-01-01 00:00:00,ETH/USD,1,1,1,1,1,1\n\
                  1546311600,2019-01-01 03:00:00,ETH/USD,1,1,1,1,1,1\n";
    let found = read("download.csv", hourly).unwrap();
    assert_eq!((found.heading.symbol.as_str(), found.heading.interval), ("ETH", Interval::H1));
    assert_eq!(found.heading.exchange, None);
    assert_eq!((found.candles.len(), found.rejects.len()), (3, 0));

    // The name comes first, and rows of another pair are left out. A coin's own volume says the same.
    assert!(refused("Gemini_BTCUSD_1h.csv", hourly).contains("volume of ETH, by name or rows it is BTC"));
    assert!(refused("download.csv", klines(HOUR, 3, 1)).contains("give --symbol"));
    let euro = hourly.replace("ETH/USD", "ETH/EUR");
    let expected = "prices are in EUR; only USD and dollar stablecoins are taken";
    assert_eq!(refused("download.csv", euro.clone()), expected);
    assert_eq!(refused("BTC-EUR-1h.csv", euro), expected);

    let one = hourly.lines().take(2).collect::<Vec<_>>().join("\n");
    assert!(refused("download.csv", one).contains("neither name nor rows tell the interval"));
    let odd = hourly.replace("1546300800", "1546300860");
    assert!(refused("download.csv", odd).contains("the rows are 3540000 ms apart, which is no interval"));
    assert!(
        refused("BTCUSDT-1h.csv", klines(60_000, 100, 1))
            .contains("these are 1h bars, the rows are 1m apart")
    );
}

#[test]
fn what_is_given_comes_first() {
    let given = Given {
        symbol: Some("LTC".parse().unwrap()),
        length: Some(BarLength::Stored(Interval::H1)),
        format: Some(Format::Binance),
        is_forced: true,
        ..Given::default()
    };
    let found = read_as("BTCEUR-1m-2024-01.csv", klines(HOUR, 3, 1), &given).unwrap();
    assert_eq!((found.heading.symbol.as_str(), found.heading.interval), ("LTC", Interval::H1));
    assert_eq!(found.candles.len(), 3);
    let other = Given { format: Some(Format::Tidemark), ..given };
    assert!(read_as("x", klines(HOUR, 3, 1), &other).unwrap_err().to_string().contains("--format tidemark"));
}
