//! A server that is not warm yet.

use std::fs;

use local_servers::{Process, wait_until};
use serde_json::Value;

use crate::checkout::{BOUND, Checkout, text};

#[test]
fn up_waits_for_the_warm_up_and_status_shows_it() {
    let checkout = Checkout::new();
    checkout.answer(r#"{"status":"warming","redis":{"status":"up"}}"#);
    let said = checkout.root().join("said");
    let mut up = Process::spawn(
        checkout
            .command(&["up", "--no-build", "--detach", "--feed", "none", "--addr", &checkout.addr])
            .stdout(fs::File::create(&said).unwrap()),
    )
    .unwrap();
    let said = || fs::read_to_string(&said).unwrap();
    let warms = wait_until(BOUND, || said().contains("it warms up") || !up.is_alive());
    assert!(warms && up.is_alive(), "{}", said());
    let status = checkout.run(&["status"]);
    assert_eq!(status.status.code(), Some(3), "{}", text(&status));
    assert!(text(&status).contains("answers, warming up"), "{}", text(&status));
    let told: Value = serde_json::from_slice(&checkout.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!(told["parts"][2]["health"], "answers, warming up", "{told}");
    assert!(up.is_alive(), "it waits: {}", said());

    // Warm, and Redis is away.
    checkout.answer(r#"{"status":"degraded","redis":{"status":"down"}}"#);
    assert!(up.wait(BOUND), "{}", said());
    assert!(up.exit_status().unwrap().success(), "{}", said());
    assert!(said().contains("degraded: redis is down"), "{}", said());
    checkout.answer_well();
    assert!(checkout.run(&["status"]).status.success());
}
