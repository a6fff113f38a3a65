//! Which installation a cache is of.
//!
//! Two installations with different databases may be given one Redis by mistake. Each takes the epoch of the clear log for
//! another number, so that the entries of the other are of another epoch to it, and dead: nobody is served another database's
//! values. The one that came first has a claim in the log; the other warns.
//!
//! A server that starts while its database is away cannot tell which one it is. The log says so, too: under a hash of where the
//! values come from (host, port and name of the database) it has the installation that last was there. With it such a server uses
//! what the others stored, instead of replacing it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use redis::{RedisResult, Script};
use xxhash_rust::xxh3::xxh3_64;

use crate::l2::Conn;

/// A claim to the namespace holds so long after it was renewed, in seconds.
const CLAIM_LIFE_S: u64 = 60;
/// Two installations that say within this time that they are at one origin make it ambiguous, in seconds.
const ORIGIN_LIFE_S: u64 = 86_400;
/// Between two renewals.
const CLAIM_EVERY_MS: u64 = 10_000;

/// The installation, as far as it is known.
pub(super) struct Owner {
    current: Mutex<Option<Known>>,
    /// The hash of it; 0 while it is not known.
    hash: Arc<AtomicU64>,
    /// Whether who does not know takes the log's word, whatever it is.
    adopts: AtomicBool,
    /// Where the values come from, as far as it is known without asking. Who does not know the installation takes the log's
    /// word for the one that had its values from there.
    origin: Mutex<Option<String>>,
    /// Another installation uses the namespace.
    is_shared: AtomicBool,
    claim: Script,
}

#[derive(Clone)]
struct Known {
    text: String,
    /// The log said so, and nobody else: no claim is made.
    adopted: bool,
    /// When the claim was last asked for, by the monotonic clock; 0 for never.
    asked: u64,
}

impl Known {
    fn of(text: &str, adopted: bool) -> Self {
        Self { text: text.to_owned(), adopted, asked: 0 }
    }
}

/// The field of the log that says which installation has its values from an origin. The origin itself stays unknown.
fn origin_field(origin: &str) -> String {
    format!("origin:{:016x}", xxh3_64(origin.as_bytes()))
}

impl Owner {
    pub fn new() -> Self {
        Self {
            current: Mutex::new(None),
            hash: Arc::default(),
            adopts: AtomicBool::new(false),
            origin: Mutex::new(None),
            is_shared: AtomicBool::new(false),
            claim: Script::new(include_str!("claim.lua")),
        }
    }

    /// Says which installation it is; what was taken from the log no longer counts.
    pub fn set(&self, text: &str) {
        self.replace(&mut self.current.lock(), Known::of(text, false));
    }

    /// Says where the values come from.
    pub fn set_origin(&self, origin: &str) {
        *self.origin.lock() = Some(origin_field(origin));
    }

    fn replace(&self, current: &mut Option<Known>, known: Known) {
        self.hash.store(xxh3_64(known.text.as_bytes()).max(1), Ordering::Release);
        *current = Some(known);
    }

    /// The hash of the installation, which changes when that becomes known; 0 before.
    pub fn hash(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.hash)
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
        let hash = self.hash.load(Ordering::Acquire);
        // 0 stands for no epoch, on both sides.
        if epoch == 0 || epoch == hash { epoch } else { epoch ^ hash }
    }

    /// Takes the log's word for who the installation is, if nobody else has said so: a tool whatever it says, others where
    /// the log knows which installation has its values from the same origin.
    pub async fn learn(&self, conn: &mut Conn, log: &str) -> RedisResult<()> {
        if self.current.lock().is_some() {
            return Ok(());
        }
        let owner = if self.adopts.load(Ordering::Relaxed) {
            redis::cmd("HGET").arg(log).arg("owner").query_async(conn).await?
        } else {
            let Some(field) = self.origin.lock().clone() else { return Ok(()) };
            let stored: Option<String> = redis::cmd("HGET").arg(log).arg(field).query_async(conn).await?;
            // `<owner> <Unix seconds>`, or `? <Unix seconds>` where two installations said so.
            stored.and_then(|it| Some(it.rsplit_once(' ')?.0.to_owned())).filter(|owner| owner != "?")
        };
        if let Some(owner) = owner {
            // Somebody may have said it meanwhile.
            let mut current = self.current.lock();
            if current.is_none() {
                self.replace(&mut current, Known::of(&owner, true));
            }
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
                .filter(|known| !known.adopted)
                .filter(|known| known.asked == 0 || now.saturating_sub(known.asked) >= CLAIM_EVERY_MS);
            due.map(|known| {
                known.asked = now;
                known.text.clone()
            })
        };
        let Some(owner) = due else { return Ok(()) };
        let origin = self.origin.lock().clone().unwrap_or_default();
        let mut call = self.claim.key(log);
        call.arg(&owner).arg(CLAIM_LIFE_S).arg(origin).arg(ORIGIN_LIFE_S);
        let answer: u8 = match call.invoke_async(conn).await {
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
    fn what_is_said_replaces_what_was_taken_from_the_log() {
        let owner = Owner::new();
        assert_eq!(owner.hash().load(Ordering::Acquire), 0);
        owner.replace(&mut owner.current.lock(), Known::of("one", true));
        let before = owner.epoch(7);
        owner.set("one");
        assert_eq!(owner.epoch(7), before, "the same epoch, and from now on it claims");
        assert!(!owner.current.lock().as_ref().expect("known").adopted);
    }

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
