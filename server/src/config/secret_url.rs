//! URLs that may hold a password.

use std::fmt;

use super::ConfigError;

/// A URL whose password never shows: neither `Debug` nor [`SecretUrl::shown`] has it.
#[derive(Clone)]
pub struct SecretUrl(String);

/// Schemes of a Unix socket: they name a path and no host.
const SOCKETS: [&str; 2] = ["unix", "redis+unix"];

/// Parameters of `redis://` and `rediss://`, as the client library reads them.
const REDIS: [&str; 1] = ["protocol"];
/// Parameters of a Redis behind a Unix socket.
const REDIS_SOCKET: [&str; 4] = ["db", "user", "pass", "protocol"];
/// Parameters of Postgres, as its client library reads them; it logs the value of any other. `options[<name>]` is one, too.
const POSTGRES: [&str; 19] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "options[name]",
];

/// The parameters that a URL of this scheme may have.
fn known(scheme: &str) -> &'static [&'static str] {
    match scheme {
        _ if SOCKETS.contains(&scheme) => &REDIS_SOCKET,
        _ if scheme.starts_with("redis") => &REDIS,
        _ => &POSTGRES,
    }
}

fn is_known(scheme: &str, name: &str) -> bool {
    let known = known(scheme);
    let is_option = known.contains(&"options") && name.starts_with("options[") && name.ends_with(']');
    known.contains(&name) || is_option
}

/// The names of the parameters.
fn parameters(query: &str) -> impl Iterator<Item = &str> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').map_or(part, |(name, _)| name))
}

impl SecretUrl {
    /// Checks the scheme, that a host follows, and that every parameter is known. The error never repeats the URL, not even the
    /// name of a parameter: it may be a part of the password.
    ///
    /// # Errors
    /// Names the setting, and the schemes or parameters that are allowed.
    pub fn parse(setting: &str, url: &str, schemes: &[&str]) -> Result<Self, ConfigError> {
        let wanted = || {
            let forms: Vec<String> = schemes.iter().map(|s| format!("{s}://…")).collect();
            forms.join(" or ")
        };
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(ConfigError::new(setting, format!("is not a URL of the form {}", wanted())));
        };
        if !schemes.contains(&scheme) {
            return Err(ConfigError::new(setting, format!("scheme {scheme:?} is not {}", wanted())));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if SOCKETS.contains(&scheme) {
            let path = rest.split(['?', '#']).next().unwrap_or_default();
            if !path.starts_with('/') || path.len() == 1 {
                return Err(ConfigError::new(setting, format!("names no socket, as {scheme}:///path would")));
            }
            let query = rest[path.len()..].trim_start_matches('?');
            if query.contains('#') || !parameters(query).all(|name| is_known(scheme, name)) {
                let known = known(scheme).join(", ");
                return Err(ConfigError::new(
                    setting,
                    format!(
                        "has a parameter that is not known, or a password with & or # in it: there they have to be \
                         percent-encoded: %26, %23; known parameters: {known}"
                    ),
                ));
            }
            return Ok(Self(url.to_owned()));
        }
        // A raw /, ? or # in a password ends the authority: what follows would be path and parameters, and what is before it
        // would count as host and be shown.
        let tail = &rest[authority.len()..];
        let (tail, fragment) = tail.split_once('#').unwrap_or((tail, ""));
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        // A password that ends the authority leaves an @ behind it: `u:a@b?user=c@host` is a user `u` at `host` with the password
        // `a@b?user=c`, and would be read as a user `c@host` at `b`. Only where no host comes first is there no such password.
        let is_misread = path.contains('@')
            || (query.contains('@') && !authority.is_empty())
            // That of Redis, which has an error of its own.
            || !(fragment.is_empty() || (scheme == "rediss" && fragment == "insecure"));
        if is_misread || !parameters(query).all(|name| is_known(scheme, name)) {
            return Err(ConfigError::new(
                setting,
                format!(
                    "has a parameter that is not known, or a password with /, ? or # in it: there they have to be \
                     percent-encoded: %2F, %3F, %23, and an @ in a password or a parameter as %40; known parameters: {}",
                    known(scheme).join(", ")
                ),
            ));
        }
        if authority.rsplit('@').next().unwrap_or_default().is_empty() && !rest.contains("host=") {
            return Err(ConfigError::new(setting, "names no host"));
        }
        Ok(Self(url.to_owned()))
    }

    /// The whole URL, password included, for the client library only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is a percent-encoded character in its password: somebody may have meant the % itself.
    #[must_use]
    pub fn has_escape_in_password(&self) -> bool {
        let credentials = self.0.rsplit_once('@').map_or("", |(credentials, _)| credentials);
        let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
        let bytes = credentials.as_bytes();
        (0..bytes.len()).any(|at| bytes[at] == b'%' && hex(bytes.get(at + 1)) && hex(bytes.get(at + 2)))
    }

