//! The slow-down of guesses: by address growing waits, by account a short delay.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use model::UnixMs;
use parking_lot::Mutex;
use quick_cache::sync::Cache;

use super::ClientKey;

/// Wrong passwords from one address without a wait.
const FREE: u32 = 5;
/// The first wait; it doubles with every wrong password more.
const FIRST_WAIT_MS: i64 = 1_000;
/// The longest wait.
const LONGEST_WAIT_MS: i64 = 15 * 60_000;
/// An address is forgotten after so long without a guess.
const FORGET_MS: i64 = 60 * 60_000;
/// Addresses remembered. Past it those that guess least are forgotten first.
const MOST_ADDRESSES: usize = 65_536;
/// Wrong passwords of all addresses together without a delay.
const FREE_TOGETHER: u64 = 20;
/// Each more delays every attempt by so much.
const DELAY_STEP: Duration = Duration::from_millis(50);
/// The longest delay: an attack from many addresses slows the operator down, and never locks anybody out.
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// The count of all together falls to a half in this time.
const HALF_LIFE_MS: u64 = 60_000;

/// Guesses of one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Guesser {
    wrong: u32,
    last: UnixMs,
}

impl Guesser {
    /// What is left of the wait.
    fn wait_ms(self, now: UnixMs) -> i64 {
        let Some(beyond) = self.wrong.checked_sub(FREE) else { return 0 };
        let wait = FIRST_WAIT_MS.checked_shl(beyond).filter(|wait| (1..=LONGEST_WAIT_MS).contains(wait));
        // A clock that was set back must not make it longer.
        (self.last + wait.unwrap_or(LONGEST_WAIT_MS) - now).clamp(0, LONGEST_WAIT_MS)
    }
}

/// Who guessed wrongly, and how often.
pub(super) struct Guesses {
    addresses: Cache<ClientKey, Guesser>,
    /// Reading and writing an address's count is one step.
    step: Mutex<()>,
    together: Together,
}

impl Guesses {
    pub(super) fn new() -> Self {
        Self { addresses: Cache::new(MOST_ADDRESSES), step: Mutex::new(()), together: Together::default() }
    }

    /// Begins an attempt, which counts as wrong until [`Guesses::right`]: many at once must not all pass as
    /// the first.
    ///
    /// # Errors
    /// The address has to wait for so many seconds.
    pub(super) fn begin(&self, address: ClientKey, now: UnixMs) -> Result<Attempt<'_>, u32> {
        let _step = self.step.lock();
        let mut guesser = self.addresses.get(&address).unwrap_or_default();
        if now.saturating_sub(guesser.last) > FORGET_MS {
            guesser = Guesser::default();
        }
        let wait = guesser.wait_ms(now);
        if wait > 0 {
            return Err(u32::try_from((wait + 999) / 1_000).unwrap_or(u32::MAX));
        }
        self.addresses.insert(address, Guesser { wrong: guesser.wrong.saturating_add(1), last: now });
        let delay = self.together.delay(now);
        self.together.add(now);
        Ok(Attempt { guesses: self, address, delay, first: guesser.wrong == 0, tried: false })
    }

    /// The password was right: the address starts anew.
    pub(super) fn right(&self, address: ClientKey) {
        let _step = self.step.lock();
        self.addresses.remove(&address);
        self.together.take_back();
    }

    fn untried(&self, address: ClientKey) {
        let _step = self.step.lock();
        if let Some(mut guesser) = self.addresses.get(&address) {
            guesser.wrong = guesser.wrong.saturating_sub(1);
            self.addresses.insert(address, guesser);
        }
        self.together.take_back();
    }
}

/// An attempt that was begun. Dropped before its password is looked at, as when the database is away or the caller has left,
/// it is held against nobody.
pub(super) struct Attempt<'g> {
    guesses: &'g Guesses,
    address: ClientKey,
    /// How long it has to be put off.
    pub(super) delay: Duration,
    /// Whether no wrong one from this address is remembered.
    pub(super) first: bool,
    tried: bool,
}

impl Attempt<'_> {
    /// The password is looked at from here on. It counts as wrong until [`Guesses::right`], also if nobody waits for the outcome
    /// any more: that costs as much as any other guess.
    pub(super) fn tried(mut self) {
        self.tried = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.tried {
            self.guesses.untried(self.address);
        }
    }
}

