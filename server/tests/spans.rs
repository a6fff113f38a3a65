//! Figures over an hour, a day and a week against computations of the tests' own, in exact decimals.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod store_support;
mod support;

use std::{fs, io::Read as _, path::Path, time::Duration};

use candle_files::BarLength;
use model::{Interval, Quote, Source, Sparkline};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use store_support::{
    Folder, HEADER, Line, SAMPLE, bars, connection, csv, database, import, import_good, recorded, sample,
};
use support::{Server, Setup};
use tidemark::{import::Options, store::Store};

const MINUTE: i64 = 60_000;
const HALF_HOUR: i64 = 30 * MINUTE;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// A candle of half an hour, as the file has it.
#[derive(Clone, Copy, Debug)]
struct Row {
    time: i64,
    open: Decimal,
    high: Decimal,
    low: Decimal,
    close: Decimal,
    volume: Decimal,
}

impl Row {
    fn end(&self) -> i64 {
        self.time + HALF_HOUR
    }
}

/// The file of a symbol: its lines, and what they say.
fn read(symbol: &str) -> (Vec<String>, Vec<Row>) {
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(sample(symbol)).unwrap()).read_to_string(&mut text).unwrap();
    let lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    let row = |line: &String| {
        let fields: Vec<&str> = line.split(',').collect();
        let [open, high, low, close, volume] = [1, 2, 3, 4, 5].map(|i| fields[i].parse().unwrap());
        Row { time: fields[0].parse().unwrap(), open, high, low, close, volume }
    };
    let rows = lines.iter().map(row).collect();
    (lines, rows)
}

/// The price at a moment: the open of the candle that contains it, else the last close before it.
fn price_at(rows: &[Row], moment: i64) -> Option<Decimal> {
    let mut found = None;
    for row in rows {
        if row.time <= moment {
            found = Some(if moment < row.end() { row.open } else { row.close });
        }
    }
    found
}

/// Moments of interest of one symbol, with what they are. The time is that of the figures: the end of a candle, or a minute
/// after its start.
fn moments(rows: &[Row]) -> Vec<(&'static str, i64)> {
    let first = rows[0].time;
    let last = rows.last().unwrap();
    // The longest time without a candle, from a day after the start on.
    let (before, after) = rows
        .windows(2)
        .filter(|pair| pair[0].time > first + 10 * DAY)
        .max_by_key(|pair| pair[1].time - pair[0].time)
        .map(|pair| (pair[0], pair[1]))
        .unwrap();
    let middle = (before.end() + after.time) / 2 / HALF_HOUR * HALF_HOUR;
    assert!(before.end() <= middle && middle < after.time, "no gap");
    let end = |time: i64| rows.iter().find(|row| row.end() >= time).unwrap().end();
    let minute = |time: i64| rows.iter().find(|row| row.time >= time).unwrap().time + MINUTE;
    vec![
        ("the end of the sample", last.end()),
        ("a minute after the last candle began", last.time + MINUTE),
        ("just before a gap", before.end()),
        ("a minute after a gap", after.time + MINUTE),
        ("right after a gap", after.end()),
        ("an hour after a time in a gap", end(middle + HOUR)),
        ("24 hours after a time in a gap", end(middle + DAY)),
        ("a minute more than 24 hours after a time in a gap", minute(middle + DAY)),
        ("seven days after a time in a gap", end(middle + WEEK)),
        ("24 hours after the start of the sample", end(first + DAY)),
        ("half a day after the start of the sample", end(first + DAY / 2)),
        ("a minute after some candle in the middle began", minute(rows[rows.len() / 2].time)),
    ]
}

