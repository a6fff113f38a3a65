//! `up`, `status`, `logs` and `down` as an operator runs them, with real Redis and Postgres. The server is a stand-in:
//! this test's own binary, which answers every request with 200.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use local_servers::{
    BUS_OFFSET, ClusterAdmin, Process, Signal, free_base_port, free_port, port_is_free, wait_until,
};
use serde_json::Value;

const BOUND: Duration = Duration::from_secs(120);

/// A checkout with nothing in it but what `up` looks at.
struct Checkout {
    dir: tempfile::TempDir,
    redis: u16,
    postgres: u16,
    addr: String,
}

impl Checkout {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        // As root, Postgres is another user, who must be let through.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        for (path, text) in [
            ("rust-toolchain.toml", ""),
            ("deploy/Cargo.toml", ""),
            ("data/sample/BTC-USD-30m.csv.gz", "not looked into"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let script = format!(
            "#!/bin/sh\nTIDEMARK_FAKE=\"$*\" exec '{}' --exact the_stand_in --nocapture\n",
            std::env::current_exe().unwrap().display()
        );
        fs::write(root.join("tidemark"), script).unwrap();
        fs::set_permissions(root.join("tidemark"), fs::Permissions::from_mode(0o755)).unwrap();
        let (redis, postgres) = (free_port().unwrap(), free_port().unwrap());
        fs::create_dir(root.join(".tidemark")).unwrap();
        let state = format!("{{\"format\":1,\"redis_port\":{redis},\"postgres_port\":{postgres}}}");
        fs::write(root.join(".tidemark/state.json"), state).unwrap();
        let addr = format!("127.0.0.1:{}", free_port().unwrap());
        Self { dir, redis, postgres, addr }
    }

