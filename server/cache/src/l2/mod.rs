//! The second tier: Redis, one node or a cluster.

mod address;
mod batch;
mod conn;
mod connect;
mod failover;
mod health;
mod inbox;
mod info;
mod keeper;
mod leases;
mod node;
mod ops;
mod publish;
mod reach;
mod report;
mod router;
mod run;
pub(crate) mod slots;
mod state;
mod subscription;
#[cfg(test)]
mod tests;
mod topology;
mod url;
mod verdict;
mod watchdog;

pub(crate) use conn::Conn;
pub use failover::Failover;
pub(crate) use inbox::Event;
pub(crate) use leases::{Bar, Leased, Leases};
pub(crate) use ops::{Fetched, Ops, Written};
pub use report::{NodeHealth, NodeReport, NodeRole};
pub(crate) use router::{Access, Router};
pub use state::{L2Error, L2State, NodeState};
pub(crate) use url::Redis;
