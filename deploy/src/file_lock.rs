//! Locks between processes: files that one of them at a time has locked.

use std::{
    fs::{File, TryLockError},
    path::Path,
    time::Duration,
};

use local_servers::wait_until;

use crate::{
    preflight,
    problem::{Problem, Result},
};

/// Locks this file, which is made if need be, until what is returned is dropped. Waits so long at most for who has it;
/// `busy` is the error then.
///
/// # Errors
/// When another process has it, or it cannot be opened.
pub fn lock_within(path: &Path, bound: Duration, busy: &str) -> Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| preflight::refused(path, &error))?;
    let mut tried = file.try_lock();
    wait_until(bound, || {
        if matches!(tried, Err(TryLockError::WouldBlock)) {
            tried = file.try_lock();
        }
        !matches!(tried, Err(TryLockError::WouldBlock))
    });
    match tried {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Problem::said(busy)),
        Err(TryLockError::Error(error)) => Err(Problem::io(format!("cannot lock {}", path.display()))(error)),
    }
}
