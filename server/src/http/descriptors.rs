//! How many connections the limit on open files leaves room for.

/// Descriptors kept for what is not a caller: listener, Postgres, Redis, the runtime, the log.
const KEPT: usize = 128;

/// Room for connections, at most `most`. The soft limit is raised first as far as that takes and the hard one allows: its
/// usual 1,024 is meant for programs that use `select`.
#[cfg(unix)]
pub(super) fn for_connections(most: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let wanted = u64::try_from(needed(most)).unwrap_or(u64::MAX);
    let found = getrlimit(Resource::Nofile);
    // None is no limit.
    if found.current.is_some_and(|current| current < wanted) {
        let current = Some(found.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current, ..found }) {
            tracing::debug!(%error, "the limit on open files cannot be raised");
        }
    }
    let room = getrlimit(Resource::Nofile).current.map_or(most, room);
    if room < most {
        tracing::info!(room, "the limit on open files leaves room for {room} connections");
    }
    room.min(most)
}

/// Where there is no such limit to ask for.
#[cfg(not(unix))]
pub(super) fn for_connections(most: usize) -> usize {
    most
}

/// Descriptors for so many connections: each may have a file open for its answer.
#[cfg(unix)]
fn needed(connections: usize) -> usize {
    connections.saturating_mul(2).saturating_add(KEPT)
}

/// Connections that so many descriptors are enough for; one even where they are not.
#[cfg(unix)]
fn room(descriptors: u64) -> usize {
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    (descriptors.saturating_sub(KEPT) / 2).max(1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_is_left_beside_the_rest() {
        assert_eq!(room(1_024), 448);
        assert_eq!(room(u64::try_from(needed(8_192)).unwrap()), 8_192);
        assert_eq!(room(10), 1);
        assert_eq!(for_connections(4), 4);
    }
}
