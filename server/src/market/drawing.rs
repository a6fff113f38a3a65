//! Places for drawing simulated candles, and a short queue before them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Callers that may wait for each place: some tens of milliseconds' work. More are told to come back.
const WAITING_A_PLACE: usize = 32;

/// One place a core: the rest waits here, not in the pool that files and look-ups of names need too.
pub(super) struct Drawing {
    places: Arc<Semaphore>,
    /// Places in the queue.
    queue: Semaphore,
}

impl Drawing {
    /// So many places.
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            queue: Semaphore::new(places.saturating_mul(WAITING_A_PLACE)),
        }
    }

    /// A place, kept until it is dropped; `None` if too many wait already. Who gives up while waiting leaves nothing
    /// behind.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        let _waiting = self.queue.try_acquire().ok()?;
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Places free now.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.places.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use super::*;

    #[tokio::test]
    async fn past_the_queue_callers_are_sent_away_and_not_kept() {
        let drawing = Drawing::new(1);
        let place = drawing.place().await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING_A_PLACE).map(|_| Box::pin(drawing.place())).collect();
        for one in &mut waiting {
            let mut one = pin!(one);
            assert!(std::future::poll_fn(|cx| Poll::Ready(one.as_mut().poll(cx).is_pending())).await);
        }
        assert!(drawing.place().await.is_none());
        drop(place);
        drop(waiting);
        assert!(drawing.place().await.is_some());
    }
}
