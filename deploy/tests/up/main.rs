//! `up`, `status`, `logs`, `down` and their kin as an operator runs them, with real Redis and Postgres. The server is a
//! stand-in: this test's own binary, which answers every request with 200.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod admin;
mod background;
mod bad_starts;
mod cache;
mod checkout;
mod cluster;
mod crash;
mod disk;
mod foreground;
mod orphans;
mod places;
mod releases;
mod reset;
mod supervisor;
mod troubles;
mod usage;
mod warm_up;
