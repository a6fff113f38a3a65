//! Imports of the layouts of others: Binance Vision and CryptoDataDownload.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod import_support;
mod store_support;

use candle_files::Format;
use import_support::*;
use model::{Interval, Source};
use store_support::*;
use tidemark::{import::Options, store::Store};

const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;
/// 2024-01-01T00:00Z over a minute.
const START: i64 = 1_704_067_200_000 / MINUTE;

async fn stored(store: &Store, symbol: &str, source: &str, interval: Interval) -> Vec<Line> {
    let directory = store.directory().await.unwrap();
    let series = directory
        .series
        .iter()
        .find(|s| s.symbol.as_str() == symbol && s.source.as_str() == source && s.finest == interval)
        .unwrap();
    let bars = store.candles(series.id, interval, None, None, 5_000).await.unwrap().unwrap();
    bars.candles.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn binance_in_all_its_packings() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let lines = bars(MINUTE, START..START + 3_000, 1.5);
    let (millis, micros) = (klines(&lines, MINUTE, 1), klines(&lines, MINUTE, 1_000));
    let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,a,b,ignore\n";
    let files = [
        folder.file("AAAUSDT-1m-2024-01-01.csv", &millis),
        folder.file("ADAFDUSD-1m-2024-01.csv.gz", gzip(millis.as_bytes())),
        folder.file("CCCUSDC-1m-2024-01.zip", zip(&[("CCCUSDC-1m-2024-01.csv", micros.as_bytes())])),
        folder.file("DDDUSDT-1m-2024-01.csv", format!("{header}{micros}")),
    ];
    for file in &files {
        let report = import_good(&store, file).await;
        assert_eq!((report.format, report.inserted), (Format::Binance, 3_000), "{}", file.display());
        assert_eq!(stored(&store, report.symbol.as_str(), "recorded", Interval::M1).await, lines);
        assert_eq!(import_good(&store, file).await.revision, None, "again");
    }
    // Of the exchange, if asked.
    let auto = Options { source: None, ..recorded() };
    let report = import(&store, &files[0], &auto).await.0.unwrap();
    assert_eq!(report.source, Source::new("binance"));
    assert_eq!(stored(&store, "AAA", "binance", Interval::M1).await, lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_intervals_are_stored_as_the_next_coarser() {
    let (store, _) = database().await;
    let folder = Folder::new();
    // From the same minutes, so that the rolled up bars must be those that the minutes make.
    let cases = [
        ("1s", 1_000, Interval::M1, 1_000, 600),
        ("3m", 3 * MINUTE, Interval::M15, 3 * MINUTE, 100),
        ("2h", 2 * HOUR, Interval::H4, 2 * HOUR, 60),
        ("6h", 6 * HOUR, Interval::D1, 6 * HOUR, 40),
        ("8h", 8 * HOUR, Interval::D1, 8 * HOUR, 30),
        ("12h", 12 * HOUR, Interval::D1, 12 * HOUR, 20),
    ];
    for (name, ms, interval, step, count) in cases {
        let first = START * MINUTE / step;
        let lines = bars(step, first..first + count, 1.5);
        let symbol = format!("F{}", name.to_uppercase());
        let file = folder.file(
            &format!("{symbol}USDT-{name}-2024-01.zip"),
            zip(&[("a.csv", klines(&lines, ms, 1).as_bytes())]),
        );
        let report = import_good(&store, &file).await;
        assert_eq!((report.interval, report.length.as_str()), (interval, name));
        let id = series(&store, &symbol).await.id;
        let read = store.candles(id, interval, None, None, 5_000).await.unwrap().unwrap();
        assert_bars(&read, &roll_up(&lines, interval), 1, name);
        assert!(read.partial.is_empty(), "{name}");
        // And the stored levels above.
        let coarser = store.candles(id, Interval::W1, None, None, 5_000).await.unwrap().unwrap();
        let expected = roll_up(&lines, Interval::W1);
        let times: Vec<_> = coarser.candles.iter().map(|c| c.open_time).collect();
        assert_eq!(times, expected.iter().map(|e| e.bar.0).collect::<Vec<_>>(), "{name}");
        assert_eq!(import_good(&store, &file).await.revision, None, "again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_short_bars_leaves_their_candle_out() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let first = START * MINUTE / (6 * HOUR);
    let mut lines = bars(6 * HOUR, first..first + 12, 1.0);
    lines.remove(5);
    let file = folder.file("GAPUSDT-6h-2024-01.csv", klines(&lines, 6 * HOUR, 1));
    let (result, rejects) = import(&store, &file, &recorded()).await;
    assert_eq!((result.unwrap().inserted, rejects.len()), (2, 1));
    assert_eq!(rejects[0].line, 5);
    assert_eq!(
        rejects[0].reason,
        "the 1d candle of 2024-01-02 00:00:00 that begins here has 3 of its 4 6h bars"
    );
    let strict = Options { strict: true, ..recorded() };
    let again = folder.file("GAQUSDT-6h-2024-01.csv", klines(&lines, 6 * HOUR, 1));
    let error = import(&store, &again, &strict).await.0.unwrap_err().to_string();
    assert!(error.starts_with("line 5: the 1d candle of 2024-01-02"), "{error}");
    assert!(store.directory().await.unwrap().series.iter().all(|s| s.symbol.as_str() != "GAQ"));
}

/// Real lines: the newest, the oldest, and one whose volume is a fraction.
const COINBASE: &str = "Created on 10-17-2019,https://www.CryptoDataDownload.com
date,symbol,open,high,low,close,volume_btc,volume
2019-10-17,BTCUSD,7993.54,8070,7937.01,8034.32,1570.08,12537245.82
2019-10-16,BTCUSD,8162.44,8171.59,7908.86,7993.54,8123.72,65132771.81
2019-10-15,BTCUSD,8355,8420,8085.65,8162.44,7919.56,65109952.98
2014-12-03,BTCUSD,378,378,377.01,378,0.5466,206.52
2014-12-02,BTCUSD,370,378,370,378,15.01,5675.07
2014-12-01,BTCUSD,300,370,300,370,0.05656,19.53
";

#[tokio::test(flavor = "multi_thread")]
async fn cryptodatadownload_newest_first() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let file = folder.file("Coinbase_BTCUSD_d.csv", COINBASE);
    let report = import_good(&store, &file).await;
    assert_eq!((report.format, report.interval), (Format::CryptoDataDownload, Interval::D1));
    let lines = stored(&store, "BTC", "recorded", Interval::D1).await;
    assert_eq!(lines.len(), 6);
    // 2014-12-01 and 2019-10-17.
    assert_eq!(lines[0], (1_417_392_000_000, 300.0, 370.0, 300.0, 370.0, 0.05656));
    assert_eq!(lines[5], (1_571_270_400_000, 7993.54, 8070.0, 7937.01, 8034.32, 1570.08));
    assert_eq!(import_good(&store, &file).await.revision, None, "again");
    let auto = Options { source: None, ..recorded() };
    assert_eq!(import(&store, &file, &auto).await.0.unwrap().source, Source::new("coinbase"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cryptodatadownload_in_its_other_shapes() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let expected = [
        (1_571_270_400_000, 1.0, 4.0, 0.5, 2.0, 7.0),
        (1_571_274_000_000, 2.0, 3.0, 1.5, 2.5, 8.0),
        (1_571_277_600_000, 2.5, 3.0, 1.5, 2.0, 9.0),
    ];
    let files = [
        (
            "Coinbase_AAAUSD_1h.csv",
            "\"https://www.CryptoDataDownload.com\"\nDate,Symbol,Open,High,Low,Close,Volume AAA,Volume USD\n\
             2019-10-17 02-AM,AAAUSD,2.5,3,1.5,2,9,1\n2019-10-17 01-AM,AAAUSD,2,3,1.5,2.5,8,1\n2019-10-17 12-AM,AAAUSD,1,4,0.5,2,7,1\n",
        ),
        (
            "Binance_BBBUSDT_1h.csv",
            "https://www.CryptoDataDownload.com\nUnix,Date,Symbol,Open,High,Low,Close,Volume BBB,Volume USDT,tradecount\n\
             1571270400000,x,BBBUSDT,1,4,0.5,2,7,1,5\n1571274000,x,BBB/USDT,2,3,1.5,2.5,8,1,5\n1571277600000000,x,BBB-USDT,2.5,3,1.5,2,9,1,5\n",
        ),
        (
            "plain.csv",
            "volume,close,low,high,open,symbol,timestamp\n7,2,0.5,4,1,CCC/USD,2019-10-17T00:00:00Z\n\
             8,2.5,1.5,3,2,CCC/USD,2019-10-17 01:00:00\n9,2,1.5,3,2.5,CCC/USD,2019-10-17 02:00\n",
        ),
    ];
    for ((name, text), symbol) in files.into_iter().zip(["AAA", "BBB", "CCC"]) {
        let report = import_good(&store, &folder.file(name, text)).await;
        assert_eq!((report.symbol.as_str(), report.interval), (symbol, Interval::H1), "{name}");
        assert_eq!(stored(&store, symbol, "recorded", Interval::H1).await, expected, "{name}");
    }
    let auto = Options { source: None, ..recorded() };
    let error = import(&store, &folder.path("plain.csv"), &auto).await.0.unwrap_err().to_string();
    assert_eq!(error, "neither name nor layout tell the exchange; give --source NAME");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_in_one_run() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let names: Vec<String> = (1..=12).map(|month| format!("MANUSDT-1h-2023-{month:02}.zip")).collect();
    for (index, name) in names.iter().enumerate() {
        let first = START / 60 + index as i64 * 100;
        let text = klines(&bars(HOUR, first..first + 100, 1.0), HOUR, 1);
        folder.file(name, zip(&[("a.csv", text.as_bytes())]));
    }
    folder.file("broken.zip", "PK\u{3}\u{4}nothing");
    let mut arguments = vec!["import", "--source", "auto", "broken.zip"];
    arguments.extend(names.iter().map(String::as_str));
    let said = run(&url, &folder.path(""), &arguments);
    assert_eq!(said.code(), Some(1));
    assert!(said.err.contains("broken.zip: the ZIP archive is truncated or corrupt"), "{}", said.err);
    assert!(said.err.contains("1 of 13 files not imported: broken.zip"), "{}", said.err);
    assert!(
        said.out.contains("MANUSDT-1h-2023-07.zip: MAN 1h binance: 100 rows, 100 new, 0 changed, 0 rejected")
    );
    assert!(
        said.out.contains("total: 12 of 13 files: 1200 rows, 1200 new, 0 changed, 0 rejected"),
        "{}",
        said.out
    );
    assert_eq!(stored(&store, "MAN", "binance", Interval::H1).await.len(), 1_200);

    let again = run(&url, &folder.path(""), &["import", "--source", "auto", &names[0], &names[1]]);
    assert_eq!((again.code(), again.err.as_str()), (Some(0), ""));
    assert!(
        again.out.contains("total: 2 of 2 files: 200 rows, 0 new, 0 changed, 0 rejected"),
        "{}",
        again.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_candle_is_stored_before_an_incomplete_one_in_either_order() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let time = START * MINUTE;
    for (symbol, marks, close) in [("PARTA", [1, 0], 2.0), ("PARTB", [0, 1], 1.0), ("PARTC", [0, 0], 2.0)] {
        let [first, second] = marks;
        let text = format!(
            "open_time,open,high,low,close,volume,partial\n{time},1,9,1,1,5,{first}\n{time},1,9,1,2,5,{second}\n{},1,9,1,3,5,0\n",
            time + HOUR
        );
        let file = folder.file(&format!("{symbol}-USD-1h.csv"), &text);
        let report = import_good(&store, &file).await;
        assert_eq!((report.rows, report.repeated, report.incomplete), (2, 1, 0), "{symbol}");
        let id = series(&store, symbol).await.id;
        let read = store.candles(id, Interval::H1, None, None, 10).await.unwrap().unwrap();
        assert_eq!((read.candles[0].close, read.partial.len()), (close, 0), "{symbol}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cases_go_in_as_their_users_expect() {
    let (store, url) = database().await;
    let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/market");
    let import = |folder: &str, arguments: &[&str]| {
        run(&url, &cases.join(folder), &[&["import", "--source", "cases"], arguments].concat())
    };
    let pairs = import(
        "01-pair-cut-in-the-wrong-place",
        &[
            "BATUSD-1d-2023-01.csv",
            "USDTUSD-1d-2023-01.csv",
            "BNBUSD-1d-2023-01.csv",
            "GRTUSD-1d.csv",
            "Bitstamp_XRPRLUSD_1h.csv",
            "Gemini_BTCGUSD_d.csv",
        ],
    );
    assert_eq!((pairs.code(), pairs.err.as_str()), (Some(0), ""));
    for said in ["BAT 1d", "USDT 1d", "BNB 1d", "GRT 1d", "XRP 1h", "BTC 1d"] {
        assert!(pairs.out.contains(&format!(": {said} cases: ")), "{said}: {}", pairs.out);
    }
    assert!(pairs.out.contains("volume: column \"volume\", taken as coins"), "{}", pairs.out);
    // The name of a file does not make it Binance's.
    let auto = run(
        &url,
        &cases.join("01-pair-cut-in-the-wrong-place"),
        &["import", "--source", "auto", "GRTUSD-1d.csv"],
    );
    assert!(auto.err.contains("neither name nor layout tell the exchange"), "{}", auto.err);

    let shifted = import("06-days-and-weeks-that-start-elsewhere", &["SHD-USD-1d.csv", "THU-USD-1w.csv"]);
    assert_eq!(shifted.code(), Some(1));
    let reasons = [
        "SHD-USD-1d.csv: no candle came of it: all 5 candles open at 16:00 UTC; days start at 00:00 UTC",
        "THU-USD-1w.csv: no candle came of it: all 4 candles open on Thursday; weeks start on Monday",
        "2 of 2 files not imported: SHD-USD-1d.csv, THU-USD-1w.csv",
        "SHD-USD-1d.csv:2: open_time 1709308800000 is not the start of a 1d candle",
    ];
    for reason in reasons {
        assert!(shifted.err.contains(reason), "{reason}: {}", shifted.err);
    }

    let headers = import("09-headers-of-other-sources", &["LTC-USD.csv"]);
    assert_eq!(headers.code(), Some(0));
    assert!(headers.err.contains("LTC-USD.csv:3: open \"null\" is not a number"), "{}", headers.err);
    assert!(
        headers.err.contains("warning: volume: column \"Volume\", taken as coins, makes"),
        "{}",
        headers.err
    );

    let alias = import("11-xbt-and-btc", &["Kraken_XBTUSD_1h.csv"]);
    assert!(
        alias.out.contains(": BTC 1h cases: 4 rows") && alias.out.contains("XBT taken as BTC"),
        "{}",
        alias.out
    );
    let repeated = import("15-same-bar-twice", &["DUP-USD-1m.csv"]);
    assert!(repeated.out.contains("3 rows, 3 new, 0 changed, 0 rejected, 1 repeated"), "{}", repeated.out);
    assert!(repeated.err.contains("DUP-USD-1m.csv:4: the candle of 2021-07-06 09:30:00 is there before"));
    let again = import("15-same-bar-twice", &["DUP-USD-1m.csv"]);
    assert!(again.out.contains("3 rows, 0 new, 0 changed"), "{}", again.out);
    let names = store.directory().await.unwrap().series.into_iter().map(|s| s.symbol.to_string());
    let names: std::collections::BTreeSet<_> = names.collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>().join(" "), "BAT BNB BTC DUP GRT LTC USDT XRP");
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_checksums_and_names_of_any_letters() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let text = csv(bars(HOUR, 0..24, 1.0));
    let piped = |arguments: &[&str], bytes: &[u8]| {
        let mut command = tidemark(&url, &folder.path(""));
        command.args(["import", "-"]).args(arguments);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        // One that is refused early closes the pipe.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), bytes);
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let given = ["--symbol", "BTC/USDT", "--interval", "1h"];
    for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
        let (code, out, err) = piped(&given, &bytes);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert!(out.starts_with("standard input: BTC 1h recorded: 24 rows"), "{out}");
    }
    let (code, _, err) = piped(&given, &zip(&[("a.csv", text.as_bytes())]));
    assert_eq!(code, Some(1));
    assert!(err.contains("standard input: a ZIP archive cannot be read from a pipe"), "{err}");
    let (code, _, err) = piped(&[], text.as_bytes());
    assert_eq!(code, Some(1));
    assert!(err.contains("standard input: neither name nor rows tell the symbol"), "{err}");

    // FIPS 180-2, appendix B.1, is the digest of other bytes.
    folder.file(
        "ETHUSDT-1h-1970-01.zip",
        zip(&[("a.csv", klines(&bars(HOUR, 0..24, 1.0), HOUR, 1).as_bytes())]),
    );
    folder.file(
        "ETHUSDT-1h-1970-01.zip.CHECKSUM",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  ETHUSDT-1h-1970-01.zip\n",
    );
    let files = ["import", "ETHUSDT-1h-1970-01.zip", "ETHUSDT-1h-1970-01.zip.CHECKSUM"];
    let said = run(&url, &folder.path(""), &files);
    assert_eq!(said.code(), Some(1));
    assert!(said.err.contains("ETHUSDT-1h-1970-01.zip: its SHA-256 begins with "), "{}", said.err);
    assert!(said.out.contains("ETHUSDT-1h-1970-01.zip.CHECKSUM: skipped: a checksum"), "{}", said.out);

    folder.file("a\u{1b}[31m_BTCUSD_1h.csv", "x");
    let said = run(&url, &folder.path(""), &["import", "a\u{1b}[31m_BTCUSD_1h.csv"]);
    assert!(
        said.err.contains("a\\u{1b}[31m_BTCUSD_1h.csv") && !said.err.contains('\u{1b}'),
        "{:?}",
        said.err
    );

    // A last line that may be cut off.
    folder.file("CUT-USD-1h.csv", text.trim_end());
    let said = run(&url, &folder.path(""), &["import", "CUT-USD-1h.csv"]);
    assert_eq!(said.code(), Some(0));
    let warning =
        "CUT-USD-1h.csv: warning: line 25: the last line has no line end; its last number may be cut off";
    assert_eq!(said.err.trim_end(), warning);
    let said = run(&url, &folder.path(""), &["import", "--strict", "CUT-USD-1h.csv"]);
    assert_eq!(said.code(), Some(1));
    assert!(said.err.contains("line 25: the last line has no line end"), "{}", said.err);

    // A symbol for many files that one of them is not of.
    folder.file("ETHUSDT-1h.csv", &text);
    let said = run(&url, &folder.path(""), &["import", "--symbol", "BTC", "ETHUSDT-1h.csv"]);
    assert_eq!(said.code(), Some(1));
    assert!(
        said.err.contains("by the name these are prices of ETHUSDT, and --symbol says BTC"),
        "{}",
        said.err
    );
    let said = run(&url, &folder.path(""), &["import", "--force", "--symbol", "BTC", "ETHUSDT-1h.csv"]);
    assert_eq!((said.code(), said.err.as_str()), (Some(0), ""));
    assert!(store.directory().await.unwrap().series.iter().all(|s| s.symbol.as_str() != "ETH"));
}

#[test]
fn bad_command_lines_exit_with_2() {
    let folder = Folder::new();
    let cases: [&[&str]; 12] = [
        &["import"],
        &["import", "--format", "xml", "a.csv"],
        &["import", "--interval", "7m", "a.csv"],
        &["import", "--source", "simulated", "a.csv"],
        &["import", "--source", "replay", "a.csv"],
        &["import", "--symbol", "B/C", "a.csv"],
        &["import", "--symbol", "ARBUSD", "a.csv"],
        &["import", "--columns", "time,open", "a.csv"],
        &["import", "--columns", "time,open,high,low,close,volume", "--format", "kraken", "a.csv"],
        &["import", "--force", "a.csv"],
        &["export"],
        &["export", "--symbol", "BTC", "--from", "2024-01-02", "--to", "2024-01-01"],
    ];
    for arguments in cases {
        let said = run("postgres://u@127.0.0.1:1/x", &folder.path(""), arguments);
        assert_eq!(said.code(), Some(2), "{arguments:?}: {}", said.err);
    }
}
