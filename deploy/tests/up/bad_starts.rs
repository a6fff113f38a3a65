//! Starts that cannot go well: one line each, and nothing is left running.

use std::{
    fs::{self, File, Permissions},
    net::TcpListener,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use crate::{
    checkout::{Checkout, text, write_program},
    crash::last_log_file,
    troubles::{is_documented, printed, refused},
};

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Refused with the table's line, and nothing runs.
fn nothing_runs(checkout: &Checkout, what: &str) {
    let up = checkout.up();
    refused(checkout, &up, what);
    assert!(checkout.all_ports_free(), "{}", text(&up));
}

/// Runs once and is put down, so that there is data.
fn with_data() -> Checkout {
    let checkout = Checkout::new();
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert!(checkout.run(&["down"]).status.success());
    checkout
}

#[test]
fn a_port_that_somebody_has() {
    let checkout = Checkout::new();
    let listener = TcpListener::bind(&checkout.addr).unwrap();
    let up = checkout.up();
    assert_eq!(up.status.code(), Some(1));
    let me = fs::read_to_string("/proc/self/comm").unwrap_or_default();
    let line = printed(&checkout, &up, "error: ").replace(me.trim(), "nginx");
    is_documented("the server's port is taken", &line);
    drop(listener);
    // Those of Redis and Postgres can be others.
    let listeners =
        [checkout.redis, checkout.postgres].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert!(text(&up).contains(&format!("port {} is taken", checkout.redis)), "{}", text(&up));
    drop(listeners);
}

#[test]
fn no_binary_and_no_site() {
    let checkout = Checkout::new();
    fs::remove_dir_all(checkout.root().join("target/site/pkg")).unwrap();
    nothing_runs(&checkout, "`--no-build`, and the built site was removed");
    fs::remove_file(checkout.root().join("tidemark")).unwrap();
    nothing_runs(&checkout, "`--no-build`, and nothing was built");
}

#[test]
fn a_folder_that_is_not_postgres_own() {
    let checkout = Checkout::new();
    let data = checkout.root().join(".tidemark/postgres");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("letter.txt"), "dear").unwrap();
    if is_root() {
        // So that only what is in it is wrong.
        let uid = local_servers::data_folder_owner().unwrap();
        chown(&data, Some(uid), None).unwrap();
    }
    nothing_runs(&checkout, "other files lie in Postgres' data folder");
    assert!(data.join("letter.txt").exists());
}

#[test]
fn data_of_another_version_owner_or_mode() {
    let checkout = with_data();
    let data = checkout.root().join(".tidemark/postgres");
    let version = fs::read_to_string(data.join("PG_VERSION")).unwrap();
    fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    nothing_runs(&checkout, "the data is of a PostgreSQL that is not installed");
    fs::write(data.join("PG_VERSION"), version).unwrap();

    fs::set_permissions(&data, Permissions::from_mode(0o777)).unwrap();
    nothing_runs(&checkout, "`chmod -R 777` over the checkout");
    fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();

    if is_root() {
        chown(&data, Some(12_345), None).unwrap();
        nothing_runs(&checkout, "Postgres' data belongs to another user");
        chown(&data, Some(local_servers::data_folder_owner().unwrap()), None).unwrap();
    }
    let secret = checkout.root().join(".tidemark/secrets/postgres");
    fs::rename(&secret, secret.with_extension("away")).unwrap();
    nothing_runs(&checkout, "Postgres' password was removed");
    fs::rename(secret.with_extension("away"), &secret).unwrap();
    assert!(checkout.up().status.success());
}

#[test]
fn postgres_data_that_is_damaged() {
    let checkout = with_data();
    let wal = checkout.root().join(".tidemark/postgres/pg_wal");
    for entry in fs::read_dir(&wal).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        fs::remove_file(entry).unwrap();
    }
    nothing_runs(&checkout, "Postgres' write-ahead log was removed");
}

