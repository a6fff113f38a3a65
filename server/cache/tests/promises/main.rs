//! The promises of the cache, each against real servers under injected faults. One binary, so that it links once.

#[path = "../common/mod.rs"]
mod common;

mod absences;
mod batches;
mod bus;
mod cluster;
mod counts;
mod faults;
mod leases;
mod model;
mod processes;
mod readers;
mod recovery;
mod single_flight;
mod sources;
mod tags;
mod versions;
