//! Writes to Redis behind the reader, and making good what could not be written.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::clock;
use crate::l2::Written;
use crate::outgoing::{Lease, Outgoing};
use crate::recent::Known;
use crate::shared::Shared;
use crate::stats::Counters;

/// Entries made good at once.
const RECOVER_AT_ONCE: usize = 32;
/// How often the queue of what could not be written is looked at.
const RECOVER_EVERY: Duration = Duration::from_millis(250);

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Redis has it, or something newer, or cannot have it.
    Done,
    /// It could not be asked.
    Failed,
}

impl Shared {
    /// Writes an entry in a task of its own. What cannot be written now is kept to be made good.
    pub fn write_behind(self: &Arc<Self>, counters: &Arc<Counters>, mut outgoing: Outgoing) {
        let Some(l2) = &self.l2 else { return };
        if !l2.router.is_open() || l2.outbox.is_mute() {
            counters.l2.deferred.add(1);
            return self.keep_for_later(outgoing);
        }
        let Ok(slot) = Arc::clone(&l2.writes).try_acquire_owned() else {
            counters.l2.deferred.add(1);
            return self.keep_for_later(outgoing);
        };
        let (shared, counters) = (Arc::clone(self), Arc::clone(counters));
        self.runtime.spawn(async move {
            if shared.write(&counters, &mut outgoing).await == Outcome::Failed {
                shared.keep_for_later(outgoing);
            }
            drop(slot);
        });
    }

    /// Keeps an entry to be made good, and its lease with it: it goes back with the write, a moment later or, at the
    /// latest, by itself. Given back before, the others would load what is only not written yet.
    fn keep_for_later(&self, outgoing: Outgoing) {
        if let Some(l2) = &self.l2 {
            for given_up in l2.recovery.push(outgoing) {
                self.tell(&given_up, false);
            }
        }
    }

    /// Tells everybody, and ourselves, of a version that Redis does not have: who holds an older one is to ask for it.
    /// `over`: who holds this very version is to ask as well.
    fn tell(&self, outgoing: &Outgoing, over: bool) {
        self.coherence.raise(outgoing.name, outgoing.told, over);
        if let Some(l2) = &self.l2 {
            l2.outbox.version(outgoing.category, &outgoing.text, outgoing.told, over);
        }
    }

    /// Looks once more at what was set before `read_at`, when the clear log was last read. What turns out to be lost, or
    /// killed by a clear that was not known yet, is barred. `own`: a clear that this process has just made.
    pub fn settle(&self, read_at: u64, own: Option<u64>) {
        let Some(l2) = &self.l2 else { return };
        let mark = self.mirror.mark();
        let known = Known { now: clock::now(), read_at, lost_at: self.mirror.lost_at(), epoch: mark.epoch };
        let is_alive = |o: &Outgoing| self.mirror.alive_but_for(own, o.mark, (o.category, &o.text), &o.tags);
        for mut outgoing in l2.recent.review(known, is_alive) {
            self.tell(&outgoing, false);
            if outgoing.bar(mark, self.unix_ms()) {
                self.keep_for_later(outgoing);
            }
        }
    }

    /// Gives a lease back in a task of its own. If that fails, it ends by itself.
    pub fn release_behind(self: &Arc<Self>, lease: Lease) {
        let shared = Arc::clone(self);
        self.runtime.spawn(async move { shared.release(&lease).await });
    }

    async fn release(&self, lease: &Lease) {
        if let Some(l2) = &self.l2 {
            let _ = l2.leases.release(&l2.router, l2.timeout, lease).await;
        }
    }

