//! Why the operator was refused.

use serde::{Deserialize, Serialize};

/// Why the operator was refused, or a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum AdminError {
    /// No session, or one that is over.
    #[error("not signed in")]
    NotSignedIn,
    /// The user or the password is wrong; which of them is not told.
    #[error("wrong user or password")]
    WrongPassword,
    /// Too many wrong passwords from this address.
    #[error("too many wrong passwords: try again in {retry_after_s} s")]
    TooManyGuesses {
        /// When to try again, seconds from now.
        retry_after_s: u32,
    },
    /// No password was set yet. With a database `tidemark admin password` sets one, without one it is read from the file that
    /// TIDEMARK_ADMIN_PASSWORD_FILE names.
    #[error("no password was set yet: {}", if *.stored {
        "`tidemark admin password` sets one"
    } else {
        "name a file with one in TIDEMARK_ADMIN_PASSWORD_FILE"
    })]
    NoPasswordYet {
        /// Whether there is a database to keep it in.
        stored: bool,
    },
    /// It cannot be done now.
    #[error("cannot be done now: {what}")]
    Unavailable {
        /// What is away.
        what: Unavailable,
    },
    /// What to clear, or to inspect, is off.
    #[error("bad {part}: {problem}")]
    BadScope {
        /// Which part of it.
        part: ScopePart,
        /// What is wrong.
        problem: ScopeProblem,
    },
    /// No clear of this handle is remembered.
    #[error("no clear {handle} in the log")]
    UnknownClear {
        /// What was asked for.
        handle: u64,
    },
}

/// What is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unavailable {
    /// Postgres, which keeps accounts and sessions.
    #[error("the database of accounts is away")]
    Accounts,
    /// Redis, which keeps the log of clears.
    #[error("Redis, which keeps the log of clears, is away")]
    ClearLog,
    /// Too many passwords are being checked.
    #[error("too many passwords are being checked")]
    Busy,
}

/// A part of what to clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ScopePart {
    #[error("category")]
    Category,
    #[error("prefix")]
    Prefix,
    #[error("tag")]
    Tag,
    #[error("key")]
    Key,
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum ScopeProblem {
    /// No category of this name.
    #[error("there is no such category, only {}", .known.join(", "))]
    UnknownCategory {
        /// Those that there are.
        known: Vec<String>,
    },
    /// A full name begins with a category and a colon.
    #[error("does not begin with {}", .known.iter().map(|c| format!("{c}:")).collect::<Vec<_>>().join(", "))]
    NoCategory {
        /// The categories.
        known: Vec<String>,
    },
    /// It cannot be the name of anything.
    #[error("{why}")]
    NotAllowed {
        /// Why not.
        why: BadName,
    },
}

/// Why a text cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum BadName {
    /// It is empty, or too long.
    #[error("must have 1 to {most} bytes")]
    Length {
        /// Longest one, bytes.
        most: u32,
    },
    /// It has spaces or control characters.
    #[error("must not have spaces or control characters")]
    Characters,
}

impl AdminError {
    /// The HTTP status that tells of it.
    #[must_use]
    pub const fn status_code(&self) -> u16 {
        match self {
            Self::NotSignedIn | Self::WrongPassword => 401,
            Self::TooManyGuesses { .. } => 429,
            Self::NoPasswordYet { .. } => 409,
            Self::Unavailable { .. } => 503,
            Self::BadScope { .. } => 400,
            Self::UnknownClear { .. } => 404,
        }
    }

    /// A short name for query strings and the like: `wrong_password`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotSignedIn => "not_signed_in",
            Self::WrongPassword => "wrong_password",
            Self::TooManyGuesses { .. } => "too_many_guesses",
            Self::NoPasswordYet { stored: true } => "no_password_yet",
            Self::NoPasswordYet { stored: false } => "no_password_file",
            Self::Unavailable { what: Unavailable::Busy } => "busy",
            Self::Unavailable { what: Unavailable::Accounts | Unavailable::ClearLog } => "unavailable",
            Self::BadScope { .. } => "bad_scope",
            Self::UnknownClear { .. } => "unknown_clear",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_survive_the_wire_and_read_well() {
        let known = vec!["charts".to_owned(), "prices".to_owned()];
        for (error, text) in [
            (AdminError::NotSignedIn, "not signed in"),
            (AdminError::TooManyGuesses { retry_after_s: 4 }, "try again in 4 s"),
            (AdminError::NoPasswordYet { stored: true }, "tidemark admin password"),
            (AdminError::NoPasswordYet { stored: false }, "TIDEMARK_ADMIN_PASSWORD_FILE"),
            (AdminError::Unavailable { what: Unavailable::Accounts }, "database of accounts"),
            (
                AdminError::BadScope {
                    part: ScopePart::Prefix,
                    problem: ScopeProblem::NoCategory { known: known.clone() },
                },
                "bad prefix: does not begin with charts:, prices:",
            ),
            (
                AdminError::BadScope {
                    part: ScopePart::Category,
                    problem: ScopeProblem::UnknownCategory { known },
                },
                "only charts, prices",
            ),
            (
                AdminError::BadScope {
                    part: ScopePart::Tag,
                    problem: ScopeProblem::NotAllowed { why: BadName::Length { most: 64 } },
                },
                "bad tag: must have 1 to 64 bytes",
            ),
            (
                AdminError::BadScope {
                    part: ScopePart::Tag,
                    problem: ScopeProblem::NotAllowed { why: BadName::Characters },
                },
                "must not have spaces",
            ),
        ] {
            assert!(error.to_string().contains(text), "{error}");
            let json = serde_json::to_string(&error).unwrap();
            assert_eq!(serde_json::from_str::<AdminError>(&json).unwrap(), error, "{json}");
        }
    }

    #[test]
    fn what_a_form_tells_apart_has_a_code_of_its_own() {
        for (error, code) in [
            (AdminError::WrongPassword, "wrong_password"),
            (AdminError::NoPasswordYet { stored: true }, "no_password_yet"),
            (AdminError::NoPasswordYet { stored: false }, "no_password_file"),
            (AdminError::Unavailable { what: Unavailable::Accounts }, "unavailable"),
            (AdminError::Unavailable { what: Unavailable::Busy }, "busy"),
        ] {
            assert_eq!(error.code(), code);
        }
    }
}
