//! One page a file.

mod admin;
mod coin;
mod lazy;
mod markets;
mod not_found;

pub use admin::{ConsoleRoute, SignInRoute};
pub use coin::CoinRoute;
pub use markets::MarketsPage;
pub use not_found::NotFoundPage;

use std::time::Duration;

/// How often figures are asked for again, until the price stream does it.
const REFRESH: Duration = Duration::from_secs(2);
