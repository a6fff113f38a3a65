//! Every text of the operator's pages, in each language.

mod en;
mod zh_cn;

use model::{AdminError, BadName, ScopePart, ScopeProblem, Unavailable};

use super::Locale;

/// What the operator's pages say in one language. Texts with values are functions; amounts and times come written out.
pub struct AdminWords {
    // Sign-in.
    /// Heading of the sign-in page.
    pub sign_in: &'static str,
    /// What it is for.
    pub sign_in_why: &'static str,
    /// Label of the user's name.
    pub user: &'static str,
    /// Label of the password.
    pub password: &'static str,
    /// Ends the session.
    pub sign_out: &'static str,
    /// Who is signed in.
    pub signed_in_as: fn(&str) -> String,
    /// How the password is made or changed.
    pub password_hint: &'static str,
    /// Wrong user or password.
    pub wrong_password: &'static str,
    /// Too many of them; the time to wait.
    pub too_many_guesses: fn(&str) -> String,
    /// No password yet, with a database.
    pub no_password_stored: &'static str,
    /// No password yet, without one.
    pub no_password_file: &'static str,
    /// The session is over.
    pub not_signed_in: &'static str,
    /// The browser's and the server's name for this site differ.
    pub cross_origin: &'static str,
    /// The database of accounts is away.
    pub accounts_away: &'static str,
    /// Redis, with the log of clears, is away.
    pub log_away: &'static str,
    /// Too many at once.
    pub busy: &'static str,
    /// No clear of this number.
    pub unknown_clear: &'static str,
    /// Anything else.
    pub failed: &'static str,
    /// Names of the parts of a scope: category, prefix, tag, key.
    pub parts: [&'static str; 4],
    /// There is no such category, only these.
    pub unknown_category: fn(&str) -> String,
    /// A name begins with one of these.
    pub no_category: fn(&str) -> String,
    /// A name has so many bytes at most, and one at least.
    pub name_length: fn(u32) -> String,
    /// A name has spaces or control characters.
    pub name_characters: &'static str,

    // Tiles.
    /// Title of the page.
    pub title: &'static str,
    /// Name of the tiles.
    pub overview: &'static str,
    /// Part of reads that the cache answered.
    pub hit_ratio: &'static str,
    /// Of these memory and Redis.
    pub hit_split: fn(&str, &str) -> String,
    /// Reads and work that Postgres was spared.
    pub saved: &'static str,
    /// Of so much work.
    pub saved_work: fn(&str) -> String,
    /// No load was needed yet, so that no work is known.
    pub saved_unknown: &'static str,
    /// Part of reads that were answered stale.
    pub stale: &'static str,
    /// Loads that failed.
    pub loads_failed: fn(&str) -> String,
    /// Memory in use.
    pub memory: &'static str,
    /// Of this limit.
    pub of_limit: fn(&str) -> String,
    /// Redis.
    pub redis: &'static str,
    /// It is connected, for this time.
    pub connected: &'static str,
    /// It is away.
    pub away: &'static str,
    /// None is configured.
    pub no_redis: &'static str,
    /// For this long.
    pub for_time: fn(&str) -> String,
    /// Each server caches for itself.
    pub no_redis_note: &'static str,
    /// Since the start of this server.
    pub since_start: &'static str,
    /// The figures are of this time.
    pub read_at: fn(&str) -> String,

    /// Clearing needs scripts; the command follows.
    pub needs_scripts: &'static str,

    // Nodes.
    /// Heading of the nodes.
    pub nodes: &'static str,
    /// So many nodes, so many slots.
    pub cluster_note: fn(usize, u64) -> String,
    /// One server.
    pub single_note: &'static str,
    /// Roles.
    pub master: &'static str,
    /// The other role.
    pub replica: &'static str,
    /// Not reached or failed.
    pub node_down: &'static str,
    /// Commands a second, memory.
    pub node_load: fn(&str, &str) -> String,
    /// Product and release, keys, clients.
    pub node_about: fn(&str, &str, &str) -> String,
    /// Bytes behind the master.
    pub node_lag: fn(&str) -> String,
    /// So many slots.
    pub node_slots: fn(u64) -> String,
    /// It took the place of this one.
    pub promoted: fn(&str) -> String,

    // Categories.
    /// Heading of the table.
    pub categories: &'static str,
    /// Heads of the columns.
    pub col_category: &'static str,
    /// Keys in memory.
    pub col_keys: &'static str,
    /// Bytes in memory.
    pub col_memory: &'static str,
    /// Who answered.
    pub col_answered: &'static str,
    /// The three of them.
    pub answered_by: [&'static str; 3],
    /// Reads.
    pub col_reads: &'static str,
    /// Part that the cache answered.
    pub col_hit: &'static str,
    /// Loads and their average time.
    pub col_loads: &'static str,
    /// Evicted.
    pub col_evicted: &'static str,
    /// Reads that Redis was not asked for; behind them those that it did not answer.
    pub col_skipped: &'static str,
    /// So many requests had no answer in time.
    pub timed_out: fn(&str) -> String,
    /// The connection of so many requests broke.
    pub broken_off: fn(&str) -> String,
    /// So many requests were answered with an error.
    pub refused: fn(&str) -> String,
    /// So many attempts to connect failed.
    pub connects_failed: fn(&str) -> String,
    /// So many connections were lost.
    pub connections_lost: fn(&str) -> String,
    /// Bytes in memory, their limit, and how full it is.
    pub memory_of: fn(&str, &str, &str) -> String,
    /// Of the bytes in memory so many are cleared.
    pub memory_cleared: fn(&str) -> String,
    /// So many entries were too large to be kept.
    pub too_large: fn(&str) -> String,
    /// So many messages of other servers were lost.
    pub messages_lost: fn(&str) -> String,
    /// Work saved.
    pub col_saved: &'static str,
    /// What can be done.
    pub col_actions: &'static str,
    /// Read out for the bar: memory, Redis, database.
    pub bar_says: fn(&str, &str, &str) -> String,

    // Hot keys and clears.
    /// Heading of the hot keys.
    pub hot_keys: &'static str,
    /// None yet.
    pub no_hot_keys: &'static str,
    /// Head of the column.
    pub col_key: &'static str,
    /// Reads in a second.
    pub col_per_second: &'static str,
    /// Heading of the clears.
    pub clears: &'static str,
    /// None yet.
    pub no_clears: &'static str,
    /// Head of the column of scopes.
    pub col_scope: &'static str,
    /// Head of the column of times.
    pub col_when: &'static str,
    /// It was undone.
    pub undone: &'static str,
    /// Nothing of it can come back any more.
    pub undo_over: &'static str,
    /// Takes a clear back, while this time is left.
    pub undo: fn(&str) -> String,
    /// A scope of the log in this language.
    pub scope: fn(&str) -> String,

    // Clearing.
    /// Opens the dialog.
    pub clear: &'static str,
    /// Opens it for one category.
    pub clear_of: fn(&str) -> String,
    /// Opens it for all.
    pub clear_all: &'static str,
    /// Opens it for a prefix or key.
    pub clear_part: &'static str,
    /// Heading of the dialog.
    pub clear_title: &'static str,
    /// Label of the choice.
    pub clear_what: &'static str,
    /// The choices: all, category, prefix, key, tag.
    pub kinds: [&'static str; 5],
    /// Label of the name.
    pub name: &'static str,
    /// An example of a name: prefix, key, tag.
    pub examples: [&'static str; 3],
    /// Looks at what would go.
    pub preview: &'static str,
    /// It is being looked at.
    pub previewing: &'static str,
    /// So many keys in Redis, of so many bytes.
    pub covers: fn(&str, &str) -> String,
    /// At least so many, as some nodes could not be looked at.
    pub covers_at_least: fn(&str, &str) -> String,
    /// Nothing is known of Redis.
    pub covers_unknown: &'static str,
    /// An estimate, within this.
    pub covers_about: fn(&str, &str, &str) -> String,
    /// So many keys in the memory of this server, of so many bytes.
    pub covers_memory: fn(&str, &str) -> String,
    /// Nothing.
    pub covers_nothing: &'static str,
    /// Heading of the sample.
    pub sample: &'static str,
    /// Some nodes could not be looked at.
    pub preview_errors: fn(usize) -> String,
    /// What a clear does.
    pub clear_note: &'static str,
    /// Label of the typed confirmation; the word to type.
    pub type_word: fn(&str) -> String,
    /// The word to type.
    pub word: &'static str,
    /// Clears.
    pub confirm: &'static str,
    /// It is being done.
    pub clearing: &'static str,
    /// Leaves the dialog.
    pub cancel: &'static str,
    /// Heading of the toast: what was cleared, keys, bytes.
    pub cleared: fn(&str, &str, &str) -> String,
    /// The same, where nothing is known of Redis.
    pub cleared_unknown: fn(&str) -> String,
    /// What it will cost: so many loads.
    pub cost: fn(&str) -> String,
    /// What came of an undo: alive again, loaded since. At least so many, if not everything was looked at.
    pub undone_says: fn(u64, u64, bool) -> String,
    /// So many stay cleared by another clear.
    pub undone_still: fn(u64) -> String,
    /// Closes the toast.
    pub close: &'static str,
    /// A scope as an object of a sentence: all; of a kind and name.
    pub scope_all: &'static str,
}

impl Locale {
    /// The texts of the operator's pages.
    #[must_use]
    pub const fn admin_words(self) -> &'static AdminWords {
        match self {
            Self::En => &en::WORDS,
            Self::ZhCn => &zh_cn::WORDS,
        }
    }
}

impl AdminWords {
    /// What went wrong; `wait` writes a time of so many seconds.
    #[must_use]
    pub fn error(&self, error: &AdminError, wait: impl Fn(u32) -> String) -> String {
        match error {
            AdminError::NotSignedIn => self.not_signed_in.to_owned(),
            AdminError::WrongPassword => self.wrong_password.to_owned(),
            AdminError::TooManyGuesses { retry_after_s } => (self.too_many_guesses)(&wait(*retry_after_s)),
            AdminError::NoPasswordYet { stored: true } => self.no_password_stored.to_owned(),
            AdminError::NoPasswordYet { stored: false } => self.no_password_file.to_owned(),
            AdminError::Unavailable { what } => match what {
                Unavailable::Accounts => self.accounts_away,
                Unavailable::ClearLog => self.log_away,
                Unavailable::Busy => self.busy,
            }
            .to_owned(),
            AdminError::BadScope { part, problem } => {
                let [category, prefix, tag, key] = self.parts;
                let part = match part {
                    ScopePart::Category => category,
                    ScopePart::Prefix => prefix,
                    ScopePart::Tag => tag,
                    ScopePart::Key => key,
                };
                let problem = match problem {
                    ScopeProblem::UnknownCategory { known } => (self.unknown_category)(&known.join(", ")),
                    ScopeProblem::NoCategory { known } => {
                        let starts: Vec<String> = known.iter().map(|name| format!("{name}:")).collect();
                        (self.no_category)(&starts.join(", "))
                    }
                    ScopeProblem::NotAllowed { why: BadName::Length { most } } => (self.name_length)(*most),
                    ScopeProblem::NotAllowed { why: BadName::Characters } => self.name_characters.to_owned(),
                };
                format!("{part}: {problem}")
            }
            AdminError::UnknownClear { .. } => self.unknown_clear.to_owned(),
        }
    }

    /// The message of an error's code, as a failed form brings it in the address; none of an unknown one.
    #[must_use]
    pub fn of_code(&self, code: &str, retry_after: &str) -> Option<String> {
        Some(match code {
            "wrong_password" => self.wrong_password.to_owned(),
            "too_many_guesses" => (self.too_many_guesses)(retry_after),
            "no_password_yet" => self.no_password_stored.to_owned(),
            "no_password_file" => self.no_password_file.to_owned(),
            "busy" => self.busy.to_owned(),
            "unavailable" => self.accounts_away.to_owned(),
            "cross_origin" => self.cross_origin.to_owned(),
            "not_signed_in" => self.not_signed_in.to_owned(),
            _ => return None,
        })
    }
}
