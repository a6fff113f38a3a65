//! A connection that ends when its client takes too little of an answer.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How much a client has to take of an answer that waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MinRate {
    /// Bytes in one `window`.
    pub(super) bytes: u64,
    /// How long a client is watched before it is judged.
    pub(super) window: Duration,
}

/// What the client of one connection has to take now. Cheap to clone; the clones are of the same connection.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    usual: MinRate,
    now: Arc<Mutex<MinRate>>,
}

impl Pace {
    pub(super) fn new(usual: MinRate) -> Self {
        Self { usual, now: Arc::new(Mutex::new(usual)) }
    }

    /// Asks for this instead, for the answer to the present request. Where nothing is asked of clients, it stays so.
    pub(super) fn set(&self, rate: MinRate) {
        if self.usual.bytes > 0 {
            *self.now.lock() = rate;
        }
    }

    /// Back to the usual.
    pub(super) fn reset(&self) {
        *self.now.lock() = self.usual;
    }

    fn get(&self) -> MinRate {
        *self.now.lock()
    }
}

pin_project! {
    /// A stream whose writes have to make progress. Without it a client that reads next to nothing keeps the answer, and all that
    /// makes it, for as long as it likes.
    ///
    /// Only the time in which bytes wait for the client counts: not while the server has nothing to send.
    pub(super) struct StallLimit<S> {
        #[pin]
        stream: S,
        pace: Pace,
        // There only while bytes wait: most connections never have one.
        watched: Option<Watched>,
    }
}

/// What the client has taken since the start of the window.
struct Watched {
    taken: u64,
    end: Pin<Box<Sleep>>,
}

impl<S> StallLimit<S> {
    /// Ends `stream` when its client takes less than this.
    pub(super) fn new(stream: S, pace: Pace) -> Self {
        Self { stream, pace, watched: None }
    }
}

/// Counts what the stream took; an error when it was too little.
fn watch(
    done: Poll<io::Result<usize>>,
    watched: &mut Option<Watched>,
    pace: &Pace,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if let Poll::Ready(result) = &done {
        if let (Some(watched), Ok(bytes)) = (watched, result) {
            watched.taken += *bytes as u64;
        }
        return done;
    }
    let rate = pace.get();
    let watched = watched.get_or_insert_with(|| Watched { taken: 0, end: Box::pin(sleep(rate.window)) });
    while watched.end.as_mut().poll(cx).is_ready() {
        if watched.taken < rate.bytes {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")));
        }
        watched.taken = 0;
        watched.end.as_mut().reset(Instant::now() + rate.window);
    }
    Poll::Pending
}

impl<S: AsyncRead> AsyncRead for StallLimit<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().stream.poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite> AsyncWrite for StallLimit<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        watch(this.stream.poll_write(cx, bytes), this.watched, this.pace, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        watch(this.stream.poll_write_vectored(cx, parts), this.watched, this.pace, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // It is asked for when everything was written: nothing waits for the client any more.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        *this.watched = None;
        this.stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::timeout,
    };

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    /// Writes `size` bytes to a client that reads `step` of them every 20 ms.
    async fn write_to(step: usize, size: usize, rate: MinRate) -> io::Result<()> {
        let (server, mut client) = duplex(16);
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; step];
            while client.read_exact(&mut buffer).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let mut server = StallLimit::new(server, Pace::new(rate));
        let written = async {
            server.write_all(&vec![0; size]).await?;
            server.flush().await
        };
        let result = timeout(SOON, written).await.expect("neither written nor given up");
        reading.abort();
        result
    }

    #[tokio::test]
    async fn a_client_that_reads_little_all_the_time_is_cut_off() {
        // Without an end it would take as long as 4,000,000 bytes at 1 byte in 20 ms.
        let rate = MinRate { bytes: 10_000, window: Duration::from_millis(300) };
        let error = write_to(1, 4_000_000, rate).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn one_that_reads_enough_may_take_longer_than_a_window() {
        let rate = MinRate { bytes: 1, window: Duration::from_millis(300) };
        write_to(16, 1_600, rate).await.unwrap();
        // The rest of an answer may be less than a window's worth.
        let rate = MinRate { bytes: 10_000, window: SOON };
        write_to(4, 30, rate).await.unwrap();
    }

    #[tokio::test]
    async fn a_pause_of_the_server_does_not_count() {
        let (server, mut client) = duplex(16);
        let rate = MinRate { bytes: 10_000, window: Duration::from_millis(100) };
        let mut server = StallLimit::new(server, Pace::new(rate));
        let reading = tokio::spawn(async move {
            let mut buffer = [0; 40];
            for _ in 0..3 {
                client.read_exact(&mut buffer).await.unwrap();
            }
        });
        for _ in 0..3 {
            server.write_all(&[0; 40]).await.unwrap();
            server.flush().await.unwrap();
            assert!(server.watched.is_none());
            tokio::time::sleep(2 * rate.window).await;
        }
        reading.await.unwrap();
    }
}
