//! Redis as a cluster.

use std::{
    fs,
    net::{TcpListener, TcpStream},
};

use local_servers::{BUS_OFFSET, ClusterAdmin, Process, Signal, free_base_port, port_is_free, wait_until};

use crate::checkout::{BOUND, Checkout, text};

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
    assert_eq!(cluster(&["failover", "7"]).status.code(), Some(2), "no such node");

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
fn a_node_is_left_to_its_replica_and_the_supervisor_stops_one_that_was_started_since() {
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
