//! Free ports, and waiting for a condition with a bound.

use std::{
    collections::hash_map::RandomState,
    fs::File,
    hash::{BuildHasher, Hasher},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{Error, Result, private_dir::private_dir};

/// Lowest port given out.
const FIRST: u16 = 20_000;
/// Highest port given out: below Linux's range for outgoing connections (32,768 and up), so that none of them takes the
/// port between now and its use, and far below 55,536, so that a Redis Cluster bus port (10,000 higher) fits too.
const LAST: u16 = 31_999;

/// The port of a Redis Cluster node's bus is this much higher than its own.
pub const BUS_OFFSET: u16 = 10_000;

/// Locks on the ports given out, held until this process ends.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A TCP port on 127.0.0.1 that nobody listens on and that no other caller of this function, in this process or in
/// another one of this user, was given and still holds. It stays this process's own until the process ends.
///
/// # Errors
/// [`Error::NoFreePort`] when the whole range is taken, [`Error::Io`] when the lock folder cannot be made.
pub fn free_port() -> Result<u16> {
    let dir = lock_dir()?;
    for port in from_anywhere(FIRST, LAST) {
        if let Some(file) = take(&dir, port) {
            HELD.lock().unwrap_or_else(PoisonError::into_inner).push(file);
            return Ok(port);
        }
    }
    Err(Error::NoFreePort { first: FIRST, last: LAST })
}

/// As [`free_port`], for the nodes of a Redis Cluster: the first of `count` ports in a row that are free together with
/// their bus ports, [`BUS_OFFSET`] higher. All of them are below 32,768, where outgoing connections begin.
///
/// # Errors
/// As [`free_port`].
pub fn free_base_port(count: u16) -> Result<u16> {
    let (first, last) = (FIRST, 32_767 - BUS_OFFSET - count);
    let dir = lock_dir()?;
    for base in from_anywhere(first, last) {
        let ports = (base..base + count).flat_map(|port| [port, port + BUS_OFFSET]);
        // Dropping the locks taken so far gives them back when one is not to be had.
        if let Some(files) = ports.map(|port| take(&dir, port)).collect::<Option<Vec<_>>>() {
            HELD.lock().unwrap_or_else(PoisonError::into_inner).extend(files);
            return Ok(base);
        }
    }
    Err(Error::NoFreePort { first, last })
}

/// Each port of the range once, from a different start in each process and call, so that parallel test binaries seldom
/// meet.
fn from_anywhere(first: u16, last: u16) -> impl Iterator<Item = u16> {
    let span = u64::from(last - first) + 1;
    let start = RandomState::new().build_hasher().finish() % span;
    (0..span).map(move |step| first + u16::try_from((start + step) % span).unwrap_or(0))
}

/// The lock of a port that is neither held nor listened on.
fn take(dir: &Path, port: u16) -> Option<File> {
    let file =
        File::options().create(true).truncate(false).write(true).open(dir.join(port.to_string())).ok()?;
    (file.try_lock().is_ok() && port_is_free(port)).then_some(file)
}

/// Whether one could listen on this port of 127.0.0.1 now.
#[must_use]
pub fn port_is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// One folder a user: another user's lock files could not be opened.
fn lock_dir() -> Result<PathBuf> {
    lock_dir_in(&std::env::temp_dir())
}

fn lock_dir_in(base: &Path) -> Result<PathBuf> {
    let dir = base.join(format!("tidemark-ports-{}", rustix::process::geteuid().as_raw()));
    private_dir(&dir)?;
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
    use std::os::unix::fs::DirBuilderExt;

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
    fn a_base_port_comes_with_its_neighbours_and_their_bus_ports() {
        let (one, two) = (free_base_port(6).unwrap(), free_base_port(6).unwrap());
        assert!(one.abs_diff(two) >= 6);
        let dir = lock_dir().unwrap();
        for port in (one..one + 6).flat_map(|port| [port, port + BUS_OFFSET]) {
            assert!(port_is_free(port) && port < 32_768);
            assert!(take(&dir, port).is_none(), "{port} is held");
        }
    }

    #[test]
    fn the_lock_folder_is_no_link_that_somebody_put_there() {
        let base = tempfile::tempdir().unwrap();
        let victim = base.path().join("victim");
        // Ours alone, as a home is: nothing but the link is wrong.
        std::fs::DirBuilder::new().mode(0o700).create(&victim).unwrap();
        let name = lock_dir().unwrap();
        let link = base.path().join(name.file_name().unwrap());
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        assert!(lock_dir_in(base.path()).is_err());
        std::fs::remove_file(&link).unwrap();
        assert_eq!(lock_dir_in(base.path()).unwrap(), link);
        assert_eq!(std::fs::read_dir(&victim).unwrap().count(), 0);
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
