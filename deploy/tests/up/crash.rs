//! What was killed, and what a power cut leaves: the next `up` recovers, and nothing is lost.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::PathBuf,
    process::Command,
};

use local_servers::{Process, Signal, postgres_on, wait_until, working_in};

use crate::checkout::{BOUND, Checkout, text};

/// Something in each store, to be there afterwards.
fn keep_something(checkout: &Checkout) {
    checkout.sql("CREATE TABLE kept AS SELECT 42 AS n");
    assert_eq!(checkout.redis(&["SET", "kept", "yes"]), "OK");
    // A kill of the process loses nothing that it wrote; `BGREWRITEAOF` also leaves it on the disk.
    checkout.redis(&["BGREWRITEAOF"]);
    let written = || {
        let told = checkout.redis(&["INFO", "persistence"]);
        told.contains("aof_rewrite_in_progress:0") && told.contains("aof_rewrite_scheduled:0")
    };
    assert!(wait_until(BOUND, written));
}

fn nothing_is_lost(checkout: &Checkout) {
    assert_eq!(checkout.sql("SELECT n FROM kept"), "42");
    assert_eq!(checkout.redis(&["GET", "kept"]), "yes");
}

/// Kills Postgres with all its children, as the end of a machine does.
fn kill_all(checkout: &Checkout) {
    for part in ["server", "redis", "postgres"] {
        checkout.kill(part);
    }
    let data = checkout.root().join(".tidemark/postgres");
    for pid in working_in("postgres", &data).unwrap_or_default() {
        if let Some(mut child) = local_servers::mark_of(pid).and_then(|mark| Process::attach(pid, &mark)) {
            child.end(Signal::KILL, BOUND).unwrap();
        }
    }
}

#[test]
fn after_a_kill_of_each_part_and_of_all_nothing_is_lost() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    keep_something(&checkout);
    for part in ["redis", "postgres", "server"] {
        let before = checkout.pid(part);
        checkout.kill(part);
        let up = checkout.up();
        assert!(up.status.success(), "{part}: {}", text(&up));
        assert_ne!(checkout.pid(part), before);
        nothing_is_lost(&checkout);
    }
    kill_all(&checkout);
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    nothing_is_lost(&checkout);
    let imports = checkout.calls().iter().filter(|call| call.starts_with("import")).count();
    assert_eq!(imports, 1);
}

/// A process of the user that PostgreSQL runs as, with a number that a stale file may name.
fn bystander(checkout: &Checkout) -> Process {
    let owner = fs::metadata(checkout.root().join(".tidemark/postgres")).unwrap().uid();
    Process::spawn(Command::new("sleep").arg("600").current_dir("/").uid(owner)).unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn after_a_power_cut_it_comes_up_with_all_that_was_kept() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    keep_something(&checkout);
    kill_all(&checkout);
    let kept = checkout.root().join(".tidemark");
    let mut bystander = bystander(&checkout);

    // The machine starts anew: other boot, and the numbers are somebody else's.
    let mut state = checkout.state();
    for part in ["redis", "postgres", "server", "keeper"] {
        state[part] =
            serde_json::json!({ "pid": bystander.pid(), "mark": "an earlier boot:1", "started": 1 });
    }
    let whole = state.to_string();
    fs::write(kept.join("state.json"), &whole[..whole.len() - 20]).unwrap();
    fs::write(kept.join("state.new"), "{").unwrap();
    let lock = kept.join("postgres/postmaster.pid");
    let text_of_lock = fs::read_to_string(&lock).unwrap();
    let rest = text_of_lock.split_once('\n').unwrap().1;
    fs::write(&lock, format!("{}\n{rest}", bystander.pid())).unwrap();
    // What was being written: the log's last command, a snapshot, a rewrite.
    let log = last_log_file(&kept.join("redis/appendonlydir"));
    let mut bytes = fs::read(&log).unwrap();
    bytes.extend_from_slice(b"*3\r\n$3\r\nSET\r\n$4\r\nha");
    fs::write(&log, bytes).unwrap();
    for name in ["temp-4711.rdb", "temp-rewriteaof-bg-4711.aof"] {
        fs::write(kept.join("redis").join(name), "REDIS0011 half of").unwrap();
    }
    let socket = kept.join("postgres/.s.PGSQL.5442");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    fs::write(socket.with_extension("5442.lock"), format!("{}\n", bystander.pid())).unwrap();

    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert!(text(&up).contains("state.json is damaged"), "{}", text(&up));
    nothing_is_lost(&checkout);
    assert!(!kept.join("redis/temp-4711.rdb").exists());
    assert!(!kept.join("redis/temp-rewriteaof-bg-4711.aof").exists());
    assert!(checkout.run(&["down"]).status.success());
    assert!(bystander.is_alive(), "somebody else's process is left alone");
    bystander.end(Signal::KILL, BOUND).unwrap();
}

