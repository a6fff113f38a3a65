//! Real servers for tests: Postgres, Redis and the `tidemark` binary, each on a free port.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod admin;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::Duration,
};

use flate2::read::GzDecoder;
use local_servers::{PostgresServer, Process, RedisServer, Signal, free_port, wait_until};
use tempfile::TempDir;

/// Longest wait for anything that should come soon.
pub const SOON: Duration = Duration::from_secs(20);

/// The binary under test.
pub fn tidemark() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark"));
    for name in [
        "DATABASE_URL",
        "REDIS_URL",
        "TIDEMARK_REDIS_NAMESPACE",
        "TIDEMARK_REDIS_CERT",
        "TIDEMARK_REDIS_KEY",
        "TIDEMARK_REDIS_ADDRESS_MAP",
        "TIDEMARK_FEED",
        "TIDEMARK_CONFIG",
        "TIDEMARK_ADMIN_TOKEN_FILE",
        "TIDEMARK_ADMIN_PASSWORD_FILE",
        "TIDEMARK_SESSION_IDLE",
        "TIDEMARK_SESSION_MAX",
        "TIDEMARK_METRICS_ADDR",
        "TIDEMARK_RATE_LIMIT",
        "TIDEMARK_TRUSTED_PROXIES",
        "TIDEMARK_FORWARDED_HEADER",
        "TIDEMARK_CORS_ORIGINS",
        "TIDEMARK_MAX_UNSENT_MIB",
        "TIDEMARK_MAX_UNSENT_MIB_PER_CLIENT",
        "TIDEMARK_MAX_CONNECTIONS_PER_CLIENT",
        "TIDEMARK_MIN_BODY_KIB_PER_SECOND",
        "TIDEMARK_MAX_EXPORTS_PER_CLIENT",
        "TIDEMARK_SIMULATED_SYMBOLS",
        "TIDEMARK_SIMULATED_TICKS",
        "LEPTOS_SITE_ADDR",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command
}

/// The sample's folder.
pub fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sample")
}

/// A running `tidemark serve`; killed when dropped.
pub struct Server {
    process: Process,
    dir: TempDir,
    port: u16,
}

/// How to start one.
#[derive(Default)]
pub struct Setup<'a> {
    pub postgres: Option<&'a str>,
    pub redis: Option<&'a RedisServer>,
    /// `none` without it where there is a database.
    pub feed: Option<&'a str>,
    /// Text of a `tidemark.toml`.
    pub policies: Option<&'a str>,
    /// Further variables.
    pub env: &'a [(&'a str, &'a str)],
}

impl Server {
    /// Starts and waits until it answers.
    pub fn start(setup: &Setup) -> Self {
        let port = free_port().unwrap();
        let dir = TempDir::new().unwrap();
        let log = File::create(dir.path().join("log")).unwrap();
        let mut command = tidemark();
        command
            .arg("serve")
            .current_dir(dir.path())
            .env("LEPTOS_SITE_ADDR", format!("127.0.0.1:{port}"))
            .stderr(log)
            .stdout(Stdio::null());
        if let Some(url) = setup.postgres {
            command.env("DATABASE_URL", url);
        }
        if let Some(redis) = setup.redis {
            command.env("REDIS_URL", redis.url());
        }
        // Where a test says nothing, what is stored stands still.
        match (setup.feed, setup.postgres) {
            (Some(feed), _) => command.env("TIDEMARK_FEED", feed),
            (None, Some(_)) => command.env("TIDEMARK_FEED", "none"),
            (None, None) => &mut command,
        };
        if let Some(policies) = setup.policies {
            fs::write(dir.path().join("tidemark.toml"), policies).unwrap();
        }
        command.envs(setup.env.iter().copied());
        let server = Self { process: Process::spawn(&mut command).unwrap(), dir, port };
        let up = wait_until(SOON, || server.try_get("/healthz").is_some_and(|r| r.status == 200));
        assert!(up, "the server does not answer:\n{}", server.log());
        server
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn try_get(&self, path: &str) -> Option<Reply> {
        Reply::of(agent().get(self.url(path)).call().ok()?)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.try_get(path).unwrap_or_else(|| panic!("{path} has no answer:\n{}", self.log()))
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = agent().get(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Reply::of(request.call().unwrap()).unwrap()
    }

    /// Any request; redirects are not followed.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = ureq::http::Request::builder().method(method).uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_owned()).unwrap();
        Reply::of(plain_agent().run(request).unwrap_or_else(|e| panic!("{method} {path}: {e}"))).unwrap()
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.json()
    }

    /// Waits until the JSON at `path` satisfies `good`.
    pub fn wait_json(&self, path: &str, good: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let mut last = serde_json::Value::Null;
        let there = wait_until(SOON, || {
            // 503 while it warms up.
            let reply = self.get(path);
            last = reply.json();
            reply.status == 200 && good(&last)
        });
        assert!(there, "{path} stayed {last}\n{}", self.log());
        last
    }

    /// Whether it takes connections.
    pub fn listens(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// Sends these bytes and reads the first of the answer.
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    /// SIGTERM; others may be reading from it.
    pub fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Any signal, such as SIGSTOP and SIGCONT.
    pub fn signal(&self, signal: Signal) {
        let mark = self.process.mark().unwrap();
        let mut process = Process::attach(self.process.pid(), mark).expect("it runs");
        process.signal(signal).unwrap();
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(self) -> ExitStatus {
        self.ask_to_stop();
        self.ended()
    }

    /// How it ended, after it was asked to stop.
    pub fn ended(mut self) -> ExitStatus {
        assert!(self.process.wait(SOON), "does not stop:\n{}", self.log());
        self.process.exit_status().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.end(Signal::KILL, SOON);
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(15)))
        .build()
        .into()
}

/// One that leaves redirects to the test, and sends a body with any method.
fn plain_agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(15)))
        .max_redirects(0)
        .allow_non_standard_methods(true)
        .build()
        .into()
}

