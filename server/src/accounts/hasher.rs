//! Hashing of passwords: argon2id, at a bounded number of places.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use super::Password;

/// OWASP's parameters for argon2id: 19 MiB, two passes, one lane.
/// <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>
const PARAMS: (u32, u32, u32) = (19_456, 2, 1);
/// Callers that wait for a place, those at one included.
const MOST_WAITING: usize = 64;
/// Of those, the ones from addresses that guessed wrongly before: they leave the rest of the queue to the others.
const MOST_AGAIN: usize = 48;
/// Longest wait for a place.
const WAIT: Duration = Duration::from_secs(4);
/// What unknown users' passwords are compared with, so that they take as long: a hash of these parameters of nothing that
/// anybody knows.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiBub2JvZHkhIQ$Tm9ib2R5IGtub3dzIHdoYXQgdGhpcyBpcyBhIGhhc2g";

/// The places at which passwords are hashed. Cheap to clone.
#[derive(Clone)]
pub(super) struct Hasher {
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    again: Arc<Semaphore>,
}

/// A place at which one password is hashed.
pub(super) struct Turn {
    _permits: [Option<OwnedSemaphorePermit>; 3],
}

/// All places are taken, and stay so for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Hasher {
    /// Half of the cores, and one at least: guesses must leave the others to those who read prices.
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            places: Arc::new(Semaphore::new((cores / 2).max(1))),
            queue: Arc::new(Semaphore::new(MOST_WAITING)),
            again: Arc::new(Semaphore::new(MOST_AGAIN)),
        }
    }

    /// Waits for a place. `first` is whether nobody at the caller's address guessed wrongly before.
    pub(super) async fn turn(&self, first: bool) -> Result<Turn, Busy> {
        let take = |queue: &Arc<Semaphore>| Arc::clone(queue).try_acquire_owned().map_err(|_| Busy);
        let again = if first { None } else { Some(take(&self.again)?) };
        let queued = take(&self.queue)?;
        match timeout(WAIT, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(Turn { _permits: [Some(place), Some(queued), again] }),
            _ => Err(Busy),
        }
    }
}

impl Turn {
    /// Whether this is the password of the hash; of none where there is no hash, which takes as long.
    pub(super) async fn verify(self, hash: Option<String>, password: String) -> Result<bool, Busy> {
        self.run(move || {
            let (hash, known) = hash.map_or((NOBODY.to_owned(), false), |hash| (hash, true));
            let Ok(parsed) = PasswordHash::new(&hash) else {
                tracing::error!("the stored hash of the password cannot be read: set a new password");
                return false;
            };
            argon2().is_some_and(|argon2| argon2.verify_password(password.as_bytes(), &parsed).is_ok())
                && known
        })
        .await
    }

    /// The hash of a new password, in PHC format; none if the system gives no random numbers.
    pub(super) async fn hash(self, password: Password) -> Result<Option<String>, Busy> {
        self.run(move || {
            let hash: PasswordHash = argon2()?.hash_password(password.expose().as_bytes()).ok()?;
            Some(hash.to_string())
        })
        .await
    }

    async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        // The place is kept to the end of the work, also when nobody waits for it any more.
        spawn_blocking(move || {
            let done = work();
            drop(self);
            done
        })
        .await
        .map_err(|_| Busy)
    }
}

fn argon2() -> Option<Argon2<'static>> {
    let (memory, passes, lanes) = PARAMS;
    let params = Params::new(memory, passes, lanes, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_of_its_password_alone_and_nobody_has_one() {
        let hasher = Hasher::new();
        let password = Password::choose("a fine passphrase").unwrap();
        let hash = hasher.turn(true).await.unwrap().hash(password).await.unwrap().unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let try_as = async |first: bool, hash: Option<&str>, text: &str| {
            hasher.turn(first).await?.verify(hash.map(str::to_owned), text.to_owned()).await
        };
        let verify = async |hash: Option<&str>, text: &str| try_as(true, hash, text).await;
        assert_eq!(verify(Some(&hash), "a fine passphrase").await, Ok(true));
        assert_eq!(verify(Some(&hash), "a fine passphrasE").await, Ok(false));
        assert_eq!(verify(None, "a fine passphrase").await, Ok(false));
        assert_eq!(verify(Some("no hash"), "a fine passphrase").await, Ok(false));
        // Past the queue's end callers are told at once, and nothing is left taken.
        let all = hasher.queue.clone().try_acquire_many_owned(64).unwrap();
        assert_eq!(verify(Some(&hash), "a fine passphrase").await, Err(Busy));
        drop(all);
        assert_eq!(verify(Some(&hash), "a fine passphrase").await, Ok(true));
        // Those who guessed wrongly before fill a part of it, and leave the rest to the others.
        let again = hasher.again.clone().try_acquire_many_owned(48).unwrap();
        let queued = hasher.queue.clone().try_acquire_many_owned(48).unwrap();
        assert_eq!(try_as(false, Some(&hash), "a fine passphrase").await, Err(Busy));
        assert_eq!(verify(Some(&hash), "a fine passphrase").await, Ok(true));
        drop((again, queued));
        assert_eq!(try_as(false, Some(&hash), "a fine passphrase").await, Ok(true));
        // It parses, so that it costs what a real one costs.
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(Params::try_from(&nobody).unwrap().m_cost(), PARAMS.0);
    }
}
