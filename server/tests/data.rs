//! `tidemark data`: what is stored, what is missing, and deleting series under a running server.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use local_servers::{PostgresServer, wait_until};
use serde_json::{Value, json};
use support::{SOON, Server, Setup, import_sample, run, sample_lines, tidemark, write_candles};

const HOUR: i64 = 3_600_000;
/// 2024-03-01T00:00Z.
const START: i64 = 1_709_251_200_000;

/// A database, and a folder for files.
struct Database {
    postgres: PostgresServer,
    folder: tempfile::TempDir,
}

impl Database {
    fn new() -> Self {
        let postgres = PostgresServer::ephemeral().unwrap();
        assert!(run(&postgres.url(), &["migrate"]).status.success());
        Self { postgres, folder: tempfile::tempdir().unwrap() }
    }

    /// Candles at these steps after the start.
    fn import(&self, name: &str, step: i64, at: impl IntoIterator<Item = i64>, source: &str) {
        let file = self.folder.path().join(name);
        let rows: Vec<(i64, f64)> = at.into_iter().map(|i| (START + i * step, (i + 2) as f64)).collect();
        write_candles(&file, &rows);
        let imported = run(&self.postgres.url(), &["import", file.to_str().unwrap(), "--source", source]);
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    }

    /// Runs `tidemark data`: exit code, standard output, standard error.
    fn data(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        data(&self.postgres.url(), arguments)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (code, out, err) = self.data(&[arguments, &["--json"]].concat());
        assert_eq!(code, Some(0), "{err}");
        serde_json::from_str::<Value>(&out).unwrap()["series"].clone()
    }

    /// A fingerprint of all that is stored of a series.
    fn digest(&self, symbol: &str, source: &str) -> String {
        let sql = format!(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(c::text, ',' ORDER BY c.interval, c.open_time)), '')
             FROM candles c JOIN series s ON s.id = c.series_id JOIN sources o ON o.id = s.source_id
             JOIN symbols y ON y.id = s.symbol_id WHERE o.source = '{source}' AND y.symbol = '{symbol}'"
        );
        self.postgres.execute(&sql).unwrap()
    }
}

