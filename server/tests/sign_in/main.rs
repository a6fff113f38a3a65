//! Signing in, and what an attacker may try instead: over real servers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod audit;
mod bodies;
mod ends;
mod forms;
mod guesses;
mod origins;
mod outages;
mod people;
mod ports;
mod proxies;
mod secrets;
mod sessions;
mod shell;
#[path = "../support/mod.rs"]
mod support;
