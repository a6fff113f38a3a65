//! `up` in the foreground, which looks after what it started.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    process::Stdio,
};

use local_servers::{Process, Signal, mark_of, port_is_free, wait_until};

use crate::checkout::{BOUND, Checkout};

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

    // The supervisor starts Redis again, on its port.
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
fn the_server_outlives_a_redis_that_cannot_be_started() {
    let checkout = Checkout::new();
    let said = checkout.root().join("said");
    let out = fs::File::create(&said).unwrap();
    let mut up = Process::spawn(
        checkout
            .command(&["up", "--no-build", "--feed", "none", "--addr", &checkout.addr])
            .stdout(out.try_clone().unwrap())
            .stderr(out),
    )
    .unwrap();
    assert!(wait_until(BOUND, || !checkout.state()["keeper"].is_null()));

    // While the supervisor looks away, somebody else takes the port of a Redis that died.
    up.signal(Signal::STOP).unwrap();
    let process = |part: &str| {
        let noted = checkout.state()[part].clone();
        let pid = u32::try_from(noted["pid"].as_u64()?).ok()?;
        Process::attach(pid, noted["mark"].as_str()?)
    };
    process("redis").unwrap().end(Signal::KILL, BOUND).unwrap();
    // Its main thread has ended; another one may have the port for a moment yet.
    let mut listener = None;
    assert!(wait_until(BOUND, || {
        listener = TcpListener::bind(("127.0.0.1", checkout.redis)).ok();
        listener.is_some()
    }));
    up.signal(Signal::CONT).unwrap();

    let said = || fs::read_to_string(&said).unwrap();
    assert!(wait_until(BOUND, || said().contains("for the last time within a minute")), "{}", said());
    let port = format!("port {} is taken", checkout.redis);
    assert!(wait_until(BOUND, || said().matches(&port).count() == 5), "{}", said());
    assert!(said().contains("the server that runs looks for redis there"), "{}", said());
    assert_eq!(checkout.state()["redis_port"], checkout.redis);

    // The supervisor has not given up: it looks after the others.
    process("postgres").unwrap().end(Signal::KILL, BOUND).unwrap();
    assert!(wait_until(BOUND, || process("postgres").is_some()), "{}", said());
    assert!(TcpStream::connect(&checkout.addr).is_ok() && up.is_alive());
    drop(listener);
    up.signal(Signal::TERM).unwrap();
    assert!(up.wait(BOUND));
    assert_eq!(up.exit_status().unwrap().code(), Some(0), "{}", said());
    assert!(checkout.all_ports_free());
}

#[test]
fn a_signal_ends_what_a_step_started_too() {
    let checkout = Checkout::new();
    // `migrate` hangs, with a child of its own.
    let script = "#!/bin/sh\nsleep 600 &\necho $! > child.new\nmv child.new child\nwait\n";
    let binary = checkout.root().join("tidemark");
    fs::write(&binary, script).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    let mut up =
        Process::spawn(&mut checkout.command(&["up", "--no-build", "--addr", &checkout.addr])).unwrap();
    let child = checkout.root().join("child");
    assert!(wait_until(BOUND, || child.exists()));
    let pid = fs::read_to_string(child).unwrap().trim().parse().unwrap();
    assert!(mark_of(pid).is_some());
    up.signal(Signal::TERM).unwrap();
    assert!(up.wait(BOUND));
    assert_eq!(up.exit_status().unwrap().code(), Some(130));
    assert!(mark_of(pid).is_none());
    assert!(checkout.all_ports_free());
}
