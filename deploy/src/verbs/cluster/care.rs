//! Whether the cluster is sound, and closing what was left open.

use std::time::Duration;

use crate::{cluster::Cluster, problem::Result, say};

/// Exit code when something is wrong.
const UNSOUND: u8 = 1;

/// Longest wait for the news to reach all nodes.
const NEWS: Duration = Duration::from_secs(10);

/// Says what is wrong, a line each.
pub fn check(cluster: &Cluster) -> u8 {
    let problems = cluster.admin().check();
    for problem in &problems {
        say::line(&format!("{} {problem}", say::mark(false)));
    }
    if problems.is_empty() {
        say::done("all slots are served, none is open, all nodes agree, all replicas are linked");
        return 0;
    }
    UNSOUND
}

/// Closes open slots, and checks.
///
/// # Errors
/// When a node breaks off in the middle.
pub fn fix(cluster: &Cluster) -> Result<u8> {
    let admin = cluster.admin();
    let told = admin.fix()?;
    if told.is_empty() {
        say::done("no slot is open");
    }
    for line in &told {
        say::note(line);
    }
    if !told.is_empty() {
        // What is still wrong then, the check says.
        drop(admin.wait_until_healthy(NEWS));
    }
    Ok(check(cluster))
}
