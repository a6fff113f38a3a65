//! Imports: what goes in, what is refused, and what stays as it was.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod store_support;

use std::{io::Write, process::Command, time::Duration};

use flate2::{Compression, write::GzEncoder};
use model::{Interval, Source};
use store_support::*;
use tidemark::import::{ImportError, Options};

const HOUR: i64 = 3_600_000;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_import_changes_nothing() {
    let (store, _) = database().await;
    let first = import_good(&store, &sample("BTC")).await;
    assert_eq!((first.rows, first.inserted, first.updated), (26_242, 26_242, 0));
    let before = store.directory().await.unwrap();
    assert_eq!(first.revision, Some(before.version));
    let second = import_good(&store, &sample("BTC")).await;
    assert_eq!((second.rows, second.inserted, second.updated, second.revision), (26_242, 0, 0, None));
    assert_eq!(store.directory().await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn corrections_and_additions_change_only_what_differs() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let mut lines = bars(60_000, 0..3_000, 1.0);
    import_good(&store, &folder.file("COR-USD-1m.csv", csv(lines.clone()))).await;
    let untouched =
        "SELECT count(*) FROM candles WHERE xmin::text = (SELECT min(xmin::text::bigint)::text FROM candles)";
    let mut connection = connection(&url).await;
    let all = count(&mut connection, "SELECT count(*) FROM candles").await;
    assert_eq!(count(&mut connection, untouched).await, all);

    // One minute of the second hour of the first day is put right, and the third day goes on.
    lines[70].5 = 9.0;
    lines.extend(bars(60_000, 3_000..3_050, 2.0));
    let report = import_good(&store, &folder.file("COR-USD-1m.csv", csv(lines.clone()))).await;
    assert_eq!((report.inserted, report.updated), (50, 1));
    // Written anew: the minute, its hour and its day, and the third day, which gets an hour more.
    assert_eq!(count(&mut connection, untouched).await, all - 4);
    let id = series(&store, "COR").await.id;
    for interval in Interval::ALL {
        let read = store.candles(id, interval, None, None, 5_000).await.unwrap().unwrap();
        assert_bars(&read, &roll_up(&lines, interval), interval.ms() / 60_000, &interval.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_packing_and_line_ends_do_not_matter() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let lines = bars(HOUR, 0..100, 1.5);
    let straight = csv(lines.clone());
    let mut backward = lines.clone();
    backward.reverse();
    let files = [
        folder.file("AAA-USD-1h.csv", &straight),
        folder.file("BBB-USD-1h.csv", csv(backward)),
        // Packed without saying so, and not packed but named so.
        folder.file("CCC-USD-1h.csv", gzip(&straight)),
        folder.file("DDD-USD-1h.csv.gz", &straight),
        folder
            .file("EEE-USD-1h.csv", format!("\u{feff}{}\r\n\r\n", straight.trim_end().replace('\n', "\r\n"))),
        folder.file("FFF-USD-1h.csv", straight.trim_end()),
    ];
    for file in files {
        let report = import_good(&store, &file).await;
        assert_eq!(report.inserted, 100, "{}", file.display());
        let id = series(&store, report.symbol.as_str()).await.id;
        let read = store.candles(id, Interval::H1, None, None, 5_000).await.unwrap().unwrap();
        assert_bars(&read, &roll_up(&lines, Interval::H1), 1, report.symbol.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_reported_and_the_rest_goes_in() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let bad = [
        ("3600000,1,2,1,1", "has 5 fields, not 6"),
        ("3600000,1,2,1,1,1,1", "has 7 fields, not 6"),
        ("3600000,1,two,1,1,1", "high \"two\" is not a number"),
        ("yesterday,1,2,1,1,1", "open_time \"yesterday\" is neither a Unix time nor a date as 2019-10-17"),
        ("3600000,1,inf,1,1,1", "high \"inf\" is not finite"),
        ("3600000,1,2,NaN,1,1", "low \"NaN\" is not finite"),
        ("3600000,2,1,3,2,1", "high 1 is below low 3"),
        ("3600000,5,2,1,1,1", "open 5 is outside low 1 to high 2"),
        ("3600000,1,2,1,5,1", "close 5 is outside low 1 to high 2"),
        ("3600000,1,2,1,1,-1", "volume -1 is negative"),
        ("3600000,1,2,-1,1,1", "low -1 is negative"),
        ("3600000,1,2,0,1,1", "low is zero"),
        ("3600001,1,2,1,1,1", "open_time 3600001 is not the start of a 1h candle"),
        (
            "3600000000000000,1,2,1,1,1",
            "open_time 3600000000000000 is not in milliseconds between 1970 and 9999",
        ),
        (
            "4102444800000,1,2,1,1,1",
            "opens at 2100-01-01 00:00:00, more than a day after the time now, 2024-01-01 00:00:00",
        ),
    ];
    let mut text = format!("{HEADER}0,1,2,1,1,1\n");
    for (line, _) in bad {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("7200000,1,2,1,1,1\n");
    let file = folder.file("BAD-USD-1h.csv", text);
    let lenient = Options { now: Some(1_704_067_200_000), ..recorded() };
    let strict = Options { strict: true, ..lenient.clone() };
    let (result, _) = import(&store, &file, &strict).await;
    assert!(matches!(result, Err(ImportError::Strict(reject)) if reject.line == 3));
    assert_eq!(store.directory().await.unwrap().series, [], "strict leaves nothing behind");

    let (result, rejects) = import(&store, &file, &lenient).await;
    let report = result.unwrap();
    assert_eq!((report.rows, report.inserted, report.rejected), (2, 2, bad.len() as u64));
    for (index, (reject, (line, reason))) in rejects.iter().zip(bad).enumerate() {
        assert_eq!((reject.line, reject.reason.as_str()), (index as u64 + 3, reason), "{line}");
    }
    assert_eq!(rejects.len(), bad.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_good_line_is_not_imported() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let nothing = |result: Result<_, ImportError>| result.unwrap_err().to_string();
    let (result, rejects) =
        import(&store, &folder.file("NIL-USD-1h.csv", format!("{HEADER}x\ny\n")), &recorded()).await;
    assert_eq!(nothing(result.map(|_| ())), "no candle came of it: all 2 lines have 1 fields, not 6");
    assert_eq!(rejects.len(), 2, "and each line is named");
    let (result, _) = import(&store, &folder.file("NIX-USD-1h.csv", HEADER), &recorded()).await;
    assert_eq!(nothing(result.map(|_| ())), "no candle came of it: there is no line after the header");
    // More lines than a batch takes.
    let days: String =
        (0..40_000_i64).map(|day| format!("{},1,2,1,1,1\n", day * 86_400_000 + HOUR)).collect();
    let (result, rejects) =
        import(&store, &folder.file("SHI-USD-1d.csv", format!("{HEADER}{days}")), &recorded()).await;
    let expected = "no candle came of it: all 40000 candles open at 01:00 UTC; days start at 00:00 UTC";
    assert_eq!((nothing(result.map(|_| ())).as_str(), rejects.len()), (expected, 40_000));
    let mut connection = connection(&url).await;
    assert_eq!(count(&mut connection, "SELECT count(*) FROM symbols").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_later_line_of_a_repeated_candle_is_stored() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let mut lines = bars(60_000, 0..40_000, 1.0);
    // Beside each other, and further apart than a batch is long.
    let whole = |mut line: Line, volume| {
        line.5 = volume;
        line
    };
    lines.insert(11, whole(lines[10], 3.25));
    lines.push(whole(lines[5], 7.5));
    let report = import_good(&store, &folder.file("DUP-USD-1m.csv", csv(lines.clone()))).await;
    assert_eq!((report.rows, report.inserted, report.repeated), (40_000, 40_000, 2));
    let id = series(&store, "DUP").await.id;
    let first = store.candles(id, Interval::M1, Some(0), Some(12 * 60_000), 20).await.unwrap().unwrap();
    assert_eq!((first.candles[5].volume, first.candles[10].volume), (7.5, 3.25));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_time_that_is_decades_off_costs_one_month() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let mut lines = bars(60_000, 28_401_120..28_401_220, 1.0);
    lines.insert(50, bars(60_000, 0..1, 1.0)[0]);
    let report = import_good(&store, &folder.file("OFF-USD-1m.csv", csv(lines.clone()))).await;
    assert_eq!(report.inserted, 101);
    let id = series(&store, "OFF").await.id;
    let read = store.candles(id, Interval::H1, None, None, 5_000).await.unwrap().unwrap();
    lines.sort_by_key(|line| line.0);
    assert_bars(&read, &roll_up(&lines, Interval::H1), 60, "hours");
    let months = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'candles_1m_19%'";
    assert_eq!(count(&mut connection(&url).await, months).await, 1, "January 1970 alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_leave_everything_as_it_was() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let packed = std::fs::read(sample("ETH")).unwrap();
    let truncated = folder.file("ETH-USD-30m.csv.gz", &packed[..packed.len() / 2]);
    let mut corrupt = packed.clone();
    corrupt[packed.len() / 2] ^= 0xff;
    let corrupt = folder.file("EOS-USD-30m.csv.gz", corrupt);
    let cases = [
        (truncated, "truncated"),
        (corrupt, "after line"),
        (folder.path("GON-USD-1h.csv"), "no such file"),
        (std::env::temp_dir(), "is a directory"),
        (folder.file("EMP-USD-1h.csv", ""), "empty"),
        (folder.file("LAY-USD-1h.csv", "a,b\n1,2\n"), "unknown layout"),
        (folder.file("BIN-USD-1h.csv", format!("{HEADER}{}", "x".repeat(10_000))), "over 4096 bytes"),
        (folder.file("prices.csv", HEADER), "--symbol"),
    ];
    for (file, expected) in cases {
        let options = if file.is_dir() {
            Options { symbol: Some("DIR".parse().unwrap()), length: Some(Interval::H1.into()), ..recorded() }
        } else {
            recorded()
        };
        let text = import(&store, &file, &options).await.0.unwrap_err().to_string();
        assert!(text.contains(expected), "{}: {text}", file.display());
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    assert_eq!(store.directory().await.unwrap().series, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_imports_of_one_series_take_turns() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let options = Options {
        symbol: Some("TWO".parse().unwrap()),
        length: Some(Interval::M1.into()),
        source: Some(Source::new("brand-new")),
        ..recorded()
    };
    let files = [(0, 40_000, 1.0), (20_000, 60_000, 2.0), (10_000, 50_000, 3.0)]
        .map(|(from, to, volume)| folder.file(&format!("{from}.csv"), csv(bars(60_000, from..to, volume))));
    let tasks = files.map(|file| {
        let (store, options) = (store.clone(), options.clone());
        tokio::spawn(async move { import(&store, &file, &options).await.0.unwrap() })
    });
    let mut revisions = Vec::new();
    let mut inserted = 0;
    for task in tasks {
        let report = task.await.unwrap();
        revisions.push(report.revision.unwrap());
        inserted += report.inserted;
    }
    assert_eq!(inserted, 60_000);
    let directory = store.directory().await.unwrap();
    assert_eq!(directory.series.len(), 1);
    assert_eq!(directory.version, *revisions.iter().max().unwrap());
    revisions.dedup();
    assert_eq!(revisions.len(), 3, "each change has a revision of its own");

    // Whoever came last, each file's rows are all of one import, and the roll-ups agree with the minutes.
    let mut connection = connection(&url).await;
    let read: Vec<(i64, f64, f64, f64, f64, f64)> = sqlx::query_as(
        r#"SELECT open_time, open, high, low, close, volume FROM candles WHERE "interval" = 60"#,
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(read.len(), 60_000);
    for shared in [10_000..20_000, 20_000..40_000, 40_000..50_000] {
        let volumes: std::collections::BTreeSet<_> = read
            .iter()
            .filter(|line| shared.contains(&(line.0 / 60_000)))
            .map(|line| line.5.to_bits())
            .collect();
        assert_eq!(volumes.len(), 1, "rows of two imports mixed");
    }
    let id = directory.series[0].id;
    for interval in [Interval::H1, Interval::D1, Interval::W1] {
        let bars = store.candles(id, interval, None, None, 5_000).await.unwrap().unwrap();
        assert_bars(&bars, &roll_up(&read, interval), interval.ms() / 60_000, &interval.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_grow_even_when_the_clock_went_back() {
    let (store, url) = database().await;
    let folder = Folder::new();
    import_good(&store, &folder.file("REV-USD-1h.csv", csv(bars(HOUR, 0..3, 1.0)))).await;
    // As if written by a machine whose clock was ahead by centuries.
    let ahead = 9_000_000_000_000_000_i64;
    let mut connection = connection(&url).await;
    sqlx::query("UPDATE series SET revision = $1").bind(ahead).execute(&mut connection).await.unwrap();
    let report = import_good(&store, &folder.file("REV-USD-1h.csv", csv(bars(HOUR, 0..4, 1.0)))).await;
    assert_eq!(report.revision, Some(ahead as u64 + 1));
    // Of any other series too: the highest revision stands for all of them.
    let report = import_good(&store, &folder.file("OTH-USD-1h.csv", csv(bars(HOUR, 0..4, 1.0)))).await;
    assert_eq!(report.revision, Some(ahead as u64 + 2));
    assert_eq!(store.directory().await.unwrap().version, ahead as u64 + 2);
    assert_eq!(store.latest(&Source::RECORDED).await.unwrap().version, ahead as u64 + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn revisions_of_all_series_are_in_the_order_of_their_commits() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let mut holder = connection(&url).await;
    // Holds the commit of one series up, after its revision was given out.
    sqlx::raw_sql(
        "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF (SELECT symbol FROM symbols WHERE id = NEW.symbol_id) = 'SLO' THEN
                 PERFORM pg_advisory_xact_lock(42);
             END IF;
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER hold AFTER UPDATE ON series DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION hold();
         SELECT pg_advisory_lock(42);",
    )
    .execute(&mut holder)
    .await
    .unwrap();
    let start = |name: &str| {
        let (store, file) = (store.clone(), folder.file(name, csv(bars(HOUR, 0..3, 1.0))));
        tokio::spawn(async move { import_good(&store, &file).await.revision.unwrap() })
    };
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let slow = start("SLO-USD-1h.csv");
    wait_for(&mut holder, waiting, 1).await;
    let quick = start("QUI-USD-1h.csv");
    // It waits as well, or has overtaken.
    let either = format!("SELECT ({waiting}) + (SELECT count(*) FROM series)");
    wait_for(&mut holder, &either, 2).await;
    assert_eq!(store.directory().await.unwrap().version, 0, "a later revision was committed first");
    sqlx::query("SELECT pg_advisory_unlock(42)").execute(&mut holder).await.unwrap();
    let (slow, quick) = (slow.await.unwrap(), quick.await.unwrap());
    assert!(slow < quick, "{slow} {quick}");
    assert_eq!(store.directory().await.unwrap().version, quick);
}

/// Waits until the statement gives at least this number.
async fn wait_for(connection: &mut sqlx::PgConnection, sql: &str, at_least: i64) {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while count(connection, sql).await < at_least {
        assert!(std::time::Instant::now() < deadline, "waited in vain: {sql}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_reports_counts_and_fails_for_bad_files_only() {
    let (_, url) = database().await;
    let folder = Folder::new();
    let good = folder.file("CMD-USD-1h.csv", csv(bars(HOUR, 0..10, 1.0)));
    let mut text = csv(bars(HOUR, 0..10, 1.0));
    (0..50).for_each(|_| text.push_str("1,2\n"));
    let bad = folder.file("CMB-USD-1h.csv", text);
    let missing = folder.path("CMM-USD-1h.csv");
    let rejects = folder.path("rejects.txt");
    let run = |arguments: &[&std::path::Path], url: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_tidemark"))
            .arg("import")
            .args(arguments)
            .env("DATABASE_URL", url)
            .current_dir(folder.path(""))
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, out, err) = run(&[&missing, &bad, &good, "--rejects".as_ref(), &rejects], &url);
    assert_eq!(code, Some(1));
    assert!(out.contains("CMB 1h recorded: 10 rows, 10 new, 0 changed, 50 rejected"), "{out}");
    assert!(out.contains("CMD 1h recorded: 10 rows, 10 new, 0 changed, 0 rejected"), "{out}");
    assert!(err.contains("CMM-USD-1h.csv: no such file"), "{err}");
    assert!(err.contains("CMB-USD-1h.csv:12: has 2 fields, not 6"), "{err}");
    assert_eq!(err.matches("has 2 fields").count(), 20, "{err}");
    assert!(err.contains("and 30 more rejected lines"), "{err}");
    assert_eq!(std::fs::read_to_string(&rejects).unwrap().lines().count(), 50);

    let (code, out, err) = run(&[&good], &url);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("10 rows, 0 new, 0 changed"), "{out}");

    let (code, _, err) = run(&[&good], "postgres://u:hunter2@127.0.0.1:1/x");
    assert_eq!(code, Some(1));
    assert!(err.contains("unavailable") && !err.contains("hunter2"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_has_the_decimals_that_its_prices_commonly_have() {
    let (store, url) = database().await;
    let folder = Folder::new();
    for symbol in SAMPLE {
        import_good(&store, &sample(symbol)).await;
    }
    let tiny = |prices: [&str; 3]| {
        let line =
            |(i, price): (usize, &str)| format!("{},{price},{price},{price},{price},1\n", i as i64 * HOUR);
        HEADER.to_owned() + &prices.into_iter().enumerate().map(line).collect::<String>()
    };
    let baby = tiny(["0.00000000110000", "0.00000000110666", "0.00000000110333"]);
    import_good(&store, &folder.file("BABY-USD-1h.csv", baby)).await;
    let pico = tiny(["0.0000000000240", "0.00000000002448", "0.00000000002432"]);
    import_good(&store, &folder.file("PICO-USD-1h.csv", pico)).await;
    // More digits than a float holds, of which 15 count, and no decimals at all.
    import_good(&store, &folder.file("LEAST-USD-1h.csv", tiny(["1.2345678901234567e-12"; 3]))).await;
    import_good(&store, &folder.file("WHOLE-USD-1h.csv", tiny(["40000"; 3]))).await;
    let decimals: Vec<_> = store
        .directory()
        .await
        .unwrap()
        .series
        .iter()
        .map(|s| (s.symbol.to_string(), s.price_decimals))
        .collect();
    let expected = [
        ("BABY", 14),
        ("BTC", 1),
        ("EOS", 4),
        ("ETH", 2),
        ("LEAST", 26),
        ("LTC", 3),
        ("PICO", 14),
        ("WHOLE", 0),
        ("XRP", 5),
    ];
    assert_eq!(decimals, expected.map(|(symbol, decimals)| (symbol.to_owned(), decimals)));

    // An import that changes nothing leaves them alone, as does one of other series.
    let mut connection = connection(&url).await;
    sqlx::query("UPDATE series SET price_decimals = 7").execute(&mut connection).await.unwrap();
    import_good(&store, &sample("BTC")).await;
    import_good(&store, &folder.file("WHOLE-USD-1h.csv", tiny(["40000.5"; 3]))).await;
    assert_eq!(series(&store, "BTC").await.price_decimals, 7);
    assert_eq!(series(&store, "WHOLE").await.price_decimals, 1);
}
