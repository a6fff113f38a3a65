//! How an answer is found when memory alone has none.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant as Deadline, timeout_at};

use crate::cache::SourceError;
use crate::category::Core;
use crate::clock;
use crate::codec::Value;
use crate::entry::Entry;
use crate::failure::{Failure, Trouble};
use crate::flight::{Flight, Landed, Progress};
use crate::hit::{Hit, LoadError, Loaded, StaleReason, Tier, Want};
use crate::key::Key;
use crate::pilot::{Pilot, Slot};

/// Beyond the limits of the flight itself: a reader never waits longer, whatever goes wrong.
const SAFETY: Duration = Duration::from_secs(2);

pub(crate) async fn get_or_load<K, V, E, F, Fut>(
    core: &Arc<Core<K, V>>,
    key: &K,
    want: Want,
    mut loader: F,
) -> Result<Hit<V>, LoadError<E>>
where
    K: Key,
    V: Value,
    E: SourceError,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
{
    // At first any flight will do. One that was begun for less than is wanted may end with too little; after that only
    // one begun for as much will do.
    let mut choosy = false;
    loop {
        let held = core.look(key);
        let trouble = core.trouble(key);
        if let Some(entry) = &held
            && entry.version >= want.min_version
        {
            let is_fresh = entry.is_fresh(clock::now());
            if is_fresh || core.policy.fail_safe || !matches!(trouble, Some(Trouble::Failed(_))) {
                let stale = (!is_fresh).then(|| refresh(core, key, want, loader, trouble));
                return Ok(answer(core, entry.clone(), Tier::L1, stale));
            }
        }
        if core.l1.is_some() && !choosy {
            core.counters.l1.misses.add(1);
        }
        if !choosy
            && let Some(trouble) = trouble
            && let Some(result) = answer_in_trouble(core, held.as_ref(), want, &trouble)
        {
            core.counters.source.throttled.add(1);
            return result;
        }
        let flight = match join(core, key, want, loader, choosy) {
            Joined::Own(flight) => return wait(core, key, want, held, &flight, true).await.into_result(),
            Joined::Other(flight, back) => {
                loader = back;
                flight
            }
            Joined::Refused => {
                core.counters.source.overloaded.add(1);
                return match held {
                    Some(entry) if core.policy.fail_safe => {
                        let why = LoadError::<E>::Overloaded.to_string();
                        Ok(answer(core, entry, Tier::L1, Some(StaleReason::LoadFailed(why))))
                    }
                    _ => Err(LoadError::Overloaded),
                };
            }
        };
        core.counters.source.coalesced.add(1);
        let authoritative = flight.min_version >= want.min_version;
        match wait(core, key, want, held, &flight, authoritative).await {
            Waited::Result(result) => return result,
            Waited::TooLittle => choosy = true,
        }
    }
}

/// Counts and wraps an answer.
fn answer<K: Key, V: Value>(
    core: &Core<K, V>,
    entry: Entry<V>,
    tier: Tier,
    stale: Option<StaleReason>,
) -> Hit<V> {
    core.count_answer(tier, stale.is_some());
    entry.into_hit(clock::now(), tier, stale)
}

/// Begins a refresh behind a reader that gets a value past its soft life, and says why it is stale.
fn refresh<K, V, E, F, Fut>(
    core: &Arc<Core<K, V>>,
    key: &K,
    want: Want,
    loader: F,
    trouble: Option<Trouble>,
) -> StaleReason
where
    K: Key,
    V: Value,
    E: SourceError,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
{
    match trouble {
        Some(Trouble::Failed(failure)) => StaleReason::LoadFailed(failure.text.to_string()),
        Some(Trouble::OldVersion(wanted)) if want.min_version <= wanted => StaleReason::OldVersion,
        _ => match join(core, key, want, loader, false) {
            Joined::Own(_) | Joined::Other(..) => StaleReason::Revalidating,
            Joined::Refused => {
                core.counters.source.overloaded.add(1);
                StaleReason::LoadFailed(LoadError::<E>::Overloaded.to_string())
            }
        },
    }
}

/// What a reader gets while its key is left alone. `None` when the trouble cannot be told to it: then it loads.
fn answer_in_trouble<K: Key, V: Value, E: SourceError>(
    core: &Core<K, V>,
    held: Option<&Entry<V>>,
    want: Want,
    trouble: &Trouble,
) -> Option<Result<Hit<V>, LoadError<E>>> {
    let stale = match trouble {
        Trouble::Failed(failure) if held.is_none() || !core.policy.fail_safe => {
            return Some(Err(failure.to_error()?));
        }
        Trouble::Failed(failure) => StaleReason::LoadFailed(failure.text.to_string()),
        Trouble::OldVersion(wanted) if want.min_version <= *wanted => StaleReason::OldVersion,
        // It says nothing about a version that is newer still.
        Trouble::OldVersion(_) => return None,
    };
    Some(Ok(answer(core, held?.clone(), Tier::L1, Some(stale))))
}