#[test]
fn state_and_tables_of_a_newer_version() {
    let checkout = with_data();
    checkout.hook(
        "[ \"$1\" != migrate ] || { echo 'tidemark: the database needs a migration: it has version 99, which is newer than this program; use a \
         newer tidemark' >&2; exit 1; }",
    );
    nothing_runs(&checkout, "the database was migrated by a newer version");
    let path = checkout.root().join(".tidemark/state.json");
    fs::write(path, "{\"format\":2,\"parts\":[]}").unwrap();
    refused(&checkout, &checkout.up(), "`.tidemark` was used by a newer `cargo deploy`");
}

#[test]
fn the_clock_is_behind() {
    let checkout = with_data();
    // As seen from a clock that was put back: what was written is in the future.
    let control = checkout.root().join(".tidemark/postgres/global/pg_control");
    let touch =
        |path: &Path, time| File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    touch(&control, SystemTime::now() + Duration::from_secs(3_600 * 30 + 30));
    let doctor = checkout.run(&["doctor"]);
    assert!(
        doctor.status.code() == Some(1) && text(&doctor).contains("the clock is behind"),
        "{}",
        text(&doctor)
    );
    nothing_runs(&checkout, "the clock was put back, or the machine lost its time");
    // What the line advises.
    touch(&control, SystemTime::now());
    assert!(checkout.up().status.success());
}

#[test]
fn a_damaged_log_of_redis_and_what_the_line_offers() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    for key in ["a", "b", "c"] {
        checkout.redis(&["SET", key, "value"]);
    }
    let log = last_log_file(&checkout.root().join(".tidemark/redis/appendonlydir"));
    assert!(checkout.run(&["down"]).status.success());
    let text_of_log = String::from_utf8(fs::read(&log).unwrap()).unwrap();
    fs::write(&log, text_of_log.replacen("$1\r\nb", "$x\r\nb", 1)).unwrap();
    nothing_runs(&checkout, "Redis' append-only file is damaged in the middle");
    let reset = checkout.run(&["reset", "--cache", "--yes"]);
    assert!(reset.status.success() && text(&reset).contains(".tidemark/redis"), "{}", text(&reset));
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert_eq!(checkout.redis(&["DBSIZE"]), "0");
    let imports = checkout.calls().iter().filter(|call| call.starts_with("import")).count();
    assert_eq!(imports, 1, "Postgres has it all");

    // And a snapshot that is damaged.
    assert!(checkout.run(&["down"]).status.success());
    let dir = checkout.root().join(".tidemark/redis/appendonlydir");
    let base = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let base = base.into_iter().find(|path| path.to_string_lossy().ends_with(".base.rdb")).unwrap();
    let mut bytes = fs::read(&base).unwrap();
    bytes.truncate(9);
    bytes.extend_from_slice(&[0x77; 64]);
    fs::write(base, bytes).unwrap();
    nothing_runs(&checkout, "Redis' snapshot is damaged");
}

#[test]
#[cfg(target_os = "linux")]
fn too_little_memory() {
    let checkout = with_data();
    // Enough for Redis, too little for Postgres' shared memory.
    let like = checkout.command(&[]);
    let script = "ulimit -v 160000; exec \"$0\" up --no-build --detach --feed none --addr \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(like.get_program()).arg(&checkout.addr).current_dir(checkout.root());
    command.env_remove("TIDEMARK_ADMIN_TOKEN_FILE").env("TIDEMARK_SERVER_BINARY", "tidemark");
    refused(
        &checkout,
        &command.stdin(Stdio::null()).output().unwrap(),
        "memory is limited to less than Postgres needs",
    );
    assert!(checkout.all_ports_free());
}

#[test]
fn a_server_that_ends_at_once() {
    let checkout = Checkout::new();
    checkout
        .hook("[ \"$1\" != serve ] || { echo 'tidemark: TIDEMARK_FEED: \"x\" is none of auto'; exit 1; }");
    nothing_runs(&checkout, "the server does not like a setting");
    let script = "#!/bin/sh\nexit 0\n";
    write_program(&checkout.root().join("tidemark"), script);
    assert_eq!(checkout.up().status.code(), Some(1));
    assert!(checkout.all_ports_free());
}
