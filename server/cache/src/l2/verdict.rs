//! What an error from Redis asks for.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::address::Address;

/// What to do about an error.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The node answered; the caller gets the error.
    Answer,
    /// The slot has another owner now; none if the answer does not say which.
    Moved(Option<Address>),
    /// The key is where the slot is going to.
    Ask(Address),
    /// The node cannot answer just now; another try may do.
    Later,
    /// No answer in time.
    Timeout,
    /// The connection is of no use any more.
    Broken,
}

/// Judges an error of the node at `asked`.
pub(super) fn judge(error: &RedisError, asked: &Address) -> Verdict {
    if error.is_timeout() {
        return Verdict::Timeout;
    }
    let ErrorKind::Server(kind) = error.kind() else {
        return if is_broken(error) { Verdict::Broken } else { Verdict::Answer };
    };
    match kind {
        ServerErrorKind::Moved => Verdict::Moved(target(error, asked)),
        ServerErrorKind::Ask => target(error, asked).map_or(Verdict::Later, Verdict::Ask),
        ServerErrorKind::TryAgain
        | ServerErrorKind::ClusterDown
        | ServerErrorKind::MasterDown
        | ServerErrorKind::BusyLoading
        | ServerErrorKind::ReadOnly => Verdict::Later,
        _ => Verdict::Answer,
    }
}

/// Whether an error is of the connection, which is of no use any more, and not an answer of Redis.
pub(super) fn is_broken(error: &RedisError) -> bool {
    !matches!(error.kind(), ErrorKind::Server(_)) && error.is_unrecoverable_error()
}

/// Where a redirect leads. Of a pipeline the first one counts: its keys share a slot.
fn target(error: &RedisError, asked: &Address) -> Option<Address> {
    if let Some((text, _)) = error.redirect_node() {
        return Address::from_redirect(text, asked);
    }
    let errors = error.clone().into_server_errors()?;
    let detail = errors.first()?.1.details()?;
    Address::from_redirect(detail.split_ascii_whitespace().nth(1)?, asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(answer: &str) -> Verdict {
        let value = redis::parse_redis_value(answer.as_bytes()).expect("parses");
        judge(&value.extract_error().expect_err("an error"), &Address::tcp("h", 7000))
    }

    #[test]
    fn errors_are_told_apart() {
        let other = Address::tcp("10.0.0.2", 7001);
        assert_eq!(judged("-MOVED 5 10.0.0.2:7001\r\n"), Verdict::Moved(Some(other.clone())));
        assert_eq!(judged("-MOVED 5 :7001\r\n"), Verdict::Moved(Some(Address::tcp("h", 7001))));
        assert_eq!(judged("-ASK 5 10.0.0.2:7001\r\n"), Verdict::Ask(other));
        for later in ["TRYAGAIN", "CLUSTERDOWN", "LOADING", "READONLY", "MASTERDOWN"] {
            assert_eq!(judged(&format!("-{later} not now\r\n")), Verdict::Later, "{later}");
        }
        for answer in ["WRONGTYPE x", "NOAUTH x", "OOM x", "ERR x", "NOLOG x"] {
            assert_eq!(judged(&format!("-{answer}\r\n")), Verdict::Answer, "{answer}");
        }
    }
}