/// The flight a reader is on.
enum Joined<V, F> {
    /// Begun with its loader.
    Own(Arc<Flight<V>>),
    /// Begun by another; the loader comes back.
    Other(Arc<Flight<V>>, F),
    /// There are too many flights.
    Refused,
}

fn join<K, V, E, F, Fut>(core: &Arc<Core<K, V>>, key: &K, want: Want, loader: F, choosy: bool) -> Joined<V, F>
where
    K: Key,
    V: Value,
    E: SourceError,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
{
    let mut loader = Some(loader);
    let joinable = |flight: &Flight<V>| {
        // What a clear covers since the flight began is of no use to who asks after the clear.
        (!choosy || flight.min_version >= want.min_version)
            && (flight.mark == core.mirror.mark()
                || core.mirror.alive(flight.mark, core.name, &key.to_string()))
    };
    let joined = core.flights.join_or(key, joinable, || {
        let slot = Slot::take(core).ok_or(())?;
        let (progress, flight) = Flight::new(want.min_version, core.mirror.mark());
        if let Some(loader) = loader.take() {
            let pilot = Pilot::new(core, key, &flight, progress, slot);
            core.shared.runtime.spawn(pilot.fly(loader));
        }
        Ok(flight)
    });
    match (joined, loader) {
        (Ok((flight, _)), Some(loader)) => Joined::Other(flight, loader),
        (Ok((flight, _)), None) => Joined::Own(flight),
        (Err(()), _) => Joined::Refused,
    }
}

/// How waiting for a flight ended.
enum Waited<V, E> {
    Result(Result<Hit<V>, LoadError<E>>),
    /// The flight was begun for less than is wanted, or failed with an error of another type.
    TooLittle,
}

impl<V, E> Waited<V, E> {
    /// For a flight of one's own, which cannot end with too little.
    fn into_result(self) -> Result<Hit<V>, LoadError<E>> {
        match self {
            Self::Result(result) => result,
            Self::TooLittle => Err(LoadError::Panicked),
        }
    }
}

/// Waits for a flight, no longer than is right with what the reader has at hand.
async fn wait<K: Key, V: Value, E: SourceError>(
    core: &Core<K, V>,
    key: &K,
    want: Want,
    mut held: Option<Entry<V>>,
    flight: &Flight<V>,
    authoritative: bool,
) -> Waited<V, E> {
    let mut held_tier = Tier::L1;
    let mut progress = flight.follow();
    let begun = Deadline::now();
    let l2_timeout = core.shared.l2.as_ref().map_or(Duration::ZERO, |l2| l2.timeout * 2);
    let latest = begun + core.policy.hard_timeout + l2_timeout + SAFETY;
    let landed = loop {
        let seen = progress.borrow_and_update().clone();
        match seen {
            Progress::Landed(landed) => break landed,
            Progress::Stale(entry) if entry.version >= want.min_version => {
                return Waited::Result(Ok(answer(core, entry, Tier::L2, Some(StaleReason::Revalidating))));
            }
            Progress::Stale(entry) if held.as_ref().is_none_or(|h| entry.outranks(h)) => {
                (held, held_tier) = (Some(entry), Tier::L2);
            }
            Progress::Stale(_) | Progress::Pending => {}
        }
        let until = if held.is_some() { begun + core.policy.soft_timeout } else { latest };
        match timeout_at(until, progress.changed()).await {
            Ok(Ok(())) => {}
            // The flight ended without a word.
            Ok(Err(_)) => break Landed::Failed(Failure::panicked()),
            Err(_) => match held {
                Some(entry) => {
                    return Waited::Result(Ok(answer(core, entry, held_tier, Some(StaleReason::SlowLoad))));
                }
                None => break Landed::Failed(Failure::timeout()),
            },
        }
    };
    match landed {
        Landed::Answer { entry, .. } if entry.version < want.min_version && !authoritative => {
            Waited::TooLittle
        }
        Landed::Answer { entry, tier, old } => {
            let stale = (old || entry.version < want.min_version).then_some(StaleReason::OldVersion);
            Waited::Result(Ok(answer(core, entry, tier, stale)))
        }
        Landed::Failed(failure) => {
            // Somebody may have put a value there meanwhile.
            let rescue =
                core.look(key).map(|entry| (entry, Tier::L1)).or(held.map(|entry| (entry, held_tier)));
            match (rescue, failure.to_error()) {
                (Some((entry, tier)), _) if core.policy.fail_safe && !entry.is_gone(clock::now()) => {
                    let fresh = entry.version >= want.min_version && entry.is_fresh(clock::now());
                    let stale = (!fresh).then(|| StaleReason::LoadFailed(failure.text.to_string()));
                    Waited::Result(Ok(answer(core, entry, tier, stale)))
                }
                (_, Some(error)) => Waited::Result(Err(error)),
                (_, None) => Waited::TooLittle,
            }
        }
    }
}
