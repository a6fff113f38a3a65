//! What `up` is asked for, against what runs already.

use std::path::Path;

use crate::{
    cli::{Feed, KeptRelease, UpArgs},
    cluster::Cluster,
    layout::Layout,
    parts::Part,
    problem::{Problem, Result},
    release,
    state::State,
};

/// Port of the cluster's first node unless told otherwise.
const BASE_PORT: u16 = 7001;

/// An error when the server runs with other settings than those that were given now: it would keep its own.
///
/// # Errors
/// When it does.
pub fn require_same_server(state: &State, args: &UpArgs) -> Result<()> {
    if state.process(Part::Server).is_none() {
        return Ok(());
    }
    let down = "`cargo deploy down` first";
    match (args.addr, state.addr, args.feed) {
        (Some(asked), Some(addr), _) if asked != addr => {
            Err(Problem::said(format!("Tidemark runs here on {addr}: {down}")))
        }
        (_, _, Some(asked)) if state.feed != Some(asked) => {
            let feed = state.feed.map_or("its default feed", Feed::name);
            Err(Problem::said(format!("Tidemark runs here with {feed}: {down}")))
        }
        _ => Ok(()),
    }
}

/// An error when the server runs from another release than the one that is asked for.
///
/// # Errors
/// When it does.
pub fn require_same_release(layout: &Layout, state: &State, args: &UpArgs) -> Result<()> {
    match (state.process(Part::Server), args.release) {
        (Some(_), Some(KeptRelease::Previous)) => Err(Problem::said(format!(
            "Tidemark runs here with the current release{}: `cargo deploy down` first",
            release::current(layout).map(|it| format!(" ({})", it.name())).unwrap_or_default()
        ))),
        _ => Ok(()),
    }
}

/// An error when the server runs with another token file than the one that the operator names now.
///
/// # Errors
/// When it does.
pub fn require_same_token(state: &State, named: Option<&Path>) -> Result<()> {
    match (state.process(Part::Server), named) {
        (Some(_), Some(file)) if state.admin_token_file.as_deref() != Some(file) => {
            Err(Problem::said(format!(
                "Tidemark runs here with another admin token than {}: `cargo deploy down` first",
                file.display()
            )))
        }
        _ => Ok(()),
    }
}

/// Takes note whether Redis is to be a cluster, and where.
///
/// # Errors
/// When another kind runs, or at other ports.
pub fn choose_redis(state: &mut State, args: &UpArgs) -> Result<()> {
    let running = state.running_parts();
    let conflict = match &state.cluster {
        // What runs stays as it is; all of it needs no flag.
        Some(_) if !args.cluster => running != state.parts(),
        Some(cluster) => args.base_port.is_some_and(|port| port != cluster.base_port),
        None => args.cluster,
    };
    if conflict && !running.is_empty() {
        let kind = match &state.cluster {
            Some(cluster) => format!("a Redis Cluster from port {}", cluster.base_port),
            None => "a single Redis".to_owned(),
        };
        return Err(Problem::said(format!("Tidemark runs here with {kind}: `cargo deploy down` first")));
    }
    if conflict || running.is_empty() {
        let remembered = state.cluster.as_ref().map(|it| it.base_port);
        let base_port = args.base_port.or(remembered).unwrap_or(BASE_PORT);
        state.cluster = args.cluster.then(|| Cluster::at(base_port));
    }
    Ok(())
}
