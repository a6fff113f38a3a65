//! What must not be in the log, and what must not be read into it.

use serde_json::json;

use crate::{
    people::{PASSWORD, SESSION, ask, database_with_password, query, server, sign_in, status, try_password},
    support::{SOON, tidemark},
};

#[test]
fn no_secret_is_in_the_log_the_process_list_or_the_tables() {
    let url = database_with_password();
    let server = server(&url, &[("RUST_LOG", "trace,hyper=info")]);
    let pair = sign_in(&server);
    assert_eq!(status(&server, &pair), 200);
    let wrong = "a mistyped passphrase";
    assert_eq!(try_password(&server, wrong, &[]).status, 401);
    // A person who types the password into the field for the name.
    let slip = json!({ "user": "my secret by mistake", "password": "" }).to_string();
    let headers = [("content-type", "application/json")];
    assert_eq!(ask(&server, "POST", SESSION, &headers, &slip).status, 401);
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let body = format!("user=admin&password={}", wrong.replace(' ', "+"));
    assert_eq!(ask(&server, "POST", "/fn/sign_in", &form, &body).status, 303);
    let hash = query(&url, "SELECT password_hash FROM accounts");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let written = local_servers::wait_until(SOON, || {
        query(&url, "SELECT count(*)::text FROM audit WHERE action = 'sign_in_refused'") == "3"
    });
    assert!(written, "{}", server.log());
    let kept = query(&url, "SELECT string_agg(a::text, ' ') FROM audit a")
        + &query(&url, "SELECT string_agg(s::text, ' ') FROM sessions s");
    let argv = std::fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
    let argv = String::from_utf8_lossy(&argv).into_owned();
    let id = pair.strip_prefix("tidemark=").unwrap();
    for text in [server.log(), kept, argv] {
        for secret in [PASSWORD, wrong, "my secret by mistake", hash.as_str(), "$argon2", id] {
            assert!(
                !text.contains(secret) && !text.contains(&secret.replace(' ', "+")),
                "{secret} in {text}"
            );
        }
    }
    // There is no way to say a password in the arguments.
    let output = tidemark().args(["admin", "password", "a-password-in-argv"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn nothing_that_is_sent_can_pass_for_a_line_of_the_log() {
    let url = database_with_password();
    let server = server(&url, &[]);
    let user = "x\r\n2026-01-01T00:00:00Z  INFO audit: forged-by-name\u{1b}[2J";
    let body = json!({ "user": user, "password": "not the passphrase" }).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("user-agent", "Browser\tforged-by-agent [31m \" action=\"sign_in\""),
    ];
    assert_eq!(ask(&server, "POST", SESSION, &headers, &body).status, 401);
    let pair = sign_in(&server);
    // A scope may hold quotes and what looks like fields.
    let scope =
        json!({ "scope": { "prefix": "charts:forged-by-scope\" account=\"nobody\nline" } }).to_string();
    let headers = [("content-type", "application/json"), ("cookie", pair.as_str())];
    ask(&server, "POST", "/api/cache/clear", &headers, &scope);
    let scope = json!({ "scope": { "prefix": "charts:forged-by-scope\" account=\"nobody" } }).to_string();
    assert_eq!(ask(&server, "POST", "/api/cache/clear", &headers, &scope).status, 200);
    let written = local_servers::wait_until(SOON, || server.log().contains("forged-by-scope"));
    let log = server.log();
    assert!(written, "{log}");
    assert!(!log.contains("forged-by-name"), "{log}");
    assert!(!log.contains('\u{1b}') && !log.contains('\t'), "{log}");
    for line in log.lines().filter(|line| line.contains("forged")) {
        assert!(line.contains("action=") && line.contains("audit:"), "a line of its own: {line}");
    }
    let line = log.lines().find(|line| line.contains("forged-by-scope")).unwrap();
    assert!(line.contains(r#"forged-by-scope\" account=\"nobody"#), "quoted: {line}");
}
