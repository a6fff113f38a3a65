//! Loads under way: one a key, however many ask.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use quick_cache::DefaultHashBuilder;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::clears::Mark;
use crate::entry::Entry;
use crate::failure::Failure;
use crate::hit::Tier;
use crate::key::Key;

/// How far a flight has come.
#[derive(Debug)]
pub(crate) enum Progress<V> {
    /// Nothing yet.
    Pending,
    /// Redis had a value past its soft life or too old; the load goes on.
    Stale(Entry<V>),
    /// The end.
    Landed(Landed<V>),
    /// The end without a word: who flew it went away.
    Left,
}

impl<V> Clone for Progress<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Pending => Self::Pending,
            Self::Stale(entry) => Self::Stale(entry.clone()),
            Self::Landed(landed) => Self::Landed(landed.clone()),
            Self::Left => Self::Left,
        }
    }
}

/// An answer, or why there is none.
#[derive(Debug)]
pub(crate) enum Landed<V> {
    Answer {
        entry: Entry<V>,
        tier: Tier,
        /// The source had nothing as new as was asked for.
        old: bool,
    },
    Failed(Failure),
}

impl<V> Clone for Landed<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Answer { entry, tier, old } => {
                Self::Answer { entry: entry.clone(), tier: *tier, old: *old }
            }
            Self::Failed(failure) => Self::Failed(failure.clone()),
        }
    }
}

/// The whole of a flight: looks into Redis, loads if it must, tells all who wait. Returns what it told.
pub(crate) type Flown<V> = Pin<Box<dyn Future<Output = Landed<V>> + Send>>;

/// Who polls a flight.
enum Polled<V> {
    /// Nobody yet, or a task that ran it from the start.
    Elsewhere,
    /// The reader that began it: a look into Redis costs no task then.
    ByLeader {
        flown: Flown<V>,
        /// Wakes the leader when another takes the flight from it.
        leader: Option<Waker>,
    },
    /// A task, for others wait: a reader may cease to be polled, and must not keep them waiting.
    ByTask,
}

impl<V> fmt::Debug for Polled<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elsewhere => "Elsewhere",
            Self::ByLeader { .. } => "ByLeader",
            Self::ByTask => "ByTask",
        })
    }
}

/// A load under way. One allocation: most flights end before anybody joins.
#[derive(Debug)]
pub(crate) struct Flight<V> {
    progress: Mutex<Progress<V>>,
    changed: Notify,
    polled: Mutex<Polled<V>>,
    /// Another waits, or Redis had nothing: what follows must not end with its reader.
    needs_task: AtomicBool,
    /// The version that it was begun for.
    pub min_version: u64,
    /// Entries loaded before this, by the monotonic clock, are no use to it.
    pub newer_than: u64,
    /// Where the clear log stood when it began.
    pub mark: Mark,
}

impl<V> Flight<V> {
    pub fn new(min_version: u64, newer_than: u64, mark: Mark) -> Arc<Self> {
        Arc::new(Self {
            progress: Mutex::new(Progress::Pending),
            changed: Notify::new(),
            polled: Mutex::new(Polled::Elsewhere),
            needs_task: AtomicBool::new(false),
            min_version,
            newer_than,
            mark,
        })
    }

    /// Has a task poll it from the next pause on, should the leader still do so.
    pub fn detach(&self) {
        self.needs_task.store(true, Ordering::Relaxed);
    }

    /// Notes that a reader waits which did not begin it. If the leader polls it, a task does from now on. Does not wait for a
    /// poll under way, which may decode and load: the leader hands over itself at the end of it.
    pub fn follow(&self, runtime: &Handle)
    where
        V: Send + Sync + 'static,
    {
        self.detach();
        // With the fence in `poll_by_leader`: either this finds the lock free, or the leader sees the flag.
        fence(Ordering::SeqCst);
        if let Some(mut polled) = self.polled.try_lock() {
            let taken = std::mem::replace(&mut *polled, Polled::ByTask);
            drop(polled);
            hand_over(taken, runtime);
        }
    }