    async fn write(&self, counters: &Counters, outgoing: &mut Outgoing) -> Outcome {
        let Some(l2) = &self.l2 else { return Outcome::Done };
        let now = clock::now();
        // The mark first: should another epoch begin in between, the entry is dead in it.
        let mark = self.mirror.mark();
        let alive = self.mirror.alive(outgoing.mark, outgoing.category, &outgoing.text, &outgoing.tags);
        outgoing.place(mark.epoch);
        let late = outgoing.is_late(now);
        // Without a place in the clear log it could not be judged by others.
        let placed = outgoing.mark.epoch != 0;
        if !placed || now >= outgoing.stale_until || late || !alive {
            counters.l2.outlived.add(1);
            // Set by who had not heard of a clear yet, or a long time ago, it may be newer than what lives: nobody is to
            // take that for the newest. What was removed long ago may have been removed for good: it does not come back.
            self.tell(outgoing, late);
            if !(placed && (late || outgoing.is_told_first) && outgoing.bar(mark, self.unix_ms())) {
                // The script would have given it back.
                if let Some(lease) = &outgoing.lease {
                    self.release(lease).await;
                }
                return Outcome::Done;
            }
        }
        let dead_below = self.mirror.dead_below(outgoing.category, &outgoing.text);
        let tag_clears = self.mirror.tag_clears();
        let life = outgoing.stale_until - now;
        match l2.ops.write(&l2.router, l2.timeout, outgoing, life, dead_below, &tag_clears).await {
            Ok(Written::Stored { before }) => {
                counters.l2.writes.add(1);
                counters.l2.bytes_written.add(outgoing.bytes.len() as u64);
                // Of the same version: a mere refresh, nobody holds anything older than that.
                if outgoing.tried || before != Some(outgoing.version) {
                    l2.outbox.version(outgoing.category, &outgoing.text, outgoing.told, false);
                }
                if outgoing.is_told_first {
                    l2.recent.push(now, outgoing.take_header());
                }
                Outcome::Done
            }
            Ok(Written::Refused { by }) => {
                counters.l2.refused.add(1);
                if by > outgoing.version {
                    self.coherence.raise(outgoing.name, by, false);
                }
                Outcome::Done
            }
            Ok(Written::Foreign) => {
                counters.l2.foreign_writes.add(1);
                // Nobody can ask Redis for it: who holds an older one is to load.
                self.tell(outgoing, false);
                Outcome::Done
            }
            Err(error) => {
                counters.l2.write_errors.add(1);
                tracing::debug!(key = outgoing.key, %error, "entry could not be written to Redis");
                Outcome::Failed
            }
        }
    }

    /// Makes good what can be, now.
    pub async fn recover_now(self: &Arc<Self>) {
        let Some(l2) = &self.l2 else { return };
        while l2.router.is_open() && !l2.outbox.is_mute() {
            let batch = l2.recovery.take(RECOVER_AT_ONCE);
            if batch.is_empty() {
                return;
            }
            let tasks: Vec<_> = batch
                .into_iter()
                .filter_map(|mut outgoing| {
                    let counters = self.counters_of(outgoing.category)?;
                    let shared = Arc::clone(self);
                    Some(self.runtime.spawn(async move {
                        let failed = shared.write(&counters, &mut outgoing).await == Outcome::Failed;
                        if let Some(l2) = &shared.l2 {
                            if failed {
                                shared.keep_for_later(outgoing);
                            } else {
                                l2.recovery.recovered.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            }
                        }
                        failed
                    }))
                })
                .collect();
            let mut failures = 0;
            for task in tasks {
                failures += usize::from(task.await.unwrap_or(true));
            }
            if failures > 0 {
                return;
            }
        }
    }
}

