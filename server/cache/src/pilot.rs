//! A flight: looking into Redis, then loading, for all who wait.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::{Instant as Deadline, sleep, timeout_at};

use crate::cache::SourceError;
use crate::clock;
use crate::codec::Value;
use crate::core::{Core, Looked};
use crate::entry::{Entry, Kind};
use crate::failure::{Failure, Trouble};
use crate::flight::{Flight, Landed, Progress};
use crate::hit::{Loaded, Tier};
use crate::key::Key;
use crate::outgoing::{Lease, Origin};
use crate::shared::Shared;
use crate::tags::Tags;
use crate::tier2::Right;

/// Between two looks at what another process is loading, at first and at most.
const LEASE_POLL: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// Who flies: looks into Redis, then loads, tells all who wait, and takes the flight off the list, come what may.
/// Has a place among the flights under way, and gives it back at its end.
pub(crate) struct Pilot<K: Key, V: Value> {
    pub core: Arc<Core<K, V>>,
    pub key: K,
    pub text: String,
    pub flight: Arc<Flight<V>>,
    /// On the list of flights: others can join.
    listed: bool,
}

/// Takes a place among the flights under way, for a pilot. False when all are taken.
pub(crate) fn take_place(shared: &Shared) -> bool {
    let free = shared.flights.fetch_add(1, Ordering::Relaxed) < shared.max_flights;
    if !free {
        give_back(shared);
    }
    free
}

fn give_back(shared: &Shared) {
    shared.flights.fetch_sub(1, Ordering::Relaxed);
}

impl<K: Key, V: Value> Drop for Pilot<K, V> {
    fn drop(&mut self) {
        if self.listed {
            self.core.flights.remove(&self.key, &self.flight);
            self.flight.leave();
        }
        give_back(&self.core.shared);
    }
}

impl<K: Key, V: Value> Pilot<K, V> {
    /// For who has [taken](take_place) a place.
    pub fn new(core: &Arc<Core<K, V>>, key: &K, flight: &Arc<Flight<V>>) -> Self {
        let (core, key, text) = (Arc::clone(core), key.clone(), key.to_string());
        Self { core, key, text, flight: Arc::clone(flight), listed: true }
    }

