//! The front end of Tidemark: rendered on the server, hydrated in the browser. Knows no Redis and no SQL.

// The types of nested views are deep.
#![recursion_limit = "256"]

pub mod chart;
pub mod components;
pub mod data;
pub mod format;
pub mod live;
pub mod order;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod ports;
pub mod prefs;
pub mod query;
#[cfg(feature = "ssr")]
pub mod refusal;
mod root;
#[cfg(feature = "ssr")]
mod shell;
pub mod watchlist;
pub mod when;
pub mod words;

pub use root::App;
#[cfg(feature = "ssr")]
pub use shell::shell;

/// Takes over the server's HTML in the browser.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_lazy(App);
}
