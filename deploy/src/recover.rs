//! Finds what runs although nothing, or nothing true, is noted of it: after `up` was killed between a start and the note of
//! it, or after `state.json` was lost.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::ValueEnum;
use local_servers::{
    Process, Signal, data_folder_is_reachable, environment_of, last_port_of, postgres_on, started_with,
    working_in,
};

use crate::{
    admin_token,
    cli::Feed,
    cluster::Cluster,
    elsewhere,
    layout::Layout,
    parts::{NODES, Part},
    running::Running,
    say,
    state::State,
};

/// In the environment of the server that `up` starts: the folder of what it belongs to.
pub const SERVER_MARK: &str = "TIDEMARK_UP_SERVER";
/// The same in the environment of a step, such as an import.
pub const STEP_MARK: &str = "TIDEMARK_UP_STEP";
/// How long a step may take to undo what it is at.
const STEP_END: Duration = Duration::from_secs(30);

/// The data folder of the single Redis.
pub fn redis_data(layout: &Layout) -> PathBuf {
    layout.kept().join("redis")
}

/// The data folder of a cluster's node.
pub fn node_data(layout: &Layout, index: u8) -> PathBuf {
    layout.kept().join("cluster").join((index + 1).to_string())
}

/// Where Postgres's data may be: below the checkout, or where its own user gets to.
pub fn postgres_folders(layout: &Layout) -> [PathBuf; 2] {
    [layout.kept().join("postgres"), elsewhere::usual(layout)]
}

/// Where Postgres's data is or will be made: below the checkout if the server's user gets there, otherwise in
/// `/var/lib/tidemark`.
///
/// # Errors
/// [`local_servers::Error::Missing`] when the user does not exist that PostgreSQL has to run as.
pub fn postgres_data(layout: &Layout, state: &State) -> local_servers::Result<PathBuf> {
    if let Some(dir) = &state.postgres_data {
        return Ok(dir.clone());
    }
    let [usual, elsewhere] = postgres_folders(layout);
    Ok(if data_folder_is_reachable(&usual)? { usual } else { elsewhere })
}

/// Those of them that are not another checkout's.
fn own_folders(layout: &Layout) -> impl Iterator<Item = PathBuf> {
    postgres_folders(layout)
        .into_iter()
        .filter(|dir| elsewhere::owner(dir).is_none_or(|it| it == layout.root()))
}

/// The folder of them that holds data.
pub fn postgres_data_there(layout: &Layout) -> Option<PathBuf> {
    own_folders(layout).find(|dir| dir.join("PG_VERSION").exists())
}

/// A state out of what lies in the folders: the ports that the servers had.
pub fn rebuilt(layout: &Layout) -> State {
    let mut state = State::default();
    state.redis_port = port_in(&redis_data(layout));
    state.postgres_data = postgres_data_there(layout);
    state.postgres_port = state.postgres_data.as_deref().and_then(last_port_of);
    let written = |dir: &Path| fs::metadata(dir.join("redis.conf")).and_then(|it| it.modified()).ok();
    let node = node_data(layout, 0);
    // What was started last is what there is.
    if written(&node) > written(&redis_data(layout)) {
        state.cluster = port_in(&node).map(Cluster::at);
    }
    state
}

/// What there is of this checkout, without what is noted of it.
pub fn found(layout: &Layout) -> State {
    let mut state = rebuilt(layout);
    adopt(layout, &mut state);
    state
}

/// Notes the processes of this checkout that run and are not noted, or under a number that is not theirs.
pub fn adopt(layout: &Layout, state: &mut State) {
    if !layout.kept().exists() {
        return;
    }
    if state.process(Part::Server).is_none() {
        adopt_server(layout, state);
    }
    if state.process(Part::Postgres).is_none() {
        let noted = state.postgres_data.clone();
        let found = noted
            .into_iter()
            .chain(own_folders(layout))
            .find_map(|dir| postgres_on(&dir).map(|it| (dir, it)));
        if let Some((dir, found)) = found {
            state.postgres_data = Some(dir);
            state.postgres_port = Some(found.port);
            state.postgres = Running::found(found.pid);
        }
    }
    adopt_redis(layout, state);
}

