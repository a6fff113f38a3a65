//! How a page gets its data: server functions, under the server and in the browser alike.

mod cache_admin;
mod call;
mod codec;
mod error;
mod fetch;
mod kept;
mod paths;
mod reads;
mod session;
mod watch;

pub use cache_admin::{
    ClearCache, UndoClear, cache_entry, cache_stats, clear_cache, preview_clear, undo_clear,
};
pub use error::{ConsoleError, DataError};
pub use fetch::{FetchError, Fetched, fetch};
pub use kept::{Kept, keep, last, or_kept};
pub use paths::{ADMIN, CACHE_CONSOLE, local_path, sign_in_path, to_sign_in};
pub use reads::{backdrop, chart, coin, latest_prices, markets};
pub use session::{SignIn, SignOut, session, sign_in, sign_out};
pub use watch::{ToggleWatch, toggle_watch};