/// The file that Redis appends to: since version 7 one of several.
pub fn last_log_file(dir: &std::path::Path) -> PathBuf {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_string_lossy().ends_with(".incr.aof")).max().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn children_of_a_killed_postgres_are_waited_for() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    checkout.sql("CREATE TABLE kept AS SELECT 42 AS n");
    // The main process alone; its children hold the shared memory until they have noticed.
    checkout.kill("postgres");
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert_eq!(checkout.sql("SELECT n FROM kept"), "42");
}

/// A checkout whose Postgres was killed, and whose next recovery looks for further logs by this command.
fn with_recovery_by(restore: &str) -> Checkout {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    checkout.sql("CREATE TABLE kept AS SELECT 42 AS n");
    kill_all(&checkout);
    recover_by(&checkout, restore);
    checkout
}

/// Has the next start of Postgres recover, and look for further logs by this command.
pub fn recover_by(checkout: &Checkout, restore: &str) {
    let data = checkout.root().join(".tidemark/postgres");
    let settings = data.join("postgresql.auto.conf");
    let before = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{before}restore_command = '{restore}'\n")).unwrap();
    let owner = fs::metadata(&settings).unwrap();
    fs::write(data.join("recovery.signal"), "").unwrap();
    std::os::unix::fs::chown(data.join("recovery.signal"), Some(owner.uid()), Some(owner.gid())).unwrap();
}

#[test]
fn a_long_recovery_is_waited_for_with_words() {
    let checkout = with_recovery_by("[ -e waited ] || sleep 7; touch waited; false");
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    let line = text(&up)
        .lines()
        .find(|line| line.contains("not ready after 5 s of 900 at most: "))
        .map(str::to_owned);
    assert!(line.is_some_and(|line| line.contains("was interrupted")), "the log's last line: {}", text(&up));
    assert_eq!(checkout.sql("SELECT n FROM kept"), "42");
}

#[test]
#[cfg(target_os = "linux")]
fn a_recovery_that_a_killed_up_began_is_waited_for_as_well() {
    // Until the test says so, or gave up long ago.
    let checkout =
        with_recovery_by("n=0; while [ ! -e go -a $n -lt 900 ]; do sleep 0.2; n=$((n+1)); done; false");
    let data = checkout.root().join(".tidemark/postgres");
    let args = ["up", "--no-build", "--detach", "--feed", "none", "--addr", &checkout.addr];
    let mut first = Process::spawn(&mut checkout.command(&args)).unwrap();
    assert!(wait_until(BOUND, || postgres_on(&data).is_some_and(|it| !it.ready)));
    first.end(Signal::KILL, BOUND).unwrap();
    let recovers = postgres_on(&data).unwrap();
    let said = checkout.root().join("said");
    let out = fs::File::create(&said).unwrap();
    let mut second =
        Process::spawn(checkout.command(&args).stdout(out.try_clone().unwrap()).stderr(out)).unwrap();
    let told = || fs::read_to_string(&said).unwrap().contains("not ready after 5 s of 900 at most: ");
    assert!(wait_until(BOUND, || told() || !second.is_alive()) && told(), "{}", checkout.said());
    fs::write(data.join("go"), "").unwrap();
    assert!(second.wait(BOUND));
    assert!(second.exit_status().unwrap().success(), "{}", checkout.said());
    assert_eq!(checkout.pid("postgres"), u64::from(recovers.pid), "the same one");
    assert_eq!(checkout.sql("SELECT n FROM kept"), "42");
}
