//! Bodies that are none.

use serde_json::json;

use crate::people::{PASSWORD, SESSION, ask, database_with_password, detail, server};

#[test]
fn what_is_no_sign_in_is_refused_and_not_repeated() {
    let server = server(&database_with_password(), &[]);
    let good = json!({ "user": "admin", "password": PASSWORD }).to_string();
    let json_type = "application/json";
    let array = json!(["admin", PASSWORD]).to_string();
    let huge = json!({ "user": "admin", "password": "x".repeat(20 << 10) }).to_string();
    let long = json!({ "user": "u".repeat(8_000), "password": "x".repeat(4_000) }).to_string();
    let extra = json!({ "user": "admin", "password": PASSWORD, "role": "root" }).to_string();
    for (media, body, status, named) in [
        ("text/plain", good.as_str(), 415, "application/json"),
        ("application/x-www-form-urlencoded", &good, 415, "application/json"),
        ("multipart/form-data", &good, 415, "application/json"),
        ("", &good, 415, "application/json"),
        (json_type, "", 400, "expected {\"user\""),
        (json_type, "hunter2-as-text", 400, "body"),
        (json_type, r#"{"user":"admin"}"#, 400, "body"),
        (json_type, r#"{"user":"admin","password":4711}"#, 400, "body"),
        (json_type, r#"{"user":["admin"],"password":{"$ne":""}}"#, 400, "body"),
        (json_type, "[1,2]", 400, "body"),
        // The fields in their order, which Serde takes for the struct.
        (json_type, &array, 400, "expected {\"user\""),
        (json_type, r#"{"user":"admin","user":"admin","password":"x"}"#, 400, "body"),
        ("application/json; charset=utf-16", &good, 415, "UTF-8"),
        ("application/json; charset=\"ISO-8859-1\"", &good, 415, "ISO-8859-1"),
        (json_type, &extra, 400, "body"),
        (json_type, &huge, 413, "16 KiB"),
        (json_type, &long, 401, "wrong user or password"),
    ] {
        let headers: &[(&str, &str)] = if media.is_empty() { &[] } else { &[("content-type", media)] };
        let reply = ask(&server, "POST", SESSION, headers, body);
        assert_eq!(reply.status, status, "{media} {named}: {}", reply.text());
        let detail = detail(&reply);
        assert!(detail.contains(named), "{detail}");
        for part in ["hunter2", "4711", PASSWORD, "root"] {
            assert!(!detail.contains(part), "{detail}");
        }
    }
    for method in ["PUT", "PATCH"] {
        let reply = ask(&server, method, SESSION, &[], "");
        assert_eq!((reply.status, reply.header("allow")), (405, "GET,HEAD,POST,DELETE"));
    }
    // The form of the sign-in page, too.
    let form = format!("user=admin&password={}", PASSWORD.replace(' ', "+"));
    let form_type = "application/x-www-form-urlencoded";
    for (charset, status) in [("utf-16", 415), ("UTF-8", 200)] {
        let headers =
            [("content-type", &*format!("{form_type}; charset={charset}")), ("accept", "application/json")];
        let reply = ask(&server, "POST", "/fn/sign_in", &headers, &form);
        assert_eq!(reply.status, status, "{}", reply.text());
    }
    // Deep nesting is no way to the stack.
    let reply = ask(&server, "POST", SESSION, &[("content-type", json_type)], &"[".repeat(15_000));
    assert_eq!(reply.status, 400);
    let reply = ask(&server, "POST", SESSION, &[("content-type", "Application/JSON; charset=utf-8")], &good);
    assert_eq!(reply.status, 200, "{}", reply.text());
    // No page of another site may read it.
    let cors = ask(&server, "GET", SESSION, &[("origin", "https://evil.example")], "");
    assert_eq!(cors.header("access-control-allow-origin"), "");
    let long_cookie = format!("tidemark={}", "a".repeat(10_000));
    assert_eq!(ask(&server, "GET", SESSION, &[("cookie", &long_cookie)], "").status, 401);
}
