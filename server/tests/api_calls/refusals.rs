//! Requests that are refused whatever they ask for, and calls that are not as they should be: no answer is a failure of the server.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    thread,
};

use local_servers::wait_until;

use crate::{
    support::{SOON, Server, Setup},
    wire::{self, Raw},
};

fn server(env: &[(&str, &str)]) -> Server {
    Server::start(&Setup { feed: Some("simulated"), env, ..Setup::default() })
}

fn raw(server: &Server, head: &str) -> Raw {
    wire::send_bytes(server, format!("{head}connection: close\r\n\r\n").as_bytes())
}

fn is_problem(raw: &Raw) -> bool {
    raw.header("content-type") == "application/problem+json" && !raw.header("x-request-id").is_empty()
}

/// Nothing was logged as a failure, except that there is no site here.
fn assert_quiet(server: &Server) {
    let log = server.log();
    assert!(log.contains("LEPTOS_SITE_ROOT: there is no folder"), "{log}");
    let loud =
        |line: &&str| (line.contains("ERROR") || line.contains("WARN")) && !line.contains("LEPTOS_SITE_ROOT");
    assert_eq!(log.lines().find(loud), None);
}

#[test]
fn paths_that_no_file_can_have_are_not_found_and_nothing_is_logged() {
    let server = server(&[]);
    let long = [
        format!("/{}", "a".repeat(256)),
        format!("/pkg/{}", "a".repeat(300)),
        format!("/{}", "a".repeat(255)),
        format!("/{}", "a".repeat(252)),
        format!("/{}", "a/".repeat(3_000)),
        format!("/{}", "%61".repeat(300)),
        "//pkg".to_owned(),
        "/pkg".to_owned(),
        "//evil.example/".to_owned(),
        "/\\evil.example".to_owned(),
        "/a%00b".to_owned(),
    ];
    for path in &long {
        for encoding in ["identity", "br", "gzip"] {
            let answer = wire::send(&server, "GET", path, &[("accept-encoding", encoding)]);
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.header("location"), "");
            if encoding == "identity" {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                assert!(!text.contains("href=\"//") && !text.contains("href=\"/\\"), "{path}: {text}");
            }
        }
    }
    assert_quiet(&server);
}

#[test]
fn targets_and_hosts_that_are_none_are_bad_requests() {
    let server = server(&[]);
    for head in [
        "GET healthz HTTP/1.1\r\nhost: x\r\n",
        "GET evil.example:80 HTTP/1.1\r\nhost: x\r\n",
        "GET * HTTP/1.1\r\nhost: x\r\n",
        "GET / HTTP/1.1\r\n",
        "GET /api/ HTTP/1.1\r\n",
        "GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n",
        "GET /healthz HTTP/1.1\r\nhost: a b\r\n",
        "GET /healthz HTTP/1.1\r\nhost: a@b\r\n",
        "GET / HTTP/1.1\r\nhost: a/b\r\n",
        "GET / HTTP/1.1\r\nhost: a:b:c\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n",
    ] {
        let answer = raw(&server, head);
        assert_eq!(answer.status, 400, "{head}");
        assert!(is_problem(&answer), "{head}");
    }
    for head in [
        "GET /healthz HTTP/1.1\r\nhost: [::1]:3000\r\n",
        "GET /api/ HTTP/1.1\r\nhost: 127.0.0.1:3000\r\n",
        "GET /api/ HTTP/1.1\r\nhost:\r\n",
        "GET http://a.example/healthz HTTP/1.1\r\nhost: a.example\r\n",
        "GET /healthz HTTP/1.0\r\n",
        "GET /healthz HTTP/1.1\r\n",
        "GET /readyz HTTP/1.1\r\n",
    ] {
        assert_eq!(raw(&server, head).status, 200, "{head}");
    }
    assert_quiet(&server);
}

#[test]
fn methods_that_are_not_taken_are_problems_everywhere() {
    let server = server(&[]);
    for (method, path) in [
        ("DELETE", "/"),
        ("POST", "/coin/BTC"),
        ("PUT", "/fn/coin"),
        ("GET", "/fn/sign_in"),
        ("POST", "/robots.txt"),
        ("POST", "/pkg/x.js"),
        ("PATCH", "/api/latest_prices"),
        ("DELETE", "/healthz"),
        ("PUT", "/api/session"),
        ("OPTIONS", "/coin/BTC"),
    ] {
        let answer = wire::send(&server, method, path, &[]);
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(
            is_problem(&answer) && !answer.header("allow").is_empty(),
            "{method} {path} {:?}",
            answer.headers
        );
    }
}

