//! URLs that may hold a password.

use std::fmt;

use super::ConfigError;

/// A URL whose password never shows: neither `Debug` nor [`SecretUrl::shown`] has it.
#[derive(Clone)]
pub struct SecretUrl(String);

/// Schemes of a Unix socket: they name a path and no host.
const SOCKETS: [&str; 2] = ["unix", "redis+unix"];

impl SecretUrl {
    /// Checks the scheme and that a host follows. The error never repeats the URL.
    ///
    /// # Errors
    /// Names the setting, and the schemes that are allowed.
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
            return Ok(Self(url.to_owned()));
        }
        // An @ behind the authority: the password ended it, and all before would count as host and be shown.
        let tail = &rest[authority.len()..];
        let path = tail.split(['?', '#']).next().unwrap_or_default();
        // Behind the = of a parameter an @ may stand for itself.
        let before_values = tail.split('=').next().unwrap_or_default();
        if path.contains('@') || before_values.contains('@') {
            return Err(ConfigError::new(
                setting,
                "a password with /, ? or # in it has to be percent-encoded: %2F, %3F, %23",
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
        ] {
            let text = SecretUrl::parse("DATABASE_URL", bad, &["postgres"]).unwrap_err().to_string();
            assert!(text.contains("percent-encoded"), "{text}");
            assert!(!text.contains("12") && !text.contains("tide"), "{text}");
        }
        let query = "postgres://u:p@db/t?application_name=a@b";
        assert!(SecretUrl::parse("DATABASE_URL", query, &["postgres"]).is_ok());
        let socket = "postgres:///t?host=/run&user=a@b";
        assert!(SecretUrl::parse("DATABASE_URL", socket, &["postgres"]).is_ok());
    }

    #[test]
    fn the_error_names_setting_and_schemes() {
        for bad in ["localhost", "http://x", "redis://", "redis-cluster://a:1"] {
            let text = SecretUrl::parse("REDIS_URL", bad, &["redis"]).unwrap_err().to_string();
            assert!(text.starts_with("REDIS_URL: "), "{text}");
        }
    }
}
