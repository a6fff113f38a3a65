//! What can go wrong between here and Postgres.

use sqlx::{error::DatabaseError, migrate::MigrateError};

/// Why Postgres gave no answer. Cheap enough to clone, so that one failed load answers all who waited for it. The text
/// is one line and holds no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The setting cannot be read.
    #[error("DATABASE_URL: {reason}; expected postgres://user:password@host:port/database")]
    Setting {
        /// What is wrong with it.
        reason: String,
    },
    /// Postgres cannot be reached, refuses us, took too long, or can take nothing in.
    #[error("Postgres is unavailable: {reason}")]
    Unavailable {
        /// What kind of trouble it is.
        away: Away,
        /// What happened.
        reason: String,
    },
    /// The schema is missing, or older or newer than this program.
    #[error("the database needs a migration: {reason}")]
    Schema {
        /// What was found and what to do.
        reason: String,
    },
    /// The user lacks a right.
    #[error("Postgres does not let its user do that: {reason}")]
    Denied {
        /// What Postgres said, and the command that gives the right. `<user>` stands for the user.
        reason: String,
    },
    /// Postgres refused a statement, or answered what does not fit.
    #[error("query failed: {reason}")]
    Query {
        /// What Postgres said.
        reason: String,
    },
}

/// Why Postgres is of no use, for anyone to read: without hosts, users or what it said itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// No connection, or a broken one.
    Unreachable,
    /// No answer in time.
    Slow,
    /// It refuses the user or the password.
    Refused,
    /// There is no such database.
    NoDatabase,
    /// It has no connection to spare.
    Crowded,
    /// It starts up or shuts down.
    Restarting,
    /// Its disk is full.
    Full,
    /// It takes no writes: a standby, or told so.
    ReadOnly,
    /// A pooler before it gives each transaction another connection, or refuses how we begin one.
    Pooler,
}

impl Away {
    /// A clause that follows "Postgres".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "cannot be reached",
            Self::Slow => "does not answer in time",
            Self::Refused => "refuses the user or the password",
            Self::NoDatabase => "has no such database",
            Self::Crowded => "has no connection to spare",
            Self::Restarting => "is starting up or shutting down",
            Self::Full => "has no disk space left",
            Self::ReadOnly => "is read-only",
            Self::Pooler => "is behind a pooler that is not set up for it",
        }
    }
}

impl StoreError {
    /// What is wrong, in a clause that follows "Postgres": for anyone to read, without hosts and users.
    #[must_use]
    pub const fn clause(&self) -> &'static str {
        match self {
            Self::Unavailable { away, .. } => away.as_str(),
            Self::Schema { .. } => "needs a migration, or a newer tidemark",
            Self::Denied { .. } => "does not give its user a right that is needed",
            Self::Setting { .. } | Self::Query { .. } => "does not answer as it should",
        }
    }

    /// Whether a later attempt may succeed without anyone doing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(super) fn query(reason: impl Into<String>) -> Self {
        Self::Query { reason: reason.into() }
    }

    /// With the user's name in the command that gives the right.
    pub(super) fn for_user(self, user: &str) -> Self {
        match self {
            Self::Denied { reason } => {
                // Quoted as an identifier where it has to be.
                let is_plain =
                    user.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
                let user =
                    if is_plain { user.to_owned() } else { format!("\"{}\"", user.replace('"', "\"\"")) };
                Self::Denied { reason: reason.replace("<user>", &user) }
            }
            other => other,
        }
    }

    /// A task that worked for the store panicked, or was cancelled at shutdown.
    pub(crate) fn stopped(error: tokio::task::JoinError) -> Self {
        Self::query(format!("a task stopped: {error}"))
    }

    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { away: Away::Unreachable, reason: reason.into() }
    }

    /// No answer within the time allowed.
    pub(super) fn slow() -> Self {
        Self::Unavailable { away: Away::Slow, reason: "no answer within the time allowed".to_owned() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        match error {
            Error::Database(error) => from_database(error.as_ref()),
            Error::Io(error) => Self::unavailable(error.to_string()),
            Error::Tls(error) => Self::unavailable(format!("TLS: {error}")),
            Error::Protocol(reason) => Self::unavailable(format!("protocol: {reason}")),
            Error::PoolTimedOut => Self::Unavailable {
                away: Away::Slow,
                reason: "no connection within the time allowed".to_owned(),
            },
            Error::PoolClosed | Error::WorkerCrashed => Self::unavailable("the connections are closed"),
            other => Self::query(one_line(&other.to_string())),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::VersionMissing(version) => Self::Schema {
                reason: format!(
                    "it has version {version}, which is newer than this program; use a newer tidemark"
                ),
            },
            MigrateError::VersionMismatch(version) => Self::Schema {
                reason: format!("its version {version} was made by a different build of this program"),
            },
            other => Self::query(one_line(&other.to_string())),
        }
    }
}