    /// Flies to the end and returns what it told. To be spawned, or [led](crate::flight::lead).
    pub async fn fly<E, F, Fut>(mut self, loader: F) -> Landed<V>
    where
        E: SourceError,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let landed = match self.look_into_l2().await {
            Some(landed) => landed,
            None => {
                // The reader may go away, or others come: the load is nobody's own.
                self.flight.detach();
                // A leader gives it to a task here, before the loader or the encoding of its value can panic.
                tokio::task::yield_now().await;
                // Boxed by itself: a hit in Redis does not pay for the size of a load.
                Box::pin(self.load(loader)).await
            }
        };
        self.land(landed.clone());
        landed
    }

    /// The end of the flight, if memory has what is wanted: another flight may have landed between this reader's look into
    /// memory and its own flight.
    pub fn look_into_l1(&self) -> Option<Landed<V>> {
        let Looked { entry, needs, verified } = self.core.look(&self.key)?;
        let meta = entry.meta();
        let is_wanted = verified
            && needs == 0
            && entry.kind() != Kind::Removed
            && meta.is_fresh(clock::now())
            && meta.version >= self.flight.min_version
            && meta.loaded_at > self.flight.newer_than;
        is_wanted.then_some(Landed::Answer { entry, tier: Tier::L1, old: false })
    }

    /// The end of the flight, if another since this reader's look into memory ended in a way that this one would, too.
    pub fn look_into_trouble(&self) -> Option<Landed<V>> {
        let (core, min_version) = (&self.core, self.flight.min_version);
        let landed = match core.trouble(&self.key)? {
            Trouble::Failed(failure) => Landed::Failed(failure),
            Trouble::OldVersion(wanted) if min_version <= wanted => {
                let entry = core.look(&self.key)?.entry;
                if entry.kind() != Kind::Value {
                    return None;
                }
                Landed::Answer { entry, tier: Tier::L1, old: true }
            }
            Trouble::Absent(version) if min_version <= version => {
                let entry =
                    core.entry(Loaded::absent(version), Tags::default(), &self.text, self.flight.mark, 0, 0);
                Landed::Answer { entry, tier: Tier::L1, old: true }
            }
            // It says nothing about a version that is newer still.
            Trouble::OldVersion(_) | Trouble::Absent(_) => return None,
        };
        core.counters.source.throttled.add(1);
        Some(landed)
    }

    /// The end of the flight, if Redis has what is wanted.
    async fn look_into_l2(&self) -> Option<Landed<V>> {
        let entry = self.core.fetch(&self.text).await?;
        self.take_from_l2(entry)
    }

    async fn load<E, F, Fut>(&self, loader: F) -> Landed<V>
    where
        E: SourceError,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let core = &self.core;
        let lease = match self.wait_for_right().await {
            Ok(lease) => lease,
            Err(landed) => return landed,
        };
        let begun = clock::now();
        let loaded = load(core, loader).await;
        match loaded.and_then(|(loaded, cost)| self.take_in(loaded, cost, begun, lease.clone())) {
            Ok(landed) => landed,
            Err(failure) => {
                if let Some(lease) = lease {
                    core.shared.release_behind(lease);
                }
                self.failed(failure)
            }
        }
    }

    /// Takes the flight off the list and tells all who wait. In this order: who comes now looks for what is newer.
    pub fn land(&mut self, landed: Landed<V>) {
        self.core.flights.remove(&self.key, &self.flight);
        self.listed = false;
        // Nobody can join any more: without another to hold it, nobody waits.
        if Arc::strong_count(&self.flight) > 1 {
            self.flight.tell(Progress::Landed(landed));
        }
    }

    pub fn failed(&self, failure: Failure) -> Landed<V> {
        let core = &self.core;
        tracing::debug!(category = core.name, key = self.text, error = %failure.text, "load failed");
        if failure.is_about_the_key() {
            core.remember(&self.key, Trouble::Failed(failure.clone()));
        }
        Landed::Failed(failure)
    }

    /// The end of the flight, if `entry`, from Redis, is what is wanted. What is too old is told to who waits.
    pub fn take_from_l2(&self, entry: Entry<V>) -> Option<Landed<V>> {
        let core = &self.core;
        // A node that is cut off from the others cannot tell what is the newest.
        let vouched = entry.meta().verified_at() != 0;
        // Memory may have had a newer one, which then answers.
        let entry = core.keep_from_l2(&self.key, &self.text, entry);
        let meta = entry.meta();
        let judged = core.judge(meta);
        let is_wanted = meta.is_fresh(clock::now())
            && meta.version >= self.flight.min_version
            && meta.loaded_at > self.flight.newer_than
            // A replica may be behind what was announced, a new master, too.
            && judged.needs == 0
            && (vouched || judged.verified)
            && entry.kind() != Kind::Removed;
        if is_wanted {
            core.forget_trouble(&self.key);
            return Some(Landed::Answer { entry, tier: Tier::L2, old: false });
        }
        if entry.kind() == Kind::Value {
            self.flight.tell(Progress::Stale(entry));
        }
        None
    }

    /// Waits while another process loads, no longer than a lease lasts; if that one is given up and a third one loads
    /// then, as long for it again. The lease, or none if loads need none; an end of the flight, if the other process has
    /// loaded.
    async fn wait_for_right(&self) -> Result<Option<Lease>, Landed<V>> {
        let core = &self.core;
        let begun = Deadline::now();
        let mut latest = begun + core.policy.lease_for;
        let (mut pause, longest) = LEASE_POLL;
        let mut waited = false;
        // When the first lease ends. One that ends later is another's: without waiting for it, too, all who waited for
        // the first would load at once when its holder dies.
        let mut first_ends = None;
        loop {
            match core
                .ask_lease(&self.text, self.flight.mark, self.flight.min_version, self.flight.newer_than)
                .await
            {
                Right::Load(lease) => return Ok(lease),
                Right::Found(entry) => {
                    core.counters.source.lease_saved.add(u64::from(waited));
                    match self.take_from_l2(entry) {
                        Some(landed) => return Err(landed),
                        // By our own clock it is not good enough.
                        None => return Ok(None),
                    }
                }
                // Who is known to load does so still. Otherwise loading is the way to know: leases only save loads.
                Right::Unknown if waited && Deadline::now() < latest => sleep(longest).await,
                Right::Unknown => return Ok(None),
                Right::Wait(left) => {
                    if !waited {
                        core.counters.source.lease_waits.add(1);
                        waited = true;
                    }
                    let ends = Deadline::now() + left;
                    let first = *first_ends.get_or_insert(ends);
                    let bound = begun + 2 * core.policy.lease_for;
                    // Who began to wait before the lease was given outlasts it by a moment, to see it free or taken.
                    latest = latest.max((first + 2 * longest).min(bound));
                    if ends > first + longest {
                        latest = latest.max(ends.min(bound));
                    }
                    if Deadline::now() >= latest {
                        return Ok(None);
                    }
                    // Half of it by chance, so that processes do not ask in step.
                    sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0).min(left.max(LEASE_POLL.0))).await;
                    pause = (pause * 2).min(longest);
                }
            }
        }
    }

    /// Puts what was loaded into the tiers. The answer is what memory holds then, which may be newer.
    pub fn take_in(
        &self,
        mut loaded: Loaded<V>,
        cost: Duration,
        begun: u64,
        lease: Option<Lease>,
    ) -> Result<Landed<V>, Failure> {
        let core = &self.core;
        let tags = Tags::new(std::mem::take(&mut loaded.tags)).map_err(Failure::tags)?;
        let cost_us = u32::try_from(cost.as_micros()).unwrap_or(u32::MAX);
        let entry = core.entry(loaded, tags, &self.text, self.flight.mark, cost_us, begun);
        core.counters.source.absent.add(u64::from(entry.kind() == Kind::Absent));
        let kept = core.keep(&self.key, &self.text, entry.clone());
        let is_ours = kept.is(&entry);
        if is_ours {
            core.write_behind(&self.text, &entry, Origin::Loaded(lease));
        } else if let Some(lease) = lease {
            core.shared.release_behind(lease);
        }
        // A removal refuses what is older, and has no value: what was loaded is all there is to answer.
        let kept_version = kept.meta().version;
        let (answer, removed) = if kept.kind() == Kind::Removed { (entry, true) } else { (kept, false) };
        let meta = answer.meta();
        // Asking again at once would bring the same.
        let old =
            removed || meta.version < self.flight.min_version || (!is_ours && !meta.is_fresh(clock::now()));
        if removed && answer.kind() == Kind::Absent {
            // The removal says it for a newer version: both together are remembered as an absence.
            core.remember(&self.key, Trouble::Absent(kept_version));
        } else if old {
            let wanted = self.flight.min_version.max(meta.version);
            core.remember(&self.key, Trouble::OldVersion(wanted));
            // The source has nothing newer, whatever was announced before it was asked.
            core.coherence.settle(meta.name, self.flight.min_version, begun);
        } else {
            core.forget_trouble(&self.key);
        }
        let tier = if is_ours || removed { Tier::Source } else { Tier::L1 };
        Ok(Landed::Answer { entry: answer, tier, old })
    }
}

