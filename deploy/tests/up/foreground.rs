//! `up` in the foreground, which looks after what it started.

use std::{net::TcpStream, process::Stdio};

use local_servers::{Process, Signal, port_is_free, wait_until};

use crate::checkout::{BOUND, Checkout};

#[test]
fn up_in_the_foreground_stops_all_on_a_signal() {
    let checkout = Checkout::new();
    let mut up = Process::spawn(
        checkout
            .command(&["up", "--no-build", "--feed", "none", "--addr", &checkout.addr])
            .stdout(Stdio::piped()),
    )
    .unwrap();
    let addr = checkout.addr.clone();
    assert!(wait_until(BOUND, || !checkout.state()["keeper"].is_null() && TcpStream::connect(&addr).is_ok()));

    // The keeper starts Redis again, on its port.
    let redis = checkout.state()["redis"].clone();
    let pid = u32::try_from(redis["pid"].as_u64().unwrap()).unwrap();
    Process::attach(pid, redis["mark"].as_str().unwrap()).unwrap().signal(Signal::KILL).unwrap();
    assert!(wait_until(BOUND, || {
        checkout.state()["redis"]["pid"].as_u64().is_some_and(|it| it != u64::from(pid))
            && !port_is_free(checkout.redis)
    }));

    up.signal(Signal::TERM).unwrap();
    assert!(up.wait(BOUND));
    assert_eq!(up.exit_status().unwrap().code(), Some(0));
    assert!(checkout.all_ports_free());
}
