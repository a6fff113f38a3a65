//! The present fault, and waiting that a change of it cuts short.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::Fault;

/// A fault, and which one in a row it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    pub fault: Fault,
    pub number: u64,
}

/// Holds the setting.
#[derive(Debug, Default)]
pub(super) struct Gate {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    setting: Setting,
    /// For connections from these addresses it is a black hole.
    shut_out: HashSet<IpAddr>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { setting: Setting { fault: Fault::None, number: 0 }, shut_out: HashSet::new() }
    }
}

impl Inner {
    fn of(&self, peer: IpAddr) -> Setting {
        let fault = match self.setting.fault {
            // A cut is for all.
            Fault::Cut => Fault::Cut,
            _ if self.shut_out.contains(&peer) => Fault::BlackHole,
            fault => fault,
        };
        Setting { fault, ..self.setting }
    }
}

impl Gate {
    /// The setting for all.
    pub fn now(&self) -> Setting {
        self.lock().setting
    }

    /// The setting for connections from this address.
    pub fn now_for(&self, peer: IpAddr) -> Setting {
        self.lock().of(peer)
    }

    /// Sets another fault and wakes all who wait; returns the one before.
    pub fn set(&self, fault: Fault) -> Fault {
        let mut inner = self.lock();
        let before = inner.setting.fault;
        inner.setting = Setting { fault, number: inner.setting.number + 1 };
        self.changed.notify_all();
        before
    }

    /// Makes it a black hole for this address, or no longer.
    pub fn shut_out(&self, peer: IpAddr, shut: bool) {
        let mut inner = self.lock();
        if shut {
            inner.shut_out.insert(peer);
        } else {
            inner.shut_out.remove(&peer);
        }
        inner.setting.number += 1;
        self.changed.notify_all();
    }

    /// Waits for a moment. Says whether it came; `false` when the setting changed before.
    pub fn sleep_until(&self, moment: Instant, number: u64) -> bool {
        let mut inner = self.lock();
        while inner.setting.number == number {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Waits until there is no black hole for this address.
    pub fn past_black_hole(&self, peer: IpAddr) {
        let mut inner = self.lock();
        while inner.of(peer).fault == Fault::BlackHole {
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
