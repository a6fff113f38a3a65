//! `cargo deploy status`: which parts run, and how they are.

use local_servers::{NodeInfo, Role};
use serde_json::json;

use crate::{
    cli::StatusArgs,
    cluster::Cluster,
    health,
    layout::Layout,
    parts::{NODES, Part},
    probe,
    problem::Result,
    say,
    state::State,
};

/// Exit code when a part does not run or is not well, as of `systemctl status`.
const NOT_UP: u8 = 3;

/// Tells it.
///
/// # Errors
/// When the state cannot be read.
pub fn run(layout: &Layout, args: &StatusArgs) -> Result<u8> {
    let state = State::load(layout)?;
    let mut all_well = true;
    let mut list = Vec::new();
    let roles = state.cluster.as_ref().map(roles).unwrap_or_default();
    for part in state.parts() {
        let running = state.running(part).filter(|it| it.process().is_some());
        let health = running.map(|_| part.health(&state));
        let well = matches!(health, Some(Ok(_)));
        all_well &= well;
        let words = match &health {
            Some(Ok(words) | Err(words)) => words.as_str(),
            None => "stopped",
        };
        let port = state.port(part);
        let role = match part {
            Part::Node(index) => roles.get(usize::from(index)),
            _ => None,
        };
        let uptime = running.map(crate::running::Running::uptime);
        if args.json {
            list.push(json!({
                "part": part.name(), "running": running.is_some(), "well": well, "health": words,
                "pid": running.map(|it| it.pid), "port": port, "uptime_s": uptime.map(|it| it.as_secs()),
                "role": role,
            }));
            continue;
        }
        let facts = match (running, uptime) {
            (Some(it), Some(uptime)) => format!(
                "running  process {}, port {}, up {}, {words}{}",
                it.pid,
                port.map_or_else(|| "?".to_owned(), |port| port.to_string()),
                say::short(uptime),
                role.map(|it| format!(", {it}")).unwrap_or_default()
            ),
            _ => words.to_owned(),
        };
        say::line(&format!("{} {:<9} {facts}", say::mark(well), part.name()));
    }
    let prices = state.process(Part::Server).and(state.addr).map(probe::reachable).and_then(health::prices);
    if args.json {
        let told = json!({
            "up": all_well, "parts": list, "cluster": state.cluster.is_some(), "prices": prices,
        });
        say::line(&told.to_string());
        return Ok(if all_well { 0 } else { NOT_UP });
    }
    if let Some(prices) = prices {
        say::line(&format!("prices: {}", prices.words()));
    }
    if state.cluster.is_some() {
        say::note("six nodes on one host survive the death of processes, not of the host");
    }
    Ok(if all_well { 0 } else { NOT_UP })
}

/// What each node does, by index, in the eyes of the furthest ahead; nothing when none answers.
fn roles(cluster: &Cluster) -> Vec<String> {
    let nodes = cluster.admin().nodes().unwrap_or_default();
    let role = |node: &NodeInfo| match node.role {
        Role::Master => format!("master of {} slots", node.slot_count()),
        Role::Replica => {
            let master = nodes.iter().find(|it| Some(&it.id) == node.master.as_ref());
            format!("replica of {}", master.map_or("?".to_owned(), |it| format!("redis-{}", it.index + 1)))
        }
    };
    (0..usize::from(NODES))
        .map(|index| nodes.iter().find(|it| it.index == index).map_or_else(|| "no member".to_owned(), role))
        .collect()
}
