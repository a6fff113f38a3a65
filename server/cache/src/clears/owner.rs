//! Which installation a cache is of.
//!
//! Two installations with different databases may be given one Redis by mistake. Each takes the epoch of the clear log for
//! another number, so that the entries of the other are of another epoch to it, and dead: nobody is served another database's
//! values. The one that came first has a claim in the log; the other warns.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use redis::{RedisResult, Script};
use xxhash_rust::xxh3::xxh3_64;

use crate::l2::Conn;

/// A claim to the namespace holds so long after it was renewed, in seconds.
const CLAIM_LIFE_S: u64 = 60;
/// Between two renewals.
const CLAIM_EVERY_MS: u64 = 10_000;

/// The installation, as far as it is known.
pub(super) struct Owner {
    current: Mutex<Option<Known>>,
    /// Whether who does not know takes the log's word.
    adopts: AtomicBool,
    /// Another installation uses the namespace.
    is_shared: AtomicBool,
    claim: Script,
}

#[derive(Clone)]
struct Known {
    text: String,
    hash: u64,
    /// When the claim was last asked for, by the monotonic clock; 0 for never.
    asked: u64,
}

impl Owner {
    pub fn new() -> Self {
        Self {
            current: Mutex::new(None),
            adopts: AtomicBool::new(false),
            is_shared: AtomicBool::new(false),
            claim: Script::new(include_str!("claim.lua")),
        }
    }

    pub fn set(&self, text: &str) {
        *self.current.lock() =
            Some(Known { text: text.to_owned(), hash: xxh3_64(text.as_bytes()), asked: 0 });
    }

    pub fn adopt(&self) {
        self.adopts.store(true, Ordering::Relaxed);
    }

    /// Whether another installation uses the namespace.
    pub fn is_shared(&self) -> bool {
        self.is_shared.load(Ordering::Relaxed)
    }

    /// The log's epoch as this installation takes it, and the same the other way: what is taken twice is as before.
    pub fn epoch(&self, epoch: u64) -> u64 {
        let hash = self.current.lock().as_ref().map_or(0, |known| known.hash);
        // 0 stands for no epoch, on both sides.
        if epoch == 0 || epoch == hash { epoch } else { epoch ^ hash }
    }

    /// Takes the log's word for who the installation is, if nobody else has said so and that is wanted.
    pub async fn learn(&self, conn: &mut Conn, log: &str) -> RedisResult<()> {
        if !self.adopts.load(Ordering::Relaxed) || self.current.lock().is_some() {
            return Ok(());
        }
        let owner: Option<String> = redis::cmd("HGET").arg(log).arg("owner").query_async(conn).await?;
        if let Some(owner) = owner {
            self.set(&owner);
        }
        Ok(())
    }

    /// Claims the namespace when that is due, and warns while another installation has it.
    pub async fn claim(&self, conn: &mut Conn, log: &str) -> RedisResult<()> {
        let now = crate::clock::now();
        let due = {
            let mut current = self.current.lock();
            let due = current
                .as_mut()
                .filter(|known| known.asked == 0 || now.saturating_sub(known.asked) >= CLAIM_EVERY_MS);
            due.map(|known| {
                known.asked = now;
                known.text.clone()
            })
        };
        let Some(owner) = due.filter(|_| !self.adopts.load(Ordering::Relaxed)) else { return Ok(()) };
        let answer: u8 = match self.claim.key(log).arg(&owner).arg(CLAIM_LIFE_S).invoke_async(conn).await {
            // Where scripts are refused nothing is written, either.
            Err(error) if !error.is_unrecoverable_error() && !error.is_timeout() => return Ok(()),
            answer => answer?,
        };
        let shared = answer == 2;
        if self.is_shared.swap(shared, Ordering::Relaxed) != shared {
            let namespace = log.strip_suffix(":clears").unwrap_or(log);
            if shared {
                tracing::warn!(
                    namespace,
                    "another installation, with another database, uses the namespace {namespace} in this Redis: they drop \
                     each other's entries; choose another namespace"
                );
            } else {
                tracing::info!(namespace, "no other installation uses the namespace {namespace} any more");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_installation_takes_the_epoch_for_another_and_back() {
        let (a, b) = (Owner::new(), Owner::new());
        assert_eq!(a.epoch(7), 7, "nobody said which it is");
        a.set("one");
        b.set("two");
        assert!(a.epoch(7) != 7 && a.epoch(7) != b.epoch(7));
        for epoch in [0, 1, 7, u64::MAX, xxh3_64(b"one")] {
            assert_eq!(a.epoch(a.epoch(epoch)), epoch);
        }
        assert_eq!(a.epoch(0), 0);
    }
}