    /// The URL without user, password and query.
    #[must_use]
    pub fn shown(&self) -> String {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        // A password may hold an unescaped @: the host follows the last one.
        let host = if SOCKETS.contains(&scheme) {
            rest
        } else {
            rest.rsplit_once('@').map_or(rest, |(_, host)| host)
        };
        format!("{scheme}://{host}")
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_never_shows() {
        let url =
            SecretUrl::parse("X", "postgres://u:s3cr@t@db:5432/t?password=s3cr", &["postgres"]).unwrap();
        assert_eq!(url.shown(), "postgres://db:5432/t");
        assert!(!format!("{url:?}").contains("s3cr"));
        assert!(url.expose().contains("s3cr"));
    }

    #[test]
    fn a_cluster_shows_its_hosts() {
        let url =
            SecretUrl::parse("X", "redis-cluster://u:s3cr@t@a:1,b:2,[::1]:3", &["redis-cluster"]).unwrap();
        assert_eq!(url.shown(), "redis-cluster://a:1,b:2,[::1]:3");
    }

    #[test]
    fn a_password_that_ends_the_host_is_refused_and_not_shown() {
        for bad in [
            "postgres://tide:1234#x@db/t",
            "postgres://tide:12?34@db/t",
            "postgres://tide:1?2#3@db:5/t",
            "postgres://tide:12/34@db:5/t",
            "postgres://tide:12/3?4@db:5/t",
            "postgres://tide:/12@db/t",
            "postgres://tide:1234?x=secret@db/t",
            "postgres://tide:12#a=b@h",
            "postgres://tide:12/3?x=4@h",
            "postgres://tide:12?user=34@db/t",
            "postgres://tide:12@34?x=secret@db/t",
            "postgres://db/t?x=12",
            "redis://tide:12?b=c@h",
            "redis://tide:12@34?b=c@h",
            // Parts of a password that look like parameters, and like what follows a host.
            "postgres://tide:12@34?user=secret@db/t",
            "postgres://tide:12@34/x?sslmode=secret@db/t",
            "postgres://tide:12@secret:5/x?application_name=1@2@db/t",
            "postgres://tide:12@34?options[x]=secret@db",
            "postgres://tide@db/t?password=secret#12",
            "postgres://tide:12@db/t?application_name=a@b",
            "redis://tide:12@34?protocol=secret@h",
            "redis://tide:12@34#secret",
            "rediss://tide:12@34#secret@h",
        ] {
            let text =
                SecretUrl::parse("URL", bad, &["postgres", "redis", "rediss"]).unwrap_err().to_string();
            assert!(text.contains("percent-encoded"), "{text}");
            assert!(!["12", "tide", "secret"].iter().any(|part| text.contains(part)), "{text}");
        }
        let query = "postgres://u:p@w@db/t?application_name=a%40b";
        assert_eq!(
            SecretUrl::parse("DATABASE_URL", query, &["postgres"]).unwrap().shown(),
            "postgres://db/t"
        );
        assert!(
            SecretUrl::parse("REDIS_URL", "rediss://h:1#insecure", &["rediss"]).is_ok(),
            "refused by the cache"
        );
        let socket = "postgres:///t?host=/run&user=a@b";
        assert!(SecretUrl::parse("DATABASE_URL", socket, &["postgres"]).is_ok());
        let options = "postgres://u:p@db/t?sslmode=require&options[search_path]=tide&options=-c%20a=b";
        assert!(SecretUrl::parse("DATABASE_URL", options, &["postgres"]).is_ok());
        assert!(SecretUrl::parse("REDIS_URL", "unix:///r.sock?user=u&pass=p@s&db=1", &["unix"]).is_ok());
        for bad in
            ["unix:///r.sock?pass=12&secret", "unix:///r.sock?pass=12#secret", "unix:///r.sock?pass=12&a=b"]
        {
            let text = SecretUrl::parse("URL", bad, &["unix"]).unwrap_err().to_string();
            assert!(text.contains("%26") && !text.contains("12&") && !text.contains("secret"), "{text}");
        }
        assert!(SecretUrl::parse("REDIS_URL", "redis://h:1/2?protocol=3", &["redis"]).is_ok());
    }

    #[test]
    fn the_error_names_setting_and_schemes() {
        for bad in ["localhost", "http://x", "redis://", "redis-cluster://a:1"] {
            let text = SecretUrl::parse("REDIS_URL", bad, &["redis"]).unwrap_err().to_string();
            assert!(text.starts_with("REDIS_URL: "), "{text}");
        }
    }
}
