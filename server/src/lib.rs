//! The server of Tidemark: JSON API, pages, importer.
//!
//! Every read goes through [`market`]: the cache, then Postgres, then, marked as such, the simulation.

pub mod accounts;
pub mod cli;
pub mod config;
pub mod console;
pub mod feed;
pub mod http;
pub mod import;
pub mod log_limit;
pub mod market;
pub mod metrics;
pub mod store;
