//! What is remembered of each client, of a bounded number of them.

use std::sync::Arc;

use governor::{
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore, keyed::ShrinkableKeyedStateStore},
};
use quick_cache::sync::Cache;

use crate::http::client::ClientKey;

/// Clients whose calls are remembered. Past it those that call least are forgotten first.
pub(super) const MAX_CLIENTS: usize = 131_072;

/// The state of each client, for the limiter.
pub(super) struct Table(Cache<ClientKey, Arc<InMemoryState>>);

impl Table {
    /// An empty one for so many clients. With [`MAX_CLIENTS`] it takes some 10 MB when full.
    pub(super) fn new(clients: usize) -> Self {
        Self(Cache::new(clients))
    }
}

impl StateStore for Table {
    type Key = ClientKey;

    fn measure_and_replace<T, F, E>(&self, key: &ClientKey, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let state = self.0.get(key).unwrap_or_else(|| {
            // Of two calls that begin at once the second's state may replace the first's: one call too many, once.
            let state = Arc::new(InMemoryState::default());
            self.0.insert(*key, Arc::clone(&state));
            state
        });
        state.measure_and_replace(&NotKeyed::NonKey, f)
    }
}

/// For [`governor::RateLimiter::len`]; nothing else of it is needed, since the table bounds itself.
impl ShrinkableKeyedStateStore<ClientKey> for Table {
    fn retain_recent(&self, _: Nanos) {}

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
