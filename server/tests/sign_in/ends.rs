//! Sessions that end by themselves.

use local_servers::wait_until;
use serde_json::Value;

use crate::{
    people::{ask, clear, database_with_password, execute, query, server, sign_in, status},
    support::{SOON, run},
};

#[test]
fn a_session_that_is_not_used_ends() {
    let url = database_with_password();
    let idle = [("TIDEMARK_SESSION_IDLE", "1h")];
    let first = server(&url, &idle);
    let pair = sign_in(&first);
    assert_eq!(status(&first, &pair), 200);
    execute(&url, "UPDATE sessions SET seen_at = seen_at - 3600000");
    // By a server that has not seen it itself.
    let second = server(&url, &idle);
    assert_eq!(status(&second, &pair), 401);
    assert_eq!(clear(&second, &[("cookie", &pair)]).status, 401);
    assert_eq!(status(&first, &pair), 401);
}

#[test]
fn the_figures_that_an_open_page_reads_by_itself_keep_no_session_from_ending() {
    let server = server(&database_with_password(), &[("TIDEMARK_SESSION_IDLE", "5s")]);
    let pair = sign_in(&server);
    let mut read = 0;
    let ended = wait_until(SOON, || {
        let found = ask(&server, "GET", "/fn/cache_stats", &[("cookie", &pair)], "").status;
        read += u32::from(found == 200);
        found == 401
    });
    assert!(ended && read > 0, "{read}");
    assert_eq!(status(&server, &pair), 401);
}

#[test]
fn a_session_that_is_used_all_the_time_ends_at_last() {
    let url = database_with_password();
    let server = server(&url, &[("TIDEMARK_SESSION_MAX", "2h")]);
    let pair = sign_in(&server);
    execute(&url, "UPDATE sessions SET created_at = created_at - 3600000");
    assert_eq!(status(&server, &pair), 200);
    execute(&url, "UPDATE sessions SET created_at = created_at - 3600000");
    assert_eq!(status(&server, &pair), 401);
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
