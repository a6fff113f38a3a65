//! The promises on a cluster of three masters with a replica each.

mod away;
mod batches;
mod clears;
mod faults;
mod minority;
mod moving;
mod replicas;
