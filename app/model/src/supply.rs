//! How many coins there are.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Symbol, UnixMs};

/// Coins of a symbol in circulation on a day. It is not measured by Tidemark: it comes from a table with dates, and a
/// page that multiplies with it says of which day it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supply {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Start of the day that it is of, UTC, Unix ms.
    pub as_of: UnixMs,
    /// Coins in circulation.
    pub circulating: Decimal,
    /// Who says so.
    pub source: String,
    /// The same in Chinese, where the table has it.
    #[serde(default)]
    pub source_zh_cn: Option<String>,
}
