//! `TIDEMARK_FORWARDED_HEADER`: which header of a trusted proxy counts.

use std::str::FromStr;

use super::{ConfigError, parsed};

/// Name of the setting.
pub const FORWARDED_HEADER: &str = "TIDEMARK_FORWARDED_HEADER";

/// Which header of a trusted proxy says who the client is, by which host and whether by TLS.
///
/// A proxy writes one and passes the other on as the client sent it. Where the proxy writes the one that does not count, clients
/// choose their addresses; only who set the proxy up knows which one that is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For` where it is there, otherwise `Forwarded`; host and scheme of either.
    #[default]
    Auto,
    /// `Forwarded` (RFC 7239) alone.
    Forwarded,
    /// `X-Forwarded-For`, `X-Forwarded-Host` and `X-Forwarded-Proto` alone.
    XForwardedFor,
}

impl ForwardedHeader {
    /// The setting; without it [`ForwardedHeader::Auto`].
    ///
    /// # Errors
    /// It is none of the three.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(parsed(FORWARDED_HEADER, "auto, forwarded or x-forwarded-for")?.unwrap_or_default())
    }

    /// Whether `Forwarded` counts.
    #[must_use]
    pub const fn reads_forwarded(self) -> bool {
        matches!(self, Self::Auto | Self::Forwarded)
    }

    /// Whether `X-Forwarded-For` and its relatives count.
    #[must_use]
    pub const fn reads_x_forwarded(self) -> bool {
        matches!(self, Self::Auto | Self::XForwardedFor)
    }
}

impl FromStr for ForwardedHeader {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "forwarded" => Ok(Self::Forwarded),
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            _ => Err(()),
        }
    }
}
