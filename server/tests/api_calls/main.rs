//! The calls beyond single reads, and what holds for every call.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod batch;
mod changes;
mod export;
mod methods;
mod openapi;
mod overload;
mod rate;
mod refusals;
mod refused_pages;
mod slow_readers;
#[path = "../support/mod.rs"]
mod support;
mod wire;
