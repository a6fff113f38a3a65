//! How an answer is found when memory alone has none.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant as Deadline, timeout_at};

use crate::cache::SourceError;
use crate::clock;
use crate::codec::Value;
use crate::core::{Core, Looked};
use crate::entry::{Entry, Kind};
use crate::failure::{Failure, Trouble};
use crate::flight::{Flight, Landed, Progress, lead};
use crate::hit::{Hit, LoadError, Loaded, Shared, StaleReason, Tier, Want};
use crate::key::Key;
use crate::pilot::{Pilot, take_place};

/// Beyond the limits of the flight itself: a reader never waits longer, whatever goes wrong.
const SAFETY: Duration = Duration::from_secs(2);
/// Two loads so close in time may be one that went through Redis and another clock, ms.
const SAME_LOAD: u64 = 50;

/// Until when a reader waits, however many flights it waits for one after the other, and a batch for however many keys.
/// See [`Category::limits`](crate::Category::limits).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// With a value at hand.
    soft: Deadline,
    /// With none.
    hard: Deadline,
}

impl Limits {
    pub(crate) fn from_now<K: Key, V: Value>(core: &Core<K, V>) -> Self {
        let begun = Deadline::now();
        let l2_timeout =
            core.shared.l2.as_ref().map_or(Duration::ZERO, |l2| l2.timeout * 3 + 2 * core.policy.lease_for);
        Self {
            soft: begun + core.policy.soft_timeout,
            hard: begun + core.policy.hard_timeout + l2_timeout + SAFETY,
        }
    }
}

/// What a reader asks of a flight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    pub min_version: u64,
    /// Entries loaded before are no use; 0 if all are.
    pub newer_than: u64,
}

impl Need {
    pub fn version(min_version: u64) -> Self {
        Self { min_version, newer_than: 0 }
    }
}

/// What memory says to a reader.
pub(crate) enum Ready<V, E> {
    /// An answer.
    Now(Result<Hit<V>, LoadError<E>>),
    /// An answer, and a refresh that should run behind it.
    Refresh(Hit<V>, Need),
    /// No answer: what is at hand meanwhile, and what to ask for.
    Wait(Option<Shared<V>>, Need),
}

pub(crate) async fn get_or_load<K, V, E, F, Fut>(
    core: &Arc<Core<K, V>>,
    key: &K,
    want: Want,
    loader: F,
) -> Result<Hit<V>, LoadError<E>>
where
    K: Key,
    V: Value,
    E: SourceError,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
{
    let limits = Limits::from_now(core);
    // At first any flight will do. One that was begun for less than is wanted may end with too little; after that only
    // one begun for as much will do.
    let mut choosy = false;
    loop {
        let (held, need) = match from_memory(core, key, want, choosy) {
            Ready::Now(result) => return result,
            Ready::Refresh(hit, need) => {
                match board(core, key, need, Join { choosy: false, heed_trouble: true }) {
                    Boarded::New(pilot) => {
                        core.shared.runtime.spawn(pilot.fly(loader));
                    }
                    Boarded::Joined(_) | Boarded::Landed(_) => {}
                    Boarded::Refused => core.counters.source.overloaded.add(1),
                }
                return Ok(hit);
            }
            Ready::Wait(held, need) => (held, need),
        };
        let want = Want::at_least(need.min_version);
        let waited = match board(core, key, need, Join { choosy, heed_trouble: !choosy }) {
            Boarded::New(pilot) => {
                let flight = Arc::clone(&pilot.flight);
                // Boxed by itself: so each piece is small enough for the fast way of any allocator.
                let flown = Box::pin(pilot.fly(loader));
                let landed = if held.is_none() {
                    lead(&core.shared.runtime, &flight, flown).await
                } else {
                    core.shared.runtime.spawn(flown);
                    None
                };
                let waited = match landed {
                    Some(landed) => landed_answer(core, key, want, None, landed, true),
                    None => Box::pin(wait(core, key, want, held, &flight, true, limits)).await,
                };
                return waited.into_result(core, key, want);
            }
            Boarded::Landed(landed) => {
                let held = held.map(|value| (value, Tier::L1));
                landed_answer(core, key, want, held, landed, true)
            }
            Boarded::Joined(flight) => {
                core.counters.source.coalesced.add(1);
                let authoritative = flight.min_version >= need.min_version;
                Box::pin(wait(core, key, want, held, &flight, authoritative, limits)).await
            }
            Boarded::Refused => return refused(core, key, held),
        };
        match waited {
            Waited::Result(result) => return result,
            Waited::TooLittle => choosy = true,
            Waited::Left => {}
        }
    }
}

