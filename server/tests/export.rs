//! Exports: what comes out goes in again, and no half file is ever left under its name.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod import_support;
mod store_support;

use std::{
    io::Read,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use candle_files::Format;
use import_support::*;
use model::Interval;
use store_support::*;

const HOUR: i64 = 3_600_000;

fn names(folder: &Folder) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path("")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_out_goes_in_again() {
    let (store, url) = database().await;
    let folder = Folder::new();
    import_good(&store, &sample("XRP")).await;
    let lines = read_sample("XRP");
    let cases = [
        (Format::Tidemark, "csv", None),
        (Format::Tidemark, "pack", Some("--gzip")),
        (Format::Binance, "csv.gz", None),
        (Format::CryptoDataDownload, "csv.gz", None),
    ];
    for (format, ending, flag) in cases {
        let file = format!("{format}_XRPUSD_30m.{ending}");
        let mut arguments = vec![
            "export",
            "--symbol",
            "xrp",
            "--interval",
            "30m",
            "--format",
            format.as_str(),
            "--output",
            &file,
        ];
        arguments.extend(flag);
        let said = run(&url, &folder.path(""), &arguments);
        assert_eq!((said.code(), said.out.as_str()), (Some(0), ""), "{}", said.err);
        assert!(said.err.starts_with("XRP 30m recorded: 26228 rows, "), "{}", said.err);
        let is_packed = std::fs::read(folder.path(&file)).unwrap().starts_with(&[0x1f, 0x8b]);
        assert_eq!(is_packed, ending != "csv", "{file}");

        let (back, _) = database().await;
        let report = import_good(&back, &folder.path(&file)).await;
        assert_eq!((report.format, report.inserted), (format, 26_228), "{file}");
        let id = series(&back, "XRP").await.id;
        let mut export = back.export(id, Interval::M30, None, None).await.unwrap().unwrap();
        let mut found = Vec::new();
        loop {
            let page = export.next_page().await.unwrap();
            if page.is_empty() {
                break;
            }
            found.extend(page.iter().map(line));
        }
        assert!(found == lines, "{file}: other candles");
    }
    assert!(names(&folder).iter().all(|name| !name.contains("part")), "{:?}", names(&folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_intervals_are_those_of_the_charts() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let lines = bars(HOUR, 0..100, 1.5);
    import_good(&store, &folder.file("RNG-USD-1h.csv", csv(lines.clone()))).await;
    let out = |arguments: &[&str]| {
        let said = run(&url, &folder.path(""), &[&["export", "--symbol", "RNG"], arguments].concat());
        assert_eq!(said.code(), Some(0), "{}", said.err);
        said.out
    };
    assert_eq!(out(&[]), csv(lines.clone()), "the stored interval, all of it");
    let some = csv(lines[24..=30].to_vec());
    assert_eq!(out(&["--from", "1970-01-02", "--to", "1970-01-02T06:59Z"]), some);
    assert_eq!(out(&["--from", "86400000", "--to", "108000000", "--output", "-"]), some);
    let days = roll_up(&lines, Interval::D1);
    let days = csv(days.iter().map(|day| day.bar));
    assert_eq!(out(&["--interval", "1d", "--partial", "keep"]), days);
    let whole = days.lines().take(5).map(|line| line.to_owned() + "\n").collect::<String>();
    assert_eq!(out(&["--interval", "1d", "--to", "1970-01-04"]), whole, "all complete: no column of marks");
    assert_eq!(out(&["--from", "2030-01-01"]), HEADER);
    let binance = out(&["--format", "binance", "--to", "0"]);
    let (_, open, high, low, close, volume) = lines[0];
    assert_eq!(
        binance,
        format!(
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n\
             0,{open},{high},{low},{close},{volume},3599999,0,0,0,0,0\n"
        )
    );
    assert_eq!(
        out(&["--format", "cryptodatadownload", "--from", "3600000", "--to", "3600000"]),
        format!(
            "# in the layout of CryptoDataDownload; written by Tidemark\n\
             unix,date,symbol,open,high,low,close,Volume RNG\n3600,1970-01-01 01:00:00,RNG/USD,{},{},{},{},{}\n",
            lines[1].1, lines[1].2, lines[1].3, lines[1].4, lines[1].5
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_in_one_line() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let failed = |arguments: &[&str]| {
        let said = run(&url, &folder.path(""), &[&["export"], arguments].concat());
        assert_eq!((said.code(), said.out.as_str()), (Some(1), ""));
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
        said.err
    };
    assert!(failed(&["--symbol", "BTC"]).contains("BTC is not stored; stored are none"));
    import_good(&store, &folder.file("AAA-USD-1h.csv", csv(bars(HOUR, 0..3, 1.0)))).await;
    import_good(&store, &folder.file("BBB-USD-1h.csv", csv(bars(HOUR, 0..3, 1.0)))).await;
    let before = names(&folder);
    assert!(failed(&["--symbol", "BTC", "--output", "x"]).contains("BTC is not stored; stored are AAA, BBB"));
    let error = failed(&["--symbol", "AAA", "--source", "binance"]);
    assert!(error.contains("AAA has no binance series, only recorded"), "{error}");
    let error = failed(&["--symbol", "AAA", "--interval", "5m"]);
    assert!(
        error.contains("5m is finer than the stored 1h bars of AAA; allowed are 1h, 4h, 1d, 1w"),
        "{error}"
    );
    assert!(failed(&["--symbol", "AAA", "--output", "nowhere/x.csv"]).contains("--output nowhere/x.csv: "));
    assert!(failed(&["--symbol", "AAA", "--output", "."]).contains("--output .: is a directory"));
    assert_eq!(names(&folder), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_gets_its_name_when_it_is_whole() {
    let (store, url) = database().await;
    let folder = Folder::new();
    import_good(&store, &folder.file("OLD-USD-1h.csv", csv(bars(HOUR, 0..100, 1.0)))).await;
    // An older one is replaced, through a link too.
    folder.file("old.csv", "old");
    std::os::unix::fs::symlink(folder.path("old.csv"), folder.path("link.csv")).unwrap();
    let said = run(&url, &folder.path(""), &["export", "--symbol", "OLD", "--output", "link.csv"]);
    assert_eq!(said.code(), Some(0), "{}", said.err);
    assert_eq!(std::fs::read_to_string(folder.path("old.csv")).unwrap().lines().count(), 101);
    assert!(folder.path("link.csv").is_symlink());
    // A device is written to, not replaced.
    let said = run(&url, &folder.path(""), &["export", "--symbol", "OLD", "--output", "/dev/null"]);
    assert_eq!(said.code(), Some(0), "{}", said.err);
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());

    // Stopped midway: days cannot be read while somebody holds a lock.
    folder.file("new.csv", "as it was");
    let mut holder = connection(&url).await;
    sqlx::raw_sql(
        "CREATE FUNCTION hold() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_advisory_xact_lock(42);
             RETURN true;
         END $$;
         ALTER TABLE candles RENAME TO stored;
         CREATE VIEW candles AS SELECT * FROM stored
             WHERE CASE WHEN \"interval\" = 86400 THEN hold() ELSE true END;
         SELECT pg_advisory_lock(42);",
    )
    .execute(&mut holder)
    .await
    .unwrap();
    let child = tidemark(&url, &folder.path(""))
        .args(["export", "--symbol", "OLD", "--interval", "1d", "--partial", "keep", "--output", "new.csv"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    wait_for(&mut holder, waiting, 1).await;
    assert!(names(&folder).iter().any(|name| name.ends_with(".part")), "{:?}", names(&folder));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(err.contains("stopped by Ctrl-C"), "{err}");
    assert_eq!(std::fs::read_to_string(folder.path("new.csv")).unwrap(), "as it was");
    assert!(names(&folder).iter().all(|name| !name.contains("part")), "{:?}", names(&folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_ends_it_quietly() {
    let (store, url) = database().await;
    let folder = Folder::new();
    import_good(&store, &sample("XRP")).await;
    let mut child = tidemark(&url, &folder.path(""))
        .args(["export", "--symbol", "XRP"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 9];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"open_time");
    drop(out);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_holds_no_signal_up() {
    let (store, url) = database().await;
    let folder = Folder::new();
    import_good(&store, &sample("XRP")).await;
    // Its output fills the pipe, and nobody takes it.
    let mut child = tidemark(&url, &folder.path(""))
        .args(["export", "--symbol", "XRP"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0; 9];
    out.read_exact(&mut first).unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(143));
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_candles_are_marked_left_out_or_kept() {
    let (store, url) = database().await;
    let folder = Folder::new();
    // A day and a half, whose hour 30 is incomplete: by itself, and in its day.
    let lines = bars(HOUR, 0..36, 1.5);
    import_good(&store, &folder.file("FIN-USD-1h.csv", csv(lines.clone()))).await;
    let mut connection = connection(&url).await;
    let mark = "UPDATE candles SET bars = 0 WHERE \"interval\" = 3600 AND open_time = 30 * 3600000";
    sqlx::query(mark).execute(&mut connection).await.unwrap();
    let export = |arguments: &[&str]| {
        run(&url, &folder.path(""), &[&["export", "--symbol", "FIN"], arguments].concat())
    };
    let out = |arguments: &[&str]| {
        let said = export(arguments);
        assert_eq!(said.code(), Some(0), "{}", said.err);
        (said.out, said.err)
    };
    let marked = |lines: &[Line], incomplete: &dyn Fn(i64) -> bool| {
        let mut text = csv(lines.iter().copied());
        text = text.replacen("volume\n", "volume,partial\n", 1);
        let mut expected = String::new();
        for (line, time) in
            text.lines().zip(std::iter::once(None).chain(lines.iter().map(|line| Some(line.0))))
        {
            let mark = time.map_or("", |time| if incomplete(time) { ",1" } else { ",0" });
            expected += &format!("{line}{mark}\n");
        }
        expected
    };
    let at = 30 * HOUR;
    let (text, said) = out(&[]);
    assert_eq!(text, marked(&lines, &|time| time == at));
    assert!(said.trim_end().ends_with("; 1 incomplete candle is marked in the column partial"), "{said}");
    let days: Vec<Line> = roll_up(&lines, Interval::D1).iter().map(|day| day.bar).collect();
    assert_eq!(out(&["--interval", "1d"]).0, marked(&days, &|time| time == 24 * HOUR));
    // Marks only where the range has some, and only of what lacks something.
    assert_eq!(out(&["--to", "104400000"]).0, csv(lines[..30].to_vec()));
    assert_eq!(out(&["--from", "111600000"]).0, csv(lines[31..].to_vec()));

    let without: Vec<Line> = lines.iter().copied().filter(|line| line.0 != at).collect();
    let (text, said) = out(&["--partial", "omit"]);
    assert_eq!(text, csv(without.clone()));
    assert!(said.starts_with("FIN 1h recorded: 35 rows, "), "{said}");
    assert!(
        said.trim_end().ends_with("; 1 incomplete candle left out, --partial keep writes them"),
        "{said}"
    );
    let (text, said) = out(&["--partial", "keep"]);
    assert_eq!(text, csv(lines.clone()));
    assert!(said.trim_end().ends_with("; 1 incomplete candle is in it without a mark"), "{said}");

    // Layouts without a mark leave them out, unless they are to be kept.
    for format in ["binance", "cryptodatadownload"] {
        let header = if format == "binance" { 1 } else { 2 };
        let (text, said) = out(&["--format", format]);
        assert_eq!(text.lines().count(), 35 + header);
        assert!(said.contains("1 incomplete candle left out"), "{said}");
        assert_eq!(out(&["--format", format, "--partial", "keep"]).0.lines().count(), 36 + header);
        let refused = export(&["--format", format, "--partial", "mark"]);
        assert_eq!((refused.code(), refused.out.as_str()), (Some(2), ""));
        assert!(refused.err.contains(&format!("the layout {format} has no mark")), "{}", refused.err);
    }
    assert!(export(&["--partial", "half"]).err.contains("is none of mark, omit, keep"));

    // The candle that has not ended is one of them.
    sqlx::query("UPDATE candles SET bars = 1 WHERE bars = 0").execute(&mut connection).await.unwrap();
    assert_eq!(out(&[]).0, csv(lines.clone()));
    sqlx::query("UPDATE series SET running = last_open").execute(&mut connection).await.unwrap();
    assert_eq!(out(&[]).0, marked(&lines, &|time| time == 35 * HOUR));
    assert_eq!(out(&["--interval", "4h"]).0.lines().filter(|line| line.ends_with(",1")).count(), 1);
}