/// Wrong passwords of all addresses, fading.
#[derive(Default)]
struct Together {
    count: AtomicU64,
    /// When it was last halved, Unix ms.
    halved: AtomicU64,
}

impl Together {
    fn fade(&self, now: UnixMs) {
        let now = u64::try_from(now).unwrap_or(0);
        let halvings = now.saturating_sub(self.halved.load(Ordering::Relaxed)) / HALF_LIFE_MS;
        if halvings > 0 {
            self.halved.store(now, Ordering::Relaxed);
            let count = self.count.load(Ordering::Relaxed);
            self.count
                .store(count.checked_shr(halvings.try_into().unwrap_or(64)).unwrap_or(0), Ordering::Relaxed);
        }
    }

    fn delay(&self, now: UnixMs) -> Duration {
        self.fade(now);
        let beyond = self.count.load(Ordering::Relaxed).saturating_sub(FREE_TOGETHER);
        DELAY_STEP.saturating_mul(u32::try_from(beyond).unwrap_or(u32::MAX)).min(LONGEST_DELAY)
    }

    fn add(&self, now: UnixMs) {
        self.fade(now);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn take_back(&self) {
        let _ = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMs = 1_700_000_000_000;

    fn key(address: &str) -> ClientKey {
        ClientKey::of(address.parse().unwrap())
    }

    /// A wrong password: how long it was put off.
    fn wrong(guesses: &Guesses, address: ClientKey, now: UnixMs) -> Result<Duration, u32> {
        guesses.begin(address, now).map(|attempt| {
            let delay = attempt.delay;
            attempt.tried();
            delay
        })
    }

    #[test]
    fn five_are_free_then_waits_double_up_to_a_quarter_of_an_hour() {
        let guesses = Guesses::new();
        let attacker = key("9.9.9.9");
        for _ in 0..FREE {
            assert!(wrong(&guesses, attacker, START).is_ok());
        }
        let mut now = START;
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(wrong(&guesses, attacker, now), Err(wait));
            // A refused attempt does not make it longer.
            assert_eq!(wrong(&guesses, attacker, now + 500), Err(wait.max(1)));
            now += i64::from(wait) * 1_000;
            assert!(wrong(&guesses, attacker, now).is_ok(), "{wait}");
        }
        // The clock is set back.
        assert_eq!(wrong(&guesses, attacker, START - 86_400_000), Err(900));
        assert!(wrong(&guesses, attacker, now + FORGET_MS + 1).is_ok());
        assert!(wrong(&guesses, attacker, now + FORGET_MS + 1).is_ok());
    }

    #[test]
    fn others_are_slowed_and_never_locked_out() {
        let guesses = Guesses::new();
        for n in 0..10_000_u32 {
            let delay = wrong(&guesses, key(&std::net::Ipv4Addr::from(0x0909_0000 + n).to_string()), START);
            assert!(delay.is_ok_and(|delay| delay <= LONGEST_DELAY));
        }
        assert_eq!(wrong(&guesses, key("1.1.1.1"), START), Ok(LONGEST_DELAY));
        assert_eq!(wrong(&guesses, key("1.1.1.1"), START + 3_600_000), Ok(Duration::ZERO));
    }

    #[test]
    fn right_ones_and_those_that_were_not_tried_do_not_count() {
        let guesses = Guesses::new();
        let operator = key("2001:db8::1");
        let delay = |attempt: &Attempt| attempt.delay;
        for _ in 0..100 {
            assert_eq!(guesses.begin(operator, START).as_ref().map(delay), Ok(Duration::ZERO));
        }
        for _ in 0..100 {
            guesses.begin(operator, START).unwrap_or_else(|wait| panic!("{wait}")).tried();
            guesses.right(operator);
        }
        for n in 0..FREE {
            let attempt = guesses.begin(operator, START).unwrap_or_else(|wait| panic!("{wait}"));
            assert_eq!((attempt.first, attempt.delay), (n == 0, Duration::ZERO));
            drop(attempt);
            assert!(wrong(&guesses, operator, START).is_ok());
        }
        // Another address of the same network is the same.
        assert!(wrong(&guesses, key("2001:db8::2"), START).is_err());
    }
}
