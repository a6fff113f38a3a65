//! The body of an export: written by a task, sent as fast as the caller reads, never cut short without a sign.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::Frame;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::Lines;
use crate::http::shares::Share;
use crate::store::{Export, MarkedCandle, StoreError};

/// A part of the body, or its end: without the latter it is not complete.
enum Part {
    Lines(Bytes),
    End,
}

/// Sends the candles from the first page on, until `deadline`. The task keeps `permit` until it has left the database, which may be
/// after the body is gone. It waits for the client for as long as the connection does.
pub(super) fn stream(
    lines: Lines,
    first: Vec<MarkedCandle>,
    pages: Export,
    deadline: Instant,
    permit: Arc<Share>,
) -> Body {
    // One page is made while the one before is sent, and a third is being read: three in memory at most.
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _permit = permit;
        match timeout_at(deadline, write(lines, first, pages, &sender)).await {
            Ok(Ok(())) => {}
            Ok(Err(Ended::CallerGone)) => tracing::debug!("an export was not read to its end"),
            Ok(Err(Ended::Store(error))) => tracing::warn!(%error, "an export broke off: {error}"),
            Err(_) => tracing::warn!("an export broke off: it took too long"),
        }
    });
    Body::new(Parts { receiver, ended: false })
}

/// Why an export has no end.
enum Ended {
    CallerGone,
    Store(StoreError),
}

async fn write(
    lines: Lines,
    first: Vec<MarkedCandle>,
    mut pages: Export,
    sender: &mpsc::Sender<Part>,
) -> Result<(), Ended> {
    let send = async |part| sender.send(part).await.map_err(|_| Ended::CallerGone);
    if !lines.header().is_empty() {
        send(Part::Lines(Bytes::from_static(lines.header().as_bytes()))).await?;
    }
    let mut page = first;
    while !page.is_empty() {
        // None may be left of a page.
        let some = lines.of(&page);
        if !some.is_empty() {
            send(Part::Lines(some)).await?;
        }
        page = pages.next_marked().await.map_err(Ended::Store)?;
    }
    send(Part::End).await?;
    pages.close().await;
    Ok(())
}

/// What comes out of the channel, as a body. Its end without [`Part::End`] is an error, which breaks the connection.
struct Parts {
    receiver: mpsc::Receiver<Part>,
    /// The end was seen. It may be asked for again, as the compression does.
    ended: bool,
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.receiver.poll_recv(cx)) {
            Some(Part::Lines(lines)) => Some(Ok(Frame::data(lines))),
            Some(Part::End) => {
                self.ended = true;
                None
            }
            None => Some(Err(io::Error::other("the export broke off"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn without_an_end_a_body_is_an_error_and_not_short() {
        for (complete, expected) in [(true, true), (false, false)] {
            let (sender, receiver) = mpsc::channel(4);
            sender.send(Part::Lines(Bytes::from_static(b"1\n"))).await.unwrap();
            if complete {
                sender.send(Part::End).await.unwrap();
            }
            drop(sender);
            let mut parts = Parts { receiver, ended: false };
            let whole = async {
                while let Some(frame) = parts.frame().await {
                    frame?;
                }
                // The end stays the end.
                io::Result::Ok(parts.frame().await.is_none())
            };
            assert_eq!(whole.await.is_ok_and(|ended| ended), expected);
        }
    }
}
