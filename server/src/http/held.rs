//! A body that holds something until its bytes are sent.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{Error, body::Body, response::Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// Has the body of this answer hold `held` until its last byte was handed to the system or to a compression, or the connection
/// ended.
///
/// A body is asked for its parts long before they are sent: what was asked for waits in the connection's buffer. So the parts
/// hold it, too. Behind a compression they are given up once they are compressed.
pub(super) fn hold<T: Send + Sync + 'static>(response: Response, held: T) -> Response {
    let held = Arc::new(held);
    response.map(|body| Body::new(HoldingBody { body, held }))
}

/// See [`hold`].
struct HoldingBody<T> {
    body: Body,
    held: Arc<T>,
}

/// A part of a body, and what it holds.
pub(super) struct HeldBytes<T> {
    bytes: Bytes,
    _held: T,
}

impl<T> AsRef<[u8]> for HeldBytes<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// These bytes, which hold `held` as long as any of them is kept.
pub(super) fn holding<T: Send + 'static>(bytes: Bytes, held: T) -> Bytes {
    Bytes::from_owner(HeldBytes { bytes, _held: held })
}

impl<T: Send + Sync + 'static> http_body::Body for HoldingBody<T> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let held = Arc::clone(&self.held);
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| holding(bytes, held)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn it_is_held_until_the_last_part_is_gone() {
        let held = Arc::new(());
        let response = hold(Response::new(Body::from("abc")), Arc::clone(&held));
        let mut body = response.into_body();
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(3));
        let part = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(body.frame().await.is_none());
        drop(body);
        assert_eq!((Arc::strong_count(&held), &part[..]), (2, &b"abc"[..]));
        let rest = part.slice(1..);
        drop(part);
        assert_eq!(Arc::strong_count(&held), 2);
        drop(rest);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
