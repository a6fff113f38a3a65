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
    let mut tried = try_lock(path);
    wait_until(bound, || {
        if matches!(tried, Ok(None)) {
            tried = try_lock(path);
        }
        !matches!(tried, Ok(None))
    });
    tried?.ok_or_else(|| Problem::said(busy))
}

/// As [`lock_within`], without a wait; `None` while another process has it.
///
/// # Errors
/// When it cannot be opened or locked.
pub fn try_lock(path: &Path) -> Result<Option<File>> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| preflight::refused(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Problem::io(format!("cannot lock {}", path.display()))(error)),
    }
}
