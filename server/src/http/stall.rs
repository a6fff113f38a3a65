//! A connection that ends when its client takes too little of an answer.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// How much a client has to take of an answer that waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MinRate {
    /// Bytes in one `window`.
    pub(super) bytes: u64,
    /// How long bytes wait for a client, all waits together, before it is judged.
    pub(super) window: Duration,
}

/// What the client of one connection has to take now. Cheap to clone; the clones are of the same connection.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    usual: MinRate,
    now: Arc<Mutex<Demand>>,
}

#[derive(Clone, Copy, Debug)]
struct Demand {
    rate: MinRate,
    /// When the connection ends if bytes still wait for the client.
    deadline: Option<Instant>,
}

impl Pace {
    pub(super) fn new(usual: MinRate) -> Self {
        Self { usual, now: Arc::new(Mutex::new(Demand { rate: usual, deadline: None })) }
    }

    /// Sets what the client has to take of the answer to the present request, and when it has to have all of it.
    pub(super) fn set(&self, rate: MinRate, deadline: Instant) {
        *self.now.lock() = Demand { rate, deadline: Some(deadline) };
    }

    /// Back to the usual.
    pub(super) fn reset(&self) {
        *self.now.lock() = Demand { rate: self.usual, deadline: None };
    }

    fn get(&self) -> Demand {
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
        // None until bytes wait for the first time: most connections never have one.
        window: Option<Window>,
    }
}

/// A time in which the client is watched. It spans flushes: HTTP answers are written in parts, and each part is flushed.
struct Window {
    /// Bytes taken in it.
    taken: u64,
    /// How long bytes waited for the client, without the present wait.
    waited: Duration,
    /// When the present wait began.
    since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Window {
    fn new(now: Instant) -> Self {
        Self { taken: 0, waited: Duration::ZERO, since: None, timer: Box::pin(sleep_until(now)) }
    }

    /// Ends the present wait.
    fn progress(&mut self, bytes: u64) {
        self.taken = self.taken.saturating_add(bytes);
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Ready once the client took too little, or the deadline is over.
    fn poll_overdue(&mut self, demand: Demand, cx: &mut Context<'_>) -> Poll<()> {
        let Demand { rate, deadline } = demand;
        loop {
            let since = *self.since.get_or_insert_with(Instant::now);
            let end = since + rate.window.saturating_sub(self.waited);
            let due = deadline.map_or(end, |deadline| deadline.min(end));
            if self.timer.deadline() != due {
                self.timer.as_mut().reset(due);
            }
            ready!(self.timer.as_mut().poll(cx));
            if self.taken < rate.bytes || due < end {
                return Poll::Ready(());
            }
            (self.taken, self.waited, self.since) = (0, Duration::ZERO, None);
        }
    }
}

impl<S> StallLimit<S> {
    /// Ends `stream` when its client takes less than this.
    pub(super) fn new(stream: S, pace: Pace) -> Self {
        Self { stream, pace, window: None }
    }
}

/// Counts what the stream took; an error when it was too little.
fn watch(
    done: Poll<io::Result<usize>>,
    window: &mut Option<Window>,
    pace: &Pace,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if let Poll::Ready(result) = done {
        if let (Some(window), Ok(bytes)) = (window, &result) {
            window.progress(*bytes as u64);
        }
        return Poll::Ready(result);
    }
    let window = window.get_or_insert_with(|| Window::new(Instant::now()));
    ready!(window.poll_overdue(pace.get(), cx));
    Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")))
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
        watch(this.stream.poll_write(cx, bytes), this.window, this.pace, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        watch(this.stream.poll_write_vectored(cx, parts), this.window, this.pace, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
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

    /// Writes `size` bytes in parts of `part`, each flushed, to a client that reads `step` of them every 20 ms.
    async fn write_to(step: usize, part: usize, size: usize, pace: Pace) -> io::Result<()> {
        let (server, mut client) = duplex(16);
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; step];
            while client.read_exact(&mut buffer).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let mut server = StallLimit::new(server, pace);
        let written = async {
            for _ in 0..size / part {
                server.write_all(&vec![0; part]).await?;
                server.flush().await?;
            }
            Ok(())
        };
        let result = timeout(SOON, written).await.expect("neither written nor given up");
        reading.abort();
        result
    }

    #[tokio::test]
    async fn a_client_that_reads_little_all_the_time_is_cut_off() {
        // Without an end it would take as long as 4,000,000 bytes at 4 bytes in 20 ms. Small parts are judged together.
        let rate = MinRate { bytes: 10_000, window: Duration::from_millis(300) };
        for part in [4_000_000, 16] {
            let error = write_to(4, part, 4_000_000, Pace::new(rate)).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{part}");
        }
    }

    #[tokio::test]
    async fn one_that_reads_enough_may_take_longer_than_a_window() {
        let rate = MinRate { bytes: 1, window: Duration::from_millis(300) };
        write_to(16, 1_600, 1_600, Pace::new(rate)).await.unwrap();
        // The rest of an answer may be less than a window's worth.
        let rate = MinRate { bytes: 10_000, window: SOON };
        write_to(4, 30, 30, Pace::new(rate)).await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_has_a_deadline_also_where_nothing_is_asked_of_clients() {
        let rate = MinRate { bytes: 0, window: Duration::from_millis(50) };
        let pace = Pace::new(rate);
        pace.set(rate, Instant::now() + Duration::from_millis(300));
        let error = write_to(1, 4_000_000, 4_000_000, pace.clone()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        pace.reset();
        write_to(16, 1_600, 1_600, pace).await.unwrap();
    }

    #[tokio::test]
    async fn a_pause_of_the_server_does_not_count() {
        let (server, mut client) = duplex(16);
        let rate = MinRate { bytes: 10_000, window: Duration::from_secs(1) };
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
            tokio::time::sleep(2 * rate.window).await;
        }
        reading.await.unwrap();
    }
}
