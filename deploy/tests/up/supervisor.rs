//! The supervisor waits for no part, and stops none because of its own trouble.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::PathBuf,
    process::Command,
};

use local_servers::{Process, Signal, postgres_on, wait_until};

use crate::{
    checkout::{BOUND, Checkout, text},
    crash::recover_by,
};

#[test]
#[cfg(target_os = "linux")]
fn a_part_that_starts_slowly_holds_up_no_other_and_no_other_verb() {
    let checkout = Checkout::new();
    let mut up = checkout.foreground();
    let data = checkout.root().join(".tidemark/postgres");
    // Until the test says so, or gave up long ago.
    recover_by(&checkout, "n=0; while [ ! -e go -a $n -lt 900 ]; do sleep 0.2; n=$((n+1)); done; false");
    checkout.kill("postgres");
    assert!(wait_until(BOUND, || postgres_on(&data).is_some_and(|it| !it.ready)), "{}", checkout.said());
    let recovers = postgres_on(&data).unwrap();

    for part in ["server", "redis"] {
        let before = checkout.pid(part);
        checkout.kill(part);
        let again =
            wait_until(BOUND, || checkout.process(part).is_some_and(|it| u64::from(it.pid()) != before));
        assert!(again, "{part}: {}", checkout.said());
    }
    assert!(wait_until(BOUND, || TcpStream::connect(&checkout.addr).is_ok()));
    assert!(postgres_on(&data).is_some_and(|it| !it.ready && it.pid == recovers.pid), "{}", checkout.said());
    // The lock is free for another verb that starts parts, but for the moments in which the supervisor starts one.
    let lock = File::options().write(true).open(checkout.root().join(".tidemark/lock")).unwrap();
    assert!(wait_until(BOUND, || lock.try_lock().is_ok()), "{}", checkout.said());
    drop(lock);
    assert!(postgres_on(&data).is_some_and(|it| !it.ready && it.pid == recovers.pid), "{}", checkout.said());

    fs::write(data.join("go"), "").unwrap();
    assert!(
        wait_until(BOUND, || checkout.said().contains("postgres answers again after")),
        "{}",
        checkout.said()
    );
    assert_eq!(checkout.pid("postgres"), u64::from(recovers.pid), "the same one");
    let down = checkout.run(&["down"]);
    assert!(down.status.success() && up.wait(BOUND), "{}", text(&down));
    assert!(checkout.all_ports_free());
}

#[test]
fn a_state_that_cannot_be_read_stops_nothing() {
    let checkout = Checkout::new();
    let mut up = checkout.foreground();
    // Also when this fails: `down` refuses a state of another format, and would leave all of it running.
    let _restored = Restored(checkout.root().join(".tidemark/state.json"), checkout.state().to_string());
    let mut server = checkout.process("server").unwrap();
    let mut redis = checkout.process("redis").unwrap();
    // As a newer version of this tool writes it.
    let path = checkout.root().join(".tidemark/state.json");
    let newer = "{\"format\":2}";
    fs::write(&path, newer).unwrap();
    redis.end(Signal::KILL, BOUND).unwrap();
    assert!(
        wait_until(BOUND, || checkout.said().contains("redis answers again after")),
        "{}",
        checkout.said()
    );
    assert!(server.is_alive() && up.is_alive(), "{}", checkout.said());
    assert!(checkout.said().contains("is of format 2"), "{}", checkout.said());
    assert_eq!(checkout.said().matches("is of format 2").count(), 1, "once: {}", checkout.said());
    assert_eq!(fs::read_to_string(&path).unwrap(), newer, "it is the newer one's");

    up.signal(Signal::TERM).unwrap();
    assert!(up.wait(BOUND) && up.exit_status().unwrap().success(), "{}", checkout.said());
    assert!(!server.is_alive() && checkout.all_ports_free(), "{}", checkout.said());
}

