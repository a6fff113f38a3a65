//! Many keys in one call: one round trip a node, one load.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cache::SourceError;
use crate::clock;
use crate::codec::Value;
use crate::core::Core;
use crate::flight::{Flight, Landed};
use crate::hit::{Hit, LoadError, Loaded, Shared, Tier, Want};
use crate::key::Key;
use crate::load::{
    Boarded, Join, Limits, Need, Ready, Waited, board, from_memory, landed_answer, refused, wait,
};
use crate::pilot::{Pilot, load};

/// A reader of one key that has to wait.
struct Waiting<V> {
    /// Its place among the keys.
    at: usize,
    held: Option<Shared<V>>,
    need: Need,
    flight: Arc<Flight<V>>,
}

/// Rounds at most. A further one is for keys whose flight ended without a word, or with another type of error.
const ROUNDS: usize = 3;

/// `want_of`: what is wanted of the key at this place. `limits`: of the whole call, from its first wait on if none are given.
pub(crate) async fn get_many_or_load<K, V, E, F, Fut>(
    core: &Arc<Core<K, V>>,
    keys: &[K],
    want_of: impl Fn(usize) -> Want,
    // A wait for one key is a wait for all.
    mut limits: Option<Limits>,
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
    for number in 0..ROUNDS {
        let mut round = Round { waiting: Vec::new(), own: Vec::new(), behind: Vec::new(), again: false };
        for (at, key) in keys.iter().enumerate() {
            if answers[at].is_none() {
                answers[at] = begin(core, (at, key), want_of(at), number == 0, &mut round);
            }
        }
        let Round { mut waiting, own, behind, mut again } = round;
        if waiting.is_empty() && own.is_empty() && behind.is_empty() && !again {
            break;
        }
        let limits = *limits.get_or_insert_with(|| Limits::from_now(core));
        if !behind.is_empty() {
            core.shared.runtime.spawn(fly_together(Arc::clone(core), behind, loader.clone()));
        }
        look_together(core, own, &loader, keys, &mut answers, &mut waiting).await;
        for Waiting { at, held, need, flight } in waiting {
            let want = Want::at_least(need.min_version);
            match Box::pin(wait(core, &keys[at], want, held, &flight, true, limits)).await {
                Waited::Result(result) => answers[at] = Some(result),
                Waited::TooLittle | Waited::Left => again = true,
            }
        }
        if !again {
            break;
        }
    }
    answers.into_iter().map(|answer| answer.unwrap_or(Err(LoadError::Abandoned))).collect()
}

/// What a round has to do.
struct Round<K: Key, V: Value> {
    /// Keys that others load.
    waiting: Vec<Waiting<V>>,
    /// Keys that this reader looks for, with nothing at hand.
    own: Vec<Own<K, V>>,
    /// Keys that are looked for behind the reader, or while it has something at hand.
    behind: Vec<Pilot<K, V>>,
    /// A key needs another round.
    again: bool,
}

/// A key that this reader looks for.
struct Own<K: Key, V: Value> {
    /// Its place among the keys.
    at: usize,
    need: Need,
    pilot: Pilot<K, V>,
}

/// Looks into Redis for all at once, in a task of its own: readers of any of the keys may wait for it. What Redis has is
/// answered; for the others, which are loaded from then on, there is a flight to wait for.
async fn look_together<K, V, E, F, Fut>(
    core: &Arc<Core<K, V>>,
    own: Vec<Own<K, V>>,
    loader: &F,
    keys: &[K],
    answers: &mut [Option<Result<Hit<V>, LoadError<E>>>],
    waiting: &mut Vec<Waiting<V>>,
) where
    K: Key,
    V: Value,
    E: SourceError,
    F: Fn(Vec<K>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Vec<(K, Loaded<V>)>, E>> + Send + 'static,
{
    if own.is_empty() {
        return;
    }
    let (readers, pilots): (Vec<_>, Vec<_>) =
        own.into_iter().map(|Own { at, need, pilot }| ((at, need, Arc::clone(&pilot.flight)), pilot)).unzip();
    let (core_of_task, loader) = (Arc::clone(core), loader.clone());
    let looked = core.shared.runtime.spawn(async move {
        let (landed, missing) = fetch_together(&core_of_task, pilots).await;
        if !missing.is_empty() {
            let runtime = core_of_task.shared.runtime.clone();
            runtime.spawn(load_together(core_of_task, missing, loader));
        }
        landed
    });
    // Without an answer of the task the flights have been left.
    let mut landed = looked.await.unwrap_or_default().into_iter();
    for (at, need, flight) in readers {
        let want = Want::at_least(need.min_version);
        match landed.next().flatten() {
            Some(landed) => {
                if let Waited::Result(result) = landed_answer(core, &keys[at], want, None, landed, true) {
                    answers[at] = Some(result);
                }
            }
            None => waiting.push(Waiting { at, held: None, need, flight }),
        }
    }
}

/// How each of some flights ended in Redis, in their order, and the pilots of those that it has nothing for.
type FetchOutcome<K, V> = (Vec<Option<Landed<V>>>, Vec<Pilot<K, V>>);

/// Looks into Redis for many flights: one round trip a node. Those that it has something for land.
async fn fetch_together<K: Key, V: Value>(
    core: &Arc<Core<K, V>>,
    pilots: Vec<Pilot<K, V>>,
) -> FetchOutcome<K, V> {
    let asked_at = clock::now();
    let keys = core.entry_keys(pilots.iter().map(|pilot| pilot.text.as_str()));
    let mut all_landed: Vec<Option<Landed<V>>> = pilots.iter().map(|_| None).collect();
    let mut pilots: Vec<_> = pilots.into_iter().map(Some).collect();
    let mut missing = Vec::new();
    core.fetch_many(&keys, |i, fetched| {
        let Some(mut pilot) = pilots[i].take() else { return };
        let entry = core.read_one((&keys[i], &pilot.text), fetched, asked_at);
        if let Some(landed) = entry.and_then(|entry| pilot.take_from_l2(entry)) {
            pilot.land(landed.clone());
            all_landed[i] = Some(landed);
        } else {
            missing.push((i, pilot));
        }
    })
    .await;
    (all_landed, in_order(missing))
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
    heed_trouble: bool,
    round: &mut Round<K, V>,
) -> Option<Result<Hit<V>, LoadError<E>>> {
    if let Some(hit) = core.fresh_in_l1(key, want) {
        return Some(Ok(hit));
    }
    let (held, need) = match from_memory(core, key, want, false) {
        Ready::Now(result) => return Some(result),
        Ready::Refresh(hit, need) => {
            // Refused is fine: somebody will ask again.
            if let Boarded::New(pilot) = board(core, key, need, Join { choosy: false, heed_trouble: true }) {
                round.behind.push(pilot);
            }
            return Some(Ok(hit));
        }
        Ready::Wait(held, need) => (held, need),
    };
    // A flight for less than is wanted would end with too little.
    let flight = match board(core, key, need, Join { choosy: true, heed_trouble }) {
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
        Boarded::Landed(landed) => {
            let held = held.map(|value| (value, Tier::L1));
            let want = Want::at_least(need.min_version);
            return match landed_answer(core, key, want, held, landed, true) {
                Waited::Result(result) => Some(result),
                Waited::TooLittle | Waited::Left => {
                    round.again = true;
                    None
                }
            };
        }
        Boarded::Refused => return Some(refused(core, key, held)),
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
    let (_, missing) = fetch_together(&core, pilots).await;
    if !missing.is_empty() {
        load_together(core, missing, loader).await;
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
