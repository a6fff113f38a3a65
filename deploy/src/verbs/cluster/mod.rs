//! `cargo deploy cluster`: the local Redis Cluster, looked at and steered.

mod care;
mod drill;
mod tables;

use crate::{
    cli::ClusterVerb,
    cluster::Cluster,
    layout::Layout,
    parts::NODES,
    problem::{Problem, Result},
    state::State,
};

/// Does one of its verbs.
///
/// # Errors
/// When there is no cluster in this checkout, no such node, or a node does not do as told.
pub fn run(layout: &Layout, verb: &ClusterVerb) -> Result<u8> {
    let state = State::load(layout)?;
    let cluster = state.cluster()?;
    match verb {
        ClusterVerb::Info => tables::info(cluster),
        ClusterVerb::Nodes => tables::nodes(cluster),
        ClusterVerb::Check => Ok(care::check(cluster)),
        ClusterVerb::Fix => care::fix(cluster),
        ClusterVerb::Failover { node } => {
            let node = node.as_deref().map(|word| index_of(word, cluster)).transpose()?;
            drill::failover(cluster, node)
        }
        ClusterVerb::Kill { node } => drill::kill(layout, index_of(node, cluster)?),
        ClusterVerb::Start { node } => drill::start(layout, index_of(node, cluster)?),
    }
}

/// The index of a node that the operator names by its number, from 1, or its port.
fn index_of(word: &str, cluster: &Cluster) -> Result<u8> {
    let number = word.parse::<u16>().ok();
    (0..NODES)
        .find(|index| number.is_some_and(|it| it == u16::from(*index) + 1 || it == cluster.port(*index)))
        .ok_or_else(|| {
            let last = cluster.port(NODES - 1);
            Problem::Usage(format!(
                "no node {word}: there are 1 to {NODES}, or {} to {last}",
                cluster.base_port
            ))
        })
}

/// A node as it is called in messages.
fn named(cluster: &Cluster, index: usize) -> String {
    format!("node {} (port {})", index + 1, cluster.admin().port(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_by_number_or_port() {
        let cluster = Cluster::at(7001);
        assert_eq!(index_of("1", &cluster).unwrap(), 0);
        assert_eq!(index_of("7006", &cluster).unwrap(), 5);
        for word in ["0", "7", "7000", "7007", "x", "-1", ""] {
            let error = index_of(word, &cluster).unwrap_err().to_string();
            assert!(error.contains("7001 to 7006"), "{error}");
        }
    }
}