/// What memory, and the memory of failures, say. Counts the miss.
pub(crate) fn from_memory<K: Key, V: Value, E: SourceError>(
    core: &Arc<Core<K, V>>,
    key: &K,
    want: Want,
    choosy: bool,
) -> Ready<V, E> {
    let now = clock::now();
    let looked = core.look(key);
    let trouble = core.trouble(key);
    let mut min_version = want.min_version;
    let mut held = None;
    if let Some(Looked { entry, needs, verified }) = looked {
        min_version = min_version.max(needs);
        let meta = entry.meta();
        let is_new_enough = meta.version >= min_version;
        match &entry {
            Entry::Value(value) => {
                held = Some(value.clone());
                let fresh = meta.is_fresh(now);
                let ask_redis_first = !verified && core.l2_is_open_for(key);
                let is_banned =
                    !fresh && !core.policy.fail_safe && matches!(trouble, Some(Trouble::Failed(_)));
                if is_new_enough && !ask_redis_first && !is_banned {
                    return from_value(core, key, value.clone(), min_version, verified, trouble.as_ref());
                }
            }
            Entry::Marker(marker)
                if marker.kind == Kind::Absent && is_new_enough && meta.is_fresh(now) && verified =>
            {
                core.counters.source.negative.add(1);
                return Ready::Now(Err(LoadError::Absent));
            }
            Entry::Marker(_) => {}
        }
    }
    if core.l1.is_some() && !choosy {
        core.counters.l1.misses.add(1);
    }
    if !choosy
        && let Some(trouble) = &trouble
        && let Some(result) = answer_in_trouble(core, key, held.as_ref(), min_version, trouble)
    {
        core.counters.source.throttled.add(1);
        return Ready::Now(result);
    }
    Ready::Wait(held, Need::version(min_version))
}

/// A value in memory, new enough and as good as it can be known to be.
fn from_value<K: Key, V: Value, E: SourceError>(
    core: &Core<K, V>,
    key: &K,
    value: Shared<V>,
    min_version: u64,
    verified: bool,
    trouble: Option<&Trouble>,
) -> Ready<V, E> {
    let now = clock::now();
    let meta = value.meta();
    let fresh = meta.is_fresh(now);
    if fresh && verified {
        if !meta.is_due_early(now, core.policy.refresh_ahead) || trouble.is_some() {
            return Ready::Now(Ok(core.answer(key, value, Tier::L1, None)));
        }
        core.counters.source.early.add(1);
        let need = Need { min_version, newer_than: meta.loaded_at + SAME_LOAD };
        return Ready::Refresh(core.answer(key, value, Tier::L1, None), need);
    }
    let why = match trouble {
        Some(Trouble::Failed(failure)) => StaleReason::LoadFailed(Arc::clone(&failure.text)),
        Some(Trouble::OldVersion(wanted)) if min_version <= *wanted => StaleReason::OldVersion,
        _ => {
            let why = if fresh { StaleReason::Unverified } else { StaleReason::Revalidating };
            return Ready::Refresh(core.answer(key, value, Tier::L1, Some(why)), Need::version(min_version));
        }
    };
    Ready::Now(Ok(core.answer(key, value, Tier::L1, Some(why))))
}

