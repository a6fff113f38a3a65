//! The second tier: Redis, one node or a cluster.

mod address;
mod batch;
mod conn;
mod failover;
mod keeper;
mod leases;
mod node;
mod ops;
mod router;
mod run;
mod slots;
mod state;
mod topology;
mod url;
mod verdict;
mod watchdog;

pub(crate) use conn::Conn;
pub use failover::Failover;
pub(crate) use leases::{Bar, Leased, Leases};
pub(crate) use ops::{Fetched, Ops, Written};
pub(crate) use router::{Access, Router};
pub(crate) use slots::slot_of;
pub use state::{L2Error, L2State, NodeState};
pub(crate) use url::Redis;