/// A whole response.
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    fn of(response: ureq::http::Response<ureq::Body>) -> Option<Self> {
        let (parts, mut body) = response.into_parts();
        let body = body.read_to_vec().ok()?;
        Some(Self { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// A transaction that holds a table, or rows, locked.
pub struct Holder(tokio::runtime::Runtime, sqlx::PgConnection);

impl Holder {
    pub fn lock(url: &str, table: &str) -> Self {
        Self::begin(url, &format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
    }

    /// Holds what this statement locks.
    pub fn begin(url: &str, statement: &str) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut connection: sqlx::PgConnection = runtime.block_on(sqlx::Connection::connect(url)).unwrap();
        for statement in ["BEGIN", statement] {
            runtime.block_on(sqlx::query(statement).execute(&mut connection)).unwrap();
        }
        Self(runtime, connection)
    }

    /// How many connections wait for a table.
    pub fn waiting(&mut self) -> i64 {
        let count = "SELECT count(*) FROM pg_locks WHERE locktype = 'relation' AND NOT granted";
        self.0.block_on(sqlx::query_scalar(count).fetch_one(&mut self.1)).unwrap()
    }

    pub fn release(mut self) {
        self.0.block_on(sqlx::query("ROLLBACK").execute(&mut self.1)).unwrap();
    }
}

/// Runs the binary to its end with this database.
pub fn run(database: &str, args: &[&str]) -> std::process::Output {
    tidemark().args(args).env("DATABASE_URL", database).output().unwrap()
}

/// The database with the whole sample, imported once a test process. Tests that change it or stop it start their own.
pub fn sample_database() -> (&'static PostgresServer, String) {
    static POSTGRES: OnceLock<PostgresServer> = OnceLock::new();
    let server = POSTGRES.get_or_init(|| {
        let server = PostgresServer::ephemeral().unwrap();
        import_sample(&server.url());
        server
    });
    (server, server.url())
}

/// Migrates, and imports the sample.
pub fn import_sample(url: &str) {
    let migrated = run(url, &["migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let mut files: Vec<String> = fs::read_dir(sample())
        .unwrap()
        .map(|entry| entry.unwrap().path().to_string_lossy().into_owned())
        .filter(|path| path.ends_with(".csv.gz"))
        .collect();
    files.sort();
    let mut args = vec!["import"];
    args.extend(files.iter().map(String::as_str));
    let imported = run(url, &args);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
}

/// Writes a small file of the sample's layout.
pub fn write_candles(path: &Path, rows: &[(i64, f64)]) {
    let mut file = File::create(path).unwrap();
    writeln!(file, "open_time,open,high,low,close,volume").unwrap();
    for (time, price) in rows {
        writeln!(file, "{time},{price},{},{},{price},1.5", price + 1.0, price - 1.0).unwrap();
    }
}

/// Lines of a gzipped sample file, without the header.
pub fn sample_lines(name: &str) -> Vec<String> {
    let reader: Box<dyn Read> = Box::new(GzDecoder::new(File::open(sample().join(name)).unwrap()));
    BufReader::new(reader).lines().map(Result::unwrap).skip(1).collect()
}