/// By SQLSTATE, <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
fn from_database(error: &(dyn DatabaseError + 'static)) -> StoreError {
    let code = error.code().unwrap_or_default();
    let reason = one_line(error.message());
    let away = match (code.get(..2), code.as_ref()) {
        (_, "42P01" | "42703") => {
            return StoreError::Schema { reason: format!("{reason}; run `tidemark migrate`") };
        }
        (_, "42501") => return StoreError::Denied { reason: with_grant(&reason) },
        // Statements are prepared on one connection and called for on another; or the pooler does not pass our settings on.
        (_, "42P05" | "26000") => Away::Pooler,
        (_, "08P01") if reason.contains("startup parameter") => Away::Pooler,
        (_, "53100") => Away::Full,
        (_, "25006") => Away::ReadOnly,
        (_, "57014" | "55P03") => Away::Slow,
        (Some("08"), _) => Away::Unreachable,
        (Some("28"), _) => Away::Refused,
        (Some("3D"), _) => Away::NoDatabase,
        (Some("53"), _) => Away::Crowded,
        (Some("57"), _) => Away::Restarting,
        _ => return StoreError::query(format!("{reason} (SQLSTATE {code})")),
    };
    let reason = match away {
        Away::Pooler => format!(
            "{reason}: a pooler stands before it, which has to be in session mode and pass over what it does not know (of \
             PgBouncer pool_mode = session and ignore_startup_parameters = extra_float_digits,options)"
        ),
        _ => reason,
    };
    StoreError::Unavailable { away, reason }
}

/// What Postgres said of a missing right, and the command that gives it. The object is read from the message, which is in
/// English unless `lc_messages` says otherwise: then the documentation is named.
fn with_grant(message: &str) -> String {
    if let Some((_, name)) =
        message.strip_prefix("must be owner of ").and_then(|object| object.split_once(' '))
    {
        return format!(
            "{message}; as a superuser run: ALTER TABLE {name} OWNER TO <user>, or make the user a member of the role that owns \
             it: GRANT <owner> TO <user>"
        );
    }
    let command = message.strip_prefix("permission denied for ").and_then(|object| {
        let (kind, name) = object.split_once(' ')?;
        Some(match kind {
            "schema" => format!("GRANT USAGE, CREATE ON SCHEMA {name} TO <user>"),
            "database" => format!("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {name} TO <user>"),
            "table" | "relation" | "view" => {
                format!("GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLE {name} TO <user>")
            }
            "sequence" => format!("GRANT USAGE, SELECT, UPDATE ON SEQUENCE {name} TO <user>"),
            _ => return None,
        })
    });
    match command {
        Some(command) => format!("{message}; as its owner run: {command}"),
        None => {
            format!("{message}; docs/configuration.md lists the rights that are needed, as GRANT commands")
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_server_is_unavailable_and_may_come_back() {
        let error = StoreError::from(sqlx::Error::PoolTimedOut);
        assert!(error.is_transient(), "{error}");
        let error = StoreError::from(sqlx::Error::Io(std::io::Error::other("refused")));
        assert_eq!(error.to_string(), "Postgres is unavailable: refused");
    }

    #[test]
    fn a_missing_right_comes_with_the_command_that_gives_it() {
        let of = |message: &str, user: &str| {
            StoreError::Denied { reason: with_grant(message) }.for_user(user).to_string()
        };
        let schema = of("permission denied for schema public", "tidemark");
        assert!(schema.ends_with("GRANT USAGE, CREATE ON SCHEMA public TO tidemark"), "{schema}");
        let table = of("permission denied for table series", "Tide \"x\"");
        assert!(table.ends_with("ON TABLE series TO \"Tide \"\"x\"\"\""), "{table}");
        let owner = of("must be owner of table candles_1m", "tidemark");
        assert!(owner.contains("ALTER TABLE candles_1m OWNER TO tidemark"), "{owner}");
        assert!(of("keine Berechtigung", "u").contains("docs/configuration.md"));
    }

    #[test]
    fn messages_are_one_line() {
        assert_eq!(
            StoreError::from(sqlx::Error::ColumnNotFound("a\n b".into())).to_string().lines().count(),
            1
        );
    }
}
