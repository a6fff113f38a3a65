//! Asks a part whether it is well, with a bound.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

const BOUND: Duration = Duration::from_secs(2);

/// Where to reach a server that listens on `addr`: one that listens everywhere is reached on the loopback.
pub fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

/// Status code and body of an HTTP GET; `None` when there is no sound answer in time. The body is cut at 64 KiB.
pub fn get(addr: SocketAddr, path: &str) -> Option<(u16, String)> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\naccept: */*\r\n\r\n");
    let answer = exchange(addr, request.as_bytes(), 64 << 10)?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Some((status, body.to_owned()))
}

/// Why the server is not well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwell {
    /// It serves without these, each with its reason if there is one.
    #[error("answers, degraded: {0}")]
    Degraded(String),
    /// It answers, and first loads what was read most before. What is down meanwhile, or nothing.
    #[error("answers, warming up{}", after_colon(.0))]
    Warming(String),
    /// It does not serve.
    #[error("{0}")]
    Down(String),
}

fn after_colon(what: &str) -> String {
    if what.is_empty() { String::new() } else { format!(": {what}") }
}

/// How Tidemark at this address is, in words: whether it lives, and whether it is warm and reaches what it uses.
///
/// # Errors
/// When it is not well.
pub fn server(addr: SocketAddr) -> Result<String, Unwell> {
    for path in ["/healthz", "/readyz"] {
        let Some((code, body)) = get(addr, path) else {
            return Err(Unwell::Down("does not answer".to_owned()));
        };
        let told: Value = serde_json::from_str(&body).unwrap_or_default();
        match (code, told["status"].as_str()) {
            (200, Some("degraded")) => return Err(Unwell::Degraded(down(&told))),
            (503, Some("warming")) => return Err(Unwell::Warming(down(&told))),
            (200, _) => {}
            _ => return Err(Unwell::Down(format!("answers {code} to GET {path}"))),
        }
    }
    Ok("answers".to_owned())
}

/// Where the server's prices come from, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Prices {
    /// `replay`, `simulated` or, without a feed, nothing.
    pub source: Option<String>,
    /// As of `GET /readyz`: `running`, `standby`, `starting`, `waiting`, `not stored` or `none`.
    pub status: String,
    /// Why it waits, or is not stored.
    pub reason: Option<String>,
}

impl Prices {
    /// In words.
    pub fn words(&self) -> String {
        let source = match self.source.as_deref() {
            Some("replay") => "replay: recorded prices, played again as if they came in now",
            Some("simulated") => "simulated: made-up prices, marked as such",
            Some(other) => other,
            None => return "none: what is stored stands still".to_owned(),
        };
        let reason = self.reason.as_deref().map(|it| format!(": {it}")).unwrap_or_default();
        format!("{source} ({}{reason})", self.status)
    }
}

/// Asks the server where its prices come from; `None` when it does not say.
pub fn prices(addr: SocketAddr) -> Option<Prices> {
    let (_, body) = get(addr, "/readyz")?;
    let told: Value = serde_json::from_str(&body).ok()?;
    let feed = told.get("feed")?;
    let text = |name: &str| feed[name].as_str().map(str::to_owned);
    Some(Prices { source: text("source"), status: text("status")?, reason: text("reason") })
}

/// What is down, after the answer to `GET /readyz`.
fn down(told: &Value) -> String {
    let parts = told.as_object().into_iter().flatten();
    let down = parts.filter(|(_, it)| it["status"] == "down").map(|(name, it)| {
        let reason = it["reason"].as_str().map(|it| format!(" ({it})")).unwrap_or_default();
        format!("{name} is down{reason}")
    });
    down.collect::<Vec<_>>().join(", ")
}

/// Whether Redis on this local port answers a PING.
pub fn redis_answers(port: u16) -> bool {
    ping(port).is_some_and(|it| it.starts_with(b"+PONG"))
}

/// Whether Redis on this local port says that it still reads its data.
pub fn redis_loads(port: u16) -> bool {
    ping(port).is_some_and(|it| it.starts_with(b"-LOADING"))
}

fn ping(port: u16) -> Option<Vec<u8>> {
    exchange((Ipv4Addr::LOCALHOST, port).into(), b"PING\r\nQUIT\r\n", 64)
}

/// Whether PostgreSQL on this local port answers a request for encryption with its yes or no, see "SSLRequest" in
/// <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
pub fn postgres_answers(port: u16) -> bool {
    let request = [0, 0, 0, 8, 4, 210, 22, 47];
    exchange((Ipv4Addr::LOCALHOST, port).into(), &request, 1)
        .is_some_and(|it| matches!(it.first(), Some(b'S' | b'N')))
}

/// Sends a request and reads up to `limit` bytes, or to the end, within the bound for each read.
fn exchange(addr: SocketAddr, request: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&addr, BOUND).ok()?;
    stream.set_read_timeout(Some(BOUND)).ok()?;
    stream.set_write_timeout(Some(BOUND)).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while answer.len() < limit {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            Err(_) if answer.is_empty() => return None,
            Err(_) => break,
        }
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that gives each of these answers to one connection.
    fn server_of(answers: Vec<&'static [u8]>) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, local_servers::free_port().unwrap())).unwrap();
        let addr = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let read = stream.read(&mut [0; 1024]).unwrap();
                assert!(read > 0);
                stream.write_all(answer).unwrap();
            }
        });
        addr
    }

    #[test]
    fn answers_are_read_and_nonsense_is_not() {
        let addr = server_of(vec![
            b"HTTP/1.1 503 Busy\r\nx: y\r\n\r\nnot yet",
            b"SSH-2.0-other\r\n",
            b"+PONG\r\n+OK\r\n",
            b"-LOADING Redis is loading the dataset in memory\r\n+OK\r\n",
            b"-LOADING Redis is loading the dataset in memory\r\n+OK\r\n",
            b"N",
        ]);
        assert_eq!(get(addr, "/healthz"), Some((503, "not yet".to_owned())));
        assert_eq!(get(addr, "/healthz"), None);
        assert!(redis_answers(addr.port()));
        assert!(!redis_answers(addr.port()) && redis_loads(addr.port()));
        assert!(postgres_answers(addr.port()));
        let silent = SocketAddr::from((Ipv4Addr::LOCALHOST, local_servers::free_port().unwrap()));
        assert_eq!(get(silent, "/"), None);
        assert!(!redis_answers(silent.port()));
    }

    #[test]
    fn a_server_is_well_degraded_warming_up_or_down() {
        let lives = b"HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ok\"}".as_slice();
        let addr = server_of(vec![
            lives,
            b"HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ok\",\"redis\":{\"status\":\"up\"}}",
            lives,
            b"HTTP/1.1 200 OK\r\n\r\n{\"status\":\"degraded\",\"redis\":{\"status\":\"down\",\"reason\":\"refused\"},\
              \"postgres\":{\"status\":\"up\"}}",
            lives,
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n{\"status\":\"warming\",\"redis\":{\"status\":\"up\"}}",
            lives,
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n{\"status\":\"warming\",\"redis\":{\"status\":\"down\"}}",
            lives,
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}",
        ]);
        assert_eq!(server(addr), Ok("answers".to_owned()));
        let told = server(addr).unwrap_err();
        assert_eq!(told.to_string(), "answers, degraded: redis is down (refused)");
        assert_eq!(server(addr).unwrap_err(), Unwell::Warming(String::new()));
        assert_eq!(server(addr).unwrap_err().to_string(), "answers, warming up: redis is down");
        assert_eq!(server(addr).unwrap_err().to_string(), "answers 503 to GET /readyz");
    }

    #[test]
    fn prices_are_told_in_words() {
        let addr = server_of(vec![
            b"HTTP/1.1 200 OK\r\n\r\n{\"feed\":{\"status\":\"not stored\",\"source\":\"replay\",\"reason\":\"Postgres is away\"}}",
            b"HTTP/1.1 200 OK\r\n\r\n{\"feed\":{\"status\":\"none\"}}",
            b"HTTP/1.1 200 OK\r\n\r\nok",
        ]);
        let words = prices(addr).unwrap().words();
        assert!(
            words.starts_with("replay: ") && words.ends_with("(not stored: Postgres is away)"),
            "{words}"
        );
        assert_eq!(prices(addr).unwrap().words(), "none: what is stored stands still");
        assert_eq!(prices(addr), None);
    }

    #[test]
    fn listening_everywhere_is_reached_on_the_loopback() {
        assert_eq!(reachable("0.0.0.0:3000".parse().unwrap()), "127.0.0.1:3000".parse().unwrap());
        assert_eq!(reachable("[::]:3000".parse().unwrap()), "[::1]:3000".parse().unwrap());
        assert_eq!(reachable("10.0.0.1:80".parse().unwrap()), "10.0.0.1:80".parse().unwrap());
    }
}