/// Makes good what could not be written, for as long as it is polled and the cache lives.
pub(crate) async fn recover(shared: std::sync::Weak<Shared>) {
    loop {
        sleep(RECOVER_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.settle(shared.mirror.read_at(), None);
        shared.recover_now().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::testing::{Number, PATIENCE, plain, redis};
    use crate::{Cache, Policy};

    /// Waits until that many attempts to announce have failed.
    async fn failing(cache: &Cache, attempts: u64) {
        let failed = async {
            while cache.stats().coherence.send_failures < attempts {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, failed).await.expect("nothing can be announced");
    }

    async fn set_channels(redis: &mut redis::aio::MultiplexedConnection, channels: &str) {
        let mut acl = redis::cmd("ACL");
        let () = acl.arg(&["SETUSER", "default", channels]).query_async(redis).await.expect("set");
    }

    async fn until_written(cache: &Cache) {
        let deadline = Instant::now() + PATIENCE;
        while cache.stats().categories["numbers"].l2.writes == 0 {
            assert!(Instant::now() < deadline, "it is made good when it can be announced");
            sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_was_never_heard_keeps_writes_back_until_it_is() {
        let redis = redis().await;
        let mut plain = plain(&redis).await;
        set_channels(&mut plain, "resetchannels").await;
        let cache = Cache::builder().redis(Some(redis.url())).build().expect("builds");
        assert!(cache.wait_for_l2(PATIENCE).await);
        let numbers = cache.category::<u64, Number>("numbers", Policy::default()).expect("a category");
        failing(&cache, 1).await;
        numbers.set(&1, Number(1), 1);
        numbers.core.shared.recover_now().await;
        let stats = cache.stats();
        let l2 = stats.categories["numbers"].l2;
        assert_eq!((stats.coherence.recovery_entries, l2.writes, l2.deferred), (1, 0, 1));
        set_channels(&mut plain, "allchannels").await;
        until_written(&cache).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_ends_before_it_is_heard_makes_its_writes_good_first() {
        let redis = redis().await;
        let mut plain = plain(&redis).await;
        set_channels(&mut plain, "resetchannels").await;
        let cache = Cache::builder().redis(Some(redis.url())).build().expect("builds");
        assert!(cache.wait_for_l2(PATIENCE).await);
        let numbers = cache.category::<u64, Number>("numbers", Policy::default()).expect("a category");
        failing(&cache, 1).await;
        numbers.set(&1, Number(1), 1);
        assert_eq!(cache.stats().coherence.recovery_entries, 1);
        // The close begins first.
        tokio::join!(cache.close(PATIENCE), set_channels(&mut plain, "allchannels"));
        assert_eq!(cache.stats().categories["numbers"].l2.writes, 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_cannot_announce_keeps_writes_back_until_it_can() {
        let redis = redis().await;
        let cache = Cache::builder().redis(Some(redis.url())).build().expect("builds");
        assert!(cache.wait_for_l2(PATIENCE).await);
        let numbers = cache.category::<u64, Number>("numbers", Policy::default()).expect("a category");
        let mut plain = plain(&redis).await;
        let shared = &numbers.core.shared;
        let l2 = shared.l2.as_ref().expect("there");
        while l2.outbox.is_mute() {
            sleep(Duration::from_millis(10)).await;
        }
        set_channels(&mut plain, "resetchannels").await;
        // One that was under way may have arrived.
        failing(&cache, cache.stats().coherence.send_failures + 2).await;
        l2.outbox.age(crate::bus::MUTE_FOR + Duration::from_secs(1));
        numbers.set(&1, Number(1), 1);
        shared.recover_now().await;
        let stats = cache.stats();
        assert_eq!((stats.coherence.recovery_entries, stats.categories["numbers"].l2.writes), (1, 0));
        set_channels(&mut plain, "allchannels").await;
        until_written(&cache).await;
    }

    #[test]
    fn what_another_runtime_makes_good_does_not_end_with_it() {
        let own = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let own = own.expect("a runtime");
        let (redis, mut plain, cache, numbers) = own.block_on(async {
            let redis = redis().await;
            let mut plain = plain(&redis).await;
            set_channels(&mut plain, "resetchannels").await;
            let cache = Cache::builder().redis(Some(redis.url())).build().expect("builds");
            assert!(cache.wait_for_l2(PATIENCE).await);
            let numbers = cache.category::<u64, Number>("numbers", Policy::default()).expect("a category");
            numbers.set(&1, Number(1), 1);
            (redis, plain, cache, numbers)
        });
        let shared = &numbers.core.shared;
        let l2 = shared.l2.as_ref().expect("there");
        assert_eq!(l2.recovery.depth().0, 1, "nobody has heard of us");
        let other = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // The only thread of its own runtime is held meanwhile: its jobs would make it good as well.
        let (is_held, held) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        own.spawn(async move {
            is_held.send(()).expect("the test waits");
            let _ = released.recv_timeout(PATIENCE);
        });
        held.recv_timeout(PATIENCE).expect("held");
        l2.outbox.heard_now();
        // Polled once: the write is to begin, and the runtime ends at once.
        let mut making_good = Box::pin(shared.recover_now());
        let once =
            std::future::poll_fn(|cx| std::task::Poll::Ready(making_good.as_mut().poll(cx).is_pending()));
        assert!(other.block_on(once));
        drop(other);
        drop(release);
        own.block_on(async {
            until_written(&cache).await;
            set_channels(&mut plain, "allchannels").await;
        });
        drop(redis);
    }
}
