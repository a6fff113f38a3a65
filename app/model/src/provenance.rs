//! Where an answer comes from.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// Which layer answered, fastest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Tier {
    /// The memory of the server.
    L1,
    /// Redis.
    L2,
    /// Postgres.
    Database,
    /// Nothing stored: the prices are made up.
    Simulated,
}

impl Tier {
    /// The text of the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::Database => "database",
            Self::Simulated => "simulated",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who made the numbers: `recorded`, `replay`, `simulated`, `binance`, or the name that an import gave.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Source(Cow<'static, str>);

impl Source {
    /// Prices imported from files.
    pub const RECORDED: Self = Self(Cow::Borrowed("recorded"));
    /// Recorded prices played again as if they came in now.
    pub const REPLAY: Self = Self(Cow::Borrowed("replay"));
    /// Prices made up by Tidemark.
    pub const SIMULATED: Self = Self(Cow::Borrowed("simulated"));

    /// A source by name.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// The text of the API.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an answer comes from; part of every answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Provenance {
    /// The layer that answered.
    pub tier: Tier,
    /// Who made the numbers.
    pub source: Source,
    /// Milliseconds since the value was read from where it is kept.
    pub age_ms: u64,
    /// Whether the value is past its soft life, or could not be refreshed.
    pub stale: bool,
    /// Whether the numbers are made up.
    pub simulated: bool,
    /// Why it is stale or simulated, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
