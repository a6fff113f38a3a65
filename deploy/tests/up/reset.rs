//! `reset`, `logs -f`, and the server that the supervisor starts again.

use std::{
    fs::{self, File},
    io::Write,
    process::Stdio,
};

use local_servers::{Process, Signal, wait_until};

use crate::checkout::{BOUND, Checkout, text};

#[test]
fn reset_shows_asks_and_deletes() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    let kept = checkout.root().join(".tidemark");
    fs::create_dir_all(kept.join("tools/bin")).unwrap();
    fs::write(kept.join("tools/bin/wasm-opt"), "a tool").unwrap();
    let refused = checkout.run(&["reset"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("give --yes") && text(&refused).contains("MiB  "), "{}", text(&refused));
    assert!(checkout.run(&["status"]).status.success(), "all goes on");

    let reset = checkout.run(&["reset", "--yes"]);
    assert!(reset.status.success(), "{}", text(&reset));
    assert!(checkout.all_ports_free());
    let mut left: Vec<_> =
        fs::read_dir(&kept).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["lock", "tools"]);
    assert!(kept.join("tools/bin/wasm-opt").exists());
    assert!(text(&checkout.run(&["reset", "--yes"])).contains("nothing to delete"));
}

#[test]
fn logs_are_followed_with_names_through_rotation() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    let out = checkout.root().join("followed");
    let mut follower = Process::spawn(
        checkout
            .command(&["logs", "-f", "-n", "1"])
            .stdout(File::create(&out).unwrap())
            .stderr(Stdio::null()),
    )
    .unwrap();
    let shown = |line: &str| wait_until(BOUND, || fs::read_to_string(&out).unwrap().contains(line));
    assert!(shown("redis    | ") && shown("postgres | ") && shown("server   | "));
    let log = checkout.root().join(".tidemark/logs/server.log");
    let append = |text: &str| {
        let mut file = File::options().create(true).append(true).open(&log).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    append("before\n");
    assert!(shown("server   | before\n"));
    // Longer than a log may be: it is put aside while all runs.
    append(&format!("{}\n", "x".repeat(17 << 20)));
    let aside = log.with_extension("log.1");
    assert!(wait_until(BOUND, || aside.exists() && fs::metadata(&log).unwrap().len() < 1_000));
    append("after\n");
    assert!(shown("server   | after\n"));
    follower.end(Signal::KILL, BOUND).unwrap();
}

#[test]
fn the_supervisor_starts_the_server_again_and_at_last_gives_up() {
    let checkout = Checkout::new();
    let mut up = checkout.foreground();
    let first = checkout.pid("server");
    checkout.kill("server");
    let again = || checkout.pid("server") != first && checkout.process("server").is_some();
    assert!(wait_until(BOUND, again), "{}", checkout.said());
    assert!(checkout.said().contains("server ended; starting it again"), "{}", checkout.said());

    checkout.hook("[ \"$1\" != serve ] || { echo 'Guru Meditation'; exit 1; }");
    checkout.kill("server");
    assert!(up.wait(BOUND), "{}", checkout.said());
    assert_eq!(up.exit_status().unwrap().code(), Some(1));
    let said = checkout.said();
    assert!(said.contains("server ended 6 times within a minute; its log ends so:\n"), "{said}");
    assert!(said.contains("\n  Guru Meditation"), "{said}");
    assert!(checkout.all_ports_free(), "the others are stopped too: {said}");
}

#[test]
fn status_tells_where_prices_come_from() {
    let checkout = Checkout::new();
    checkout.answer(r#"{"status":"ok","feed":{"status":"running","source":"replay"}}"#);
    assert!(checkout.up().status.success());
    let status = text(&checkout.run(&["status"]));
    assert!(status.contains("prices: replay: recorded prices, played again"), "{status}");
    let told = checkout.run(&["status", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["prices"]["source"], "replay");
}