#[test]
fn server_functions_answer_bad_arguments_by_400_and_tell_nothing_of_themselves() {
    let server = server(&[]);
    let form = ("content-type", "application/x-www-form-urlencoded");
    let json = ("content-type", "application/json");
    for (method, path, header, body) in [
        ("GET", "/fn/coin", form, ""),
        ("GET", "/fn/chart?symbol=BTC&interval=1h", form, ""),
        ("GET", "/fn/cache_entry?key=a&key=b", form, ""),
        ("POST", "/fn/undo_clear", form, "handle=abc"),
        ("POST", "/fn/clear_cache", json, "{"),
        ("POST", "/fn/clear_cache", json, "[]"),
        ("POST", "/fn/sign_in", form, "user=admin"),
        ("POST", "/fn/sign_in", json, "{}"),
        ("POST", "/fn/toggle_watch", form, ""),
    ] {
        let reply = server.send(method, path, &[header], body);
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
        assert_eq!(reply.json()["Transport"], "the arguments are not as expected", "{path}");
    }
    let reply = server.send("POST", "/fn/sign_in", &[("content-type", "text/plain")], "user=admin");
    assert_eq!((reply.status, reply.header("content-type")), (415, "application/problem+json"));
    assert_quiet(&server);
}

#[test]
fn no_server_function_leads_to_another_site() {
    let server = server(&[]);
    let html = ("accept", "text/html");
    let form = ("content-type", "application/x-www-form-urlencoded");
    for referer in ["https://evil.example/x", "javascript:alert(1)?x", "//evil.example", "http://127.0.0.1/x"]
    {
        let read = server.send("GET", "/fn/coin?symbol=BTC", &[html, ("referer", referer)], "");
        assert_eq!((read.status, read.header("location")), (200, ""), "{referer}");
        for body in ["user=admin", "user=admin&password=wrong+password"] {
            let reply = server.send("POST", "/fn/sign_in", &[html, form, ("referer", referer)], body);
            assert!(matches!(reply.status, 302 | 303), "{referer}: {}", reply.status);
            let location = reply.header("location");
            assert!(location.starts_with('/') && !location.starts_with("//"), "{referer}: {location}");
        }
    }
}

#[test]
fn half_a_body_is_a_timeout_of_the_client_and_a_large_one_is_read_on() {
    let server = server(&[]);
    let head = "POST /api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let slow = wire::send_bytes(&server, format!("{head}content-length: 100\r\n\r\n{{").as_bytes());
    assert_eq!(slow.status, 408);
    assert!(is_problem(&slow));
    // As through a proxy, which sends all of it before it looks at the answer.
    let address = server.url("").trim_start_matches("http://").to_owned();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut request =
            format!("{head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes();
        for _ in 0..90 {
            request.extend_from_slice(b"2710\r\n");
            request.extend_from_slice(&[b'x'; 10_000]);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        stream.write_all(&request).expect("cut off while it sends");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(wire::parse(&answer).status, 413);
    }
    // A body of a GET means nothing, and is no reason to refuse it.
    let get = format!(
        "GET /api/latest_prices?symbols=BTC HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 20000\r\n\r\n{}",
        "x".repeat(20_000)
    );
    assert_eq!(wire::send_bytes(&server, get.as_bytes()).status, 200);
    assert_quiet(&server);
}

#[test]
fn a_flood_of_log_lines_is_cut_and_the_log_says_so() {
    let server = server(&[]);
    // Each of these leaves a warning.
    let refused = || {
        let headers = [("origin", "http://evil.example"), ("content-length", "0")];
        assert_eq!(wire::send(&server, "POST", "/api/session", &headers).status, 403);
    };
    let said = wait_until(SOON, || {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| refused()));
            }
        });
        server.log().contains("tidemark::http::session::same_origin logs more than 100 lines in a second")
    });
    assert!(said, "{}", server.log());
}

#[test]
fn readers_who_leave_while_a_page_is_rendered_cause_no_panic() {
    let server = server(&[("TIDEMARK_MAX_CONNECTIONS_PER_CLIENT", "10000")]);
    let address = server.url("").trim_start_matches("http://").to_owned();
    for path in ["/coin/BTC", "/"] {
        for _ in 0..300 {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
            // The server may have seen the end already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    // Each is made in a task of its own; those that are left are done with while as many others are made.
    let answers = || server.get("/coin/BTC").status == 200;
    assert!(wait_until(6 * SOON, answers));
    for _ in 0..100 {
        assert_eq!(server.get("/coin/BTC").status, 200);
        assert_eq!(server.get("/").status, 200);
    }
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
}