    /// Polls it for the leader. Ready with `None` once a task does.
    fn poll_by_leader(&self, runtime: &Handle, cx: &mut Context<'_>) -> Poll<Option<Landed<V>>>
    where
        V: Send + Sync + 'static,
    {
        let mut polled = self.polled.lock();
        let Polled::ByLeader { flown, leader } = &mut *polled else { return Poll::Ready(None) };
        if let Poll::Ready(landed) = flown.as_mut().poll(cx) {
            *polled = Polled::ByTask;
            return Poll::Ready(Some(landed));
        }
        leader.get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
        drop(polled);
        // Not before: who came while the lock was held has left a note and gone on.
        fence(Ordering::SeqCst);
        if !self.needs_task.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let taken = std::mem::replace(&mut *self.polled.lock(), Polled::ByTask);
        hand_over(taken, runtime);
        Poll::Ready(None)
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress<V> {
        self.progress.lock().clone()
    }

    /// Tells all who wait.
    pub fn tell(&self, progress: Progress<V>) {
        *self.progress.lock() = progress;
        self.changed.notify_waiters();
    }

    /// Tells all who wait that there will be no word, if there was none.
    pub fn leave(&self) {
        let mut progress = self.progress.lock();
        if !matches!(*progress, Progress::Landed(_)) {
            *progress = Progress::Left;
            drop(progress);
            self.changed.notify_waiters();
        }
    }

    /// Ends when it has come further than at this call: to be called before [`progress`](Self::progress).
    pub fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

/// Has a task poll what the leader polled, and tells the leader.
fn hand_over<V: Send + Sync + 'static>(taken: Polled<V>, runtime: &Handle) {
    if let Polled::ByLeader { flown, leader } = taken {
        runtime.spawn(flown);
        if let Some(leader) = leader {
            leader.wake();
        }
    }
}

/// Flies as the leader: polls the flight itself as long as nobody else waits and Redis may still answer. `None` when a task
/// has taken over; what it lands is told as to any other reader.
///
/// A leader that is dropped takes the flight with it: nobody waited for it.
pub(crate) async fn lead<V>(runtime: &Handle, flight: &Flight<V>, flown: Flown<V>) -> Option<Landed<V>>
where
    V: Send + Sync + 'static,
{
    {
        let mut polled = flight.polled.lock();
        // Who joined before this point waits already.
        if matches!(*polled, Polled::ByTask) {
            drop(polled);
            runtime.spawn(flown);
            return None;
        }
        *polled = Polled::ByLeader { flown, leader: None };
    }
    let leader = Leader(flight);
    poll_fn(|cx| leader.0.poll_by_leader(runtime, cx)).await
}

/// Ends a flight that only its leader polled, when the leader goes away.
struct Leader<'f, V>(&'f Flight<V>);

impl<V> Drop for Leader<'_, V> {
    fn drop(&mut self) {
        // Dropped outside the lock: its end takes the flight off the list.
        let taken = std::mem::replace(&mut *self.0.polled.lock(), Polled::ByTask);
        drop(taken);
    }
}

/// The flights of one category.
#[derive(Debug)]
pub(crate) struct Flights<K, V>(Mutex<HashMap<K, Arc<Flight<V>>, DefaultHashBuilder>>);

impl<K: Key, V> Flights<K, V> {
    pub fn new() -> Self {
        Self(Mutex::default())
    }

    /// The flight for `key` if `joinable`; otherwise the one that `start` makes, which takes its place.
    /// True with a flight that was there.
    pub fn join_or<X>(
        &self,
        key: &K,
        joinable: impl FnOnce(&Flight<V>) -> bool,
        start: impl FnOnce() -> Result<Arc<Flight<V>>, X>,
    ) -> Result<(Arc<Flight<V>>, bool), X> {
        let mut flights = self.0.lock();
        if let Some(flight) = flights.get(key)
            && joinable(flight)
        {
            return Ok((Arc::clone(flight), true));
        }
        let flight = start()?;
        flights.insert(key.clone(), Arc::clone(&flight));
        Ok((flight, false))
    }

    /// Takes `flight` off the list, unless another took its place.
    pub fn remove(&self, key: &K, flight: &Arc<Flight<V>>) {
        let mut flights = self.0.lock();
        if flights.get(key).is_some_and(|listed| Arc::ptr_eq(listed, flight)) {
            flights.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// No step of a test takes longer.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_follower_does_not_wait_for_a_poll_of_the_leader_and_takes_over_after_it() {
        let flight = Flight::<u64>::new(0, 0, Mark { epoch: 0, head: 0 });
        let (reached, is_reached) = mpsc::channel();
        let (go, go_on) = mpsc::channel::<()>();
        let mut first = Some((reached, go_on));
        let landed = || Landed::Failed(Failure::timeout());
        let (told, flight_of_leader) = (Arc::clone(&flight), Arc::clone(&flight));
        let flown: Flown<u64> = Box::pin(poll_fn(move |_| {
            // The first poll takes long, and only a task polls again: nothing wakes the leader.
            if let Some((reached, go_on)) = first.take() {
                reached.send(()).expect("the test waits");
                go_on.recv_timeout(PATIENCE).expect("the follower has not waited");
                return Poll::Pending;
            }
            told.tell(Progress::Landed(landed()));
            Poll::Ready(landed())
        }));
        let leader = tokio::spawn(async move { lead(&Handle::current(), &flight_of_leader, flown).await });
        let runtime = Handle::current();
        let follower = Arc::clone(&flight);
        tokio::task::spawn_blocking(move || {
            is_reached.recv_timeout(PATIENCE).expect("the leader polls");
            follower.follow(&runtime);
            go.send(()).expect("the leader still polls");
        })
        .await
        .expect("the follower has not waited");
        let led = timeout(PATIENCE, leader).await.expect("is told that a task polls").expect("no panic");
        assert!(led.is_none());
        let told = async {
            while !matches!(flight.progress(), Progress::Landed(_)) {
                let _ = timeout(Duration::from_millis(1), flight.changed()).await;
            }
        };
        timeout(PATIENCE, told).await.expect("the task has polled it");
    }
}
