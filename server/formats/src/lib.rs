//! Candle files: three layouts, plain, gzip or ZIP, read line by line and written.
//!
//! [`CandleReader`] finds out what a file is and gives its candles and rejected lines, in bounded memory however long the
//! file is. [`CandleWriter`] writes the same layouts. Nothing here knows a database or a runtime; reading blocks.

mod archive;
mod binance;
mod cryptodatadownload;
mod error;
mod format;
mod heading;
mod input;
mod length;
mod lines;
mod name;
mod number;
mod pair;
mod reader;
mod rollup;
mod seen;
mod tidemark;
mod time;
mod write;

pub use error::FileError;
pub use format::Format;
pub use heading::{Given, Heading};
pub use input::{Input, Packing, Progress};
pub use length::BarLength;
pub use pair::DOLLARS;
pub use reader::{CandleReader, Reject, Row};
pub use time::{date_text, parse_time};
pub use write::CandleWriter;