/// What a reader gets while its key is left alone. `None` when the trouble cannot be told to it: then it loads.
fn answer_in_trouble<K: Key, V: Value, E: SourceError>(
    core: &Core<K, V>,
    key: &K,
    held: Option<&Shared<V>>,
    min_version: u64,
    trouble: &Trouble,
) -> Option<Result<Hit<V>, LoadError<E>>> {
    let stale = match trouble {
        Trouble::Failed(failure) if held.is_none() || !core.policy.fail_safe => {
            return Some(Err(failure.to_error()?));
        }
        Trouble::Failed(failure) => StaleReason::LoadFailed(Arc::clone(&failure.text)),
        Trouble::OldVersion(wanted) if min_version <= *wanted => StaleReason::OldVersion,
        Trouble::Absent(version) if min_version <= *version => return Some(Err(LoadError::Absent)),
        // It says nothing about a version that is newer still.
        Trouble::OldVersion(_) | Trouble::Absent(_) => return None,
    };
    Some(Ok(core.answer(key, held?.clone(), Tier::L1, Some(stale))))
}

/// There are too many flights.
pub(crate) fn refused<K: Key, V: Value, E: SourceError>(
    core: &Core<K, V>,
    key: &K,
    held: Option<Shared<V>>,
) -> Result<Hit<V>, LoadError<E>> {
    core.counters.source.overloaded.add(1);
    match held {
        Some(value) if core.policy.fail_safe => {
            let why = LoadError::<E>::Overloaded.to_string();
            Ok(core.answer(key, value, Tier::L1, Some(StaleReason::LoadFailed(why.into()))))
        }
        _ => Err(LoadError::Overloaded),
    }
}

/// The flight to take.
pub(crate) enum Boarded<K: Key, V: Value> {
    /// A new one, with the right to fly it.
    New(Pilot<K, V>),
    /// One that another flies.
    Joined(Arc<Flight<V>>),
    /// None: what it would bring came since this reader looked into memory.
    Landed(Landed<V>),
    /// There are too many.
    Refused,
}

/// Which flights and outcomes of others a reader takes for its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Join {
    /// Only a flight begun for as much as this reader needs.
    pub choosy: bool,
    /// A failure, or a load with nothing as new as this reader needs, since it looked into memory: asking again would bring
    /// the same.
    pub heed_trouble: bool,
}

/// The flight under way for `key`, or a new one. Memory is looked into again before a new one begins: the flight that this
/// reader would have joined may have landed after the first look.
pub(crate) fn board<K: Key, V: Value>(
    core: &Arc<Core<K, V>>,
    key: &K,
    need: Need,
    join: Join,
) -> Boarded<K, V> {
    let joinable = |flight: &Flight<V>| {
        // What a clear covers since the flight began is of no use to who asks after the clear.
        (!join.choosy || flight.min_version >= need.min_version)
            && (flight.mark == core.mirror.mark()
                || !core.mirror.covers_since(flight.mark, core.name, &key.to_string()))
    };
    let mut pilot = None;
    let boarded = core.flights.join_or(key, joinable, || {
        if !take_place(&core.shared) {
            return Err(());
        }
        let flight = Flight::new(need.min_version, need.newer_than, core.mirror.mark());
        pilot = Some(Pilot::new(core, key, &flight));
        Ok::<_, ()>(flight)
    });
    match (boarded, pilot) {
        (Ok(_), Some(mut pilot)) => {
            let landed = pilot
                .look_into_l1()
                .or_else(|| join.heed_trouble.then(|| pilot.look_into_trouble()).flatten());
            match landed {
                Some(landed) => {
                    pilot.land(landed.clone());
                    Boarded::Landed(landed)
                }
                None => Boarded::New(pilot),
            }
        }
        (Ok((flight, _)), None) => Boarded::Joined(flight),
        (Err(()), _) => Boarded::Refused,
    }
}

