//! `TIDEMARK_RATE_LIMIT`: how many calls one client may make.

use std::{num::NonZeroU32, str::FromStr, time::Duration};

use super::{ConfigError, variable};

/// Name of the setting.
pub const RATE_LIMIT: &str = "TIDEMARK_RATE_LIMIT";
/// What may be written.
const FORMS: &str = "off, or N/s or N/m, with a burst N/s:B; N and B from 1 to 1000000";
/// Largest number of calls.
const MOST: u32 = 1_000_000;

/// So many calls in so long, and how many of them at once. Each is from 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls in one `window`.
    pub calls: NonZeroU32,
    /// One second or one minute.
    pub window: Duration,
    /// Calls at once of a client that made none for a while.
    pub burst: NonZeroU32,
}

/// What the setting says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// Nobody is limited.
    Off,
    /// Callers are limited; those on this machine as well only if it was asked for by name.
    On {
        /// How often.
        rate: Rate,
        /// Whether callers on a loopback address are limited too.
        loopback: bool,
    },
}

impl RateLimit {
    /// The setting; without it 50 calls a second, 200 at once, of callers that are not on this machine.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn from_env() -> Result<Self, ConfigError> {
        let Some(text) = variable(RATE_LIMIT)? else { return Ok(Self::default()) };
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        let rate = text.parse().map_err(|()| {
            let shown: String = text.chars().take(40).collect();
            ConfigError::new(RATE_LIMIT, format!("{shown:?} is not {FORMS}"))
        })?;
        Ok(Self::On { rate, loopback: true })
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        const CALLS: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);
        const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(199);
        Self::On {
            rate: Rate { calls: CALLS, window: Duration::from_secs(1), burst: BURST },
            loopback: false,
        }
    }
}

impl FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |text: &str| {
            let number: NonZeroU32 = text.trim().parse().map_err(|_| ())?;
            if number.get() > MOST { Err(()) } else { Ok(number) }
        };
        let (rate, burst) = match text.split_once(':') {
            Some((rate, burst)) => (rate, Some(number(burst)?)),
            None => (text, None),
        };
        let (calls, unit) = rate.split_once('/').ok_or(())?;
        let calls = number(calls)?;
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            _ => return Err(()),
        };
        Ok(Self { calls, window: Duration::from_secs(seconds), burst: burst.unwrap_or(calls) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_anything_else_is_refused() {
        let read = |text: &str| {
            text.parse::<Rate>().map(|rate| (rate.calls.get(), rate.window.as_secs(), rate.burst.get()))
        };
        assert_eq!(read("50/s"), Ok((50, 1, 50)));
        assert_eq!(read("50/s:200"), Ok((50, 1, 200)));
        assert_eq!(read(" 600 / m : 5 "), Ok((600, 60, 5)));
        for bad in ["", "50", "0/s", "50/h", "50/s:0", "50/s:", "1000001/s", "-1/s", "on"] {
            assert_eq!(read(bad), Err(()), "{bad}");
        }
    }
}