fn data(url: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(url, &[&["data"], arguments].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Runs `tidemark data delete` on a terminal, which util-linux' script makes, and answers: exit code, and what it says.
fn ask(url: &str, arguments: &str, answer: &str) -> (Option<i32>, String) {
    let command = format!("{} data delete {arguments}", env!("CARGO_BIN_EXE_tidemark"));
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env("DATABASE_URL", url)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(format!("{answer}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(input);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn lists_each_series_with_its_candles() {
    let database = Database::new();
    assert_eq!(database.data(&["list"]), (Some(0), "none\n".to_owned(), String::new()));
    assert_eq!(database.json(&["list"]), json!([]));
    database.import("BTC-USD-1h.csv", HOUR, 0..48, "recorded");
    database.import("BTC-USD-1d.csv", 24 * HOUR, 0..2, "recorded");
    database.import("ETH-USD-1m.csv", 60_000, [0, 1, 5], "other");
    database
        .postgres
        .execute("UPDATE candles SET bars = 0 WHERE \"interval\" = 60 AND open_time % 300000 = 60000")
        .unwrap();
    let (code, out, err) = database.data(&["list"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let words: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words.len(), 4, "{out}");
    assert_eq!(words[1].join(" "), "BTC recorded 1h 2024-03-01 00:00 2024-03-02 23:00 48 0 0");
    assert_eq!(words[2].join(" "), "BTC recorded 1d 2024-03-01 00:00 2024-03-02 00:00 2 0 0");
    assert_eq!(words[3].join(" "), "ETH other 1m 2024-03-01 00:00 2024-03-01 00:05 3 1 0");
    let eth = json!([{ "symbol": "ETH", "source": "other", "interval": "1m", "first_open": START,
                       "last_open": START + 300_000, "candles": 3, "incomplete": 1, "price_decimals": 0 }]);
    for filter in [["--symbol", "eth"], ["--source", "other"], ["--interval", "1m"]] {
        assert_eq!(database.json(&[&["list"][..], &filter].concat()), eth, "{filter:?}");
    }
    assert_eq!(database.json(&["list", "--symbol", "BTC", "--interval", "1m"]), json!([]));
}

#[test]
fn gaps_are_found_where_they_are() {
    let database = Database::new();
    // Missing: hour 3; hours 10 to 14; hours 20 and 21.
    let at = (0..30).filter(|i| *i != 3 && !(10..15).contains(i) && !(20..22).contains(i));
    database.import("GAP-USD-1h.csv", HOUR, at, "recorded");
    database
        .postgres
        .execute(&format!("UPDATE candles SET bars = 0 WHERE open_time = {}", START + 5 * HOUR))
        .unwrap();
    let gap = |from: i64, to: i64| json!({ "from": START + from * HOUR, "to": START + to * HOUR, "candles": to - from + 1 });
    assert_eq!(
        database.json(&["gaps"]),
        json!([{ "symbol": "GAP", "source": "recorded", "interval": "1h", "candles": 22, "missing": 8, "gaps": 3,
                 "longest": [gap(10, 14), gap(20, 21), gap(3, 3)], "incomplete": 1,
                 "incomplete_at": [START + 5 * HOUR] }])
    );
    let (_, out, _) = database.data(&["gaps", "--limit", "2"]);
    assert_eq!(
        out,
        "GAP 1h recorded: 22 candles, 8 missing in 3 gaps, 1 incomplete\n\
         \u{20} 2024-03-01 10:00 to 2024-03-01 14:00 UTC: 5 candles missing\n\
         \u{20} 2024-03-01 20:00 to 2024-03-01 21:00 UTC: 2 candles missing\n\
         \u{20} and 1 shorter gap; --limit shows more\n\
         \u{20} 2024-03-01 05:00 UTC: incomplete\n"
    );
    assert_eq!(database.data(&["gaps", "--limit", "0"]).0, Some(2));
    assert_eq!(database.data(&["gaps", "--symbol", "NOPE"]).1, "none\n");
}

#[test]
fn gaps_of_the_sample_are_those_of_the_file() {
    let database = Database::new();
    import_sample(&database.postgres.url());
    let times: Vec<i64> = sample_lines("BTC-USD-30m.csv.gz")
        .iter()
        .map(|line| line.split(',').next().unwrap().parse().unwrap())
        .collect();
    let steps =
        times.windows(2).map(|pair| (pair[1] - pair[0]) / 1_800_000 - 1).filter(|missing| *missing > 0);
    let found = database.json(&["gaps", "--symbol", "BTC", "--limit", "10000"]);
    assert_eq!(found[0]["gaps"], json!(steps.clone().count()));
    assert_eq!(found[0]["missing"], json!(steps.clone().sum::<i64>()));
    assert_eq!(found[0]["longest"].as_array().unwrap().len(), steps.clone().count());
    assert_eq!(found[0]["longest"][0]["candles"], json!(steps.max().unwrap()));
}

#[test]
fn a_deleted_series_is_gone_from_a_running_server_and_nothing_else_is() {
    let database = Database::new();
    database.import("BTC-USD-1h.csv", HOUR, 0..48, "recorded");
    database.import("BTC-USD-1h.csv", HOUR, 0..48, "other");
    database.import("ETH-USD-1h.csv", HOUR, 0..48, "recorded");
    database.import("OLD-USD-1m.csv", 60_000, (0..3_000).chain(300_000..300_010), "recorded");
    // The series of the highest revision: versions must not go back with it.
    database.import("NEW-USD-1m.csv", 60_000, 0..1_500, "recorded");
    let server = Server::start(&Setup {
        postgres: Some(&database.postgres.url()),
        feed: Some("none"),
        ..Setup::default()
    });
    let chart = |symbol: &str| format!("/api/chart_data?symbol={symbol}&interval=1d&source=recorded");
    let symbols = || -> Vec<String> {
        let prices = server.json("/api/latest_prices")["prices"].as_array().unwrap().clone();
        prices.iter().map(|it| it["symbol"].as_str().unwrap().to_owned()).collect()
    };
    for symbol in ["BTC", "ETH", "NEW", "OLD"] {
        assert_eq!(server.get(&chart(symbol)).status, 200);
    }
    assert_eq!(symbols(), ["BTC", "ETH", "NEW", "OLD"]);
    let others =
        || [("BTC", "other"), ("ETH", "recorded")].map(|(symbol, source)| database.digest(symbol, source));
    let before = others();

    for symbol in ["NEW", "OLD"] {
        let (code, out, err) = database.data(&["delete", "--symbol", symbol, "--yes"]);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert!(out.starts_with(&format!("deleted {symbol} 1m recorded: ")), "{out}");
        let deleted = Instant::now();
        assert!(wait_until(SOON, || server.get(&chart(symbol)).status == 404), "{}", server.log());
        assert!(wait_until(SOON, || !symbols().contains(&symbol.to_owned())), "{:?}", symbols());
        assert!(deleted.elapsed() < Duration::from_secs(5), "{:?}", deleted.elapsed());
        assert_eq!(server.get(&format!("/coin/{symbol}")).status, 404);
    }
    assert_eq!(symbols(), ["BTC", "ETH"]);
    // One of two sources.
    let (code, out, _) =
        database.data(&["delete", "--symbol", "BTC", "--source", "recorded", "--interval", "1h", "--yes"]);
    assert_eq!(code, Some(0));
    assert_eq!(out, "deleted BTC 1h recorded: 48 candles from 2024-03-01 00:00 to 2024-03-02 23:00 UTC\n");
    assert!(wait_until(SOON, || server.get(&chart("BTC")).status == 400));
    assert_eq!(others(), before, "what was not named is untouched");
    let rows = "SELECT count(*) FROM candles c JOIN series s ON s.id = c.series_id WHERE s.last_open IS NULL";
    assert_eq!(database.postgres.execute(rows).unwrap().trim(), "0", "roll-ups go too");
    assert_eq!(database.json(&["list", "--source", "recorded"]).as_array().unwrap().len(), 1);

    // The last of all: the table is empty, and comes back with an import.
    for symbol in ["ETH", "BTC"] {
        assert_eq!(database.data(&["delete", "--symbol", symbol, "--yes"]).0, Some(0));
    }
    assert!(wait_until(SOON, || server.get(&chart("ETH")).status == 404));
    assert!(wait_until(SOON, || symbols().is_empty()), "{:?}", symbols());
    database.import("NEW-USD-1m.csv", 60_000, 0..60, "recorded");
    assert!(wait_until(SOON, || server.get(&chart("NEW")).status == 200));
    let candles = server.json(&chart("NEW"))["candles"].clone();
    assert_eq!(candles.as_array().unwrap().len(), 1, "nothing of before: {candles}");
    assert!(wait_until(SOON, || symbols() == ["NEW"]), "{:?}", symbols());
}

#[test]
fn it_asks_and_without_a_terminal_wants_a_yes() {
    let database = Database::new();
    database.import("BTC-USD-1h.csv", HOUR, 0..48, "recorded");
    let before = database.digest("BTC", "recorded");
    let mut child = tidemark()
        .args(["data", "delete", "--symbol", "BTC"])
        .env("DATABASE_URL", database.postgres.url())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"y\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(err, "tidemark: standard input is no terminal to ask on; --yes deletes without asking\n");
    for (arguments, reason) in [
        (vec!["--symbol", "NOPE"], "NOPE is not stored; `tidemark data list` shows what is"),
        (vec!["--symbol", "BTC", "--source", "other"], "BTC has no such series, only 1h recorded"),
        (vec!["--symbol", "BTC", "--interval", "1d"], "BTC has no such series, only 1h recorded"),
    ] {
        let (code, out, err) = database.data(&[&["delete", "--yes"][..], &arguments].concat());
        assert_eq!((code, out.as_str(), err), (Some(1), "", format!("tidemark: {reason}\n")));
    }
    assert_eq!(database.digest("BTC", "recorded"), before);

    let ask = |answer: &str| ask(&database.postgres.url(), "--symbol BTC", answer);
    let shown = "BTC 1h recorded: 48 candles from 2024-03-01 00:00 to 2024-03-02 23:00 UTC";
    let (code, said) = ask("n");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(shown) && said.contains("This cannot be undone. [y/N]"), "{said}");
    assert!(said.contains("nothing was deleted"), "{said}");
    assert_eq!(database.digest("BTC", "recorded"), before);
    let (code, said) = ask("yes");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("deleted {shown}")), "{said}");
    assert!(database.digest("BTC", "recorded").starts_with("0 "));
}

#[test]
fn what_a_feed_writes_or_plays_is_not_deleted_before_it_stops_and_a_replay_goes_with_its_recording() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let url = postgres.url();
    let server = Server::start(&Setup { postgres: Some(&url), feed: Some("replay"), ..Setup::default() });
    server.wait_json("/api/latest_prices", |it| {
        it["provenance"]["source"] == json!("replay") && it["prices"].as_array().unwrap().len() == 5
    });
    for source in ["replay", "recorded"] {
        let (code, out, err) = data(&url, &["delete", "--symbol", "BTC", "--source", source, "--yes"]);
        assert_eq!((code, out.as_str()), (Some(1), ""));
        let reason = "nothing was deleted: a running server feeds this database and may write BTC replay; stop it first";
        assert!(err.contains(reason), "{err}");
    }
    assert!(server.terminate().success());
    let server = Server::start(&Setup { postgres: Some(&url), feed: Some("none"), ..Setup::default() });
    let chart = |symbol: &str, source: &str| {
        server.get(&format!("/api/chart_data?symbol={symbol}&interval=1d&source={source}")).status
    };
    for symbol in ["BTC", "ETH"] {
        assert_eq!((chart(symbol, "recorded"), chart(symbol, "replay")), (200, 200));
    }
    // What goes with it is shown before.
    let (code, said) = ask(&url, "--symbol BTC --source recorded", "n");
    assert_eq!(code, Some(1), "{said}");
    let replay = said.lines().find(|line| line.starts_with("BTC 30m replay: ")).unwrap();
    assert!(replay.trim_end().ends_with("it replays what is to be deleted, and goes with it"), "{said}");
    assert_eq!((chart("BTC", "recorded"), chart("BTC", "replay")), (200, 200));
    let (code, out, err) = data(&url, &["delete", "--symbol", "BTC", "--source", "recorded", "--yes"]);
    assert_eq!(code, Some(0), "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("deleted BTC 30m recorded: 26242 candles"), "{out}");
    assert_eq!(lines[1..], ["the replay of BTC played it: its candles under source replay are deleted too"]);
    // The server notices that there is nothing left of the coin.
    assert!(wait_until(SOON, || chart("BTC", "recorded") == 404 && chart("BTC", "replay") == 404));
    assert_eq!((chart("ETH", "recorded"), chart("ETH", "replay")), (200, 200));
    assert_eq!(postgres.execute("SELECT count(*) FROM replays").unwrap().trim(), "4");
    let left = "SELECT count(*) FROM candles c JOIN series s ON s.id = c.series_id
                JOIN symbols y ON y.id = s.symbol_id WHERE y.symbol = 'BTC'";
    assert_eq!(postgres.execute(left).unwrap().trim(), "0");
}
