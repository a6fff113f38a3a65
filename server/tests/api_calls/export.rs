//! `GET /api/export`.

use std::{io::Read, time::Duration};

use flate2::read::GzDecoder;
use local_servers::{Fault, FaultProxy, PostgresServer, wait_until};
use serde_json::{Value, json};

use crate::{
    support::{SOON, Server, Setup, import_sample, run, sample_database, sample_lines},
    wire,
};

fn server() -> Server {
    let (_, url) = sample_database();
    Server::start(&Setup { postgres: Some(&url), feed: Some("none"), ..Setup::default() })
}

#[test]
fn a_file_is_whole_and_can_be_imported_again() {
    let server = server();
    let reply = server.get("/api/export?symbol=btc&interval=30m");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"BTC-USD-30m.csv\"");
    assert_eq!(reply.header("cache-status"), "tidemark; fwd=bypass; detail=database");
    assert_eq!(reply.header("tidemark-source"), "recorded");
    assert!(reply.header("tidemark-revision").parse::<u64>().unwrap() > 0);
    assert_eq!(reply.header("content-length"), "");
    let text = reply.text();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("open_time,open,high,low,close,volume"));
    let numbers = |line: &str| line.split(',').map(|f| f.parse::<f64>().unwrap()).collect::<Vec<_>>();
    let sample: Vec<Vec<f64>> = sample_lines("BTC-USD-30m.csv.gz").iter().map(|l| numbers(l)).collect();
    let exported: Vec<Vec<f64>> = lines.map(numbers).collect();
    assert!(exported == sample, "{} lines, {} in the sample", exported.len(), sample.len());

    // Into another database, by the name that the answer gives the file: the same candles are there.
    let other = PostgresServer::ephemeral().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("BTC-USD-30m.csv");
    std::fs::write(&file, &text).unwrap();
    assert!(run(&other.url(), &["migrate"]).status.success());
    let imported = run(&other.url(), &["import", "--strict", file.to_str().unwrap()]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let second =
        Server::start(&Setup { postgres: Some(&other.url()), feed: Some("none"), ..Setup::default() });
    let daily = "/api/export?symbol=BTC&interval=1d&format=csv";
    assert_eq!(second.get(daily).text(), server.get(daily).text());
}

#[test]
fn lines_of_json_say_the_same_and_ranges_are_inclusive() {
    let server = server();
    let (from, to) = (1_546_300_800_000_i64, 1_546_387_200_000_i64);
    let reply = server.get(&format!("/api/export?symbol=ETH&interval=4h&from={from}&to={to}&format=ndjson"));
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"ETH-USD-4h.ndjson\"");
    let text = reply.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let chart = server.json(&format!("/api/chart_data?symbol=ETH&interval=4h&from={from}&to={to}"));
    let candles = chart["candles"].as_array().unwrap();
    assert_eq!(lines.len(), 7);
    assert_eq!(lines.len(), candles.len());
    for (line, candle) in lines.iter().zip(candles) {
        let names = ["open_time", "open", "high", "low", "close", "volume"];
        for (i, name) in names.into_iter().enumerate() {
            assert_eq!(line[name].as_f64(), candle[i].as_f64(), "{line} {candle}");
        }
    }
    let empty = server.get("/api/export?symbol=ETH&interval=4h&from=4000000000000");
    assert_eq!(empty.text(), "open_time,open,high,low,close,volume\n");
}

#[test]
fn a_file_is_compressed_for_those_who_ask() {
    let server = server();
    let path = "/api/export?symbol=LTC&interval=1h";
    let reply = server.get_with(path, &[("accept-encoding", "gzip")]);
    assert_eq!(reply.header("content-encoding"), "gzip");
    assert!(reply.header("vary").contains("accept-encoding"));
    let mut text = String::new();
    GzDecoder::new(&reply.body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, server.get_with(path, &[("accept-encoding", "identity")]).text());
}

#[test]
fn what_cannot_be_exported_is_named() {
    let simulated = Server::start(&Setup { feed: Some("simulated"), ..Setup::default() });
    let refused = simulated.get("/api/export?symbol=BTC&interval=1d").json();
    assert_eq!((&refused["status"], &refused["parameter"]), (&json!(400), &json!("source")));
    let server = server();
    for (query, status, parameter) in [
        ("symbol=BTC&interval=1d&source=simulated", 400, json!("source")),
        ("symbol=BTC&interval=1d&format=xml", 400, json!("format")),
        ("symbol=BTC&interval=1m", 400, json!("interval")),
        ("symbol=NOPE&interval=1d", 404, json!("symbol")),
        ("symbol=BTC&interval=1d&source=nobody", 400, json!("source")),
        ("symbol=BTC&interval=1d&partial=half", 400, json!("partial")),
    ] {
        let problem = server.get(&format!("/api/export?{query}")).json();
        assert_eq!((&problem["status"], &problem["parameter"]), (&json!(status), &parameter), "{query}");
    }
}

