//! Asks what listens on a port, with a bound.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// Longest wait for a connection, and for each piece of an answer.
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
pub mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that gives each of these answers to one connection.
    pub fn server_of(answers: Vec<&'static [u8]>) -> SocketAddr {
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
    fn listening_everywhere_is_reached_on_the_loopback() {
        assert_eq!(reachable("0.0.0.0:3000".parse().unwrap()), "127.0.0.1:3000".parse().unwrap());
        assert_eq!(reachable("[::]:3000".parse().unwrap()), "[::1]:3000".parse().unwrap());
        assert_eq!(reachable("10.0.0.1:80".parse().unwrap()), "10.0.0.1:80".parse().unwrap());
    }
}
