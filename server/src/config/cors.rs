//! `TIDEMARK_CORS_ORIGINS`: which other sites' scripts may read the API.

use std::str::FromStr;

use super::{ConfigError, variable};

/// Name of the setting.
pub const CORS_ORIGINS: &str = "TIDEMARK_CORS_ORIGINS";
/// Most origins.
const MOST: usize = 64;

/// Sites whose scripts may read the public API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CorsOrigins {
    /// None: no header says otherwise.
    #[default]
    None,
    /// All.
    Any,
    /// These, such as `https://example.org`.
    List(Vec<String>),
}

impl CorsOrigins {
    /// The setting: `*`, or origins between commas.
    ///
    /// # Errors
    /// Names the first entry that is no origin.
    pub fn from_env() -> Result<Self, ConfigError> {
        let Some(text) = variable(CORS_ORIGINS)? else { return Ok(Self::None) };
        text.parse().map_err(|reason: String| ConfigError::new(CORS_ORIGINS, reason))
    }
}

/// Whether a browser would send this as its `Origin`: scheme and host in lower case, perhaps a port, nothing after it.
fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
    !host.is_empty() && host.len() <= 255 && host.bytes().all(allowed)
}

impl FromStr for CorsOrigins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries: Vec<&str> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
        if entries == ["*"] {
            return Ok(Self::Any);
        }
        if let Some(bad) = entries.iter().find(|entry| !is_origin(entry)) {
            let shown: String = bad.chars().take(60).collect();
            return Err(format!("{shown:?} is no origin such as https://example.org; `*` stands alone"));
        }
        if entries.len() > MOST {
            return Err(format!("{} origins; {MOST} are allowed", entries.len()));
        }
        Ok(if entries.is_empty() {
            Self::None
        } else {
            Self::List(entries.into_iter().map(str::to_owned).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        assert_eq!("*".parse(), Ok(CorsOrigins::Any));
        let two = ["https://a.example", "http://localhost:8080"];
        assert_eq!(two.join(" , ").parse(), Ok(CorsOrigins::List(two.map(str::to_owned).to_vec())));
        assert_eq!(",".parse(), Ok(CorsOrigins::None));
        for bad in [
            "a.example",
            "https://a.example/",
            "https://A.example",
            "*,https://a.example",
            "https://",
            "null",
        ] {
            assert!(bad.parse::<CorsOrigins>().is_err(), "{bad}");
        }
    }
}
