//! What needs no servers: `doctor`, and wrong usage.

use std::path::PathBuf;

use serde_json::Value;

use crate::checkout::Checkout;

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