/// Stores what was known of a symbol at a moment.
async fn store_until(
    store: &Store,
    connection: &mut PgConnection,
    folder: &Folder,
    (symbol, lines, rows): (&str, &[String], &[Row]),
    (place, as_of): (usize, i64),
) {
    let path = folder.path(&format!("m{place}"));
    fs::create_dir_all(&path).unwrap();
    // A file of ten days is as good as one of all before.
    let known: Vec<&str> = lines
        .iter()
        .zip(rows)
        .filter(|(_, row)| row.time < as_of && row.time > as_of - 10 * DAY)
        .map(|(line, _)| line.as_str())
        .collect();
    let file = path.join(format!("{symbol}-USD-30m.csv"));
    fs::write(&file, format!("{HEADER}{}\n", known.join("\n"))).unwrap();
    let options = Options { source: Some(Source::new(format!("m{place}"))), ..recorded() };
    let (report, rejects) = import(store, &file, &options).await;
    assert_eq!((report.unwrap().rows, rejects.len()), (known.len() as u64, 0));
    // A candle that runs is as of when it was written.
    let last = rows.iter().rfind(|row| row.time < as_of).unwrap();
    if as_of < last.end() {
        sqlx::query(
            "UPDATE series s SET running = last_open, revision = $3 FROM symbols y, sources o
             WHERE y.id = s.symbol_id AND o.id = s.source_id AND y.symbol = $1 AND o.source = $2",
        )
        .bind(symbol)
        .bind(format!("m{place}"))
        .bind(as_of * 1_000)
        .execute(connection)
        .await
        .unwrap();
    }
}

