//! `tidemark import` beside bare COPY of the same rows, on a Postgres of its own.
//!
//! `cargo bench -p tidemark --bench import`. Each round does both, on fresh tables in turn, and the medians are compared:
//! budget 0.6. Bare COPY gets its bytes ready-made from memory, in text and in the binary format, with neither reading,
//! checks, revision nor roll-ups; the import reads a packed file.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::{
    fmt::Write as _,
    io::{Read, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use local_servers::PostgresServer;
use model::Interval;
use sqlx::Connection;
use tidemark::{
    import::{Options, import_file},
    store::Store,
};

const ROUNDS: usize = 7;
/// Minutes of a year.
const YEAR: i64 = 525_600;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = std::env::temp_dir().join(format!("tidemark-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let year = folder.join("YEAR-USD-1m.csv.gz");
    let mut packed = GzEncoder::new(std::fs::File::create(&year).unwrap(), Compression::fast());
    packed.write_all(year_of_minutes().as_bytes()).unwrap();
    packed.finish().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sample = root.join("data/sample/BTC-USD-30m.csv.gz");

    let server = PostgresServer::ephemeral().unwrap();
    for (name, file, interval) in [("sample, 30m", sample, Interval::M30), ("a year, 1m", year, Interval::M1)]
    {
        runtime.block_on(compare(&server, name, &file, interval));
    }
    std::fs::remove_dir_all(folder).unwrap();
}

fn year_of_minutes() -> String {
    let mut text = "open_time,open,high,low,close,volume\n".to_owned();
    let mut open = 10_000.0_f64;
    for minute in 0..YEAR {
        let close = open + ((minute * 7_919 % 2_001) - 1_000) as f64 / 100.0;
        let close = close.clamp(1_000.0, 90_000.0);
        let (high, low) = (open.max(close) + 1.25, open.min(close) - 1.5);
        let volume = (minute * 104_729 % 1_000_003) as f64 / 12_345.0;
        let time = 1_514_764_800_000 + minute * 60_000;
        writeln!(text, "{time},{open:.2},{high:.2},{low:.2},{close:.2},{volume:.8}").unwrap();
        open = close;
    }
    text
}

async fn compare(server: &PostgresServer, name: &str, file: &PathBuf, interval: Interval) {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let (as_text, as_binary) = (copy_text(&lines, interval), copy_binary(&lines, interval));

    let mut took: [Vec<Duration>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let url = server.create_database().unwrap();
        let store = Store::connect_lazy(&url).unwrap();
        store.migrate().await.unwrap();
        took[0].push(bare_copy(&url, "csv", &as_text, lines.len()).await);
        took[1].push(bare_copy(&url, "binary", &as_binary, lines.len()).await);

        let options = Options {
            symbol: Some("BENCH".parse().unwrap()),
            length: Some(interval.into()),
            // The files have names of coins.
            force: true,
            strict: true,
            ..Options::default()
        };
        let start = Instant::now();
        let report = import_file(&store, file, &options, |_| {}).await.unwrap();
        took[2].push(start.elapsed());
        assert_eq!(report.inserted, lines.len() as u64);
        store.close().await;
    }
    let [text, binary, import] = took.map(|mut times| {
        times.sort();
        times[ROUNDS / 2]
    });
    println!("{name}: {} rows", lines.len());
    println!("  bare COPY, text    {text:>10.1?}");
    println!("  bare COPY, binary  {binary:>10.1?}");
    println!("  import             {import:>10.1?}");
    let ratio = |bare: Duration| bare.as_secs_f64() / import.as_secs_f64();
    println!("  import / COPY      {:.2} of text, {:.2} of binary (budget 0.6)", ratio(text), ratio(binary));
}

/// COPY into an empty table made like `candles`, and its commit.
async fn bare_copy(url: &str, format: &str, bytes: &[u8], rows: usize) -> Duration {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql("DROP TABLE IF EXISTS bare; CREATE TABLE bare (LIKE candles INCLUDING ALL)")
        .execute(&mut connection)
        .await
        .unwrap();
    let start = Instant::now();
    let statement = format!("COPY bare FROM STDIN (FORMAT {format})");
    let mut copy = connection.copy_in_raw(&statement).await.unwrap();
    for some in bytes.chunks(1 << 20) {
        copy.send(some).await.unwrap();
    }
    assert_eq!(copy.finish().await.unwrap(), rows as u64);
    let took = start.elapsed();
    connection.close().await.unwrap();
    took
}

fn copy_text(lines: &[&str], interval: Interval) -> Vec<u8> {
    let mut text = String::new();
    for line in lines {
        let (time, rest) = line.split_once(',').unwrap();
        writeln!(text, "1,{},{time},1,{rest}", interval.ms() / 1000).unwrap();
    }
    text.into_bytes()
}

fn copy_binary(lines: &[&str], interval: Interval) -> Vec<u8> {
    let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    let field = |bytes: &mut Vec<u8>, value: &[u8]| {
        bytes.extend_from_slice(&(value.len() as i32).to_be_bytes());
        bytes.extend_from_slice(value);
    };
    for line in lines {
        let (time, rest) = line.split_once(',').unwrap();
        bytes.extend_from_slice(&9_i16.to_be_bytes());
        field(&mut bytes, &1_i64.to_be_bytes());
        field(&mut bytes, &((interval.ms() / 1000) as i32).to_be_bytes());
        field(&mut bytes, &time.parse::<i64>().unwrap().to_be_bytes());
        field(&mut bytes, &1_i32.to_be_bytes());
        for number in rest.split(',') {
            field(&mut bytes, &number.parse::<f64>().unwrap().to_be_bytes());
        }
    }
    bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    bytes
}