/// How waiting for a flight ended.
pub(crate) enum Waited<V, E> {
    Result(Result<Hit<V>, LoadError<E>>),
    /// The flight was begun for less than is wanted, or failed with an error of another type.
    TooLittle,
    /// The flight ended without a word.
    Left,
}

impl<V: Value, E: SourceError> Waited<V, E> {
    /// For a flight of one's own, which cannot end with too little. It may have put its value into memory before it ended
    /// without a word.
    pub fn into_result<K: Key>(
        self,
        core: &Arc<Core<K, V>>,
        key: &K,
        want: Want,
    ) -> Result<Hit<V>, LoadError<E>> {
        match self {
            Self::Result(result) => result,
            Self::TooLittle | Self::Left => match from_memory(core, key, want, true) {
                Ready::Now(result) => result,
                Ready::Refresh(hit, _) => Ok(hit),
                // Redis would be asked about it first; with the flight gone it is what there is.
                Ready::Wait(Some(value), _) => {
                    Ok(core.answer(key, value, Tier::L1, Some(StaleReason::Unverified)))
                }
                Ready::Wait(None, _) => Err(LoadError::Abandoned),
            },
        }
    }
}

/// Waits for a flight, no longer than is right with what the reader has at hand. From now on no reader has to poll it.
pub(crate) async fn wait<K: Key, V: Value, E: SourceError>(
    core: &Core<K, V>,
    key: &K,
    want: Want,
    mut held: Option<Shared<V>>,
    flight: &Flight<V>,
    authoritative: bool,
    limits: Limits,
) -> Waited<V, E> {
    flight.follow(&core.shared.runtime);
    let done = |value, tier, stale| Waited::Result(Ok(core.answer(key, value, tier, stale)));
    let mut held_tier = Tier::L1;
    let landed = loop {
        let changed = flight.changed();
        match flight.progress() {
            Progress::Landed(landed) => break landed,
            Progress::Left => return Waited::Left,
            Progress::Stale(Entry::Value(value)) => {
                if value.meta().version >= want.min_version && value.meta().loaded_at > flight.newer_than {
                    return done(value, Tier::L2, Some(StaleReason::Revalidating));
                }
                if held.as_ref().is_none_or(|h| value.meta().version >= h.meta().version) {
                    (held, held_tier) = (Some(value), Tier::L2);
                }
            }
            Progress::Stale(Entry::Marker(_)) | Progress::Pending => {}
        }
        let until = if held.is_some() { limits.soft } else { limits.hard };
        match timeout_at(until, changed).await {
            Ok(()) => {}
            Err(_) => match held {
                Some(value) => return done(value, held_tier, Some(StaleReason::SlowLoad)),
                None => break Landed::Failed(Failure::timeout()),
            },
        }
    };
    landed_answer(core, key, want, held.map(|value| (value, held_tier)), landed, authoritative)
}

/// What the end of a flight is to a reader. `held`: what the reader has at hand.
pub(crate) fn landed_answer<K: Key, V: Value, E: SourceError>(
    core: &Core<K, V>,
    key: &K,
    want: Want,
    held: Option<(Shared<V>, Tier)>,
    landed: Landed<V>,
    authoritative: bool,
) -> Waited<V, E> {
    match landed {
        Landed::Answer { entry, .. } if entry.meta().version < want.min_version && !authoritative => {
            Waited::TooLittle
        }
        Landed::Answer { entry: Entry::Marker(_), tier, .. } => {
            core.counters.source.answered.add(u64::from(tier == Tier::Source));
            Waited::Result(Err(LoadError::Absent))
        }
        Landed::Answer { entry: Entry::Value(value), tier, old } => {
            let stale = (old || value.meta().version < want.min_version).then_some(StaleReason::OldVersion);
            Waited::Result(Ok(core.answer(key, value, tier, stale)))
        }
        Landed::Failed(failure) => after_failure(core, key, want, held, &failure),
    }
}

