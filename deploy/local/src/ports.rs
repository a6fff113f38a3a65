//! Free ports, and waiting for a condition with a bound.

use std::{
    collections::hash_map::RandomState,
    fs::{self, File},
    hash::{BuildHasher, Hasher},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{Error, Result};

/// Lowest port given out.
const FIRST: u16 = 20_000;
/// Highest port given out: below Linux's range for outgoing connections (32,768 and up), so that none of them takes the
/// port between now and its use, and far below 55,536, so that a Redis Cluster bus port (10,000 higher) fits too.
const LAST: u16 = 31_999;

/// Locks on the ports given out, held until this process ends.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A TCP port on 127.0.0.1 that nobody listens on and that no other caller of this function, in this process or in
/// another one of this user, was given and still holds. It stays this process's own until the process ends.
///
/// # Errors
/// [`Error::NoFreePort`] when the whole range is taken, [`Error::Io`] when the lock folder cannot be made.
pub fn free_port() -> Result<u16> {
    let dir = lock_dir()?;
    let span = u64::from(LAST - FIRST) + 1;
    // A different start in each process and call, so that parallel test binaries seldom meet.
    let start = RandomState::new().build_hasher().finish() % span;
    for step in 0..span {
        let offset = u16::try_from((start + step) % span).unwrap_or(0);
        let port = FIRST + offset;
        let path = dir.join(port.to_string());
        let Ok(file) = File::options().create(true).truncate(false).write(true).open(&path) else {
            continue;
        };
        if file.try_lock().is_ok() && port_is_free(port) {
            HELD.lock().unwrap_or_else(PoisonError::into_inner).push(file);
            return Ok(port);
        }
    }
    Err(Error::NoFreePort { first: FIRST, last: LAST })
}

/// Whether one could listen on this port of 127.0.0.1 now.
#[must_use]
pub fn port_is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// One folder a user: another user's lock files could not be opened.
fn lock_dir() -> Result<PathBuf> {
    let dir = std::env::temp_dir().join(format!("tidemark-ports-{}", rustix::process::getuid().as_raw()));
    fs::create_dir_all(&dir).map_err(Error::path("make the folder", &dir))?;
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700))
        .map_err(Error::path("own the folder", &dir))?;
    Ok(dir)
}

/// Asks `cond` again and again, at growing intervals up to 50 ms, until it says yes or `bound` is over; says which.
/// The condition is asked at least once, and once more at the end.
pub fn wait_until(bound: Duration, mut cond: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + bound;
    let mut pause = Duration::from_millis(2);
    loop {
        if cond() {
            return true;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_distinct_free_and_low() {
        let ports: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        let mut unique = ports.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ports.len());
        assert!(ports.iter().all(|port| (FIRST..=LAST).contains(port)));
    }

    #[test]
    fn a_listened_port_is_not_free() {
        let port = free_port().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!port_is_free(port));
        drop(listener);
        assert!(port_is_free(port));
    }

    #[test]
    fn wait_until_is_bounded_and_asks_again() {
        let mut asked = 0;
        assert!(wait_until(Duration::from_secs(60), || {
            asked += 1;
            asked == 3
        }));
        assert!(!wait_until(Duration::ZERO, || false));
    }
}
