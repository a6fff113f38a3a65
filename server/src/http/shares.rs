//! Amounts of which each client has a share: permits for expensive requests, connections, unsent bytes.

use std::{collections::HashMap, sync::Arc};

use axum::http::StatusCode;
use parking_lot::Mutex;

use super::{client::ClientKey, problem::Problem};

/// An amount with a limit for all clients together and one for each. Cheap to clone; the clones count together.
#[derive(Clone)]
pub(super) struct Shares(Arc<Inner>);

struct Inner {
    limit: usize,
    reserve: usize,
    per_client: usize,
    taken: Mutex<Taken>,
}

/// What is taken, by client. A client that has nothing has no entry, so that there are never more entries than things taken.
#[derive(Default)]
struct Taken {
    total: usize,
    clients: HashMap<ClientKey, usize>,
}

/// Which limit is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The client has its share.
    Client,
    /// All clients together have all there is.
    Server,
}

impl Full {
    /// The refusal of one more of these; `retry_after` in seconds.
    pub(super) fn problem(self, what: &str, retry_after: u32) -> Problem {
        let (status, whose) = match self {
            Self::Client => (StatusCode::TOO_MANY_REQUESTS, " from one address"),
            Self::Server => (StatusCode::SERVICE_UNAVAILABLE, ""),
        };
        Problem::new(status, format!("too many {what} at once{whose}")).retry_after(retry_after)
    }
}

/// Something taken; dropping it gives it back.
pub(super) struct Share {
    shares: Arc<Inner>,
    client: ClientKey,
    amount: usize,
}

impl Shares {
    /// At most `limit` in all, and `per_client` of each client.
    pub(super) fn new(limit: usize, per_client: usize) -> Self {
        Self::with_reserve(limit, per_client, 0)
    }

    /// The same; and a client that has nothing may [`take`](Self::take) up to `reserve` beyond `limit`, up to twice `limit` in all.
    pub(super) fn with_reserve(limit: usize, per_client: usize, reserve: usize) -> Self {
        Self(Arc::new(Inner { limit, reserve, per_client, taken: Mutex::default() }))
    }

    /// Takes one thing.
    pub(super) fn take_one(&self, client: ClientKey) -> Result<Share, Full> {
        let mut taken = self.0.taken.lock();
        if taken.of(client) >= self.0.per_client {
            return Err(Full::Client);
        }
        if taken.total >= self.0.limit {
            return Err(Full::Server);
        }
        taken.add(client, 1);
        Ok(self.share(client, 1))
    }

    /// Takes an amount that may be larger than the limit of a client: one that has nothing may take it nevertheless.
    pub(super) fn take(&self, client: ClientKey, amount: usize) -> Result<Share, Full> {
        let mut taken = self.0.taken.lock();
        let has = taken.of(client);
        if has > 0 && has.saturating_add(amount) > self.0.per_client {
            return Err(Full::Client);
        }
        let after = taken.total.saturating_add(amount);
        let by_reserve = has == 0 && amount <= self.0.reserve && after <= self.0.limit.saturating_mul(2);
        if taken.total > 0 && after > self.0.limit && !by_reserve {
            return Err(Full::Server);
        }
        taken.add(client, amount);
        Ok(self.share(client, amount))
    }

    /// Takes an amount whatever the limits are, of something that cannot be refused any more.
    pub(super) fn take_anyway(&self, client: ClientKey, amount: usize) -> Share {
        self.0.taken.lock().add(client, amount);
        self.share(client, amount)
    }

    /// An error if the client has its share. The total is not checked: the answer may turn out to be small.
    pub(super) fn check(&self, client: ClientKey) -> Result<(), Full> {
        if self.0.taken.lock().of(client) >= self.0.per_client { Err(Full::Client) } else { Ok(()) }
    }

    fn share(&self, client: ClientKey, amount: usize) -> Share {
        Share { shares: Arc::clone(&self.0), client, amount }
    }
}

impl Taken {
    fn of(&self, client: ClientKey) -> usize {
        self.clients.get(&client).copied().unwrap_or(0)
    }

    fn add(&mut self, client: ClientKey, amount: usize) {
        if amount > 0 {
            self.total = self.total.saturating_add(amount);
            let has = self.clients.entry(client).or_default();
            *has = has.saturating_add(amount);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken.lock();
        taken.total = taken.total.saturating_sub(self.amount);
        if let Some(has) = taken.clients.get_mut(&self.client) {
            *has = has.saturating_sub(self.amount);
            if *has == 0 {
                taken.clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: u8) -> ClientKey {
        ClientKey::of([203, 0, 113, last].into())
    }

    #[test]
    fn a_client_has_its_share_and_leaves_the_rest_to_others() {
        let places = Shares::new(4, 2);
        let first = [places.take_one(key(1)).ok(), places.take_one(key(1)).ok()];
        assert!(first.iter().all(Option::is_some));
        assert_eq!(places.take_one(key(1)).err(), Some(Full::Client));
        let second = [places.take_one(key(2)).ok(), places.take_one(key(2)).ok()];
        assert_eq!(places.take_one(key(3)).err(), Some(Full::Server));
        drop(first);
        assert!(places.take_one(key(3)).is_ok() && places.take_one(key(1)).is_ok());
        drop(second);
        assert!(places.0.taken.lock().clients.is_empty());
        assert_eq!(places.0.taken.lock().total, 0);
    }

    #[test]
    fn bytes_beyond_a_share_are_refused_unless_they_are_all_there_is() {
        let bytes = Shares::new(1_000, 100);
        let large = bytes.take(key(1), 500).ok().unwrap();
        assert_eq!(bytes.take(key(1), 1).err(), Some(Full::Client));
        assert_eq!(bytes.take(key(2), 600).err(), Some(Full::Server));
        let forced = bytes.take_anyway(key(3), 600);
        assert_eq!(bytes.check(key(2)), Ok(()));
        drop(large);
        assert_eq!(bytes.check(key(2)), Ok(()));
        assert_eq!(bytes.check(key(3)), Err(Full::Client));
        drop(forced);
        assert!(bytes.take(key(2), 2_000).is_ok(), "the only one");
        assert!(bytes.0.taken.lock().clients.is_empty());
    }

    #[test]
    fn a_client_that_has_nothing_gets_a_little_when_others_have_all() {
        let bytes = Shares::with_reserve(1_000, 500, 300);
        let others = [bytes.take(key(1), 500).ok().unwrap(), bytes.take(key(2), 500).ok().unwrap()];
        assert_eq!(bytes.take(key(3), 301).err(), Some(Full::Server), "more than a little");
        let third = bytes.take(key(3), 300).ok().unwrap();
        assert_eq!(bytes.take(key(3), 1).err(), Some(Full::Server), "it has something");
        let more: Vec<_> = (4..=5).map(|last| bytes.take(key(last), 300).ok().unwrap()).collect();
        assert_eq!(bytes.take(key(6), 300).err(), Some(Full::Server), "twice the limit");
        drop((others, third, more));
        assert_eq!(bytes.0.taken.lock().total, 0);
    }
}