fn adopt_redis(layout: &Layout, state: &mut State) {
    let of = |dir: &Path| working_in("redis-server", dir).unwrap_or_default().first().copied();
    let living = state.running_parts();
    if state.cluster.is_none() && !living.contains(&Part::Redis) {
        if let Some(pid) = of(&redis_data(layout)) {
            state.redis = Running::found(pid);
            state.redis_port = port_in(&redis_data(layout)).or(state.redis_port);
            return;
        }
        // An `up --cluster` may have come no further.
        let dirs = (0..NODES).map(|index| (index, node_data(layout, index)));
        let node =
            dirs.into_iter().find_map(|(index, dir)| of(&dir).and(port_in(&dir)).map(|it| (index, it)));
        if let Some((index, port)) = node {
            state.cluster = Some(Cluster::at(port.saturating_sub(u16::from(index))));
        }
    }
    if state.cluster.is_some() {
        for index in 0..NODES {
            let part = Part::Node(index);
            if state.process(part).is_none()
                && let Some(pid) = of(&node_data(layout, index))
            {
                state.set(part, Running::found(pid));
            }
        }
    }
}

fn adopt_server(layout: &Layout, state: &mut State) {
    let Some(pid) = started_with(SERVER_MARK, layout.kept().as_os_str()).first().copied() else { return };
    let settings = environment_of(pid);
    let setting = |name: &str| settings.get(name).and_then(|value| value.to_str());
    let Some(addr) = setting("LEPTOS_SITE_ADDR").and_then(|addr| addr.parse().ok()) else { return };
    state.addr = Some(addr);
    state.feed = setting("TIDEMARK_FEED").and_then(|feed| Feed::from_str(feed, false).ok());
    state.admin_token_file = settings.get(admin_token::SETTING).map(PathBuf::from);
    state.server = Running::found(pid);
}

/// Ends what a killed `up` left at work: two imports at once would only be in each other's way.
pub fn end_steps(layout: &Layout) {
    for pid in started_with(STEP_MARK, OsStr::new(layout.kept().as_os_str())) {
        let process = local_servers::mark_of(pid).and_then(|mark| Process::attach(pid, &mark));
        let Some(mut process) = process else { continue };
        say::note(&format!("process {pid}, left by an `up` that was killed, is ended"));
        // One that does not end is in nobody's way but its own: steps may run twice.
        process.end_with_descendants(Signal::TERM, STEP_END);
    }
}

/// The port in a folder's `redis.conf`.
fn port_in(dir: &Path) -> Option<u16> {
    let text = fs::read_to_string(dir.join("redis.conf")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("port ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_again_in_the_folders() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().to_owned());
        assert_eq!(rebuilt(&layout), State::default());
        let write = |path: PathBuf, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(redis_data(&layout).join("redis.conf"), "bind 127.0.0.1\nport 6395\n");
        let postgres = layout.kept().join("postgres");
        write(postgres.join("PG_VERSION"), "15\n");
        write(
            postgres.join("postmaster.opts"),
            "/bin/postgres \"-D\" \"/x\" \"-c\" \"port=5455\" \"-c\" \"y\"\n",
        );
        let state = rebuilt(&layout);
        assert_eq!((state.redis_port, state.postgres_port), (Some(6395), Some(5455)));
        assert_eq!(state.postgres_data, Some(postgres.clone()));
        // A crash leaves this one too, and it is the newer word.
        write(postgres.join("postmaster.pid"), "99999999\n/x\n1\n5456\n");
        assert_eq!(rebuilt(&layout).postgres_port, Some(5456));
    }
}
