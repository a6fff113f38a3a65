//! Failing over, killing and starting nodes.

use std::time::{Duration, Instant};

use local_servers::{ClusterAdmin, ClusterProblem, NodeInfo, Role, Signal, wait_until};

use super::named;
use crate::{
    cluster::Cluster,
    layout::Layout,
    parts::{self, Part},
    problem::{Problem, Result},
    say,
    state::State,
    stop,
    verbs::up,
};

/// Longest wait for a replica to take over by itself: about 11 s, and with a lost election 20 s more.
const TAKEOVER: Duration = Duration::from_secs(60);
/// Longest wait for a node to rejoin, which may copy all of its master's data.
const REJOIN: Duration = Duration::from_secs(120);

/// Makes a replica the master.
///
/// # Errors
/// When there is no replica that could, or it does not succeed.
pub fn failover(cluster: &Cluster, node: Option<u8>) -> Result<u8> {
    let admin = cluster.admin();
    let nodes = admin.nodes()?;
    let chosen = match node {
        Some(index) => nodes.iter().find(|it| it.index == usize::from(index)),
        None => nodes.iter().find(|it| !it.slots.is_empty()),
    };
    let chosen = chosen.ok_or_else(|| Problem::said("that node is no member of the cluster"))?;
    let replica = match chosen.role {
        Role::Replica => chosen.index,
        Role::Master => admin.replica_of(chosen.index)?,
    };
    let took = say::step(format!("{} takes its master's place", named(cluster, replica)), || {
        admin.failover(replica)
    })?;
    say::done(&format!("{} is the master after {} ms", named(cluster, replica), took.as_millis()));
    Ok(0)
}

/// Kills a node, and tells how its replica takes over.
///
/// # Errors
/// When it does not run, or nobody takes over in time.
pub fn kill(layout: &Layout, index: u8) -> Result<u8> {
    let lock = up::lock(layout)?;
    let state = State::load(layout)?;
    let cluster = state.cluster()?;
    let admin = cluster.admin();
    let Some(mut process) = state.process(Part::Node(index)) else {
        return Err(Problem::said(format!("{} does not run", named(cluster, usize::from(index)))));
    };
    let name = named(cluster, usize::from(index));
    let nodes = admin.nodes()?;
    let me = nodes.iter().find(|it| it.index == usize::from(index));
    let slots = me.map_or(0, NodeInfo::slot_count);
    let what = if slots > 0 { format!("a master of {slots} slots") } else { "a replica".to_owned() };
    say::note(&format!("a drill: SIGKILL to {name}, {what}, process {}", process.pid()));
    let began = Instant::now();
    process.end(Signal::KILL, Duration::from_secs(10))?;
    drop(lock);
    let again = format!("`cargo deploy cluster start {}` brings it back", index + 1);
    if slots == 0 {
        say::done(&format!("its master goes on; {again}"));
        return Ok(0);
    }
    let living = |it: &&NodeInfo| -> bool {
        it.master.is_some()
            && it.master.as_ref() == me.map(|me| &me.id)
            && !it.failed
            && answers(&admin, it.index)
    };
    if !nodes.iter().any(|it| living(&it)) {
        say::note(&format!("it had no living replica: {slots} slots are not served; {again}"));
        return Ok(0);
    }
    say::step("its replica takes over", || served(&admin))?;
    let took = began.elapsed().as_secs_f64();
    let moved = me.and_then(|me| me.slots.first()).map(|range| *range.start());
    let heir = moved.and_then(|slot| admin.master_of_slot(slot).ok());
    let heir = heir.map_or_else(|| "another node".to_owned(), |it| named(cluster, it));
    say::done(&format!("{heir} serves its slots, {took:.1} s after the kill; {again}"));
    Ok(0)
}

/// Waits until all slots are served, or a signal comes.
fn served(admin: &ClusterAdmin) -> Result<()> {
    let deadline = Instant::now() + TAKEOVER;
    loop {
        stop::check()?;
        match admin.wait_until_served(Duration::from_millis(500)) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => {}
        }
    }
}

fn answers(admin: &ClusterAdmin, index: usize) -> bool {
    admin.command(index, &["PING"]).is_ok()
}

/// Starts a node, and waits until it has rejoined.
///
/// # Errors
/// When it does not start, or does not rejoin in time.
pub fn start(layout: &Layout, index: u8) -> Result<u8> {
    let _lock = up::lock(layout)?;
    let mut state = State::load(layout)?;
    let name = named(state.cluster()?, usize::from(index));
    if state.process(Part::Node(index)).is_some() {
        say::done(&format!("{name} runs already"));
        return Ok(0);
    }
    parts::start_node(layout, &mut state, index)?;
    let admin = state.cluster()?.admin();
    let (problems, role) = say::step("it rejoins", || {
        let mut seen = (Vec::new(), None);
        let done = wait_until(REJOIN, || {
            seen = (admin.check(), role_of(&admin, usize::from(index)));
            stop::asked() || seen.1.as_ref().is_some_and(|role| !seen.0.iter().any(|it| role.hindered_by(it)))
        });
        stop::check()?;
        if done { Ok(seen) } else { Err(Problem::said(format!("{name} has not rejoined: {:?}", seen.0))) }
    })?;
    let role = if role.is_some_and(|it| it.master.is_some()) { "a replica" } else { "a master" };
    say::done(&format!("{name} is {role}"));
    for problem in problems {
        say::note(&problem.to_string());
    }
    Ok(0)
}

/// What a node is to the others, by the ports.
struct Rejoined {
    port: u16,
    master: Option<u16>,
}

/// `None` while the others do not know: a former master comes back as one, without slots, before it turns to its heir.
fn role_of(admin: &ClusterAdmin, index: usize) -> Option<Rejoined> {
    let nodes = admin.nodes().ok()?;
    let me =
        nodes.iter().find(|it| it.index == index && (it.role == Role::Replica || !it.slots.is_empty()))?;
    let master = nodes.iter().find(|it| me.master.as_ref() == Some(&it.id));
    Some(Rejoined { port: admin.port(index), master: master.map(|it| admin.port(it.index)) })
}

impl Rejoined {
    /// Whether a problem means that the node has not rejoined yet.
    fn hindered_by(&self, problem: &ClusterProblem) -> bool {
        match problem {
            ClusterProblem::Down { port }
            | ClusterProblem::State { port, .. }
            | ClusterProblem::Unlinked { port } => *port == self.port,
            ClusterProblem::Disagrees { port, with } => *port == self.port || *with == self.port,
            ClusterProblem::NoReplica { port } => Some(*port) == self.master,
            _ => false,
        }
    }
}
