//! The limit on open files.

use super::finding::Finding;
use crate::{
    config::{LoadLimits, MAX_CONNECTIONS_PER_CLIENT},
    http::{OpenFiles, open_files},
};

/// Whether it leaves room for the connections that a server takes, and for those of one client.
pub(super) fn check() -> Finding {
    // A setting that cannot be read has a line of its own.
    of(&open_files(), LoadLimits::from_env().unwrap_or_default().connections_per_client)
}

fn of(files: &OpenFiles, per_client: usize) -> Finding {
    const NAME: &str = "open files";
    let OpenFiles { limit, needed, room, connections } = *files;
    let Some(limit) = limit.filter(|_| room < connections || per_client > connections) else {
        return Finding::ok(NAME, format!("the limit has room for {connections} connections"));
    };
    let raise = format!(
        "raise the hard limit to {needed}: `LimitNOFILE={needed}` in the systemd unit, `--ulimit nofile={needed}` of a container, or \
         /etc/security/limits.conf"
    );
    let said = format!(
        "the hard limit is {limit}, which has room for {room} connections of {connections}; more have to wait"
    );
    if per_client >= room {
        let detail =
            format!("{said}, and one client may take them all: {MAX_CONNECTIONS_PER_CLIENT} is {per_client}");
        let fix = if room < connections {
            format!("{raise}; or set {MAX_CONNECTIONS_PER_CLIENT} well below {room}")
        } else {
            format!("set {MAX_CONNECTIONS_PER_CLIENT} well below {room}")
        };
        return Finding::warn(NAME, detail, fix);
    }
    Finding::warn(NAME, said, raise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::finding::State;

    #[test]
    fn a_limit_below_the_connections_is_warned_of() {
        let files = |limit, room| OpenFiles { limit, needed: 16_512, room, connections: 8_192 };
        assert_eq!(of(&files(None, 8_192), 64).state, State::Ok);
        assert_eq!(of(&files(Some(1 << 20), 8_192), 64).state, State::Ok);
        let few = of(&files(Some(4_096), 1_984), 64);
        assert_eq!(few.state, State::Warn);
        assert!(
            few.detail.contains("4096") && few.detail.contains("1984") && !few.detail.contains("one client")
        );
        assert!(few.fix.as_deref().is_some_and(|fix| fix.contains("LimitNOFILE=16512")));
        for (files, per_client) in [(files(Some(228), 50), 64), (files(Some(1 << 20), 8_192), 10_000)] {
            let one = of(&files, per_client);
            assert_eq!(one.state, State::Warn);
            assert!(one.fix.is_some_and(|fix| fix.contains(MAX_CONNECTIONS_PER_CLIENT)));
        }
    }
}
