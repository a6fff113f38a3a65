//! Redis as a part: one server, or the nodes of a cluster.

use std::fs;

use local_servers::{
    BUS_OFFSET, ClusterAdmin, ClusterOptions, Durability, RedisOptions, RedisServer, port_is_free,
};

use super::{LogStart, NODES, PATIENCE, Part, choose_port, found, fresh_log};
use crate::{
    cluster::Cluster,
    explain,
    layout::Layout,
    port_holder,
    preflight::refused,
    probe,
    problem::{Problem, Result},
    recover::redis_data,
    running::Running,
    say,
    state::State,
};

/// Redis's port unless it is taken.
pub(super) const REDIS_PORT: u16 = 6390;
/// Redis's memory limit in bytes.
const REDIS_MEMORY: u64 = 512 << 20;
/// A node's memory limit in bytes: three masters and three copies share the machine.
const NODE_MEMORY: u64 = 256 << 20;

/// Starts Redis, unless it runs, and waits until it answers.
///
/// # Errors
/// When it does not start.
pub fn start_redis(layout: &Layout, state: &mut State) -> Result<()> {
    if found(Part::Redis, layout, state)? {
        return Ok(());
    }
    let port = choose_port(Part::Redis, state, REDIS_PORT)?;
    let log = fresh_log(Part::Redis, layout);
    let step = say::Step::begin(format!("Redis on 127.0.0.1:{port}"));
    let done = launch_redis(layout, state, port, &log).and_then(|server| {
        state.save(layout)?;
        let ready = server.wait_until_ready();
        ready.map_err(|error| explain::not_started(layout, Part::Redis, &redis_data(layout), log.end, &error))
    });
    step.end(done.is_ok());
    done
}

/// Starts its process and notes it in the state, without a wait.
///
/// # Errors
/// When that fails at once.
pub(super) fn launch_redis(
    layout: &Layout,
    state: &mut State,
    port: u16,
    log: &LogStart,
) -> Result<RedisServer> {
    let dir = redis_data(layout);
    let server = RedisServer::launch_with(RedisOptions {
        dir: dir.clone(),
        port,
        durability: Durability::SnapshotAndLog,
        max_memory: REDIS_MEMORY,
        log: Some(log.path.clone()),
        extra: Vec::new(),
        patience: PATIENCE,
    });
    let server = server.map_err(|error| explain::not_started(layout, Part::Redis, &dir, log.end, &error))?;
    state.redis_port = Some(port);
    state.redis = server.pid().and_then(Running::note);
    Ok(server)
}

/// How the cluster's nodes are run.
fn options(layout: &Layout, cluster: &Cluster) -> ClusterOptions {
    ClusterOptions {
        max_memory: NODE_MEMORY,
        logs: Some(layout.logs()),
        ..ClusterOptions::kept(layout.kept().join("cluster"), cluster.base_port)
    }
}

/// Starts the nodes that do not run, and joins them to a cluster, or what is missing of one.
///
/// # Errors
/// When a node does not start, or they do not come to a healthy cluster.
pub fn start_cluster(layout: &Layout, state: &mut State) -> Result<()> {
    require_cluster_ports(state)?;
    let admin = state.cluster()?.admin();
    let masters = options(layout, state.cluster()?).masters;
    let mut before = 0;
    for index in 0..NODES {
        if found(Part::Node(index), layout, state)? {
            before += 1;
        }
    }
    for index in 0..NODES {
        if state.process(Part::Node(index)).is_none() {
            start_node(layout, state, index)?;
        }
    }
    if before == usize::from(NODES) && admin.check().is_empty() {
        return Ok(());
    }
    say::step("join the nodes to a cluster", || admin.form(usize::from(masters)))?;
    Ok(())
}

/// Starts one node, which must not run; it rejoins its cluster by what it kept.
///
/// # Errors
/// When it does not start.
pub fn start_node(layout: &Layout, state: &mut State, index: u8) -> Result<()> {
    let part = Part::Node(index);
    let options = options(layout, state.cluster()?).node(u16::from(index));
    require_free_node(part, options.port)?;
    let LogStart { path, end } = fresh_log(part, layout);
    let dir = options.dir.clone();
    fs::create_dir_all(&dir).map_err(|error| refused(&dir, &error))?;
    let step = say::Step::begin(format!("{} on 127.0.0.1:{}", part.name(), options.port));
    let server = RedisServer::start_with(RedisOptions { log: Some(path), patience: PATIENCE, ..options });
    step.end(server.is_ok());
    let server = server.map_err(|error| explain::not_started(layout, part, &dir, end, &error))?;
    state.set(part, server.pid().and_then(Running::note));
    state.save(layout)
}

/// An error that names the first port of the cluster that somebody else has.
///
/// # Errors
/// When there is one.
pub fn require_cluster_ports(state: &State) -> Result<()> {
    let cluster = state.cluster()?;
    (0..NODES)
        .filter(|index| state.process(Part::Node(*index)).is_none())
        .try_for_each(|index| require_free_node(Part::Node(index), cluster.port(index)))
}

fn require_free_node(part: Part, port: u16) -> Result<()> {
    let Some(taken) = [port, port + BUS_OFFSET].into_iter().find(|port| !port_is_free(*port)) else {
        return Ok(());
    };
    let holder = port_holder::of(taken).map(|who| format!(" by {who}")).unwrap_or_default();
    Err(Problem::said(format!(
        "port {taken} of {} is in use{holder}; move the cluster with --base-port",
        part.name()
    )))
}

/// Whether a node answers, and what it thinks of its cluster.
pub(super) fn node_health(state: &State, index: u8) -> std::result::Result<String, String> {
    let Some(cluster) = &state.cluster else { return Err("does not answer".to_owned()) };
    if !probe::redis_answers(cluster.port(index)) {
        return Err("does not answer".to_owned());
    }
    let admin: ClusterAdmin = cluster.admin();
    let info = admin.command(usize::from(index), &["CLUSTER", "INFO"]).map(|it| it.to_string());
    if info.is_ok_and(|text| text.contains("cluster_state:ok")) {
        Ok("answers".to_owned())
    } else {
        Err("answers, but takes the cluster for unusable".to_owned())
    }
}
