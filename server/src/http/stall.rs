//! A connection that ends when its other end takes nothing for too long.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

pin_project! {
    /// Writes may wait so long and no longer. Without it a caller who reads nothing keeps the answer, and all that makes it,
    /// for as long as he likes.
    pub(super) struct StallLimit<S> {
        #[pin]
        stream: S,
        limit: Duration,
        // There only while a write waits: most never do.
        waiting: Option<Pin<Box<Sleep>>>,
    }
}

impl<S> StallLimit<S> {
    /// Ends `stream` when a write waits for longer than `limit`.
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, waiting: None }
    }
}

/// Passes on what the stream did, unless it has been waiting for too long.
fn watch<T>(
    done: Poll<io::Result<T>>,
    waiting: &mut Option<Pin<Box<Sleep>>>,
    limit: Duration,
    cx: &mut Context<'_>,
) -> Poll<io::Result<T>> {
    if done.is_ready() {
        *waiting = None;
        return done;
    }
    let sleep = waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
    match sleep.as_mut().poll(cx) {
        Poll::Ready(()) => {
            Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the caller reads nothing")))
        }
        Poll::Pending => Poll::Pending,
    }
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
        watch(this.stream.poll_write(cx, bytes), this.waiting, *this.limit, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        watch(this.stream.poll_write_vectored(cx, parts), this.waiting, *this.limit, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // Neither waits on a socket; it is writes that do.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }
}
