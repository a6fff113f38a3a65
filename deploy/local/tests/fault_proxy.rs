//! Each fault of the proxy, with real sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use local_servers::{Fault, FaultProxy, free_port, wait_until};

const BOUND: Duration = Duration::from_secs(60);
/// Long enough to believe that nothing comes.
const SILENCE: Duration = Duration::from_millis(300);

/// A server that sends back what it gets, on each connection.
fn echo() -> u16 {
    let port = free_port().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut from = stream.unwrap();
            thread::spawn(move || {
                let mut to = from.try_clone().unwrap();
                drop(std::io::copy(&mut from, &mut to));
                drop(to.shutdown(std::net::Shutdown::Write));
            });
        }
    });
    port
}

fn proxy() -> FaultProxy {
    FaultProxy::before(echo()).unwrap()
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream
}

/// Sends a text and reads as many bytes back.
fn ask(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// Whether the other side has closed, cleanly or not.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(read) => read == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let result = stream.read(&mut [0; 64]);
    stream.set_read_timeout(Some(BOUND)).unwrap();
    result.is_err_and(|it| matches!(it.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

#[test]
fn bytes_pass_and_connections_are_counted() {
    let proxy = proxy();
    let (mut one, mut two) = (connect(&proxy), connect(&proxy));
    assert_eq!((ask(&mut one, "a"), ask(&mut two, "b")), ("a".to_owned(), "b".to_owned()));
    assert_eq!((proxy.connections(), proxy.accepted()), (2, 2));
    let big = "x".repeat(4 << 20);
    let mut sender = one.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| sender.write_all(big.as_bytes()).unwrap());
        let mut answer = vec![0; big.len()];
        one.read_exact(&mut answer).unwrap();
        assert!(answer == big.as_bytes());
    });
    // An end in one direction leaves the other open.
    two.write_all(b"last").unwrap();
    two.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = String::new();
    two.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "last");
    drop((one, sender));
    assert!(wait_until(BOUND, || proxy.connections() == 0));
}

#[test]
fn a_delay_holds_for_each_direction_but_does_not_add_up() {
    let proxy = proxy();
    let mut stream = connect(&proxy);
    let delay = Duration::from_millis(100);
    proxy.delay(delay).unwrap();
    let began = Instant::now();
    assert_eq!(ask(&mut stream, "slow"), "slow");
    assert!(began.elapsed() >= delay * 2, "{:?}", began.elapsed());
    // Twenty pieces in a row are under way at the same time: one after the other they would take four seconds.
    let began = Instant::now();
    for _ in 0..20 {
        stream.write_all(b"piece").unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    stream.read_exact(&mut [0; 100]).unwrap();
    assert!(began.elapsed() < delay * 2 * 20, "{:?}", began.elapsed());
    // A change is in force at once, also for what waits.
    proxy.delay(BOUND * 60).unwrap();
    stream.write_all(b"wait").unwrap();
    assert!(is_silent(&mut stream));
    proxy.pass().unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
}

#[test]
fn a_cut_closes_and_refuses_until_it_is_mended() {
    let proxy = proxy();
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "a"), "a");
    proxy.cut().unwrap();
    assert!(is_closed(&mut stream));
    assert_eq!(proxy.connections(), 0);
    let refused = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.cut().unwrap();
    proxy.pass().unwrap();
    assert_eq!(ask(&mut connect(&proxy), "b"), "b");
}

#[test]
fn a_black_hole_swallows_on_open_connections_and_ends_them_afterwards() {
    let proxy = proxy();
    let mut old = connect(&proxy);
    assert_eq!(ask(&mut old, "a"), "a");
    proxy.black_hole().unwrap();
    assert_eq!(proxy.fault(), Fault::BlackHole);
    let mut new = connect(&proxy);
    for stream in [&mut old, &mut new] {
        stream.write_all(&[b'x'; 1 << 20]).unwrap();
        assert!(is_silent(stream));
    }
    proxy.pass().unwrap();
    assert!(is_closed(&mut old) && is_closed(&mut new));
    assert_eq!(ask(&mut connect(&proxy), "b"), "b");
}

#[test]
fn the_end_of_the_target_does_not_get_out_of_a_black_hole() {
    let port = free_port().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let proxy = FaultProxy::before(port).unwrap();
    let mut stream = connect(&proxy);
    let (target, _) = listener.accept().unwrap();
    proxy.black_hole().unwrap();
    drop(target);
    assert!(is_silent(&mut stream));
    proxy.pass().unwrap();
    assert!(is_closed(&mut stream));
}

#[test]
fn one_address_is_shut_out_and_let_in() {
    let proxy = proxy();
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "a"), "a");
    proxy.shut_out([127, 0, 0, 77].into());
    assert_eq!(ask(&mut stream, "b"), "b", "it is another address");
    proxy.shut_out([127, 0, 0, 1].into());
    stream.write_all(b"c").unwrap();
    assert!(is_silent(&mut stream));
    proxy.let_in([127, 0, 0, 1].into());
    assert!(is_closed(&mut stream));
    assert_eq!(ask(&mut connect(&proxy), "d"), "d");
}

#[test]
fn a_trickle_takes_its_time() {
    let proxy = proxy();
    let mut stream = connect(&proxy);
    proxy.trickle(1_000).unwrap();
    let began = Instant::now();
    let text = "y".repeat(500);
    assert_eq!(ask(&mut stream, &text), text);
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    proxy.trickle(0).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).unwrap();
    proxy.pass().unwrap();
    stream.read_exact(&mut vec![0; text.len() - 1]).unwrap();
}

#[test]
fn an_answer_breaks_off_where_it_is_told_to() {
    let proxy = proxy();
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, "before"), "before");
    proxy.drop_after(10).unwrap();
    assert_eq!(ask(&mut stream, "1234"), "1234");
    stream.write_all(b"567890xyz").unwrap();
    let mut rest = Vec::new();
    // The end may come as a reset, after the bytes.
    drop(stream.read_to_end(&mut rest));
    assert_eq!(rest, b"567890");
    let mut next = connect(&proxy);
    assert_eq!(ask(&mut next, "0123456789"), "0123456789", "each connection has its own count");
    assert!(is_closed(&mut next));
}

#[test]
fn without_a_target_connections_end_and_dropping_frees_the_port() {
    let proxy = FaultProxy::before(free_port().unwrap()).unwrap();
    assert!(is_closed(&mut connect(&proxy)));
    let port = proxy.port();
    let mut held = connect(&proxy);
    proxy.black_hole().unwrap();
    drop(proxy);
    assert!(is_closed(&mut held));
    assert!(local_servers::port_is_free(port));
}