/// Runs a loader: within the hard timeout, in a task of its own, and only so many at once.
pub(crate) async fn load<K, V, T, E, F, Fut>(core: &Core<K, V>, loader: F) -> Result<(T, Duration), Failure>
where
    K: Key,
    V: Value,
    T: Send + 'static,
    E: SourceError,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    let (shared, counters) = (&core.shared, &core.counters.source);
    let deadline = Deadline::now() + core.policy.hard_timeout;
    let Ok(Ok(slot)) = timeout_at(deadline, Arc::clone(&shared.loads).acquire_owned()).await else {
        counters.overloaded.add(1);
        return Err(Failure::overloaded());
    };
    counters.loads.add(1);
    let begun = Instant::now();
    // A task of its own: a panic ends there. It has the slot: past the hard timeout a loader that blocks its thread goes on.
    let mut task = shared.runtime.spawn(async move {
        let _slot = slot;
        loader().await
    });
    let result = timeout_at(deadline, &mut task).await;
    let cost = begun.elapsed();
    match result {
        Ok(Ok(Ok(loaded))) => {
            counters.load_us.add(clock::micros(cost));
            Ok((loaded, cost))
        }
        Ok(Ok(Err(error))) => {
            counters.failures.add(1);
            Err(Failure::source(error))
        }
        Ok(Err(_)) => {
            counters.failures.add(1);
            Err(Failure::panicked())
        }
        Err(_) => {
            task.abort();
            counters.timeouts.add(1);
            Err(Failure::timeout())
        }
    }
}
