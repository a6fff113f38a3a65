//! Each setting: what it is, who set it, whether it can be used.

use std::{collections::HashMap, env};

use super::finding::Finding;
use crate::config::{
    ADMIN_PASSWORD_FILE, ADMIN_TOKEN_FILE, CORS_ORIGINS, Config, ConfigError, CorsOrigins, FeedSettings,
    FileSettings, LoadLimits, MAX_CONNECTIONS_PER_CLIENT, MAX_EXPORTS_PER_CLIENT, MAX_UNSENT,
    MAX_UNSENT_PER_CLIENT, MIN_BODY_RATE, RATE_LIMIT, RateLimit, SESSION_IDLE, SESSION_MAX, SUPPLY_FILE,
    SecretUrl, SessionLimits, Supplies, TRUSTED_PROXIES, TrustedProxies, admin_password, metrics_addr,
    site_options, variable,
};

/// What the other checks need.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) database_url: Option<SecretUrl>,
    pub(super) redis_url: Option<SecretUrl>,
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

const SETTINGS: [Setting; 22] = [
    ("DATABASE_URL", Show::Url, "none: nothing is stored", || Ok(())),
    ("REDIS_URL", Show::Url, "none: each server caches for itself", || Ok(())),
    ("TIDEMARK_FEED", Show::Plain, "auto", || feed().map(drop)),
    ("TIDEMARK_SIMULATED_SYMBOLS", Show::Plain, "the coins that are known by name", || Ok(())),
    ("TIDEMARK_SIMULATED_TICKS", Show::Plain, "one a second for each coin", || Ok(())),
    (RATE_LIMIT, Show::Plain, "50/s:200, of callers elsewhere", || RateLimit::from_env().map(drop)),
    (TRUSTED_PROXIES, Show::Plain, "none", || TrustedProxies::from_env().map(drop)),
    (CORS_ORIGINS, Show::Plain, "none", || CorsOrigins::from_env().map(drop)),
    (MAX_UNSENT, Show::Plain, "64", || LoadLimits::from_env().map(drop)),
    (MAX_UNSENT_PER_CLIENT, Show::Plain, "8", || LoadLimits::from_env().map(drop)),
    (MAX_CONNECTIONS_PER_CLIENT, Show::Plain, "64", || LoadLimits::from_env().map(drop)),
    (MIN_BODY_RATE, Show::Plain, "8", || LoadLimits::from_env().map(drop)),
    (MAX_EXPORTS_PER_CLIENT, Show::Plain, "2", || LoadLimits::from_env().map(drop)),
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

/// How long sessions last.
fn sessions() -> Result<SessionLimits, ConfigError> {
    FileSettings::read().unwrap_or_default().sessions.with_env()
}

/// What the `.env` says; nothing where there is none.
fn env_file() -> HashMap<String, String> {
    let Ok(lines) = dotenvy::dotenv_iter() else { return HashMap::new() };
    lines.filter_map(Result::ok).collect()
}

/// Checks each setting. What one of them is, is left out where it cannot be read.
pub(super) fn check() -> (Vec<Finding>, Settings) {
    let file = env_file();
    let findings = SETTINGS.iter().map(|setting| one(setting, &file)).collect();
    let url = |name: &str, schemes: &[&str]| {
        variable(name).ok().flatten().and_then(|url| SecretUrl::parse(name, &url, schemes).ok())
    };
    let settings = Settings {
        database_url: url("DATABASE_URL", Config::DATABASE_SCHEMES),
        redis_url: url("REDIS_URL", Config::REDIS_SCHEMES),
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
            let schemes = if *name == "REDIS_URL" { Config::REDIS_SCHEMES } else { Config::DATABASE_SCHEMES };
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
    let shared = if settings.redis_url.is_some() { "cached in Redis" } else { "cached in this process" };
    let addr = site_options().map_or_else(|_| "nowhere".to_owned(), |o| format!("http://{}", o.site_addr));
    let feed = format!("{:?}", feed.feed).to_lowercase();
    Finding::ok(NAME, format!("feed {feed}, {stored}, {shared}, on {addr}"))
}