/// The load failed: the value at hand, or the error.
fn after_failure<K: Key, V: Value, E: SourceError>(
    core: &Core<K, V>,
    key: &K,
    want: Want,
    held: Option<(Shared<V>, Tier)>,
    failure: &Failure,
) -> Waited<V, E> {
    // Somebody may have put a value there meanwhile.
    let put_since = core.look(key).and_then(|looked| match looked.entry {
        Entry::Value(value) => Some((value, Tier::L1)),
        Entry::Marker(_) => None,
    });
    let now = clock::now();
    match (put_since.or(held), failure.to_error()) {
        (Some((value, tier)), _) if core.policy.fail_safe && !value.meta().is_gone(now) => {
            let fresh = value.meta().version >= want.min_version && value.meta().is_fresh(now);
            let stale = (!fresh).then(|| StaleReason::LoadFailed(Arc::clone(&failure.text)));
            Waited::Result(Ok(core.answer(key, value, tier, stale)))
        }
        (_, Some(error)) => {
            core.counters.source.answered.add(1);
            Waited::Result(Err(error))
        }
        (_, None) => Waited::TooLittle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Number;
    use crate::{Cache, Policy};

    #[tokio::test]
    async fn a_load_that_failed_between_a_miss_and_a_flight_is_not_repeated() {
        let cache = Cache::builder().build().expect("builds");
        let policy = Policy::default().retry_after(Duration::from_secs(500));
        let numbers = cache.category::<u64, Number>("numbers", policy).expect("a category");
        let core = &numbers.core;
        let Ready::Wait::<_, String>(None, need) = from_memory(core, &1, Want::any(), false) else {
            panic!("nothing is there");
        };
        let fail = || async { Err::<Loaded<Number>, _>("down".to_owned()) };
        numbers.get_or_load(&1, Want::any(), fail).await.expect_err("fails");
        let join = Join { choosy: false, heed_trouble: true };
        assert!(matches!(board(core, &1, need, join), Boarded::Landed(Landed::Failed(_))));
        let insist = Join { choosy: true, heed_trouble: false };
        assert!(matches!(board(core, &1, need, insist), Boarded::New(_)));
    }

    #[tokio::test]
    async fn nor_a_load_that_had_nothing_as_new_as_is_wanted() {
        let cache = Cache::builder().build().expect("builds");
        let policy = Policy::default().retry_after(Duration::from_secs(500));
        let numbers = cache.category::<u64, Number>("numbers", policy).expect("a category");
        let core = &numbers.core;
        let join = Join { choosy: false, heed_trouble: true };
        let old = || async { Ok::<_, String>(Loaded::new(Number(8), 8)) };
        numbers.get_or_load(&1, Want::at_least(9), old).await.expect("the older one");
        let boarded = board(core, &1, Need::version(9), join);
        let Boarded::Landed(landed @ Landed::Answer { old: true, .. }) = boarded else {
            panic!("the source would bring the same");
        };
        let Waited::Result::<_, String>(Ok(hit)) =
            landed_answer(core, &1, Want::at_least(9), None, landed, true)
        else {
            panic!("an answer");
        };
        assert_eq!((hit.version, hit.stale), (8, Some(StaleReason::OldVersion)));
        assert!(matches!(board(core, &1, Need::version(10), join), Boarded::New(_)), "newer still");

        // An absence that a removal of a newer version stands for.
        numbers.remove(&2, 9);
        let absent = || async { Ok::<_, String>(Loaded::absent(8)) };
        numbers.get_or_load(&2, Want::any(), absent).await.expect_err("absent");
        let Boarded::Landed(Landed::Answer { entry: Entry::Marker(_), .. }) =
            board(core, &2, Need::version(9), join)
        else {
            panic!("the source would bring the same");
        };
        assert!(matches!(board(core, &2, Need::version(10), join), Boarded::New(_)), "newer still");
    }
}
