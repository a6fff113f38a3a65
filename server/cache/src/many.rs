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
use crate::load::{Boarded, Need, Ready, Waited, board, from_memory, landed_answer, wait};
use crate::pilot::{Pilot, load};

/// A reader of one key that has to wait.
struct Waiting<V> {
    /// Its place among the keys.
    at: usize,
    held: Option<Shared<V>>,
    need: Need,
    flight: Arc<Flight<V>>,
}

/// Rounds at most. A further one is for keys whose flight was left by the reader that had begun it.
const ROUNDS: usize = 3;

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
    F: Fn(Vec<K>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Vec<(K, Loaded<V>)>, E>> + Send + 'static,
{
    let mut answers: Vec<Option<Result<Hit<V>, LoadError<E>>>> = keys.iter().map(|_| None).collect();
    for _ in 0..ROUNDS {
        let mut round = Round { waiting: Vec::new(), own: Vec::new(), behind: Vec::new() };
        for (at, key) in keys.iter().enumerate() {
            if answers[at].is_none() {
                answers[at] = begin(core, (at, key), want, &mut round);
            }
        }
        let Round { mut waiting, own, behind } = round;
        if !behind.is_empty() {
            core.shared.runtime.spawn(fly_together(Arc::clone(core), behind, loader.clone()));
        }
        // Looking into Redis needs no task of its own: who joined looks again if this reader goes away.
        let missing = look_together(core, own, want, &mut answers, &mut waiting).await;
        if !missing.is_empty() {
            core.shared.runtime.spawn(load_together(Arc::clone(core), missing, loader.clone()));
        }
        let mut again = false;
        for Waiting { at, held, need, flight } in waiting {
            let want = Want::at_least(need.min_version);
            // They run at the same time: the first to be waited for takes as long as all.
            match Box::pin(wait(core, &keys[at], want, held, &flight, true)).await {
                Waited::Result(result) => answers[at] = Some(result),
                Waited::TooLittle => again = true,
            }
        }
        if !again {
            break;
        }
    }
    answers.into_iter().map(|answer| answer.unwrap_or(Err(LoadError::Overloaded))).collect()
}

/// What a round has to do.
struct Round<K: Key, V: Value> {
    /// Keys that others load.
    waiting: Vec<Waiting<V>>,
    /// Keys that this reader looks for, with nothing at hand.
    own: Vec<Own<K, V>>,
    /// Keys that are looked for behind the reader, or while it has something at hand.
    behind: Vec<Pilot<K, V>>,
}

/// A key that this reader looks for.
struct Own<K: Key, V: Value> {
    /// Its place among the keys.
    at: usize,
    need: Need,
    pilot: Pilot<K, V>,
}

/// Looks into Redis for all at once. What it has is answered; the others wait, and are returned to be loaded.
async fn look_together<K: Key, V: Value, E: SourceError>(
    core: &Arc<Core<K, V>>,
    own: Vec<Own<K, V>>,
    want: Want,
    answers: &mut [Option<Result<Hit<V>, LoadError<E>>>],
    waiting: &mut Vec<Waiting<V>>,
) -> Vec<Pilot<K, V>> {
    if own.is_empty() {
        return Vec::new();
    }
    let asked_at = clock::now();
    let keys = core.entry_keys(own.iter().map(|own| own.pilot.text.as_str()));
    let mut own: Vec<_> = own.into_iter().map(Some).collect();
    let mut missing = Vec::new();
    core.fetch_many(&keys, |i, fetched| {
        let Some(Own { at, need, mut pilot }) = own[i].take() else { return };
        let entry = core.read_one((&keys[i], &pilot.text), fetched, asked_at);
        if let Some(landed) = entry.and_then(|entry| pilot.take_from_l2(entry)) {
            pilot.land(landed.clone());
            let want = Want::at_least(want.min_version.max(need.min_version));
            if let Waited::Result(result) = landed_answer(core, &pilot.key, want, None, landed, true) {
                answers[at] = Some(result);
            }
        } else {
            waiting.push(Waiting { at, held: None, need, flight: Arc::clone(&pilot.flight) });
            missing.push((i, pilot));
        }
    })
    .await;
    in_order(missing)
}

/// What the nodes answered in any order, in the order of the keys: the loader is asked in that.
fn in_order<P>(mut pilots: Vec<(usize, P)>) -> Vec<P> {
    pilots.sort_unstable_by_key(|(i, _)| *i);
    pilots.into_iter().map(|(_, pilot)| pilot).collect()
}

/// The answer for one key, if memory has it; otherwise a flight to wait for.
fn begin<K: Key, V: Value, E: SourceError>(
    core: &Arc<Core<K, V>>,
    (at, key): (usize, &K),
    want: Want,
    round: &mut Round<K, V>,
) -> Option<Result<Hit<V>, LoadError<E>>> {
    if let Some(hit) = core.fresh_in_l1(key, want) {
        return Some(Ok(hit));
    }
    let (held, need) = match from_memory(core, key, want, false) {
        Ready::Now(result) => return Some(result),
        Ready::Refresh(hit, need) => {
            // Refused is fine: somebody will ask again.
            if let Boarded::New(pilot) = board(core, key, need, false) {
                round.behind.push(pilot);
            }
            return Some(Ok(hit));
        }
        Ready::Wait(held, need) => (held, need),
    };
    // A flight for less than is wanted would end with too little.
    let flight = match board(core, key, need, true) {
        Boarded::New(pilot) if held.is_none() => {
            round.own.push(Own { at, need, pilot });
            return None;
        }
        Boarded::New(pilot) => {
            let flight = Arc::clone(&pilot.flight);
            round.behind.push(pilot);
            flight
        }
        Boarded::Joined(flight) => {
            core.counters.source.coalesced.add(1);
            flight
        }
        Boarded::Refused => return Some(crate::load::refused(core, key, held)),
    };
    round.waiting.push(Waiting { at, held, need, flight });
    None
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
    let asked_at = clock::now();
    let keys = core.entry_keys(pilots.iter().map(|pilot| pilot.text.as_str()));
    let mut pilots: Vec<_> = pilots.into_iter().map(Some).collect();
    let mut missing = Vec::new();
    core.fetch_many(&keys, |i, fetched| {
        let Some(mut pilot) = pilots[i].take() else { return };
        match core
            .read_one((&keys[i], &pilot.text), fetched, asked_at)
            .and_then(|entry| pilot.take_from_l2(entry))
        {
            Some(landed) => pilot.land(landed),
            None => missing.push((i, pilot)),
        }
    })
    .await;
    if !missing.is_empty() {
        load_together(core, in_order(missing), loader).await;
    }
}

/// Loads what Redis does not have, in one call.
async fn load_together<K, V, E, F, Fut>(core: Arc<Core<K, V>>, missing: Vec<Pilot<K, V>>, loader: F)
where
    K: Key,
    V: Value,
    E: SourceError,
    F: FnOnce(Vec<K>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Vec<(K, Loaded<V>)>, E>> + Send + 'static,
{
    let begun = clock::now();
    let keys: Vec<K> = missing.iter().map(|pilot| pilot.key.clone()).collect();
    match load(&core, move || loader(keys)).await {
        Ok((loaded, cost)) => {
            let mut found: HashMap<K, Loaded<V>> = loaded.into_iter().collect();
            for mut pilot in missing {
                let loaded = found.remove(&pilot.key).unwrap_or_else(|| Loaded::absent(0));
                let landed =
                    pilot.take_in(loaded, cost, begun, None).unwrap_or_else(|failure| pilot.failed(failure));
                pilot.land(landed);
            }
        }
        Err(failure) => {
            for mut pilot in missing {
                let landed = pilot.failed(failure.clone());
                pilot.land(landed);
            }
        }
    }
}
