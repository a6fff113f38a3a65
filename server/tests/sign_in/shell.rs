//! `tidemark admin`.

use serde_json::Value;

use crate::{
    people::{
        PASSWORD, PasswordFile, ask, database, database_with_password, execute, query, server, set_password,
        sign_in, status, try_password,
    },
    support::{run, tidemark},
};

const NEW: &str = "another long passphrase";

#[test]
fn a_new_password_counts_at_once_and_ends_all_sessions() {
    let url = database_with_password();
    let server = server(&url, &[]);
    let pair = sign_in(&server);
    assert_eq!(status(&server, &pair), 200);
    let set = set_password(&url, NEW, &[]);
    assert!(set.status.success());
    let said = String::from_utf8(set.stdout).unwrap();
    assert!(said.contains("all sessions are over") && !said.contains(NEW), "{said}");
    assert_eq!(status(&server, &pair), 401, "the cookie, sent again");
    assert_eq!(try_password(&server, PASSWORD, &[]).status, 401);
    assert_eq!(try_password(&server, NEW, &[]).status, 200);
    assert_eq!(query(&url, "SELECT count(*)::text FROM audit WHERE action = 'password_changed'"), "2");
}

#[test]
fn a_bad_password_is_refused_and_the_old_one_stays() {
    let url = database_with_password();
    let before = query(&url, "SELECT password_hash FROM accounts");
    for (text, named) in [
        ("", "fewer than 12"),
        ("eleven char", "fewer than 12"),
        ("password1234", "common"),
        ("aaaaaaaaaaaaaaaaaa", "over and over"),
        (&"long ".repeat(400), "1024 bytes"),
        ("with\ta control character", "control"),
        ("two lines\nof a passphrase", "control"),
    ] {
        let refused = set_password(&url, text, &[]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{text:?}: {said}");
        assert!(said.contains(named), "{text:?}: {said}");
        assert!(text.is_empty() || !said.contains(text), "{said}");
    }
    assert_eq!(query(&url, "SELECT password_hash FROM accounts"), before);
    let kept = set_password(&url, NEW, &["--if-none"]);
    assert!(kept.status.success() && String::from_utf8_lossy(&kept.stdout).contains("already"));
    assert_eq!(query(&url, "SELECT password_hash FROM accounts"), before);
    let fresh = database();
    assert!(set_password(&fresh, NEW, &["--if-none"]).status.success());
    assert_ne!(query(&fresh, "SELECT password_hash FROM accounts"), "");
}

#[test]
fn sessions_are_listed_and_ended() {
    let url = database_with_password();
    let server = server(&url, &[]);
    let none = run(&url, &["admin", "sessions"]);
    assert_eq!(String::from_utf8(none.stdout).unwrap(), "none\n");
    let pair = sign_in(&server);
    let agent = format!("Browser/1.0 {}", "x".repeat(300));
    let headers = [("content-type", "application/json"), ("user-agent", agent.as_str())];
    let body = serde_json::json!({ "user": "admin", "password": PASSWORD }).to_string();
    assert_eq!(ask(&server, "POST", "/api/session", &headers, &body).status, 200);
    let table = String::from_utf8(run(&url, &["admin", "sessions"]).stdout).unwrap();
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.contains("127.0.0.1") && table.contains("Browser/1.0"), "{table}");
    assert!(table.lines().all(|line| line.len() < 120), "{table}");
    let list = run(&url, &["admin", "sessions", "--json"]);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    let first = &list["sessions"][0];
    assert!(first["created_at"].is_i64() && first["agent"].as_str().unwrap().len() <= 120, "{list}");
    assert!(!list.to_string().contains(pair.strip_prefix("tidemark=").unwrap()));

    let ended = run(&url, &["admin", "sign-out"]);
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), "2 sessions are over\n");
    assert_eq!(status(&server, &pair), 401);
}

#[test]
fn what_was_done_is_no_failure_because_it_cannot_be_noted() {
    let url = database_with_password();
    execute(&url, "ALTER TABLE audit RENAME TO audit_away");
    let set = set_password(&url, NEW, &[]);
    let warned = String::from_utf8(set.stderr).unwrap();
    assert!(set.status.success() && warned.contains("not in the audit log"), "{warned}");
    assert!(String::from_utf8_lossy(&set.stdout).contains("is set"));
    let ended = run(&url, &["admin", "sign-out"]);
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), "0 sessions are over\n");
    assert!(ended.status.success());
    assert_eq!(try_password(&server(&url, &[]), NEW, &[]).status, 200);
}

#[test]
fn without_a_database_it_is_said_what_to_do() {
    for args in [&["admin", "password"][..], &["admin", "sessions"], &["admin", "sign-out"]] {
        let output = tidemark().args(args).stdin(std::process::Stdio::null()).output().unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(line.contains("TIDEMARK_ADMIN_PASSWORD_FILE"), "{line}");
    }
}

#[test]
fn a_password_file_that_is_no_good_stops_the_start() {
    use std::{fs, os::unix::fs::PermissionsExt};

    for (text, mode, named) in [
        (PASSWORD, 0o644, "chmod 600"),
        ("short", 0o600, "fewer than 12"),
        ("password1234", 0o600, "common"),
        ("", 0o600, "fewer than 12"),
    ] {
        let file = PasswordFile::new(text);
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        let output = tidemark()
            .arg("serve")
            .env("TIDEMARK_ADMIN_PASSWORD_FILE", file.path())
            .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
            .output()
            .unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(line.contains("TIDEMARK_ADMIN_PASSWORD_FILE") && line.contains(named), "{line}");
        assert!(text.is_empty() || !line.contains(text), "{line}");
    }
}