/// Bytes of an export that fills every buffer on the way, so that a reader who stops holds it up.
fn large_database() -> PostgresServer {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    // A year and a half of minutes, made by the database itself.
    let fill = "INSERT INTO candles (series_id, \"interval\", open_time, open, high, low, close, volume, bars)
        SELECT s.id, s.finest, l.t + n * s.finest * 1000::bigint, 1.000000001 * n, 1.000000001 * n, 1.000000001 * n,
               1.000000001 * n, 1.000000001 * n, 1
        FROM series s JOIN symbols y ON y.id = s.symbol_id
        CROSS JOIN LATERAL (SELECT max(open_time) t FROM candles WHERE series_id = s.id AND \"interval\" = s.finest) l
        CROSS JOIN generate_series(1, 400000) n
        WHERE y.symbol = 'XRP'";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection: sqlx::PgConnection = sqlx::Connection::connect(&postgres.url()).await.unwrap();
        sqlx::query(fill).execute(&mut connection).await.unwrap();
    });
    postgres
}

#[test]
fn four_at_once_the_fifth_is_told_to_wait_and_a_failure_never_looks_complete() {
    let postgres = large_database();
    let server = Server::start(&Setup {
        postgres: Some(&postgres.url()),
        feed: Some("none"),
        env: &[("TIDEMARK_TRUSTED_PROXIES", "127.0.0.1")],
        ..Setup::default()
    });
    let path = "/api/export?symbol=XRP&interval=30m&format=ndjson";
    let client = |last: usize| format!("203.0.113.{last}");
    // Started by two clients, and then read no further.
    let mut held: Vec<_> =
        (0..4).map(|n| wire::open(&server, "GET", path, &[("x-forwarded-for", &client(n / 2))])).collect();
    for stream in &mut held {
        let mut start = [0; 1_000];
        stream.read_exact(&mut start).unwrap();
        assert!(start.starts_with(b"HTTP/1.1 200 "));
    }
    let third = server.get_with(path, &[("x-forwarded-for", &client(0))]);
    assert_eq!((third.status, third.header("retry-after")), (429, "10"), "{}", third.text());
    let fifth = server.get_with(path, &[("x-forwarded-for", &client(2))]);
    assert_eq!(fifth.status, 503, "{}", fifth.text());
    assert_eq!(fifth.header("retry-after"), "10");
    // Calls that cost little go on.
    assert_eq!(server.get("/api/latest_prices").status, 200);
    assert_eq!(server.get("/api/charts?symbols=BTC,ETH&interval=1d").status, 200);

    // One who reads on gets it whole.
    let mut first = held.remove(0);
    let mut whole = Vec::new();
    first.read_to_end(&mut whole).unwrap();
    assert!(whole.ends_with(b"\r\n0\r\n\r\n"), "a chunked body ends with an empty chunk");
    // Its place is free again, as is that of one who goes away.
    drop(held.remove(0));
    let freed = wait_until(SOON, || server.get("/api/export?symbol=BTC&interval=1w").status == 200);
    assert!(freed);
    // The database goes away in the middle of the others: there is an end, but not that of a whole body.
    drop(postgres);
    for mut stream in held {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "a part looks complete");
        assert!(rest.len() < whole.len());
    }
    let log = server.log();
    assert!(log.contains("an export broke off"), "{log}");
}

#[test]
fn who_leaves_gives_the_place_back_when_the_database_is_left_as_well() {
    let postgres = large_database();
    let proxy = FaultProxy::before(postgres.port()).unwrap();
    let url = postgres.url().replace(&postgres.port().to_string(), &proxy.port().to_string());
    let server = Server::start(&Setup {
        postgres: Some(&url),
        feed: Some("none"),
        env: &[("TIDEMARK_MAX_EXPORTS_PER_CLIENT", "1")],
        ..Setup::default()
    });
    let path = "/api/export?symbol=XRP&interval=30m&format=ndjson";
    // Each page takes a while, so that the next one is being read when the head arrives.
    proxy.set(Fault::Delay(Duration::from_millis(100))).unwrap();
    let mut stream = wire::open(&server, "GET", path, &[]);
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    proxy.set(Fault::BlackHole).unwrap();
    drop(stream);
    // That nobody is let in can only be seen for a while, shorter than the server waits for the database.
    let let_in = wait_until(Duration::from_secs(3), || server.get(path).status != 429);
    assert!(!let_in, "one more connection to the database, and no place for the first");
    proxy.set(Fault::None).unwrap();
    assert!(wait_until(SOON, || server.get("/api/export?symbol=BTC&interval=1w").status == 200));
}

