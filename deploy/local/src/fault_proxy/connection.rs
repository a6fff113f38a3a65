//! The connections of the proxy. Each has four threads: a reader and a writer for each direction, so that a delayed byte
//! does not hold up the next one's clock. They block without a limit in reads and writes; closing the sockets ends them.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Fault, Shared};

/// More connections than this are closed at once.
const MAX_CONNECTIONS: usize = 1_024;
/// Longest wait for the target.
const CONNECT: Duration = Duration::from_secs(5);
/// Chunks on their way in one direction; past this the sender is held up.
const CHUNKS: usize = 64;
/// Bytes of a chunk.
const CHUNK: usize = 16 << 10;
/// Trickled pieces come so often, if a piece is a byte at least.
const PIECES_PER_SECOND: u32 = 50;

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
struct Sockets {
    client: TcpStream,
    /// The target's, once connected, and whether all is closed.
    target: Mutex<(Option<TcpStream>, bool)>,
}

impl Sockets {
    /// Ends all reads and writes on them.
    fn close(&self) {
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
pub(super) fn open(client: TcpStream, shared: &Arc<Shared>) {
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
    let sockets = Arc::new(Sockets { client, target: Mutex::new((None, false)) });
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
    if shared.gate.now().fault == Fault::BlackHole {
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

/// A chunk, and when it came.
type Chunk = (Instant, Vec<u8>);

fn read(mut from: &TcpStream, sender: &SyncSender<Chunk>) {
    let mut bytes = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if sender.send((Instant::now(), bytes[..length].to_vec())).is_err() {
            return;
        }
    }
}

/// Writes one direction.
struct Writer<'a> {
    to: &'a TcpStream,
    sockets: &'a Sockets,
    shared: &'a Shared,
    /// Whether this is the direction towards the client.
    answers: bool,
    /// Bytes written under the setting with this number.
    counted: (u64, u64),
}

impl Writer<'_> {
    fn run(&mut self, chunks: &Receiver<Chunk>) -> std::io::Result<()> {
        for (came, bytes) in chunks {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let written = self.step(came, rest)?;
                rest = &rest[written..];
            }
        }
        // In a black hole even an end does not get through.
        self.shared.gate.past_black_hole();
        self.to.shutdown(Shutdown::Write)
    }

    /// Does with the beginning of these bytes what the present fault asks for; returns how many are done with.
    fn step(&mut self, came: Instant, bytes: &[u8]) -> std::io::Result<usize> {
        let setting = self.shared.gate.now();
        match setting.fault {
            Fault::None => self.write(bytes),
            Fault::Delay(delay) if self.shared.gate.sleep_until(came + delay, setting.number) => {
                self.write(bytes)
            }
            // Changed while it waited: look again.
            Fault::Delay(_) => Ok(0),
            Fault::Cut => Err(std::io::ErrorKind::ConnectionAborted.into()),
            Fault::BlackHole => Ok(bytes.len()),
            Fault::Trickle(rate) => {
                let rate = rate.max(1);
                let piece =
                    (rate / PIECES_PER_SECOND).max(1).min(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                let written = self.write(&bytes[..piece as usize])?;
                let pause = Duration::from_secs(1) * piece / rate;
                self.shared.gate.sleep_until(Instant::now() + pause, setting.number);
                Ok(written)
            }
            Fault::DropAfter(_) if !self.answers => self.write(bytes),
            Fault::DropAfter(limit) => {
                if self.counted.0 != setting.number {
                    self.counted = (setting.number, 0);
                }
                let left = limit.saturating_sub(self.counted.1);
                let now = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                self.counted.1 += self.write(&bytes[..now])? as u64;
                if self.counted.1 >= limit {
                    self.sockets.close();
                    return Err(std::io::ErrorKind::ConnectionAborted.into());
                }
                Ok(now)
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut to = self.to;
        to.write_all(bytes)?;
        Ok(bytes.len())
    }
}
