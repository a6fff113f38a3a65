//! Permits to look a session up in the database: a few at once, and fewer still for one client.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::ClientKey;

/// Sessions looked up at once: made-up ids must not take all connections of the database.
const MAX_LOOKUPS: usize = 4;
/// Lookups at once of one client. Its further requests wait behind its own, not before those of others.
const MAX_LOOKUPS_PER_CLIENT: usize = 2;

/// The permits. Cheap to clone; the clones count together.
#[derive(Clone)]
pub(super) struct Lookups {
    all: Arc<Semaphore>,
    /// Of the clients that look sessions up or wait for it; an entry goes with the last of them.
    clients: Arc<Mutex<HashMap<ClientKey, Arc<Semaphore>>>>,
}

/// A permit, until it is dropped.
pub(super) struct LookupPermit {
    _all: OwnedSemaphorePermit,
    _client: Queued,
}

impl Lookups {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_LOOKUPS)), clients: Arc::default() }
    }

    /// Waits for a permit, for at most so long.
    pub(super) async fn acquire(&self, client: ClientKey, wait: Duration) -> Option<LookupPermit> {
        let permit = async {
            let mut queued = self.queue(client);
            let own = Arc::clone(queued.semaphore.as_ref()?).acquire_owned().await.ok()?;
            queued.permit = Some(own);
            // Only now, so that one client has few of the waiters for it.
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(LookupPermit { _all: all, _client: queued })
        };
        timeout(wait, permit).await.ok().flatten()
    }

    fn queue(&self, client: ClientKey) -> Queued {
        let mut clients = self.clients.lock();
        let semaphore =
            clients.entry(client).or_insert_with(|| Arc::new(Semaphore::new(MAX_LOOKUPS_PER_CLIENT)));
        Queued {
            clients: Arc::clone(&self.clients),
            client,
            semaphore: Some(Arc::clone(semaphore)),
            permit: None,
        }
    }
}

/// A request that looks a session up, or waits for a permit.
struct Queued {
    clients: Arc<Mutex<HashMap<ClientKey, Arc<Semaphore>>>>,
    client: ClientKey,
    /// There until it is dropped.
    semaphore: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Queued {
    fn drop(&mut self) {
        // The permit holds the semaphore as well, and wakes who waits for it.
        self.permit = None;
        // Given up under the lock: of two that end at once, the second one sees that it is the last.
        let mut clients = self.clients.lock();
        self.semaphore = None;
        if clients.get(&self.client).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            clients.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn no_client_is_left_when_two_of_it_end_at_once() {
        let lookups = Lookups::new();
        for round in 0..500_u32 {
            // Both threads give up the same clients at about the same time.
            let pair = |last| {
                let client = ClientKey::of(std::net::Ipv4Addr::from_bits(1_000 * round + last).into());
                (lookups.queue(client), lookups.queue(client))
            };
            let (ones, others): (Vec<_>, Vec<_>) = (0..1_000).map(pair).unzip();
            let both = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    both.wait();
                    ones.into_iter().for_each(drop);
                });
                both.wait();
                others.into_iter().for_each(drop);
            });
        }
        assert_eq!(lookups.clients.lock().len(), 0);
    }

    #[tokio::test]
    async fn one_client_never_takes_the_permits_of_another() {
        let lookups = Lookups::new();
        let key = |text: &str| ClientKey::of(text.parse().unwrap());
        let (flooder, operator) = (key("9.9.9.9"), key("1.1.1.1"));
        let mut permits = Vec::new();
        for _ in 0..MAX_LOOKUPS_PER_CLIENT {
            permits.push(lookups.acquire(flooder, SOON).await.expect("a free permit"));
        }
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let lookups = lookups.clone();
                tokio::spawn(async move { lookups.acquire(flooder, SOON).await.is_some() })
            })
            .collect();
        tokio::task::yield_now().await;
        // Nothing is given back meanwhile.
        let own = lookups.acquire(operator, SOON).await.expect("a permit of its own");
        assert!(lookups.acquire(flooder, Duration::ZERO).await.is_none());
        drop((permits, own));
        for waiter in waiting {
            assert!(waiter.await.unwrap());
        }
        assert!(lookups.clients.lock().is_empty(), "nobody is left");
    }
}
