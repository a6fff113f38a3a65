//! Sessions that end by themselves.

use local_servers::wait_until;
use serde_json::Value;

use crate::{
    people::{clear, database_with_password, query, server, sign_in, status},
    support::{SOON, run},
};

#[test]
fn a_session_that_is_not_used_ends() {
    let url = database_with_password();
    let idle = [("TIDEMARK_SESSION_IDLE", "2s")];
    let server = server(&url, &idle);
    let pair = sign_in(&server);
    assert_eq!(status(&server, &pair), 200);
    // Looking at the list is no use of it.
    let gone = wait_until(SOON, || {
        let now =
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000 - max(seen_at) > 2500)::text FROM sessions";
        query(&url, now) == "true"
    });
    assert!(gone);
    assert_eq!(status(&server, &pair), 401);
    assert_eq!(clear(&server, &[("cookie", &pair)]).status, 401);
}

#[test]
fn a_session_that_is_used_all_the_time_ends_at_last() {
    let limits = [("TIDEMARK_SESSION_IDLE", "3s"), ("TIDEMARK_SESSION_MAX", "3s")];
    let server = server(&database_with_password(), &limits);
    let pair = sign_in(&server);
    let mut used = 0;
    let ended = wait_until(SOON, || {
        let found = status(&server, &pair);
        used += u32::from(found == 200);
        found == 401
    });
    assert!(ended && used > 0, "{used}");
}

#[test]
fn what_is_over_is_swept_and_not_listed() {
    let url = database_with_password();
    let server_url = url.clone();
    let server = server(&server_url, &[]);
    let pair = sign_in(&server);
    assert_eq!(query(&url, "UPDATE sessions SET seen_at = 0 RETURNING account"), "admin");
    let list = run(&url, &["admin", "sessions", "--json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list["sessions"], serde_json::json!([]));
    // Another server sweeps as it starts.
    let _other = crate::people::server(&url, &[]);
    let swept = wait_until(SOON, || query(&url, "SELECT count(*)::text FROM sessions") == "0");
    assert!(swept);
    assert_eq!(status(&server, &pair), 401);
}

#[test]
fn a_limit_that_is_none_stops_the_start() {
    for (name, value, named) in [
        ("TIDEMARK_SESSION_IDLE", "soon", "no time"),
        ("TIDEMARK_SESSION_IDLE", "13h", "longer than a session"),
        ("TIDEMARK_SESSION_MAX", "90days", "not 1s to 30days"),
    ] {
        let output = crate::support::tidemark()
            .arg("serve")
            .env(name, value)
            .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
            .output()
            .unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(line.contains(name) && line.contains(named), "{line}");
    }
}
