//! A TCP proxy that can be told to misbehave.

mod connection;
mod gate;
mod listener;
mod pump;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{Result, free_port};
use connection::Connections;
use gate::Gate;
use listener::Listener;

/// What happens to the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing bad.
    None,
    /// Each byte arrives this much later, in each direction.
    Delay(Duration),
    /// Connections are closed, new ones refused.
    Cut,
    /// Connections are accepted and stay open, bytes are swallowed. When that is over these connections are closed, as
    /// something is missing in them.
    BlackHole,
    /// At most so many bytes a second, on each connection and in each direction; 0 counts as 1.
    Trickle(u32),
    /// Each connection is closed after so many more bytes towards the client: an answer breaks off in the middle.
    DropAfter(u64),
}

/// Listens on a port, a free one of 127.0.0.1 by itself, and passes bytes to another port and back, well or badly. Dropping it closes all.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Mutex<Option<Listener>>,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    target: u16,
    gate: Gate,
    connections: Connections,
}

impl FaultProxy {
    /// Starts to pass bytes to this port of 127.0.0.1. Nobody need listen there yet.
    ///
    /// # Errors
    /// As [`free_port`]; [`crate::Error::Io`] when it cannot listen.
    pub fn before(target: u16) -> Result<Self> {
        Self::listening_at((Ipv4Addr::LOCALHOST, free_port()?).into(), target)
    }

    /// As [`FaultProxy::before`], at an address of the caller's choice, such as another loopback address on Linux.
    ///
    /// # Errors
    /// [`crate::Error::Io`] when it cannot listen there.
    pub fn listening_at(address: SocketAddr, target: u16) -> Result<Self> {
        let shared = Arc::new(Shared { target, gate: Gate::default(), connections: Connections::default() });
        let listener = Listener::open(address, &shared)?;
        Ok(Self { address, shared, listener: Mutex::new(Some(listener)) })
    }

    /// The port where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections that are open now. In a black hole one that its client closed counts on until that ends.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.open()
    }

    /// Connections that it ever accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.connections.accepted()
    }

    /// The present fault.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.shared.gate.now().fault
    }

    /// Changes the fault, also for the connections that are open. It is in force when this returns.
    ///
    /// # Errors
    /// [`crate::Error::Io`] when it cannot listen again after a cut.
    pub fn set(&self, fault: Fault) -> Result<()> {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.shared.gate.set(fault);
        if fault == Fault::Cut {
            // Ends the thread first, so that none is accepted after the others were closed.
            *listener = None;
        }
        if fault == Fault::Cut || (before == Fault::BlackHole && fault != Fault::BlackHole) {
            self.shared.connections.close_all();
        }
        if fault != Fault::Cut && listener.is_none() {
            *listener = Some(Listener::open(self.address, &self.shared)?);
        }
        Ok(())
    }

    /// [`Fault::BlackHole`] for the connections from one address only, such as 127.0.0.12 on Linux, until
    /// [`FaultProxy::let_in`].
    pub fn shut_out(&self, peer: IpAddr) {
        self.shared.gate.shut_out(peer, true);
    }

    /// Undoes [`FaultProxy::shut_out`]: the connections from there are closed, new ones are as others.
    pub fn let_in(&self, peer: IpAddr) {
        self.shared.gate.shut_out(peer, false);
        self.shared.connections.close_from(peer);
    }

    /// [`Fault::None`].
    ///
    /// # Errors
    /// As [`FaultProxy::set`].
    pub fn pass(&self) -> Result<()> {
        self.set(Fault::None)
    }

    /// [`Fault::Delay`].
    ///
    /// # Errors
    /// As [`FaultProxy::set`].
    pub fn delay(&self, each_way: Duration) -> Result<()> {
        self.set(Fault::Delay(each_way))
    }

    /// [`Fault::Cut`].
    ///
    /// # Errors
    /// As [`FaultProxy::set`].
    pub fn cut(&self) -> Result<()> {
        self.set(Fault::Cut)
    }

    /// [`Fault::BlackHole`].
    ///
    /// # Errors
    /// As [`FaultProxy::set`].
    pub fn black_hole(&self) -> Result<()> {
        self.set(Fault::BlackHole)
    }

    /// [`Fault::Trickle`].
    ///
    /// # Errors
    /// As [`FaultProxy::set`].
    pub fn trickle(&self, bytes_per_second: u32) -> Result<()> {
        self.set(Fault::Trickle(bytes_per_second))
    }

    /// [`Fault::DropAfter`].
    ///
    /// # Errors
    /// As [`FaultProxy::set`].
    pub fn drop_after(&self, bytes: u64) -> Result<()> {
        self.set(Fault::DropAfter(bytes))
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        // A cut closes everything and opens nothing: it cannot fail.
        drop(self.cut());
        self.shared.connections.join_all();
    }
}