    fn root(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deploy"));
        command
            .args(args)
            .current_dir(self.root())
            .env_remove("CARGO_TARGET_DIR")
            .env("TIDEMARK_SERVER_BINARY", "tidemark")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn up(&self) -> Output {
        self.run(&["up", "--no-build", "--detach", "--feed", "none", "--addr", &self.addr])
    }

    /// What the stand-in was called with.
    fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.root().join("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn state(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.root().join(".tidemark/state.json")).unwrap()).unwrap()
    }

    fn all_ports_free(&self) -> bool {
        [self.redis, self.postgres].into_iter().all(port_is_free) && TcpListener::bind(&self.addr).is_ok()
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        // A failed test must leave nothing running.
        drop(self.command(&["down"]).output());
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Not a test by itself: the server of the others.
#[test]
fn the_stand_in() {
    let Ok(call) = std::env::var("TIDEMARK_FAKE") else { return };
    let mut calls = fs::File::options().create(true).append(true).open("calls").unwrap();
    writeln!(calls, "{call}").unwrap();
    if call != "serve" {
        return;
    }
    for name in ["DATABASE_URL", "REDIS_URL", "TIDEMARK_FEED", "LEPTOS_SITE_ROOT", "LEPTOS_HASH_FILES"] {
        writeln!(calls, "{name}={}", std::env::var(name).unwrap()).unwrap();
    }
    let addr = std::env::var("LEPTOS_SITE_ADDR").unwrap();
    println!("listening on {addr}");
    for stream in TcpListener::bind(addr).unwrap().incoming() {
        let mut stream = stream.unwrap();
        if stream.read(&mut [0; 4096]).is_ok() {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"));
        }
    }
}

#[test]
fn up_in_the_background_status_and_down() {
    let checkout = Checkout::new();
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert!(text(&up).contains(&format!("http://{}/", checkout.addr)));
    let calls = checkout.calls();
    assert_eq!(calls[0], "migrate");
    assert!(calls[1].starts_with("import ") && calls[1].ends_with("BTC-USD-30m.csv.gz"), "{calls:?}");
    let secret = checkout.root().join(".tidemark/secrets/postgres");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let password = fs::read_to_string(&secret).unwrap();
    let url = format!("DATABASE_URL=postgres://tidemark:{password}@127.0.0.1:{}/tidemark", checkout.postgres);
    assert!(calls.contains(&url), "{calls:?}");
    assert!(calls.contains(&"TIDEMARK_FEED=none".to_owned()));
    assert!(!text(&up).contains(&password), "no secret is printed");

    let status = checkout.run(&["status", "--json"]);
    let told: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert!(status.status.success() && told["up"] == true, "{told}");
    assert_eq!(told["parts"][0]["port"], checkout.redis);
    if let Some(pid) = told["parts"][2]["pid"].as_u64().filter(|_| Path::new("/proc/self/cmdline").exists()) {
        assert!(!fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap().contains(&password));
    }
    let logs = text(&checkout.run(&["logs", "server"]));
    assert!(logs.contains(&format!("listening on {}", checkout.addr)), "{logs}");

    let again = text(&checkout.up());
    assert!(again.contains("runs already"), "{again}");

    // A part that dies is told, and only that part is started again.
    let pid = checkout.state()["redis"]["pid"].as_u64().unwrap();
    let mark = checkout.state()["redis"]["mark"].as_str().unwrap().to_owned();
    Process::attach(u32::try_from(pid).unwrap(), &mark).unwrap().end(Signal::KILL, BOUND).unwrap();
    let status = checkout.run(&["status"]);
    assert_eq!(status.status.code(), Some(3), "{}", text(&status));
    assert!(text(&status).contains("redis     stopped"), "{}", text(&status));
    let server = checkout.state()["server"]["pid"].clone();
    assert!(checkout.up().status.success());
    assert_eq!(checkout.state()["server"]["pid"], server);
    let imports = checkout.calls().iter().filter(|call| call.starts_with("import")).count();
    assert_eq!(imports, 1, "the sample is imported once");

    let down = checkout.run(&["down"]);
    assert!(down.status.success(), "{}", text(&down));
    assert!(checkout.all_ports_free());
    assert_eq!(checkout.run(&["status"]).status.code(), Some(3));
    assert!(checkout.run(&["down"]).status.success(), "nothing to stop is fine");
}

#[test]
fn up_with_a_cluster_and_its_verbs() {
    let checkout = Checkout::new();
    let base = free_base_port(6).unwrap();
    let with_cluster = |base: u16| {
        let base = base.to_string();
        let args = ["up", "--no-build", "--detach", "--feed", "none", "--addr", &checkout.addr];
        checkout.run(&[&args[..], &["--cluster", "--base-port", &base]].concat())
    };
    let cluster = |args: &[&str]| checkout.run(&[&["cluster"], args].concat());
    let check = || {
        let output = cluster(&["check"]);
        (output.status.code(), text(&output))
    };

    // Somebody else's port, here that of the third node's bus, is named; nothing is left running.
    let listener = TcpListener::bind(("127.0.0.1", base + 2 + BUS_OFFSET)).unwrap();
    let taken = with_cluster(base);
    assert_eq!(taken.status.code(), Some(1));
    let line = format!("port {} of redis-3 is in use", base + 2 + BUS_OFFSET);
    assert!(text(&taken).contains(&line) && text(&taken).contains("--base-port"), "{}", text(&taken));
    drop(listener);
    assert!(checkout.calls().is_empty());
    assert!(text(&cluster(&["nodes"])).contains("up --cluster"), "no cluster yet");

    let up = with_cluster(base);
    assert!(up.status.success(), "{}", text(&up));
    let hosts: Vec<String> = (base..base + 6).map(|port| format!("127.0.0.1:{port}")).collect();
    let url = format!("REDIS_URL=redis-cluster://{}", hosts.join(","));
    assert!(checkout.calls().contains(&url), "{:?}", checkout.calls());
    assert!(checkout.root().join(".tidemark/cluster/6/nodes.conf").is_file());
    let admin = ClusterAdmin::new(&(base..base + 6).collect::<Vec<_>>());
    let kept = admin.command(0, &["CONFIG", "GET", "save"]).unwrap().to_string();
    assert_eq!(kept, "save\n900 1");
    assert!(with_cluster(base).status.success());
    assert!(text(&with_cluster(base)).contains("runs already"));
    let other = with_cluster(base + 1);
    assert!(text(&other).contains("`cargo deploy down` first"), "{}", text(&other));
    let status = checkout.run(&["status"]);
    assert!(status.status.success(), "{}", text(&status));
    assert!(text(&status).contains("master of 5461 slots") && text(&status).contains("replica of redis-1"));
    assert!(text(&status).contains("not of the host"));
    assert!(text(&checkout.run(&["logs", "redis-4"])).contains("Ready to accept connections"));

    assert_eq!(check().0, Some(0), "{}", check().1);
    let nodes = text(&cluster(&["nodes"]));
    assert_eq!(nodes.lines().count(), 7, "{nodes}");
    assert!(nodes.contains("0-5460") && nodes.contains("10923-16383"), "{nodes}");
    let info = text(&cluster(&["info"]));
    assert!(info.contains("16384 of 16384 owned, by 3 masters"), "{info}");

    // A drill: the first master dies, its replica takes over, and it comes back.
    let killed = cluster(&["kill", "1"]);
    assert!(killed.status.success(), "{}", text(&killed));
    assert!(text(&killed).contains("serves its slots"), "{}", text(&killed));
    let (code, problems) = check();
    assert_eq!(code, Some(1));
    assert!(problems.contains(&format!("node {base} does not answer")), "{problems}");
    assert_eq!(cluster(&["kill", "1"]).status.code(), Some(1), "it does not run");
    let status = checkout.run(&["status"]);
    assert_eq!(status.status.code(), Some(3));
    assert!(text(&status).contains("redis-1   stopped"), "{}", text(&status));
    let started = cluster(&["start", &base.to_string()]);
    assert!(text(&started).contains("is a replica"), "{}", text(&started));
    assert_eq!(check().0, Some(0), "{}", check().1);
    let failed_over = cluster(&["failover", "1"]);
    assert!(text(&failed_over).contains("is the master after"), "{}", text(&failed_over));
    assert_eq!(cluster(&["failover", "7"]).status.code(), Some(1), "no such node");

    admin.begin_move(0, 1).unwrap();
    let (code, problems) = check();
    assert!(code == Some(1) && problems.contains("slot 0 is open"), "{problems}");
    let fixed = cluster(&["fix"]);
    assert!(fixed.status.success() && text(&fixed).contains("moved on to node"), "{}", text(&fixed));

    admin.command(admin.master_of_slot(12_182).unwrap(), &["SET", "foo", "kept"]).unwrap();
    assert!(checkout.run(&["down"]).status.success());
    assert!(checkout.all_ports_free());
    assert!((base..base + 6).all(|port| port_is_free(port) && port_is_free(port + BUS_OFFSET)));
    assert!(with_cluster(base).status.success());
    assert_eq!(check().0, Some(0), "{}", check().1);
    let value = admin.command(admin.master_of_slot(12_182).unwrap(), &["GET", "foo"]).unwrap();
    assert_eq!(value.to_string(), "kept");

    // Another time with a single server.
    assert!(checkout.run(&["down"]).status.success());
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert!(checkout.calls().contains(&format!("REDIS_URL=redis://127.0.0.1:{}", checkout.redis)));
}

#[test]
fn a_node_is_left_to_its_replica_and_the_keeper_stops_one_that_was_started_since() {
    let checkout = Checkout::new();
    let base = free_base_port(6).unwrap();
    let mut up = Process::spawn(
        checkout
            .command(&["up", "--no-build", "--feed", "none", "--addr", &checkout.addr])
            .args(["--cluster", "--base-port", &base.to_string()])
            .stdout(fs::File::create(checkout.root().join("said")).unwrap()),
    )
    .unwrap();
    let keeper = || !checkout.state()["keeper"].is_null();
    assert!(wait_until(BOUND, || keeper() && TcpStream::connect(&checkout.addr).is_ok()));
    let killed = checkout.run(&["cluster", "kill", "6"]);
    assert!(killed.status.success() && text(&killed).contains("master goes on"), "{}", text(&killed));
    let said = || fs::read_to_string(checkout.root().join("said")).unwrap();
    assert!(
        wait_until(BOUND, || said().contains("redis-6 ended; `cargo deploy cluster start 6`")),
        "{}",
        said()
    );
    assert!(port_is_free(base + 5));
    let started = checkout.run(&["cluster", "start", "6"]);
    assert!(started.status.success(), "{}", text(&started));
    assert!(!port_is_free(base + 5));
    up.signal(Signal::TERM).unwrap();
    assert!(up.wait(BOUND));
    assert!((base..base + 6).all(port_is_free));
    assert!(checkout.all_ports_free());
}

#[test]
fn up_in_the_foreground_stops_all_on_a_signal() {
    let checkout = Checkout::new();
    let mut up = Process::spawn(
        checkout
            .command(&["up", "--no-build", "--feed", "none", "--addr", &checkout.addr])
            .stdout(Stdio::piped()),
    )
    .unwrap();
    let addr = checkout.addr.clone();
    assert!(wait_until(BOUND, || !checkout.state()["keeper"].is_null() && TcpStream::connect(&addr).is_ok()));

    // The keeper starts Redis again, on its port.
    let redis = checkout.state()["redis"].clone();
    let pid = u32::try_from(redis["pid"].as_u64().unwrap()).unwrap();
    Process::attach(pid, redis["mark"].as_str().unwrap()).unwrap().signal(Signal::KILL).unwrap();
    assert!(wait_until(BOUND, || {
        checkout.state()["redis"]["pid"].as_u64().is_some_and(|it| it != u64::from(pid))
            && !port_is_free(checkout.redis)
    }));

    up.signal(Signal::TERM).unwrap();
    assert!(up.wait(BOUND));
    assert_eq!(up.exit_status().unwrap().code(), Some(0));
    assert!(checkout.all_ports_free());
}

#[test]
fn a_taken_port_is_named() {
    let checkout = Checkout::new();
    let listener = TcpListener::bind(&checkout.addr).unwrap();
    let up = checkout.up();
    assert_eq!(up.status.code(), Some(1));
    assert!(text(&up).contains(&format!("{} is in use", checkout.addr)), "{}", text(&up));
    drop(listener);
    assert!(checkout.calls().is_empty());
}

#[test]
fn a_stale_process_number_is_not_trusted() {
    let checkout = Checkout::new();
    let bystander = Process::spawn(Command::new("sleep").arg("600")).unwrap();
    let mut state = checkout.state();
    state["redis"] = serde_json::json!({ "pid": bystander.pid(), "mark": "an earlier boot:1", "started": 1 });
    fs::write(checkout.root().join(".tidemark/state.json"), state.to_string()).unwrap();
    let status = checkout.run(&["status"]);
    assert_eq!(status.status.code(), Some(3));
    assert!(checkout.run(&["down"]).status.success());
    let mut bystander = bystander;
    assert!(bystander.is_alive(), "somebody else's process is left alone");
    bystander.end(Signal::KILL, BOUND).unwrap();
}

#[test]
fn doctor_speaks_json_and_wrong_usage_is_2() {
    let checkout = Checkout::new();
    let doctor = checkout.run(&["doctor", "--json"]);
    let told: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let found: PathBuf = told["prerequisites"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["tool"] == "redis")
        .and_then(|it| it["path"].as_str())
        .unwrap()
        .into();
    assert!(found.is_file());
    assert_eq!(checkout.run(&["up", "--addr", "nonsense"]).status.code(), Some(2));
    assert_eq!(checkout.run(&["dance"]).status.code(), Some(2));
}
