//! The fault table in a small size, by the program: what it counts must be right, how long it takes is not looked at.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

/// Servers start, the fault lasts a second, and all may take its time on a busy machine.
const BOUND: Duration = Duration::from_secs(180);

/// The program's answer to these arguments: whether it ended well, what it printed, and what it said beside it.
async fn faults(arguments: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemark-bench"));
    command.arg("faults").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(BOUND, command.output()).await.expect("ends in time").expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// One short fault; nothing fails and nothing goes back. The row.
async fn borne(name: &str) -> Value {
    let (well, out, err) = faults(&["--only", name, "--seconds", "1", "--json"]).await;
    assert!(well, "{out}{err}");
    assert_eq!(err.trim(), name, "only progress");
    let table: Value = serde_json::from_str(&out).expect("JSON and nothing else");
    let [row] = table["rows"].as_array().expect("rows").as_slice() else { panic!("not one row: {table}") };
    assert_eq!((&row["fault"], &row["verdict"]), (&Value::from(name), &Value::from("pass")), "{row}");
    assert_eq!((&row["failed"], &row["went_back"]), (&Value::from(0), &Value::from(0)), "{row}");
    for field in ["reads", "loads_per_s", "worst_ms", "oldest_memory_ms", "oldest_redis_ms"] {
        assert!(row[field].as_f64().is_some_and(|figure| figure > 0.0), "{field}: {row}");
    }
    for field in ["answers_again_s", "writes_again_s"] {
        assert!(row[field].as_f64().is_some(), "{field}: Redis came back: {row}");
    }
    row.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_nothing_is_missed() {
    let row = borne("node/none").await;
    assert_eq!(row["from_end"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_fails_no_read() {
    let row = borne("node/kill").await;
    assert_eq!(row["from_end"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_fault_is_refused_with_the_names_there_are() {
    let (well, out, err) = faults(&["--only", "node/flood"]).await;
    assert!(!well && out.is_empty(), "{out}");
    assert!(
        err.contains("node/flood") && err.contains("node/kill") && err.contains("cluster/minority"),
        "{err}"
    );
}
