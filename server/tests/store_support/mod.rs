//! What the tests of store and import share: one Postgres, and a second opinion on roll-ups.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod proxy;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use local_servers::PostgresServer;
use model::{Interval, Source};
use tidemark::{
    import::{Event, FileReport, ImportError, Options, Reject, import_file},
    store::{SeriesInfo, Store},
};

static SERVER: LazyLock<PostgresServer> = LazyLock::new(|| PostgresServer::ephemeral().unwrap());

/// A new database with the schema, and its URL.
pub async fn database() -> (Store, String) {
    let url = tokio::task::spawn_blocking(|| SERVER.create_database().unwrap()).await.unwrap();
    let store = Store::connect_lazy(&url).unwrap();
    store.migrate().await.unwrap();
    (store, url)
}

/// A database without any schema.
pub async fn empty_database() -> String {
    tokio::task::spawn_blocking(|| SERVER.create_database().unwrap()).await.unwrap()
}

/// A connection for statements of the tests' own.
pub async fn connection(url: &str) -> sqlx::PgConnection {
    sqlx::Connection::connect(url).await.unwrap()
}

/// One number from the database.
pub async fn count(connection: &mut sqlx::PgConnection, sql: &str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// Waits until `condition` holds, half a minute at most.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), waiting).await.is_ok(), "waited in vain: {what}");
}

/// The files that the project ships.
pub fn sample(symbol: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join(format!("data/sample/{symbol}-USD-30m.csv.gz"))
}

/// Symbols of the sample.
pub const SAMPLE: [&str; 5] = ["BTC", "EOS", "ETH", "LTC", "XRP"];

/// A folder that goes with the value.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tidemark-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub const HEADER: &str = "open_time,open,high,low,close,volume\n";

/// A line of a file.
pub type Line = (i64, f64, f64, f64, f64, f64);

/// A file of these lines.
pub fn csv(lines: impl IntoIterator<Item = Line>) -> String {
    let mut text = HEADER.to_owned();
    for (time, open, high, low, close, volume) in lines {
        writeln!(text, "{time},{open},{high},{low},{close},{volume}").unwrap();
    }
    text
}

/// Lines of made-up bars: a fixed pattern that goes up and down, volumes as given.
pub fn bars(step_ms: i64, indices: impl IntoIterator<Item = i64>, volume: f64) -> Vec<Line> {
    let line = |i: i64| {
        let open = 100.0 + (i * 37 % 101) as f64 / 8.0;
        let close = 100.0 + ((i + 1) * 37 % 101) as f64 / 8.0;
        let (high, low) = (open.max(close) + (i % 7) as f64 / 4.0, open.min(close) - (i % 5) as f64 / 4.0);
        (i * step_ms, open, high, low, close, volume)
    };
    indices.into_iter().map(line).collect()
}

/// Options of an import whose names tell everything.
pub fn recorded() -> Options {
    Options::default()
}

/// Imports, and gathers the rejected lines.
pub async fn import(
    store: &Store,
    path: &Path,
    options: &Options,
) -> (Result<FileReport, ImportError>, Vec<Reject>) {
    let mut rejects = Vec::new();
    let result = import_file(store, path, options, |event| {
        if let Event::Rejected(reject) = event {
            rejects.push(reject.clone());
        }
    })
    .await;
    (result, rejects)
}

/// Imports a file that has to succeed.
pub async fn import_good(store: &Store, path: &Path) -> FileReport {
    let (result, rejects) = import(store, path, &recorded()).await;
    assert_eq!(rejects, []);
    result.unwrap()
}

/// The series of a symbol, source `recorded`.
pub async fn series(store: &Store, symbol: &str) -> SeriesInfo {
    let directory = store.directory().await.unwrap();
    directory
        .series
        .into_iter()
        .find(|s| s.symbol.as_str() == symbol && s.source == Source::RECORDED)
        .unwrap()
}

/// The lines of a file of the sample, read without the importer.
pub fn read_sample(symbol: &str) -> Vec<Line> {
    let mut text = String::new();
    let packed = fs::File::open(sample(symbol)).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
            (fields[0] as i64, fields[1], fields[2], fields[3], fields[4], fields[5])
        })
        .collect()
}

/// The start of the bar that holds a time, from the calendar.
pub fn bar_start(interval: Interval, time: i64) -> i64 {
    const DAY: i64 = 86_400_000;
    let minutes = |m: i64| time / (m * 60_000) * (m * 60_000);
    match interval {
        Interval::M1 => minutes(1),
        Interval::M5 => minutes(5),
        Interval::M15 => minutes(15),
        Interval::M30 => minutes(30),
        Interval::H1 => minutes(60),
        Interval::H4 => minutes(240),
        Interval::D1 => time / DAY * DAY,
        Interval::W1 => {
            // Day 0 was a Thursday; 0 is Monday.
            let day = time / DAY;
            let weekday = (day + 3) % 7;
            (day - weekday) * DAY
        }
    }
}

/// A bar as rolled up by [`roll_up`], and the count of its lines.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub bar: Line,
    pub lines: i64,
}

/// Rolls lines up in plain loops.
pub fn roll_up(lines: &[Line], interval: Interval) -> Vec<Expected> {
    let mut by_start: BTreeMap<i64, Vec<Line>> = BTreeMap::new();
    for line in lines {
        by_start.entry(bar_start(interval, line.0)).or_default().push(*line);
    }
    let mut result = Vec::new();
    for (start, mut parts) in by_start {
        parts.sort_by_key(|part| part.0);
        let (mut high, mut low, mut volume) = (parts[0].2, parts[0].3, 0.0);
        for part in &parts {
            if part.2 > high {
                high = part.2;
            }
            if part.3 < low {
                low = part.3;
            }
            volume += part.5;
        }
        let bar = (start, parts[0].1, high, low, parts[parts.len() - 1].4, volume);
        result.push(Expected { bar, lines: parts.len() as i64 });
    }
    result
}

/// Asserts that what was read is what is expected: all but the volume to the bit, the volume to a part in 10¹².
pub fn assert_bars(read: &tidemark::store::Bars, expected: &[Expected], lines_in_whole: i64, what: &str) {
    let times: Vec<_> = read.candles.iter().map(|c| c.open_time).collect();
    let expected_times: Vec<_> = expected.iter().map(|e| e.bar.0).collect();
    assert_eq!(times, expected_times, "{what}");
    for (candle, Expected { bar, .. }) in read.candles.iter().zip(expected) {
        let found = (candle.open_time, candle.open, candle.high, candle.low, candle.close);
        assert_eq!(found, (bar.0, bar.1, bar.2, bar.3, bar.4), "{what}");
        assert!((candle.volume - bar.5).abs() <= bar.5 * 1e-12, "{what}: {candle:?} {bar:?}");
    }
    let partial: Vec<_> = expected.iter().filter(|e| e.lines < lines_in_whole).map(|e| e.bar.0).collect();
    assert_eq!(read.partial, partial, "{what}");
}
