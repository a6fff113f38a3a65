//! One direction of a connection: a reader, and a writer that does what the fault asks for.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::mpsc::{Receiver, SyncSender},
    time::{Duration, Instant},
};

use super::{Fault, Shared, connection::Sockets};

/// Chunks on their way in one direction; past this the sender is held up.
pub(super) const CHUNKS: usize = 64;
/// Bytes of a chunk.
pub(super) const CHUNK: usize = 16 << 10;
/// Trickled pieces come so often, if a piece is a byte at least.
const PIECES_PER_SECOND: u32 = 50;

/// A chunk, and when it came.
pub(super) type Chunk = (Instant, Vec<u8>);

/// Reads until the end, or until nobody takes it.
pub(super) fn read(mut from: &TcpStream, sender: &SyncSender<Chunk>) {
    let mut bytes = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if sender.send((Instant::now(), bytes[..length].to_vec())).is_err() {
            return;
        }
    }
}

/// Writes one direction.
pub(super) struct Writer<'a> {
    pub to: &'a TcpStream,
    pub sockets: &'a Sockets,
    pub shared: &'a Shared,
    /// Whether this is the direction towards the client.
    pub answers: bool,
    /// Bytes written under the setting with this number.
    pub counted: (u64, u64),
}

impl Writer<'_> {
    /// Writes what comes, until its end.
    pub fn run(&mut self, chunks: &Receiver<Chunk>) -> std::io::Result<()> {
        for (came, bytes) in chunks {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let written = self.step(came, rest)?;
                rest = &rest[written..];
            }
        }
        // In a black hole even an end does not get through.
        self.shared.gate.past_black_hole(self.sockets.peer);
        self.to.shutdown(Shutdown::Write)
    }

    /// Does with the beginning of these bytes what the present fault asks for; returns how many are done with.
    fn step(&mut self, came: Instant, bytes: &[u8]) -> std::io::Result<usize> {
        let setting = self.shared.gate.now_for(self.sockets.peer);
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
