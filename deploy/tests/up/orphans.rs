//! What an `up` that was killed left behind: the next verb finds it.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    process::{Command, Stdio},
};

use local_servers::{
    ClusterAdmin, Process, Signal, free_base_port, port_is_free, postgres_bin_dir, postgres_on, wait_until,
};

use crate::checkout::{BOUND, Checkout, text};

#[test]
#[cfg(target_os = "linux")]
fn what_was_started_and_not_noted_is_adopted() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    let pids = || ["redis", "postgres", "server"].map(|part| checkout.pid(part));
    let before = pids();
    // As of an `up` that was killed before it could write, and as after a power cut in the middle of writing.
    let path = checkout.root().join(".tidemark/state.json");
    let whole = fs::read_to_string(&path).unwrap();
    for rest in ["{\"format\":1}", &whole[..whole.len() / 2], ""] {
        fs::write(&path, rest).unwrap();
        let status = checkout.run(&["status"]);
        assert!(status.status.success(), "{rest}: {}", text(&status));
        let up = checkout.up();
        assert!(up.status.success() && text(&up).contains("runs already"), "{rest}: {}", text(&up));
        assert_eq!(pids(), before, "{rest}");
        assert_eq!(checkout.state()["redis_port"], checkout.redis, "{rest}");
        assert_eq!(checkout.state()["postgres_port"], checkout.postgres, "{rest}");
    }
    // One of them is gone as well: only that one is started.
    checkout.kill("server");
    fs::write(&path, "").unwrap();
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert_eq!(pids()[..2], before[..2]);
    fs::remove_file(&path).unwrap();
    let down = checkout.run(&["down"]);
    assert!(down.status.success() && text(&down).contains("postgres stopped"), "{}", text(&down));
    assert!(checkout.all_ports_free());
}

#[test]
#[cfg(target_os = "linux")]
fn a_postgres_that_was_started_by_hand_is_taken_on_and_not_killed() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    checkout.sql("CREATE TABLE kept AS SELECT 42 AS n");
    assert!(checkout.run(&["down"]).status.success());
    let data = checkout.root().join(".tidemark/postgres");
    let owner = fs::metadata(&data).unwrap();
    // The folder is named otherwise than the tool names it, as by somebody who works there.
    let mut command = Command::new(postgres_bin_dir().unwrap().join("postgres"));
    command
        .args(["-D", "postgres", "-p", &checkout.postgres.to_string()])
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
        .current_dir(checkout.root().join(".tidemark"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let mut by_hand = Process::spawn(&mut command).unwrap();
    assert!(wait_until(BOUND, || postgres_on(&data).is_some_and(|it| it.ready)), "it is recognized");
    let up = checkout.up();
    assert!(up.status.success() && text(&up).contains("postgres runs already"), "{}", text(&up));
    assert!(by_hand.is_alive() && checkout.pid("postgres") == u64::from(by_hand.pid()));
    assert_eq!(checkout.sql("SELECT n FROM kept"), "42");
    assert!(checkout.run(&["down"]).status.success());
    assert!(by_hand.wait(BOUND), "as one of its own it is stopped");
    assert!(checkout.all_ports_free());
}

#[test]
fn a_killed_up_in_the_foreground_is_replaced() {
    let checkout = Checkout::new();
    let mut first = checkout.foreground();
    let parts = ["redis", "postgres", "server"].map(|part| checkout.pid(part));
    first.end(Signal::KILL, BOUND).unwrap();
    let mut second = checkout.foreground();
    assert!(checkout.said().contains("is gone; this one does so now"), "{}", checkout.said());
    assert_eq!(["redis", "postgres", "server"].map(|part| checkout.pid(part)), parts);
    // A third one finds somebody at it.
    assert!(checkout.run(&["up", "--no-build"]).status.success());
    assert!(second.is_alive());
    checkout.kill("redis");
    assert!(wait_until(BOUND, || checkout.process("redis").is_some()), "{}", checkout.said());
    second.signal(Signal::TERM).unwrap();
    assert!(second.wait(BOUND));
    assert!(checkout.all_ports_free());
}

#[test]
#[cfg(target_os = "linux")]
fn an_import_of_a_killed_up_does_not_go_on() {
    let checkout = Checkout::new();
    let child = checkout.root().join("child");
    checkout.hook("[ \"$1\" != import ] || [ -e child ] || { echo $$ > child.new; mv child.new child; exec sleep 600; }");
    let mut up =
        Process::spawn(&mut checkout.command(&["up", "--no-build", "--addr", &checkout.addr])).unwrap();
    assert!(wait_until(BOUND, || child.exists()));
    up.end(Signal::KILL, BOUND).unwrap();
    let pid: u32 = fs::read_to_string(&child).unwrap().trim().parse().unwrap();
    assert!(local_servers::mark_of(pid).is_some(), "it goes on without its `up`");
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert!(text(&up).contains("left by an `up` that was killed"), "{}", text(&up));
    assert!(local_servers::mark_of(pid).is_none());
}

#[test]
#[cfg(target_os = "linux")]
fn nodes_of_a_cluster_are_adopted_and_recover() {
    let checkout = Checkout::new();
    let base = free_base_port(6).unwrap();
    let up = |more: &[&str]| {
        let args = ["up", "--no-build", "--detach", "--feed", "none", "--addr", &checkout.addr, "--cluster"];
        checkout.run(&[&args[..], more].concat())
    };
    assert!(up(&["--base-port", &base.to_string()]).status.success());
    let admin = ClusterAdmin::new(&(base..base + 6).collect::<Vec<_>>());
    let call =
        |command: &[&str]| admin.command(admin.master_of_slot(12_182).unwrap(), command).unwrap().to_string();
    assert_eq!(call(&["SET", "foo", "kept"]), "OK");
    let nodes = || checkout.state()["cluster"]["nodes"].clone();
    let pids =
        || -> Vec<u64> { nodes().as_array().unwrap().iter().map(|it| it["pid"].as_u64().unwrap()).collect() };
    let before = pids();
    let path = checkout.root().join(".tidemark/state.json");
    fs::write(&path, "{\"form").unwrap();
    let again = up(&[]);
    assert!(again.status.success(), "{}", text(&again));
    assert_eq!(pids(), before);

    // All of it at once, as with the machine.
    for node in nodes().as_array().unwrap() {
        let pid = u32::try_from(node["pid"].as_u64().unwrap()).unwrap();
        Process::attach(pid, node["mark"].as_str().unwrap()).unwrap().end(Signal::KILL, BOUND).unwrap();
    }
    for part in ["server", "postgres"] {
        checkout.kill(part);
    }
    let again = up(&[]);
    assert!(again.status.success(), "{}", text(&again));
    assert_eq!(call(&["GET", "foo"]), "kept");
    fs::remove_file(&path).unwrap();
    let down = checkout.run(&["down"]);
    assert!(down.status.success() && text(&down).contains("redis-6 stopped"), "{}", text(&down));
    assert!((base..base + 6).all(port_is_free));
}

#[test]
fn a_part_that_hangs_is_named_and_not_doubled() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    checkout.kill("server");
    checkout.process("redis").unwrap().signal(Signal::STOP).unwrap();
    let up = checkout.up();
    assert_eq!(up.status.code(), Some(1), "{}", text(&up));
    let line = format!("redis runs (process {}), but gives no answer within 30 s", checkout.pid("redis"));
    assert!(text(&up).contains(&line), "{}", text(&up));
    let down = checkout.run(&["down"]);
    assert!(down.status.success() && checkout.all_ports_free(), "{}", text(&down));
}
