//! What is wrong with Redis, in the words of a status page, and what may help.

use serde::Serialize;

/// Why Redis is not used, or not in full. For anyone to read: it names no host, no user, and nothing that Redis said itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// No connection, or a broken one.
    Unreachable,
    /// The first connection is under way.
    Connecting,
    /// No answer in time.
    Slow,
    /// It refuses the user or the password.
    Refused,
    /// The user lacks a right.
    Forbidden,
    /// The TLS handshake fails.
    Tls,
    /// It is a cluster, or is none, other than the URL says; or it is a Sentinel.
    WrongKind,
    /// Not every slot of the cluster has a node that serves it.
    Uncovered,
    /// A key of another application is where one of ours would be.
    ForeignKey,
    /// Another installation uses the namespace, too.
    Shared,
    /// It is loading its data.
    Loading,
    /// Its memory is full.
    Full,
    /// It is a replica, which takes no writes.
    ReadOnly,
    /// It cannot save to its disk, and takes no writes until it can.
    Unsaved,
    /// It has fewer replicas than it wants before it takes writes.
    TooFewReplicas,
    /// A command is unknown to it.
    MissingCommand,
    /// Anything else.
    Other,
}

/// Parts of error texts, lower case, and what they mean. The first that is found counts.
const SIGNS: [(&str, Trouble); 40] = [
    ("under way", Trouble::Connecting),
    ("not read yet", Trouble::Connecting),
    ("just lost", Trouble::Unreachable),
    ("something else than", Trouble::ForeignKey),
    ("wrongtype", Trouble::ForeignKey),
    ("noperm", Trouble::Forbidden),
    ("no permissions", Trouble::Forbidden),
    // Of a command in a script, Redis 7.0.
    ("can't run this command", Trouble::Forbidden),
    ("noauth", Trouble::Refused),
    ("wrongpass", Trouble::Refused),
    ("authentication", Trouble::Refused),
    ("invalid password", Trouble::Refused),
    ("invalid username", Trouble::Refused),
    ("oom", Trouble::Full),
    ("misconf", Trouble::Unsaved),
    ("noreplicas", Trouble::TooFewReplicas),
    ("not enough good replicas", Trouble::TooFewReplicas),
    ("readonly", Trouble::ReadOnly),
    ("read only replica", Trouble::ReadOnly),
    ("loading", Trouble::Loading),
    ("part of a cluster", Trouble::WrongKind),
    ("cluster support disabled", Trouble::WrongKind),
    ("sentinel", Trouble::WrongKind),
    ("unknown command", Trouble::MissingCommand),
    ("resp3", Trouble::MissingCommand),
    ("clusterdown", Trouble::Uncovered),
    ("no node serves", Trouble::Uncovered),
    ("no slots assigned", Trouble::Uncovered),
    ("cluster slots", Trouble::Uncovered),
    ("certificate", Trouble::Tls),
    ("tls", Trouble::Tls),
    ("alert", Trouble::Tls),
    ("corrupt message", Trouble::Tls),
    ("in time", Trouble::Slow),
    ("timed out", Trouble::Slow),
    ("refused", Trouble::Unreachable),
    ("reset", Trouble::Unreachable),
    ("broken pipe", Trouble::Unreachable),
    ("end of file", Trouble::Unreachable),
    ("lookup", Trouble::Unreachable),
];

impl Trouble {
    /// What an error text means. The client library's kinds of errors are too coarse, and do not outlive the error.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = without_guess(without_address(text)).to_lowercase();
        SIGNS.iter().find(|(sign, _)| text.contains(sign)).map_or(Self::Other, |(_, trouble)| *trouble)
    }

    /// A clause that follows "Redis".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "cannot be reached",
            Self::Connecting => "is being connected to",
            Self::Slow => "does not answer in time",
            Self::Refused => "refuses the user or the password",
            Self::Forbidden => "does not give its user a right that is needed",
            Self::Tls => "cannot be reached by TLS",
            Self::WrongKind => "is of another kind than the URL says",
            Self::Uncovered => "has slots that no node serves",
            Self::ForeignKey => "has another application's key where one of ours would be",
            Self::Shared => "is shared with another installation in this namespace",
            Self::Loading => "is loading its data",
            Self::Full => "has no memory left",
            Self::ReadOnly => "is a read-only replica",
            Self::Unsaved => "cannot save to its disk",
            Self::TooFewReplicas => "has too few replicas",
            Self::MissingCommand => "does not know a command that is needed",
            Self::Other => "does not answer as it should",
        }
    }
}

/// Advice that is a guess: it says nothing about the trouble.
const EXPECTS_TLS: &str = "if this port expects TLS, the URL must begin with rediss://";
const IS_WITHOUT_TLS: &str = "if this port is without TLS, the URL must begin with redis://";

/// An error without such advice.
fn without_guess(text: &str) -> &str {
    let end = [EXPECTS_TLS, IS_WITHOUT_TLS].iter().find_map(|advice| text.find(advice));
    end.map_or(text, |end| &text[..end])
}