/// Asserts that the quote and the line are what the file says.
fn assert_figures(quote: &Quote, line: &Sparkline, rows: &[Row], as_of: i64, what: &str) {
    let known: Vec<Row> = rows.iter().copied().filter(|row| row.time < as_of).collect();
    let what = format!("{} {what} {as_of}: {quote:?}", quote.symbol);
    let price = known.last().unwrap().close;
    assert_eq!((quote.as_of, quote.price), (as_of, price), "{what}");
    for (span, open, change) in [
        (HOUR, quote.open_1h, quote.change_1h_pct),
        (DAY, quote.open_24h, quote.change_24h_pct),
        (WEEK, quote.open_7d, quote.change_7d_pct),
    ] {
        let expected = price_at(&known, as_of - span);
        assert_eq!(open, expected, "{span} {what}");
        let expected = expected.map(|open| (price - open) / open * Decimal::ONE_HUNDRED);
        assert_eq!(change.is_some(), expected.is_some(), "{span} {what}");
        if let (Some(change), Some(expected)) = (change, expected) {
            let expected: f64 = expected.to_string().parse().unwrap();
            assert!((change - expected).abs() < 1e-9, "{span} {expected} {what}");
        }
    }
    let day: Vec<&Row> = known.iter().filter(|row| row.end() > as_of - DAY).collect();
    let known_day = quote.open_24h.is_some();
    let of_day = |figure: Option<Decimal>| figure.filter(|_| known_day);
    assert_eq!(quote.high_24h, of_day(day.iter().map(|row| row.high).max()), "{what}");
    assert_eq!(quote.low_24h, of_day(day.iter().map(|row| row.low).min()), "{what}");
    assert_eq!(quote.volume_24h, of_day(Some(day.iter().map(|row| row.volume).sum())), "{what}");

    // The line: the price at the start of the week, and the close of each four hours since.
    let mut expected: Vec<Decimal> = price_at(&known, as_of - WEEK).into_iter().collect();
    let week: Vec<&Row> = known.iter().filter(|row| row.end() > as_of - WEEK).collect();
    for (place, row) in week.iter().enumerate() {
        let next = week.get(place + 1).map(|row| row.time / (4 * HOUR));
        if next != Some(row.time / (4 * HOUR)) {
            expected.push(row.close);
        }
    }
    let closes: Vec<Decimal> = line.closes.iter().map(|close| close.to_string().parse().unwrap()).collect();
    assert_eq!(closes, expected, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_has_the_figures_that_its_files_say_at_many_moments() {
    let (store, url) = database().await;
    let mut connection = connection(&url).await;
    let folder = Folder::new();
    let mut in_gaps = [0; 3];
    for symbol in SAMPLE {
        let (lines, rows) = read(symbol);
        let moments = moments(&rows);
        assert!(moments.len() >= 10);
        for (place, (_, as_of)) in moments.iter().enumerate() {
            let series = (symbol, lines.as_slice(), rows.as_slice());
            store_until(&store, &mut connection, &folder, series, (place, *as_of)).await;
        }
        for (place, (what, as_of)) in moments.into_iter().enumerate() {
            let source = Source::new(format!("m{place}"));
            let latest = store.latest(&source).await.unwrap();
            let weeks = store.weeks(&source).await.unwrap();
            assert_eq!(latest.version, weeks.version);
            let quote = latest.quotes.iter().find(|quote| quote.symbol.as_str() == symbol).unwrap();
            let line = weeks.lines.iter().find(|line| line.symbol.as_str() == symbol).unwrap();
            assert_figures(quote, line, &rows, as_of, what);
            for (count, span) in in_gaps.iter_mut().zip([HOUR, DAY, WEEK]) {
                let start = as_of - span;
                let contains = |row: &Row| row.time <= start && start < row.end();
                *count += usize::from(rows[0].time < start && !rows.iter().any(contains));
            }
        }
    }
    // The moments are what they are called.
    assert!(in_gaps.iter().all(|count| *count >= SAMPLE.len()), "{in_gaps:?}");
}

/// A file of the tests.
fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The only quote of the source `recorded`.
async fn only(store: &Store) -> Quote {
    let mut quotes = store.latest(&Source::RECORDED).await.unwrap().quotes;
    assert_eq!(quotes.len(), 1);
    quotes.remove(0)
}

fn whole(number: i64) -> Option<Decimal> {
    Some(Decimal::from(number))
}

/// All figures of 24 hours.
fn day(quote: &Quote) -> [Option<Decimal>; 4] {
    [quote.open_24h, quote.high_24h, quote.low_24h, quote.volume_24h]
}

#[tokio::test(flavor = "multi_thread")]
async fn candles_of_a_week_tell_nothing_of_a_day() {
    let (store, _) = database().await;
    import_good(&store, &data("WKL-USD-1w.csv")).await;
    let quote = only(&store).await;
    assert_eq!((Some(quote.price), quote.as_of), (whole(90), 1_705_881_600_000));
    assert_eq!((day(&quote), quote.change_24h_pct), ([None; 4], None));
    assert_eq!((quote.open_1h, quote.change_1h_pct), (None, None));
    // The last week is one of the candles.
    assert_eq!((quote.open_7d, quote.change_7d_pct), (whole(120), Some(-25.0)));
    assert_eq!(store.weeks(&Source::RECORDED).await.unwrap().lines[0].closes, [120.0, 90.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_over_a_gap_is_against_the_last_price_before_the_span() {
    let (store, _) = database().await;
    import_good(&store, &data("GAP-USD-1h.csv")).await;
    let quote = only(&store).await;
    assert_eq!((Some(quote.price), quote.as_of), (whole(82), 1_709_474_400_000));
    assert_eq!(day(&quote), [whole(100), whole(84), whole(79), whole(11)]);
    assert!((quote.change_24h_pct.unwrap() + 18.0).abs() < 1e-9, "{quote:?}");
    assert_eq!(quote.open_1h, whole(81));
    // Two days and a half of candles tell nothing of a week, and the line falls as the figure does.
    assert_eq!(quote.open_7d, None);
    let line = store.weeks(&Source::RECORDED).await.unwrap().lines.remove(0);
    assert_eq!((line.closes.first(), line.closes.last()), (Some(&100.0), Some(&82.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_figures_of_a_day_and_of_no_hour() {
    let (store, _) = database().await;
    let options = Options { length: Some(BarLength::Stored(Interval::D1)), ..recorded() };
    import(&store, &data("DAY-USD-1h.csv"), &options).await.0.unwrap();
    let quote = only(&store).await;
    assert_eq!(quote.as_of, 1_673_395_200_000);
    assert_eq!(day(&quote), [whole(110), whole(140), whole(90), whole(10_000)]);
    assert_eq!((quote.open_1h, quote.change_1h_pct), (None, None));
    assert_eq!(quote.open_7d, whole(104));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candle_that_has_not_ended_is_not_as_of_its_end() {
    let (store, _) = database().await;
    let now = || i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let begun = now();
    let today = begun / DAY * DAY;
    let lines: Vec<Line> =
        (-9..=0).map(|i| (today + i * DAY, 100.0 + i as f64, 200.0, 50.0, 101.0 + i as f64, 7.0)).collect();
    let folder = Folder::new();
    import(&store, &folder.file("RUN-USD-1d.csv", csv(lines)), &recorded()).await.0.unwrap();
    let quote = only(&store).await;
    assert!((begun..=now()).contains(&quote.as_of), "{begun} {quote:?}");
    // Today is no 24 hours.
    assert_eq!((day(&quote), quote.change_24h_pct), ([None; 4], None));
    assert_eq!((quote.open_7d, Some(quote.price)), (whole(93), whole(101)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_candle_that_was_cut_short_ends_no_span() {
    let (store, url) = database().await;
    let folder = Folder::new();
    import_good(&store, &folder.file("CUT-USD-1d.csv", csv(bars(DAY, 0..10, 1.0)))).await;
    let whole_day = only(&store).await;
    assert!(whole_day.open_24h.is_some() && whole_day.open_7d.is_some(), "{whole_day:?}");
    let line = |weeks: tidemark::store::Weeks| weeks.lines[0].closes.clone();
    let whole_line = line(store.weeks(&Source::RECORDED).await.unwrap());
    // Exported at six o'clock, imported the next day.
    let mut connection = connection(&url).await;
    sqlx::query("UPDATE candles SET bars = 0 WHERE open_time = $1")
        .bind(9 * DAY)
        .execute(&mut connection)
        .await
        .unwrap();
    let cut = only(&store).await;
    assert_eq!((cut.price, cut.as_of), (whole_day.price, whole_day.as_of));
    assert_eq!((day(&cut), cut.change_24h_pct), ([None; 4], None));
    assert_eq!((cut.open_1h, cut.open_7d, cut.change_7d_pct), (None, None, None));
    assert_eq!(line(store.weeks(&Source::RECORDED).await.unwrap()), whole_line[1..]);
    // One that runs is as of when it was written.
    sqlx::query("UPDATE series SET running = last_open").execute(&mut connection).await.unwrap();
    assert_eq!(only(&store).await, whole_day);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_quote_is_as_of_its_own_last_candle() {
    let (store, _) = database().await;
    let folder = Folder::new();
    import_good(&store, &folder.file("AAA-USD-1h.csv", csv(bars(HOUR, 0..240, 1.0)))).await;
    import_good(&store, &folder.file("BBB-USD-1h.csv", csv(bars(HOUR, 0..1_000, 2.0)))).await;
    let quotes = store.latest(&Source::RECORDED).await.unwrap().quotes;
    let of = |quote: &Quote| (quote.as_of, quote.volume_24h);
    assert_eq!(
        quotes.iter().map(of).collect::<Vec<_>>(),
        [(240 * HOUR, whole(24)), (1_000 * HOUR, whole(48))]
    );
}

/// Leaves only the last minutes of what is stored, as retention does.
async fn drop_minutes(url: &str, from: i64) {
    let mut connection = connection(url).await;
    sqlx::query(r#"DELETE FROM candles WHERE "interval" = 60 AND open_time < $1"#)
        .bind(from)
        .execute(&mut connection)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_and_days_tell_what_minutes_no_longer_do() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let minutes = bars(MINUTE, 0..9 * 1_440 + 631, 1.0);
    import_good(&store, &folder.file("OLD-USD-1m.csv", csv(minutes.clone()))).await;
    let before = only(&store).await;
    let decimal = |number: f64| Some(number.to_string().parse::<Decimal>().unwrap());
    assert_eq!(before.open_7d, decimal(minutes[2 * 1_440 + 631].1));
    drop_minutes(&url, 9 * DAY).await;
    let after = only(&store).await;
    // Of the hour that contains the start of the span.
    assert_eq!(after.open_7d, decimal(minutes[2 * 1_440 + 600].1));
    assert_eq!(after.open_24h, decimal(minutes[8 * 1_440 + 600].1));
    assert_eq!(after.volume_24h, whole(1_440 + 31));
    assert_eq!(after.open_1h, before.open_1h);
    assert_eq!((after.price, after.as_of), (before.price, before.as_of));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_begins_in_its_middle_is_no_hour_before_it() {
    let (store, _) = database().await;
    let folder = Folder::new();
    // Listed at 00:34: at 00:14 of the next day nothing was known 24 hours before, though an hour is stored from 00:00 on.
    import_good(&store, &folder.file("NEW-USD-1m.csv", csv(bars(MINUTE, 34..1_454, 1.0)))).await;
    let quote = only(&store).await;
    assert_eq!((quote.as_of, day(&quote)), (1_454 * MINUTE, [None; 4]));
    assert!(quote.open_1h.is_some());
}

/// Stores hourly candles of so many symbols, eight days of them.
async fn many_symbols(url: &str, count: i32) {
    let mut connection = connection(url).await;
    for statement in [
        "INSERT INTO symbols (symbol, name) SELECT 'C' || lpad(i::text, 4, '0'), 'Coin' FROM generate_series(1, $1) i",
        "INSERT INTO series (symbol_id, source_id, finest, revision, first_open, last_open)
         SELECT y.id, o.id, 3600, 1700000000000000 + y.id, 1699200000000, 1699200000000 + 199 * 3600000::bigint
         FROM symbols y, sources o WHERE o.source = 'recorded' AND $1 > 0",
        r#"INSERT INTO candles (series_id, "interval", open_time, bars, open, high, low, close, volume)
           SELECT s.id, 3600, 1699200000000 + i * 3600000::bigint, 1, 10 + i, 12 + i, 9 + i, 11 + i, 1.5
           FROM series s, generate_series(0, 199) i WHERE $1 > 0"#,
    ] {
        sqlx::query(statement).bind(count).execute(&mut connection).await.unwrap();
    }
}

fn assert_all_have_lines(server: &Server, prices: &Value, count: usize) {
    let prices = prices["prices"].as_array().unwrap();
    assert_eq!(prices.len(), count);
    let backdrop = server.json("/fn/backdrop");
    let weeks = backdrop["weeks"].as_array().unwrap();
    assert_eq!(weeks.len(), count);
    for (quote, week) in prices.iter().zip(weeks) {
        assert_eq!((&week["symbol"], week["source"].is_string()), (&quote["symbol"], true));
        let closes = week["closes"].as_array().unwrap();
        assert!((43..=44).contains(&closes.len()), "{week}");
        for figure in ["change_1h_pct", "change_24h_pct", "change_7d_pct"] {
            assert!(quote[figure].is_f64(), "{figure} {quote}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_one_of_a_thousand_coins_has_all_its_figures() {
    let (_, url) = database().await;
    many_symbols(&url, 1_000).await;
    let checked = tokio::task::spawn_blocking(move || {
        let server = Server::start(&Setup { postgres: Some(&url), feed: Some("none"), ..Setup::default() });
        let prices = server.json("/api/latest_prices");
        assert_all_have_lines(&server, &prices, 1_000);
        // The last of them, and its page's line.
        let coin = server.json("/fn/coin?symbol=C1000");
        assert_eq!(coin["week"]["closes"].as_array().unwrap().len(), 43);
        let some = server.json("/api/latest_prices?symbols=C1000,C0001");
        assert_eq!(some["prices"], json!([prices["prices"][999], prices["prices"][0]]));
    });
    checked.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_coin_of_a_stored_simulation_has_its_line() {
    let (_, url) = database().await;
    let checked = tokio::task::spawn_blocking(move || {
        // More than the feed gives a long history.
        let env = [("TIDEMARK_SIMULATED_SYMBOLS", "60")];
        let setup = Setup { postgres: Some(&url), feed: Some("simulated"), env: &env, ..Setup::default() };
        let server = Server::start(&setup);
        server.wait_json("/readyz", |ready| ready["feed"]["status"] == "running");
        let all =
            server.wait_json("/fn/backdrop", |it| it["weeks"].as_array().is_some_and(|w| w.len() == 60));
        for week in all["weeks"].as_array().unwrap() {
            let count = week["closes"].as_array().unwrap().len();
            assert!((42..=44).contains(&count), "{count} {week}");
        }
    });
    checked.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_simulated_coin_has_all_its_figures() {
    let checked = tokio::task::spawn_blocking(|| {
        let env = [("TIDEMARK_SIMULATED_SYMBOLS", "1000")];
        let server = Server::start(&Setup { feed: Some("simulated"), env: &env, ..Setup::default() });
        let prices = server.json("/api/latest_prices");
        assert_all_have_lines(&server, &prices, 1_000);
        assert_eq!(server.json("/fn/coin?symbol=BTC")["week"]["symbol"], json!("BTC"));
    });
    tokio::time::timeout(Duration::from_secs(120), checked).await.unwrap().unwrap();
}
