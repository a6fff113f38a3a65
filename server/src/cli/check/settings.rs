//! Each setting: what it is, who set it, whether it can be used.

use std::{collections::HashMap, env};

use super::finding::Finding;
use crate::config::{
    ADMIN_PASSWORD_FILE, ADMIN_TOKEN_FILE, CORS_ORIGINS, Config, ConfigError, CorsOrigins, FORWARDED_HEADER,
    FeedSettings, FileSettings, ForwardedHeader, LoadLimits, MAX_CONNECTIONS_PER_CLIENT,
    MAX_EXPORTS_PER_CLIENT, MAX_UNSENT, MAX_UNSENT_PER_CLIENT, MIN_BODY_RATE, RATE_LIMIT, REDIS_ADDRESS_MAP,
    REDIS_CERT, REDIS_KEY, REDIS_NAMESPACE, REDIS_URL, RateLimit, RedisSettings, SESSION_IDLE, SESSION_MAX,
    SUPPLY_FILE, SecretUrl, SessionLimits, Supplies, TRUSTED_PROXIES, TrustedProxies, admin_password,
    metrics_addr, site_options, variable,
};

/// What the other checks need.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) database_url: Option<SecretUrl>,
    pub(super) redis: Option<RedisSettings>,
    feed: Option<FeedSettings>,
}

/// How a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    Plain,
    /// Without user, password and query.
    Url,
}

/// A setting: its name, how it is shown, what holds without it, whether it can be used.
type Setting = (&'static str, Show, &'static str, fn() -> Result<(), ConfigError>);

const SETTINGS: [Setting; 27] = [
    ("DATABASE_URL", Show::Url, "none: nothing is stored", || Ok(())),
    (REDIS_URL, Show::Url, "none: each server caches for itself", || redis_named(REDIS_URL)),
    (REDIS_NAMESPACE, Show::Plain, "tm", || redis_named(REDIS_NAMESPACE)),
    (REDIS_CERT, Show::Plain, "none: no certificate is shown to Redis", || redis_named(REDIS_CERT)),
    (REDIS_KEY, Show::Plain, "none", || redis_named(REDIS_KEY)),
    (REDIS_ADDRESS_MAP, Show::Plain, "none: nodes are where they say", || redis_named(REDIS_ADDRESS_MAP)),
    ("TIDEMARK_FEED", Show::Plain, "auto", || feed().map(drop)),
    ("TIDEMARK_SIMULATED_SYMBOLS", Show::Plain, "the coins that are known by name", || Ok(())),
    ("TIDEMARK_SIMULATED_TICKS", Show::Plain, "one a second for each coin", || Ok(())),
    (RATE_LIMIT, Show::Plain, "50/s:200, of callers elsewhere", || RateLimit::from_env().map(drop)),
    (TRUSTED_PROXIES, Show::Plain, "none", || of(TRUSTED_PROXIES, TrustedProxies::from_env())),
    (FORWARDED_HEADER, Show::Plain, "auto", || ForwardedHeader::from_env().map(drop)),
    (CORS_ORIGINS, Show::Plain, "none", || CorsOrigins::from_env().map(drop)),
    (MAX_UNSENT, Show::Plain, "64", || of(MAX_UNSENT, LoadLimits::from_env())),
    (MAX_UNSENT_PER_CLIENT, Show::Plain, "8", || of(MAX_UNSENT_PER_CLIENT, LoadLimits::from_env())),
    (MAX_CONNECTIONS_PER_CLIENT, Show::Plain, "64", || {
        of(MAX_CONNECTIONS_PER_CLIENT, LoadLimits::from_env())
    }),
    (MIN_BODY_RATE, Show::Plain, "8", || of(MIN_BODY_RATE, LoadLimits::from_env())),
    (MAX_EXPORTS_PER_CLIENT, Show::Plain, "2", || of(MAX_EXPORTS_PER_CLIENT, LoadLimits::from_env())),
    (SUPPLY_FILE, Show::Plain, "the built-in table", || Supplies::from_env().map(drop)),
    (ADMIN_TOKEN_FILE, Show::Plain, "none: the cache administration takes no token", || Ok(())),
    (ADMIN_PASSWORD_FILE, Show::Plain, "none: `tidemark admin password` sets the password", || {
        admin_password().map(drop)
    }),
    (SESSION_IDLE, Show::Plain, "30m, or what the file says", || sessions().map(drop)),
    (SESSION_MAX, Show::Plain, "12h, or what the file says", || sessions().map(drop)),
    ("TIDEMARK_METRICS_ADDR", Show::Plain, "none: no metrics", || metrics_addr().map(drop)),
    ("TIDEMARK_CONFIG", Show::Plain, "tidemark.toml, if there is one", || FileSettings::read().map(drop)),
    ("LEPTOS_SITE_ADDR", Show::Plain, "127.0.0.1:3000", || site_options().map(drop)),
    ("LEPTOS_SITE_ROOT", Show::Plain, "target/site", || Ok(())),
];

/// Of which feed and symbols the settings speak.
fn feed() -> Result<FeedSettings, ConfigError> {
    FeedSettings::from_env(variable("DATABASE_URL")?.is_some())
}

/// What is wrong with this one of the settings that are read together. Others have lines of their own.
fn of<T>(name: &str, read: Result<T, ConfigError>) -> Result<(), ConfigError> {
    read.map(drop).or_else(|error| if error.setting == name { Err(error) } else { Ok(()) })
}