/// An error of a cluster without the node's address in front: a host may be called anything.
fn without_address(text: &str) -> &str {
    let is_address = |word: &str| word.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match text.split_once(": ") {
        Some((word, rest)) if is_address(word) => rest,
        _ => text,
    }
}

/// How a node is spoken to, as far as advice depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub tls: bool,
    pub cluster: bool,
    /// A connection was made before: the URL is right.
    pub worked: bool,
}

/// The error text, and what may be wrong with the URL if the error looks like it.
pub(super) fn with_advice(why: &str, way: Way) -> String {
    let has = |parts: &[&str]| parts.iter().any(|part| why.contains(part));
    let advice = match way {
        Way { worked: true, .. } => return why.to_owned(),
        _ if why.contains("the URL must") => return why.to_owned(),
        Way { cluster: false, .. } if has(&["ClusterDown", "CLUSTERDOWN"]) => {
            "this node is part of a cluster: the URL must begin with redis-cluster://"
        }
        Way { cluster: true, .. } if has(&["cluster support disabled"]) => {
            "this Redis is no cluster: the URL must begin with redis:// or rediss://"
        }
        _ if has(&["unknown command 'HMGET'", "unknown command `HMGET`"]) => {
            "is this a Sentinel? The URL must name the Redis itself"
        }
        Way { tls: false, .. } if has(&["reset by peer", "Broken pipe", "broken pipe", "end of file"]) => {
            EXPECTS_TLS
        }
        Way { tls: true, .. }
            if has(&["in time", "corrupt message", "InvalidContentType", "end of file"]) =>
        {
            IS_WITHOUT_TLS
        }
        Way { tls: true, .. } if has(&["CertificateRequired", "certificate required"]) => {
            "it asks for a client's certificate"
        }
        _ => return why.to_owned(),
    };
    format!("{why} ({advice})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_redis_and_of_the_library_are_told_apart() {
        for (text, trouble) in [
            ("Redis: Connection refused (os error 111)", Trouble::Unreachable),
            ("Redis: Password authentication failed - AuthenticationFailed", Trouble::Refused),
            ("Redis: \"NOAUTH\": Authentication required.", Trouble::Refused),
            ("Redis: NoPerm: this user has no permissions to run the 'evalsha' command", Trouble::Forbidden),
            ("OOM: command not allowed when used memory > 'maxmemory'.", Trouble::Full),
            ("ReadOnly: You can't write against a read only replica.", Trouble::ReadOnly),
            ("\"MISCONF\": Redis is configured to save RDB snapshots", Trouble::Unsaved),
            ("Redis did not answer in time", Trouble::Slow),
            ("Redis: received fatal alert: CertificateRequired", Trouble::Tls),
            ("h:1: Redis: ResponseError: This instance has cluster support disabled", Trouble::WrongKind),
            ("Redis: ClusterDown: Hash slot not served", Trouble::Uncovered),
            ("Redis: WRONGTYPE: Operation against a key", Trouble::ForeignKey),
            ("redis-tls.example:6380: Redis: Connection refused (os error 111)", Trouble::Unreachable),
            ("nonsense", Trouble::Other),
        ] {
            assert_eq!(Trouble::of(text), trouble, "{text}");
        }
    }

    #[test]
    fn advice_that_is_a_guess_changes_no_trouble() {
        let plain = Way { tls: false, cluster: false, worked: false };
        for (text, tls, trouble) in [
            ("Redis: Connection reset by peer (os error 104)", false, Trouble::Unreachable),
            ("Redis: Broken pipe (os error 32)", false, Trouble::Unreachable),
            ("Redis: unexpected end of file", false, Trouble::Unreachable),
            ("Redis did not answer in time", true, Trouble::Slow),
            ("Redis: received corrupt message of type InvalidContentType", true, Trouble::Tls),
        ] {
            let advised = with_advice(text, Way { tls, ..plain });
            assert!(advised.contains("the URL must begin"), "{advised}");
            assert_eq!(Trouble::of(&advised), trouble, "{advised}");
            assert_eq!(Trouble::of(&format!("tls.example:6380: {advised}")), trouble, "{advised}");
        }
        let sentinel = with_advice("unknown command 'HMGET'", plain);
        assert_eq!(Trouble::of(&sentinel), Trouble::WrongKind, "this advice is none");
    }

    #[test]
    fn advice_is_given_where_the_url_may_be_wrong_only() {
        let plain = Way { tls: false, cluster: false, worked: false };
        let reset = "Connection reset by peer (os error 104)";
        assert!(with_advice(reset, plain).contains("rediss://"));
        assert_eq!(with_advice(reset, Way { worked: true, ..plain }), reset);
        assert!(!with_advice(reset, Way { tls: true, ..plain }).contains("rediss://"));
        assert!(with_advice("ClusterDown: Hash slot not served", plain).contains("redis-cluster://"));
        assert!(with_advice("unknown command 'HMGET', with args", plain).contains("Sentinel"));
        assert!(with_advice("Redis did not answer in time", Way { tls: true, ..plain }).contains("redis://"));
        assert_eq!(with_advice("Redis did not answer in time", plain), "Redis did not answer in time");
    }
}
