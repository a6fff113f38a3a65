//! Why figures are stale, made up or missing: the clauses that the server gives in answers. They are English in the API;
//! the pages know each of them and say it in the reader's language.

/// No `DATABASE_URL` is set.
pub const NO_DATABASE: &str = "no database is configured";
/// The series went away between two reads.
pub const GONE: &str = "the series is no longer stored";
/// What is stored does not decode.
pub const UNREADABLE: &str = "the stored data cannot be read";
/// The database's schema is older or newer than the server.
pub const MIGRATION: &str = "the database needs a migration";
/// Postgres is away.
pub const DATABASE_AWAY: &str = "the database does not answer";
/// Postgres takes longer than a reader waits.
pub const DATABASE_LATE: &str = "the database does not answer in time";
/// More reads wait for Postgres than may.
pub const OVERLOADED: &str = "too many reads of the database at once";
/// A fault of the server.
pub const READ_FAILED: &str = "the read failed";
/// Nothing of this name is stored.
pub const ABSENT: &str = "there is no such data";
/// A newer version is on its way.
pub const CHANGING: &str = "a change is being read";
/// Announcements of other servers were missed.
pub const UNVERIFIED: &str = "another server may have newer data";
/// A stale value answered at once.
pub const DATABASE_SLOW: &str = "the database is slow";
/// All places for drawing simulated candles are taken.
pub const DRAWING: &str = "too many simulated charts are being drawn at once";

/// All of them.
pub const ALL: &[&str] = &[
    NO_DATABASE,
    GONE,
    UNREADABLE,
    MIGRATION,
    DATABASE_AWAY,
    DATABASE_LATE,
    OVERLOADED,
    READ_FAILED,
    ABSENT,
    CHANGING,
    UNVERIFIED,
    DATABASE_SLOW,
    DRAWING,
];
