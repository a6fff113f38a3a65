//! Many keys in one call: one round trip a node, one load.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cache::SourceError;
use crate::clock;
use crate::codec::Value;
use crate::core::Core;
use crate::flight::Flight;
use crate::hit::{Hit, LoadError, Loaded, Shared, Want};
use crate::key::Key;
use crate::load::{Need, Ready, Waited, board, from_memory, wait};
use crate::pilot::{Pilot, load};

/// A reader of one key that has to wait.
struct Waiting<V> {
    /// Its place among the keys.
    at: usize,
    held: Option<Shared<V>>,
    need: Need,
    flight: Arc<Flight<V>>,
    own: bool,
}

pub(crate) async fn get_many_or_load<K, V, E, F, Fut>(
    core: &Arc<Core<K, V>>,
    keys: &[K],
    want: Want,
    loader: F,
) -> Vec<Result<Hit<V>, LoadError<E>>>
where
    K: Key,
    V: Value,
    E: SourceError,
    F: FnOnce(Vec<K>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Vec<(K, Loaded<V>)>, E>> + Send + 'static,
{
    let mut answers: Vec<Option<Result<Hit<V>, LoadError<E>>>> = keys.iter().map(|_| None).collect();
    let mut waiting = Vec::new();
    let mut pilots = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        if let Some(hit) = core.fresh_in_l1(key, want) {
            answers[at] = Some(Ok(hit));
            continue;
        }
        let (held, need) = match from_memory(core, key, want, false) {
            Ready::Now(result) => {
                answers[at] = Some(result);
                continue;
            }
            Ready::Refresh(hit, need) => {
                answers[at] = Some(Ok(hit));
                // Refused is fine: somebody will ask again.
                let _ = board(core, key, need, false, |pilot| pilots.push(pilot));
                continue;
            }
            Ready::Wait(held, need) => (held, need),
        };
        // A flight for less than is wanted would end with too little, and cannot be tried again here.
        match board(core, key, need, true, |pilot| pilots.push(pilot)) {
            Some((flight, own)) => {
                if !own {
                    core.counters.source.coalesced.add(1);
                }
                waiting.push(Waiting { at, held, need, flight, own });
            }
            None => answers[at] = Some(crate::load::refused(core, key, held)),
        }
    }
    if !pilots.is_empty() {
        core.shared.runtime.spawn(fly_together(Arc::clone(core), pilots, loader));
    }
    for Waiting { at, held, need, flight, own } in waiting {
        let want = Want::at_least(need.min_version);
        // They run at the same time: the first to be waited for takes as long as all.
        let waited: Waited<V, E> = wait(core, &keys[at], want, held, &flight, own).await;
        answers[at] = Some(waited.into_result());
    }
    answers.into_iter().map(|answer| answer.unwrap_or(Err(LoadError::Panicked))).collect()
}

/// Flies for many keys: one look into Redis, one load of what it does not have. Leases are left alone: a batch that
/// waited for the slowest of many other loads would save nothing.
async fn fly_together<K, V, E, F, Fut>(core: Arc<Core<K, V>>, pilots: Vec<Pilot<K, V>>, loader: F)
where
    K: Key,
    V: Value,
    E: SourceError,
    F: FnOnce(Vec<K>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Vec<(K, Loaded<V>)>, E>> + Send + 'static,
{
    let texts: Vec<String> = pilots.iter().map(|pilot| pilot.text.clone()).collect();
    let mut missing = Vec::new();
    for (pilot, entry) in pilots.into_iter().zip(core.fetch_many(&texts).await) {
        match entry.and_then(|entry| pilot.take_from_l2(entry)) {
            Some(landed) => pilot.land(landed),
            None => missing.push(pilot),
        }
    }
    if missing.is_empty() {
        return;
    }
    let begun = clock::now();
    let keys: Vec<K> = missing.iter().map(|pilot| pilot.key.clone()).collect();
    match load(&core, move || loader(keys)).await {
        Ok((loaded, cost)) => {
            let mut found: HashMap<K, Loaded<V>> = loaded.into_iter().collect();
            for pilot in missing {
                let loaded = found.remove(&pilot.key).unwrap_or_else(|| Loaded::absent(0));
                let landed =
                    pilot.take_in(loaded, cost, begun, None).unwrap_or_else(|failure| pilot.failed(failure));
                pilot.land(landed);
            }
        }
        Err(failure) => {
            for pilot in missing {
                let landed = pilot.failed(failure.clone());
                pilot.land(landed);
            }
        }
    }
}
