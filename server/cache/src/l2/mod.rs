//! The second tier: Redis, one node or a cluster.

mod address;
mod announced;
mod batch;
mod channel;
mod conn;
mod connect;
mod failover;
mod foreign;
mod health;
mod inbox;
mod info;
mod keeper;
mod lacks;
mod leases;
mod node;
mod ops;
mod probe;
mod publish;
mod reach;
mod refusals;
mod report;
mod router;
mod run;
mod skew;
pub(crate) mod slots;
mod state;
mod subscription;
#[cfg(test)]
mod tests;
mod topology;
mod trouble;
mod url;
mod verdict;
mod watchdog;

pub(crate) use announced::AddressMap;
pub(crate) use conn::Conn;
pub use failover::Failover;
pub(crate) use inbox::Event;
pub(crate) use leases::{Bar, Leased, Leases};
pub(crate) use ops::{Fetched, Ops, Written};
pub use report::{NodeHealth, NodeReport, NodeRole};
pub(crate) use router::{Access, Router};
pub use state::{Affected, L2Error, L2State, NodeState};
pub use trouble::Trouble;
pub(crate) use url::{ClientCertificate, Redis};