/// What is wrong with this setting of Redis.
fn redis_named(name: &str) -> Result<(), ConfigError> {
    of(name, RedisSettings::from_env().and_then(|redis| redis.check()))
}

/// How long sessions last.
fn sessions() -> Result<SessionLimits, ConfigError> {
    FileSettings::read().unwrap_or_default().sessions.with_env()
}

/// What the `.env` says; nothing where there is none.
fn env_file() -> HashMap<String, String> {
    let Ok(lines) = dotenvy::dotenv_iter() else { return HashMap::new() };
    lines.filter_map(Result::ok).collect()
}

/// The settings whose line in a `.env` has a `$` that stands for a variable there: outside single quotes, and not behind a
/// backslash. What follows it is replaced, mostly by nothing.
fn with_dollar(text: &str) -> Vec<&str> {
    fn name_of(line: &str) -> Option<&str> {
        let line = line.trim_start();
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let (mut single, mut double, mut escaped, mut after_space) = (false, false, false, false);
        for c in value.trim().chars() {
            let begins_comment = std::mem::replace(&mut after_space, c.is_whitespace()) && !single && !double;
            match c {
                _ if std::mem::take(&mut escaped) => {}
                '#' if begins_comment => return None,
                '\'' if !double => single = !single,
                '"' if !single => double = !double,
                '\\' if !single => escaped = true,
                '$' if !single => return Some(name.trim()),
                _ => {}
            }
        }
        None
    }
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(name_of).collect()
}

/// Warns of settings whose value in the `.env` is another one than is written there.
fn dollars(file: &HashMap<String, String>) -> Vec<Finding> {
    let Ok(here) = env::current_dir() else { return Vec::new() };
    let Some(path) = here.ancestors().map(|dir| dir.join(".env")).find(|path| path.is_file()) else {
        return Vec::new();
    };
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let is_used = |name: &&str| {
        SETTINGS.iter().any(|(known, ..)| known == name)
            && env::var(name).is_ok_and(|set| file.get(*name) == Some(&set))
    };
    let warn = |name: &str| {
        let detail =
            "its line in .env has a $ that is not quoted: what follows is taken for a variable and replaced";
        Finding::warn(name, detail, "put the value in single quotes; in a URL %24 stands for $")
    };
    with_dollar(&text).into_iter().filter(is_used).map(warn).collect()
}

/// Checks each setting. What one of them is, is left out where it cannot be read.
pub(super) fn check() -> (Vec<Finding>, Settings) {
    let file = env_file();
    let mut findings: Vec<Finding> = SETTINGS.iter().map(|setting| one(setting, &file)).collect();
    findings.extend(dollars(&file));
    let url = |name: &str, schemes: &[&str]| {
        variable(name).ok().flatten().and_then(|url| SecretUrl::parse(name, &url, schemes).ok())
    };
    let settings = Settings {
        database_url: url("DATABASE_URL", Config::DATABASE_SCHEMES),
        // Where it cannot be used, a setting has said so in its line.
        redis: RedisSettings::from_env().ok().filter(|redis| redis.url.is_some() && redis.check().is_ok()),
        feed: feed().ok(),
    };
    (findings, settings)
}

fn one((name, show, without, usable): &Setting, file: &HashMap<String, String>) -> Finding {
    let bad = |error: ConfigError| {
        // Of the file of policies the error names the file.
        let detail = if error.setting == *name { error.reason.clone() } else { error.to_string() };
        Finding::fail(name, detail, format!("correct {name}, or leave it out"))
    };
    let value = match variable(name) {
        Ok(value) => value,
        Err(error) => return bad(error),
    };
    if let Err(error) = usable() {
        return bad(error);
    }
    let Some(value) = value else { return Finding::ok(name, format!("{without} (default)")) };
    // A variable of the environment comes before a line of the file.
    let of_file = env::var(name).is_ok_and(|set| file.get(*name) == Some(&set));
    let source = if of_file { ".env" } else { "environment" };
    let shown = match show {
        Show::Plain => value,
        Show::Url => {
            let schemes = if *name == REDIS_URL { RedisSettings::SCHEMES } else { Config::DATABASE_SCHEMES };
            match SecretUrl::parse(name, &value, schemes) {
                Ok(url) => url.shown(),
                Err(error) => return bad(error),
            }
        }
    };
    Finding::ok(name, format!("{shown} ({source})"))
}

/// What a server with these settings would serve.
pub(super) fn served(settings: &Settings) -> Finding {
    const NAME: &str = "serves";
    let Some(feed) = &settings.feed else {
        return Finding::fail(NAME, "nothing: a setting stops the start", "see above");
    };
    let stored = if settings.database_url.is_some() { "with what Postgres has" } else { "from memory alone" };
    let shared = if settings.redis.is_some() { "cached in Redis" } else { "cached in this process" };
    let addr = site_options().map_or_else(|_| "nowhere".to_owned(), |o| format!("http://{}", o.site_addr));
    let feed = format!("{:?}", feed.feed).to_lowercase();
    Finding::ok(NAME, format!("feed {feed}, {stored}, {shared}, on {addr}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_counts_where_it_is_replaced() {
        let text = "A=pa$word\nB='pa$word'\nC=\"pa$word\"\nD=pa\\$word\n# E=$x\n export F = ${x} \nG=plain\nH=a'$b'$c\n\
                    I=\"it's $x\"\nJ=plain # costs $5\nK=a#$b";
        assert_eq!(with_dollar(text), ["A", "C", "F", "H", "I", "K"]);
    }
}
