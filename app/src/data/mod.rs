//! How a page gets its data: server functions, under the server and in the browser alike.

mod error;
mod reads;

pub use error::DataError;
pub use reads::{backdrop, chart, coin, latest_prices};
