//! The present fault, and waiting that a change of it cuts short.

use std::{
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
#[derive(Debug)]
pub(super) struct Gate {
    setting: Mutex<Setting>,
    changed: Condvar,
}

impl Default for Gate {
    fn default() -> Self {
        Self { setting: Mutex::new(Setting { fault: Fault::None, number: 0 }), changed: Condvar::new() }
    }
}

impl Gate {
    pub fn now(&self) -> Setting {
        *self.lock()
    }

    /// Sets another fault and wakes all who wait; returns the one before.
    pub fn set(&self, fault: Fault) -> Fault {
        let mut setting = self.lock();
        let before = setting.fault;
        *setting = Setting { fault, number: setting.number + 1 };
        self.changed.notify_all();
        before
    }

    /// Waits for a moment. Says whether it came; `false` when the setting changed before.
    pub fn sleep_until(&self, moment: Instant, number: u64) -> bool {
        let mut setting = self.lock();
        while setting.number == number {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            setting = self.changed.wait_timeout(setting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Waits until there is no black hole.
    pub fn past_black_hole(&self) {
        let mut setting = self.lock();
        while setting.fault == Fault::BlackHole {
            setting = self.changed.wait(setting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Setting> {
        self.setting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
