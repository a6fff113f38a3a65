//! How many connections the limit on open files leaves room for.

/// Most connections, where the limit on open files allows so many. More wait in the kernel's queue.
pub(super) const MAX_CONNECTIONS: usize = 8_192;
/// Descriptors kept for what is not a caller: listener, Postgres, Redis, the runtime, the log.
const KEPT: usize = 128;

/// What a server may have of open files, without a change of anything.
pub(crate) struct OpenFiles {
    /// The hard limit, to which a server raises its own; none is no limit.
    pub(crate) limit: Option<u64>,
    /// What all connections need.
    pub(crate) needed: usize,
    /// Connections that there is room for.
    pub(crate) room: usize,
    /// Connections that a server would take.
    pub(crate) connections: usize,
}

/// The limit on open files of this process, which a server that is started in the same way has, too.
#[cfg(unix)]
pub(crate) fn open_files() -> OpenFiles {
    use rustix::process::{Resource, getrlimit};

    let limit = getrlimit(Resource::Nofile).maximum;
    let room = limit.map_or(MAX_CONNECTIONS, room).min(MAX_CONNECTIONS);
    OpenFiles { limit, needed: needed(MAX_CONNECTIONS), room, connections: MAX_CONNECTIONS }
}

/// Where there is no such limit to ask for.
#[cfg(not(unix))]
pub(crate) fn open_files() -> OpenFiles {
    OpenFiles { limit: None, needed: 0, room: MAX_CONNECTIONS, connections: MAX_CONNECTIONS }
}

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
        tracing::info!(
            room,
            "the limit on open files leaves room for {room} connections; `tidemark check` says how to raise it"
        );
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
