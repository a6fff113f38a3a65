//! The listening half of the proxy: a thread that can be ended at once.

use std::{
    io::{PipeWriter, Write, pipe},
    net::{SocketAddr, TcpListener},
    os::fd::AsFd,
    sync::Arc,
    thread::{self, JoinHandle},
};

use rustix::event::{PollFd, PollFlags, poll};

use super::{Shared, connection};
use crate::{Error, Result};

/// Accepts connections until it is dropped; then nobody listens any more.
#[derive(Debug)]
pub(super) struct Listener {
    wake: PipeWriter,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    pub fn open(address: SocketAddr, shared: &Arc<Shared>) -> Result<Self> {
        let failed = || format!("cannot listen on {address}");
        let socket = TcpListener::bind(address).map_err(Error::io(failed()))?;
        // Whoever knocked may be gone when it is accepted: that must not block.
        socket.set_nonblocking(true).map_err(Error::io(failed()))?;
        let (woken, wake) = pipe().map_err(Error::io(failed()))?;
        let shared = Arc::clone(shared);
        let accept = move || {
            loop {
                let mut waits = [&socket as &dyn AsFd, &woken].map(|it| {
                    // As trait objects, since they are of different types.
                    PollFd::from_borrowed_fd(it.as_fd(), PollFlags::IN)
                });
                match poll(&mut waits, None) {
                    Ok(_) if !waits[1].revents().is_empty() => return,
                    Ok(_) => {}
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(_) => return,
                }
                if let Ok((client, peer)) = socket.accept() {
                    connection::open(client, peer.ip(), &shared);
                }
            }
        };
        let thread = thread::Builder::new().name("fault proxy".to_owned()).spawn(accept);
        Ok(Self { wake, thread: Some(thread.map_err(Error::io("cannot start a thread"))?) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.wake.write_all(b"."));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