#[test]
fn the_server_starts_again_where_it_was_without_a_state_that_tells_it() {
    let checkout = Checkout::new();
    let mut up = checkout.foreground();
    let path = checkout.root().join(".tidemark/state.json");
    // As a power cut or a full disk leaves it, and removed by hand.
    for (round, lost, told) in [(1, Some("{"), "state.json is damaged"), (2, None, "state.json is missing")] {
        let mut before = checkout.process("server").unwrap();
        match lost {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        before.end(Signal::KILL, BOUND).unwrap();
        let again = || checkout.said().matches("server answers again after").count() == round;
        assert!(wait_until(BOUND, again), "{}", checkout.said());
        assert_eq!(checkout.said().matches(told).count(), 1, "{}", checkout.said());
        assert!(TcpStream::connect(&checkout.addr).is_ok());
        // The file is whole again, with what it lost.
        let state = checkout.state();
        assert_eq!((&state["addr"], &state["feed"]), (&checkout.addr.clone().into(), &"none".into()));
        assert_eq!(state["redis_port"], checkout.redis);
        assert_eq!(state["keeper"]["pid"], up.pid());
    }
    up.signal(Signal::TERM).unwrap();
    assert!(up.wait(BOUND) && up.exit_status().unwrap().success(), "{}", checkout.said());
    assert!(checkout.all_ports_free());
}

#[test]
fn what_another_tool_started_under_a_state_that_cannot_be_read_is_found() {
    let checkout = Checkout::new();
    let mut up = checkout.foreground();
    let path = checkout.root().join(".tidemark/state.json");
    let restored = Restored(path.clone(), checkout.state().to_string());
    fs::write(&path, "{\"format\":2}").unwrap();
    // While the supervisor looks away, a newer tool starts the server again.
    up.signal(Signal::STOP).unwrap();
    noted(&restored.1, "server").end(Signal::KILL, BOUND).unwrap();
    let mut newer = Process::spawn(
        Command::new(checkout.root().join("tidemark"))
            .arg("serve")
            .current_dir(checkout.root())
            .env("TIDEMARK_UP_SERVER", checkout.root().join(".tidemark"))
            .env("LEPTOS_SITE_ADDR", &checkout.addr),
    )
    .unwrap();
    assert!(wait_until(BOUND, || TcpStream::connect(&checkout.addr).is_ok()));
    up.signal(Signal::CONT).unwrap();
    assert!(wait_until(BOUND, || checkout.said().contains("is of format 2")), "{}", checkout.said());
    // The next parts are looked after as ever, and no second server is tried.
    let mut redis = noted(&restored.1, "redis");
    redis.end(Signal::KILL, BOUND).unwrap();
    assert!(
        wait_until(BOUND, || checkout.said().contains("redis answers again after")),
        "{}",
        checkout.said()
    );
    assert!(newer.is_alive() && up.is_alive(), "{}", checkout.said());
    assert!(!checkout.said().contains("is in use"), "{}", checkout.said());
    up.signal(Signal::TERM).unwrap();
    assert!(up.wait(BOUND), "{}", checkout.said());
    assert!(!newer.is_alive(), "it is stopped with the others");
}

#[test]
fn a_database_whose_disk_is_gone_is_not_replaced_by_an_empty_one() {
    let checkout = Checkout::new();
    let mut up = checkout.foreground();
    let data = checkout.root().join(".tidemark/postgres");
    let elsewhere = data.with_file_name("unmounted");
    up.signal(Signal::STOP).unwrap();
    checkout.kill("postgres");
    fs::rename(&data, &elsewhere).unwrap();
    fs::create_dir(&data).unwrap();
    up.signal(Signal::CONT).unwrap();
    assert!(
        wait_until(BOUND, || checkout.said().contains("postgres is not started: its data is gone from")),
        "{}",
        checkout.said()
    );
    assert!(!data.join("PG_VERSION").exists());
    // Mounted again.
    fs::remove_dir(&data).unwrap();
    fs::rename(&elsewhere, &data).unwrap();
    assert!(
        wait_until(BOUND, || checkout.said().contains("postgres answers again after")),
        "{}",
        checkout.said()
    );
    assert!(up.is_alive());
    up.signal(Signal::TERM).unwrap();
    assert!(up.wait(BOUND) && checkout.all_ports_free(), "{}", checkout.said());
}

/// The process of a part by this text of the state.
fn noted(state: &str, part: &str) -> Process {
    let state: serde_json::Value = serde_json::from_str(state).unwrap();
    let pid = u32::try_from(state[part]["pid"].as_u64().unwrap()).unwrap();
    Process::attach(pid, state[part]["mark"].as_str().unwrap()).unwrap()
}

/// Writes the file again at the end, before the checkout goes.
struct Restored(PathBuf, String);

impl Drop for Restored {
    fn drop(&mut self) {
        drop(fs::write(&self.0, &self.1));
    }
}

#[test]
fn a_second_ctrl_c_does_not_wait() {
    let checkout = Checkout::new();
    let mut up = checkout.foreground();
    let mut server = checkout.process("server").unwrap();
    // As another verb that is at work, for which the stop waits some seconds.
    let lock = File::options().write(true).open(checkout.root().join(".tidemark/lock")).unwrap();
    lock.lock().unwrap();
    up.signal(Signal::INT).unwrap();
    assert!(wait_until(BOUND, || checkout.said().contains("Press Ctrl-C again")), "{}", checkout.said());
    up.signal(Signal::INT).unwrap();
    assert!(up.wait(BOUND), "{}", checkout.said());
    assert_eq!(up.exit_status().unwrap().code(), Some(130), "{}", checkout.said());
    assert!(server.is_alive(), "left to itself");
}
