//! Private Redis and Postgres servers as child processes.
//!
//! One code path serves two users: `cargo deploy up`, which keeps its servers' data, and the integration tests of the
//! other crates, whose servers are *ephemeral*: on a free port, in a temporary folder, gone when the value is dropped
//! and also when the test process dies without dropping it.
//!
//! ```no_run
//! let redis = local_servers::RedisServer::ephemeral()?;
//! let postgres = local_servers::PostgresServer::ephemeral()?;
//! println!("{} {}", redis.url(), postgres.url());
//! redis.kill()?;
//! redis.start()?; // the same port again
//! # Ok::<(), local_servers::Error>(())
//! ```
//!
//! Everything is synchronous and every wait has a bound. From async code call it through `spawn_blocking`, or directly
//! where blocking the thread does no harm, as in a test's set-up.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod cluster;
mod descendants;
mod error;
mod fault_proxy;
mod guard;
mod output;
mod ports;
mod postgres;
mod private_dir;
mod process;
mod programs;
mod redis;
mod resp;
mod search;
mod secret;
mod wait;

pub use cluster::{
    ClusterAccess, ClusterAdmin, ClusterNode, ClusterOptions, ClusterProblem, ClusterTls, NodeInfo,
    RedisCluster, Role, SLOTS, SlotOwners, key_slot,
};
pub use error::{Error, Result};
pub use fault_proxy::{Fault, FaultProxy};
pub use output::output_within;
pub use ports::{BUS_OFFSET, free_base_port, free_port, port_is_free, wait_until};
pub use postgres::{
    FoundPostgres, PostgresOptions, PostgresServer, data_folder_is_reachable, data_folder_is_stopped_at,
    data_folder_owner, last_port_of, left_of_postgres, postgres_on, server_account,
};
pub use process::{Process, ProcessMark, Signal, mark_of, reap};
pub use programs::{POSTGRES_PROGRAMS, find_program, postgres_bin_dir};
pub use redis::{Durability, RedisOptions, RedisServer};
pub use resp::{Reply, RespClient};
pub use search::{age_of, environment_of, started_with, working_in};
pub use secret::{random_hex, random_secret};
pub use wait::Patience;