#[test]
fn who_takes_nothing_of_an_export_gives_the_place_back_also_without_a_slowest_rate() {
    let postgres = large_database();
    let server = Server::start(&Setup {
        postgres: Some(&postgres.url()),
        feed: Some("none"),
        env: &[("TIDEMARK_MAX_EXPORTS_PER_CLIENT", "1"), ("TIDEMARK_MIN_BODY_KIB_PER_SECOND", "0")],
        ..Setup::default()
    });
    let mut stream = wire::open(&server, "GET", "/api/export?symbol=XRP&interval=30m&format=ndjson", &[]);
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    let small = "/api/export?symbol=BTC&interval=1w";
    assert_eq!(server.get(small).status, 429);
    // Within twice 30 s: some was taken in the first.
    assert!(wait_until(6 * SOON, || server.get(small).status == 200), "{}", server.log());
}

#[test]
fn memory_stays_bounded_however_long_the_export() {
    let postgres = large_database();
    let server =
        Server::start(&Setup { postgres: Some(&postgres.url()), feed: Some("none"), ..Setup::default() });
    assert_eq!(server.get("/api/export?symbol=BTC&interval=1w").status, 200);
    let before = wire::resident_kib(&server);
    let mut stream = wire::open(&server, "GET", "/api/export?symbol=XRP&interval=30m&format=ndjson", &[]);
    let (mut length, mut most) = (0, 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        length += read;
        most = most.max(wire::resident_kib(&server));
    }
    assert!(length > 40 << 20, "{length} bytes are too few to tell");
    assert!(most < before + (32 << 10), "{most} KiB after {before} KiB, for {length} bytes");
}

#[test]
fn a_file_has_exactly_the_candles_on_screen_and_marks_the_incomplete_ones() {
    let server = server();
    // What a page shows: a range by its first and its last candle, of the interval and source that it names.
    let (month, all) =
        ((1_507_000_000_000_i64, 1_512_000_000_000_i64), (1_506_816_000_000, 1_554_075_000_000));
    for (interval, (from, to)) in [("30m", month), ("4h", all), ("1d", all), ("1w", all)] {
        let query = format!("symbol=BTC&interval={interval}&from={from}&to={to}&source=recorded");
        let chart = server.json(&format!("/api/chart_data?{query}&limit=5000"));
        let candles = chart["candles"].as_array().unwrap();
        let partial = chart["partial"].as_array().unwrap();
        let text = server.get(&format!("/api/export?{query}&format=csv")).text();
        let mut lines = text.lines();
        let marks = if partial.is_empty() { "" } else { ",partial" };
        assert_eq!(lines.next().unwrap(), format!("open_time,open,high,low,close,volume{marks}"));
        let lines: Vec<&str> = lines.collect();
        assert_eq!(lines.len(), candles.len(), "{interval}");
        for (line, candle) in lines.iter().zip(candles) {
            let fields: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
            let figures: Vec<f64> =
                candle.as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect();
            assert_eq!(fields[..6], figures, "{interval}");
            let is_partial = partial.contains(&candle[0]);
            assert_eq!(
                fields.get(6).copied(),
                (!marks.is_empty()).then_some(f64::from(u8::from(is_partial))),
                "{line}"
            );
        }
        if interval == "30m" {
            assert!(partial.is_empty());
            continue;
        }
        assert!(!partial.is_empty(), "the sample has gaps");
        // Left out, or as the others.
        let omitted = server.get(&format!("/api/export?{query}&partial=omit")).text();
        assert_eq!(omitted.lines().count(), 1 + candles.len() - partial.len());
        let kept = server.get(&format!("/api/export?{query}&partial=keep")).text();
        assert_eq!(kept.lines().count(), 1 + candles.len());
        for text in [&omitted, &kept] {
            assert!(text.starts_with("open_time,open,high,low,close,volume\n"), "{text}");
        }
        let lines = server.get(&format!("/api/export?{query}&format=ndjson")).text();
        for (line, candle) in lines.lines().zip(candles) {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["open_time"], candle[0]);
            let mark = if partial.contains(&candle[0]) { json!(true) } else { Value::Null };
            assert_eq!(line["partial"], mark, "{line}");
        }
    }
}
