//! Clients that take up much and read little.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use local_servers::wait_until;

use crate::{
    support::{SOON, Server, Setup, sample_database},
    wire,
};

/// An answer of some 1.4 MB, beyond what the system keeps for a connection.
const LARGE: &str = "/api/charts?symbols=BTC,ETH,XRP,LTC,EOS&interval=30m&limit=5000";
const SMALL: &str = "/api/latest_prices";

fn server(env: &[(&str, &str)]) -> Server {
    let (_, url) = sample_database();
    Server::start(&Setup { postgres: Some(&url), feed: Some("none"), env, ..Setup::default() })
}

/// The status of an answer of which no more is read than its first line.
fn status(stream: &mut TcpStream) -> u16 {
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    String::from_utf8_lossy(&line[9..]).parse().unwrap()
}

#[test]
fn unread_answers_are_bounded_by_client_and_in_all() {
    let server = server(&[
        ("TIDEMARK_TRUSTED_PROXIES", "127.0.0.1"),
        ("TIDEMARK_MAX_UNSENT_MIB_PER_CLIENT", "4"),
        ("TIDEMARK_MAX_UNSENT_MIB", "7"),
    ]);
    let size = wire::send(&server, "GET", LARGE, &[("x-forwarded-for", "203.0.113.1")]).body.len();
    assert!((1 << 20..2 << 20).contains(&size), "{size}");
    let open = |last: u8| {
        let client = format!("203.0.113.{last}");
        let mut stream = wire::open(&server, "GET", LARGE, &[("x-forwarded-for", &client)]);
        (status(&mut stream), stream)
    };
    let mut held = Vec::new();
    let mut statuses = Vec::new();
    for client in [1, 1, 1, 1, 2, 2, 2, 3] {
        let (status, stream) = open(client);
        statuses.push(status);
        held.push(stream);
    }
    // Two of 1.4 MB for each client, four in all.
    assert_eq!(statuses, [200, 200, 429, 429, 200, 200, 429, 503]);
    let refused = wire::send(&server, "GET", LARGE, &[("x-forwarded-for", "203.0.113.2")]);
    assert_eq!((refused.status, refused.header("retry-after")), (429, "5"));
    // Small answers go on, for those who read nothing as well.
    for last in [1, 4] {
        let client = format!("203.0.113.{last}");
        let reply = server.get_with("/api/latest_prices", &[("x-forwarded-for", &client)]);
        assert_eq!(reply.status, 200, "{last}");
    }
    // Read, or given up, an answer makes room.
    held.clear();
    assert!(wait_until(SOON, || open(3).0 == 200), "{}", server.log());
}

#[test]
fn a_place_for_a_batch_is_taken_until_the_answer_is_sent() {
    let server =
        server(&[("TIDEMARK_MAX_UNSENT_MIB_PER_CLIENT", "1000"), ("TIDEMARK_MAX_UNSENT_MIB", "1000")]);
    let mut held: Vec<_> = (0..8).map(|_| wire::open(&server, "GET", LARGE, &[])).collect();
    for stream in &mut held {
        assert_eq!(status(stream), 200);
    }
    let small = "/api/charts?symbols=BTC&interval=1d&limit=1";
    let refused = server.get(small);
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"), "{}", refused.text());
    // One who reads to the end, and one who goes away.
    let mut read = held.remove(0);
    read.read_to_end(&mut Vec::new()).unwrap();
    assert!(wait_until(SOON, || server.get(small).status == 200));
}

#[test]
fn who_reads_next_to_nothing_is_cut_off() {
    let server = server(&[
        ("TIDEMARK_MIN_BODY_KIB_PER_SECOND", "1024"),
        // So that the end of the connection can be seen: until then there is no other.
        ("TIDEMARK_MAX_CONNECTIONS_PER_CLIENT", "1"),
    ]);
    let mut open = None;
    // The connection by which the start was waited for may still be there.
    assert!(wait_until(SOON, || {
        let mut stream = wire::open(&server, "GET", LARGE, &[]);
        let accepted = status(&mut stream) == 200;
        open = accepted.then_some(stream);
        accepted
    }));
    let mut stream = open.unwrap();
    assert_eq!((server.get(SMALL).status, server.get("/healthz").status), (429, 200));
    let cut_off = wait_until(3 * SOON, || {
        // It reads all the time, and far too little.
        let mut few = [0; 64];
        let _ = stream.read(&mut few);
        server.try_get(SMALL).is_some_and(|reply| reply.status == 200)
    });
    assert!(cut_off, "{}", server.log());
}

#[test]
fn a_client_has_its_share_of_the_connections_and_health_answers_another() {
    let server = server(&[("TIDEMARK_MAX_CONNECTIONS_PER_CLIENT", "5")]);
    let address: SocketAddr = server.url("").trim_start_matches("http://").parse().unwrap();
    // Idle ones; they are counted as soon as they are accepted.
    let mut idle: Vec<_> = (0..20).map(|_| TcpStream::connect(address).unwrap()).collect();
    // Those beyond the limit end soon; then there is room for a question, and its answer arrives.
    let mut ask = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        let mut answer = Vec::new();
        assert!(wait_until(SOON, || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            answer.clear();
            // Without room the connection is closed at once.
            let answered =
                stream.write_all(request.as_bytes()).is_ok() && stream.read_to_end(&mut answer).is_ok();
            // The one by which the start was waited for may have ended since: its place is taken, too.
            if path == SMALL && answer.starts_with(b"HTTP/1.1 200") {
                idle.push(TcpStream::connect(address).unwrap());
                return false;
            }
            answered && !answer.is_empty()
        }));
        wire::parse(&answer)
    };
    let refused = ask(SMALL);
    assert_eq!((refused.status, refused.header("connection")), (429, "close"));
    let problem: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(problem["detail"], "too many connections from one address");
    assert!(!refused.header("x-request-id").is_empty());
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(path).status, 200, "{path}");
    }
    let other = std::net::Ipv4Addr::new(127, 0, 0, 2);
    assert_eq!(wire::get_from(other, address, "/healthz").status, 200);
    assert!(server.log().contains("TIDEMARK_MAX_CONNECTIONS_PER_CLIENT"), "{}", server.log());
    drop(idle);
    assert!(wait_until(SOON, || server.try_get(SMALL).is_some_and(|reply| reply.status == 200)));
}
