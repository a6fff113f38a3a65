//! The cluster and its nodes as tables.

use local_servers::{ClusterAdmin, NodeInfo, Role, SLOTS};

use crate::{cluster::Cluster, parts::NODES, problem::Result, say};

/// The cluster's state, and each node's load.
///
/// # Errors
/// When no node answers.
pub fn info(cluster: &Cluster) -> Result<u8> {
    let admin = cluster.admin();
    let nodes = admin.nodes()?;
    let owned: usize = nodes.iter().map(NodeInfo::slot_count).sum();
    let masters = nodes.iter().filter(|it| !it.slots.is_empty()).count();
    let told: Vec<Option<Told>> = (0..usize::from(NODES)).map(|index| Told::ask(&admin, index)).collect();
    let well = told.iter().flatten().filter(|it| it.cluster("cluster_state") == "ok").count();
    let epoch =
        told.iter().flatten().filter_map(|it| it.cluster("cluster_current_epoch").parse::<u64>().ok()).max();
    say::line(&format!("url      {}", cluster.url()));
    say::line(&format!("state    ok in the eyes of {well} of {NODES} nodes"));
    say::line(&format!("slots    {owned} of {SLOTS} owned, by {masters} masters"));
    say::line(&format!("epoch    {}", epoch.unwrap_or(0)));
    say::line("");
    let mut rows = vec![
        ["node", "port", "version", "role", "state", "keys", "memory", "clients", "ops/s", "offset"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (index, told) in told.iter().enumerate() {
        let mut row = vec![(index + 1).to_string(), admin.port(index).to_string()];
        match told {
            None => row.push("does not answer".to_owned()),
            Some(it) => row.extend([
                it.info("redis_version"),
                if it.info("role") == "master" { "master".to_owned() } else { "replica".to_owned() },
                it.cluster("cluster_state"),
                it.keys.clone(),
                it.info("used_memory_human"),
                it.info("connected_clients"),
                it.info("instantaneous_ops_per_sec"),
                it.info("master_repl_offset"),
            ]),
        }
        rows.push(row);
    }
    print(&rows);
    Ok(0)
}

/// What a node tells of itself.
struct Told {
    info: String,
    cluster: String,
    keys: String,
}

impl Told {
    fn ask(admin: &ClusterAdmin, index: usize) -> Option<Self> {
        let ask = |command: &[&str]| admin.command(index, command).ok().map(|it| it.to_string());
        Some(Self { info: ask(&["INFO"])?, cluster: ask(&["CLUSTER", "INFO"])?, keys: ask(&["DBSIZE"])? })
    }

    fn info(&self, name: &str) -> String {
        field(&self.info, name)
    }

    fn cluster(&self, name: &str) -> String {
        field(&self.cluster, name)
    }
}

/// A field of `name:value` lines; `?` without it.
fn field(text: &str, name: &str) -> String {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.map_or("?", str::trim).to_owned()
}

/// Each node's role, slots and identity.
///
/// # Errors
/// When no node answers.
pub fn nodes(cluster: &Cluster) -> Result<u8> {
    let admin = cluster.admin();
    let nodes = admin.nodes()?;
    let mut rows =
        vec![["node", "port", "role", "of", "state", "slots", "ranges", "id"].map(str::to_owned).to_vec()];
    for node in &nodes {
        let master = nodes.iter().find(|it| Some(&it.id) == node.master.as_ref());
        let ranges: Vec<String> =
            node.slots.iter().map(|range| format!("{}-{}", range.start(), range.end())).collect();
        let state = match (admin.command(node.index, &["PING"]), node.failed) {
            (Ok(_), false) => "answers",
            (Ok(_), true) => "answers, but counts as failed",
            (Err(_), false) => "does not answer",
            (Err(_), true) => "failed",
        };
        rows.push(vec![
            number(node),
            node.port.to_string(),
            if node.role == Role::Master { "master".to_owned() } else { "replica".to_owned() },
            master.map(number).unwrap_or_default(),
            state.to_owned(),
            if node.slots.is_empty() { String::new() } else { node.slot_count().to_string() },
            ranges.join(" "),
            node.id.clone(),
        ]);
    }
    print(&rows);
    Ok(0)
}

fn number(node: &NodeInfo) -> String {
    if node.index < usize::from(NODES) { (node.index + 1).to_string() } else { "?".to_owned() }
}

/// Prints rows with their columns aligned.
fn print(rows: &[Vec<String>]) {
    for line in aligned(rows) {
        say::line(&line);
    }
}

fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    // A short row's last cell is a remark, which may reach over the columns that it lacks.
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| row.len() == columns).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["node", "port", "x"], vec!["1", "7001", "yes"], vec!["2", "does not answer"]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(aligned(&rows), ["node  port  x", "1     7001  yes", "2     does not answer"]);
    }

    #[test]
    fn fields_are_found_whole() {
        let text = "role:master\r\nrole_x:y\r\nkeys:3\r\n";
        assert_eq!(
            (field(text, "role"), field(text, "keys"), field(text, "key")),
            ("master".into(), "3".into(), "?".into())
        );
    }
}
