//! The second tier: Redis.

mod link;
mod ops;
mod state;

pub(crate) use link::{Link, Redis};
pub(crate) use ops::{Fetched, Ops, Written};
pub use state::{L2Error, L2State};
