//! Imports that are stopped: killed, by Ctrl-C, by SIGTERM.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod import_support;
mod store_support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use import_support::*;
use store_support::*;

const SOON: Duration = Duration::from_secs(60);
const WRITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND state LIKE '%in transaction%' AND query LIKE 'COPY candles%'";
const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                      AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";

/// The running binary, killed with the value.
struct Import {
    child: Child,
    /// Lines of its standard error, as they come.
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Import {
    fn start(url: &str, folder: &Path, files: &[&str]) -> Self {
        let mut child = tidemark(url, folder)
            .arg("import")
            .args(files)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let err = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || err.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, said: Vec::new() }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for a line with these words.
    fn until(&mut self, words: &str) {
        while !self.said.iter().any(|line| line.contains(words)) {
            let line = self.lines.recv_timeout(SOON);
            assert!(line.is_ok(), "never said {words:?}: {:?}", self.said);
            self.said.extend(line);
        }
    }

    /// Waits for its end: exit code, standard output, standard error.
    fn end(mut self) -> (Option<i32>, String, String) {
        let deadline = std::time::Instant::now() + SOON;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(std::time::Instant::now() < deadline, "does not end: {:?}", self.said);
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.said.extend(self.lines.iter());
        (status.code(), out, self.said.join("\n"))
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipe that gets more than the importer keeps before it writes, and no end.
fn endless(folder: &Folder, name: &str) -> PathBuf {
    let pipe = folder.path(name);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let path = pipe.clone();
    std::thread::spawn(move || {
        let mut pipe = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        // Both fail when the importer is gone.
        let _ = pipe.write_all(csv(bars(60_000, 0..100_000, 1.0)).as_bytes());
        while pipe.write_all(b"\n").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    pipe
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_midway_it_leaves_nothing() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let rows = 400_000;
    folder.file("KIL-USD-1m.csv.gz", gzip(csv(bars(60_000, 0..rows, 1.0)).as_bytes()));
    let mut connection = connection(&url).await;
    let mut import = Import::start(&url, &folder.path(""), &["KIL-USD-1m.csv.gz"]);
    wait_for(&mut connection, WRITING, 1).await;
    // SIGKILL.
    import.child.kill().unwrap();
    let status = import.child.wait().unwrap();
    assert_eq!(status.code(), None, "it ended by itself before");
    drop(import);
    wait_for(&mut connection, OTHERS, 0).await;
    for table in ["symbols", "series", "candles"] {
        assert_eq!(count(&mut connection, &format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    // And the same file goes in at once, whole.
    let said = run(&url, &folder.path(""), &["import", "KIL-USD-1m.csv.gz"]);
    assert_eq!(said.code(), Some(0), "{}", said.err);
    assert!(said.out.contains(&format!("KIL 1m recorded: {rows} rows, {rows} new")), "{}", said.out);
    let minutes = r#"SELECT count(*) FROM candles WHERE "interval" = 60"#;
    assert_eq!(count(&mut connection, minutes).await, rows);
    drop(store);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_undoes_the_file_it_is_at() {
    for (name, signal, code) in [("-INT", "Ctrl-C", 130), ("-TERM", "SIGTERM", 143)] {
        let (store, url) = database().await;
        let folder = Folder::new();
        folder.file("ONE-USD-1h.csv", csv(bars(3_600_000, 0..10, 1.0)));
        folder.file("BAD-USD-1h.csv", "nothing");
        endless(&folder, "TWO-USD-1m.csv");
        folder.file("TRE-USD-1h.csv", csv(bars(3_600_000, 0..10, 1.0)));
        let mut connection = connection(&url).await;
        let files = ["BAD-USD-1h.csv", "ONE-USD-1h.csv", "TWO-USD-1m.csv", "TRE-USD-1h.csv"];
        let import = Import::start(&url, &folder.path(""), &files);
        // Of the second file: the first one writes as well.
        let second = format!("{WRITING} AND EXISTS (SELECT FROM symbols WHERE symbol = 'ONE')");
        wait_for(&mut connection, &second, 1).await;
        import.signal(name);
        let (ended, out, err) = import.end();
        assert_eq!(ended, Some(code), "{err}");
        let line =
            format!("stopped by {signal}: TWO-USD-1m.csv was undone, 1 not begun; in are ONE-USD-1h.csv");
        assert!(err.contains(&line), "{err}");
        assert!(out.contains("ONE 1h recorded: 10 rows") && !out.contains("TWO"), "{out}");
        wait_for(&mut connection, OTHERS, 0).await;
        let directory = store.directory().await.unwrap();
        assert_eq!(directory.series.len(), 1);
        assert_eq!(directory.series[0].symbol.as_str(), "ONE");
        assert_eq!(count(&mut connection, "SELECT count(*) FROM symbols").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_being_committed_is_waited_for_once() {
    let (store, url) = database().await;
    let folder = Folder::new();
    folder.file("COM-USD-1h.csv", csv(bars(3_600_000, 0..10, 1.0)));
    let mut holder = connection(&url).await;
    let lock = 0x7469_6465_0001_i64;
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let take = |sql| sqlx::query(sql).bind(lock);

    // Twice: it does not wait, and says that it does not know.
    take("SELECT pg_advisory_lock($1)").execute(&mut holder).await.unwrap();
    let mut import = Import::start(&url, &folder.path(""), &["COM-USD-1h.csv"]);
    wait_for(&mut holder, waiting, 1).await;
    import.signal("-INT");
    import.until("being committed");
    import.signal("-INT");
    let (code, _, err) = import.end();
    assert_eq!(code, Some(130));
    assert!(err.contains("COM-USD-1h.csv may be in: import it again to be sure; no file is in"), "{err}");
    take("SELECT pg_advisory_unlock($1)").execute(&mut holder).await.unwrap();
    wait_for(&mut holder, OTHERS, 0).await;

    // Once: the file is finished, and the next one not begun.
    take("SELECT pg_advisory_lock($1)").execute(&mut holder).await.unwrap();
    let mut import = Import::start(&url, &folder.path(""), &["COM-USD-1h.csv", "NIX-USD-1h.csv"]);
    wait_for(&mut holder, waiting, 1).await;
    import.signal("-INT");
    import.until("being committed");
    take("SELECT pg_advisory_unlock($1)").execute(&mut holder).await.unwrap();
    let (code, out, err) = import.end();
    assert_eq!(code, Some(130));
    assert!(err.contains("COM-USD-1h.csv was finished, 1 not begun; in are COM-USD-1h.csv"), "{err}");
    assert!(out.contains("COM 1h recorded: 10 rows"), "{out}");
    assert_eq!(store.directory().await.unwrap().series.len(), 1);
}
