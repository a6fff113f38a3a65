//! The connections of the proxy. Each has four threads: a reader and a writer for each direction, so that a delayed byte
//! does not hold up the next one's clock. They block without a limit in reads and writes; closing the sockets ends them.

use std::{
    collections::HashMap,
    io::Read,
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc::sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    Fault, Shared,
    pump::{CHUNK, CHUNKS, Writer, read},
};

/// More connections than this are closed at once.
const MAX_CONNECTIONS: usize = 1_024;
/// Longest wait for the target.
const CONNECT: Duration = Duration::from_secs(5);

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    accepted: u64,
    open: HashMap<u64, Arc<Sockets>>,
    threads: Vec<JoinHandle<()>>,
}

impl Connections {
    pub fn open(&self) -> usize {
        self.lock().open.len()
    }

    pub fn accepted(&self) -> u64 {
        self.lock().accepted
    }

    pub fn close_all(&self) {
        for (_, sockets) in self.lock().open.drain() {
            sockets.close();
        }
    }

    pub fn close_from(&self, peer: IpAddr) {
        for (_, sockets) in self.lock().open.extract_if(|_, it| it.peer == peer) {
            sockets.close();
        }
    }

    /// Waits for the threads of closed connections.
    pub fn join_all(&self) {
        let threads = std::mem::take(&mut self.lock().threads);
        for thread in threads {
            drop(thread.join());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both sockets of a connection.
#[derive(Debug)]
pub(super) struct Sockets {
    client: TcpStream,
    /// The client's address.
    pub peer: IpAddr,
    /// The target's, once connected, and whether all is closed.
    target: Mutex<(Option<TcpStream>, bool)>,
}

impl Sockets {
    /// Ends all reads and writes on them.
    pub fn close(&self) {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        target.1 = true;
        // A socket whose peer is gone already cannot be closed, and need not be.
        drop(self.client.shutdown(Shutdown::Both));
        if let Some(stream) = &target.0 {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Adds the target's socket, unless all was closed meanwhile.
    fn connected(&self, stream: &TcpStream) -> std::io::Result<bool> {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        target.0 = Some(stream.try_clone()?);
        Ok(!target.1)
    }
}

/// Takes a client's connection; called by the one accepting thread.
pub(super) fn open(client: TcpStream, peer: IpAddr, shared: &Arc<Shared>) {
    // On some systems it inherits this from the listening socket.
    drop(client.set_nonblocking(false));
    drop(client.set_nodelay(true));
    let mut table = shared.connections.lock();
    table.accepted += 1;
    table.threads.retain(|it| !it.is_finished());
    if table.open.len() >= MAX_CONNECTIONS {
        return;
    }
    let number = table.accepted;
    let sockets = Arc::new(Sockets { client, peer, target: Mutex::new((None, false)) });
    let (mine, its) = (Arc::clone(&sockets), Arc::clone(shared));
    let serve = move || {
        // An error of either socket ends the connection, as it would without a proxy.
        drop(serve(&mine, &its));
        mine.close();
        its.connections.lock().open.remove(&number);
    };
    if let Ok(thread) = thread::Builder::new().name(format!("proxied {number}")).spawn(serve) {
        table.open.insert(number, sockets);
        table.threads.push(thread);
    }
}

/// Passes bytes both ways until both are at their end.
fn serve(sockets: &Sockets, shared: &Shared) -> std::io::Result<()> {
    if shared.gate.now_for(sockets.peer).fault == Fault::BlackHole {
        // The target is to know nothing of it. Its bytes are lost, so it is closed when the black hole ends.
        let mut bytes = [0; CHUNK];
        while (&sockets.client).read(&mut bytes)? > 0 {}
        return Ok(());
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, shared.target));
    let target = TcpStream::connect_timeout(&address, CONNECT)?;
    target.set_nodelay(true)?;
    if !sockets.connected(&target)? {
        return Ok(());
    }
    thread::scope(|scope| {
        for (from, to, answers) in [(&sockets.client, &target, false), (&target, &sockets.client, true)] {
            let (sender, receiver) = sync_channel(CHUNKS);
            scope.spawn(move || read(from, &sender));
            scope.spawn(move || {
                let mut writer = Writer { to, sockets, shared, answers, counted: (0, 0) };
                if writer.run(&receiver).is_err() {
                    sockets.close();
                }
            });
        }
    });
    Ok(())
}
