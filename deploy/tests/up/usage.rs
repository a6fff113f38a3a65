//! What needs no servers: `doctor`, and wrong usage.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Stdio,
};

use local_servers::{Process, Signal, wait_until};
use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use serde_json::Value;

use crate::checkout::{BOUND, Checkout};

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
    assert_eq!(checkout.run(&["test", "--only", "nope"]).status.code(), Some(2));
    for feed in ["binance", "bloomberg"] {
        let refused = checkout.run(&["up", "--feed", feed]);
        assert_eq!(refused.status.code(), Some(2), "the server has no {feed}");
    }
}

#[test]
fn ctrl_c_is_an_answer_to_the_question() {
    let checkout = Checkout::new();
    // Something that is missing everywhere, and can be installed.
    checkout.build_tools();
    fs::write(checkout.root().join("rust-toolchain.toml"), "channel = \"99.0.0\"\n").unwrap();
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let said = checkout.root().join("said");
    let mut up = Process::spawn(
        checkout
            .command(&["up", "--addr", &checkout.addr])
            .stdin(end)
            .stdout(File::create(&said).unwrap())
            .stderr(Stdio::null()),
    )
    .unwrap();
    let asked = wait_until(BOUND, || fs::read_to_string(&said).unwrap().contains("Go ahead?"));
    up.signal(Signal::INT).unwrap();
    let ended = up.wait(BOUND);
    if !ended {
        up.end(Signal::KILL, BOUND).unwrap();
    }
    assert!(asked && ended);
    assert_eq!(up.exit_status().unwrap().code(), Some(130));
}
