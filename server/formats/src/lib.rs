//! Candle files: four layouts as CSV and JSON, plain, gzip or ZIP, read line by line and written.
//!
//! [`CandleReader`] finds out what a file is and gives its candles and rejected lines, in bounded memory however long the
//! file is. [`CandleWriter`] writes the same layouts. Nothing here knows a database, a clock or a runtime; reading blocks.

mod archive;
mod coins;
mod columns;
mod error;
mod format;
mod heading;
mod input;
mod json;
mod kind;
mod length;
mod lines;
mod name;
mod number;
mod pair;
mod reader;
mod record;
mod rollup;
mod seen;
mod summary;
mod time;
mod write;

pub use columns::{ColumnNames, VolumeColumn};
pub use error::FileError;
pub use format::Format;
pub use heading::{Given, Heading};
pub use input::{Input, Packing, Progress};
pub use length::BarLength;
pub use pair::{DOLLARS, parse_symbol};
pub use reader::{CandleReader, FileCandle, Reject, Row};
pub use summary::Summary;
pub use time::{date_text, parse_time};
pub use write::CandleWriter;
