//! Redis: reached, written and read as the cache does, of a version and a policy that fit, every slot covered, on time.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, aio::MultiplexedConnection};
use tidemark_cache::{Cache, NodeHealth};
use tokio::time::{Instant, sleep, timeout};

use super::{clock, finding::Finding};
use crate::config::SecretUrl;

/// The oldest release that will do.
const OLDEST: (u32, u32) = (6, 2);
/// Longest wait for the connection, so that the rest has time too.
const CONNECT: Duration = Duration::from_secs(2);
/// Longest wait for the last node to be connected to.
const JOINED: Duration = Duration::from_millis(1_500);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Longest wait for an answer of one node.
const ANSWER: Duration = Duration::from_secs(1);
/// Longest wait for an orderly end.
const FAREWELL: Duration = Duration::from_millis(200);
/// Hash slots of a cluster.
const SLOTS: u64 = 16_384;

/// All of it; one line where it is not configured or not reached.
pub(super) async fn check(url: Option<&SecretUrl>) -> Vec<Finding> {
    let Some(url) = url else { return Vec::new() };
    const NAME: &str = "Redis";
    let begun = Instant::now();
    // A namespace of its own: what is tried here is nothing that a server would read.
    let cache = Cache::builder().namespace("tidemark-check").redis(Some(url.expose().to_owned())).build();
    let cache = match cache {
        Ok(cache) => cache,
        Err(error) => return vec![Finding::fail(NAME, error.to_string(), "correct REDIS_URL")],
    };
    let mut findings = Vec::new();
    let connected = cache.wait_for_l2(CONNECT).await;
    let why =
        cache.l2_state().last_error.unwrap_or_else(|| format!("no answer within {} s", CONNECT.as_secs()));
    let nodes = nodes(&cache, connected).await;
    if connected {
        findings.push(Finding::ok(NAME, format!("connected to {}", url.shown())).took(begun.elapsed()));
        findings.push(probe(&cache).await);
    } else {
        let fix = "start Redis, or correct host, port, user and password in REDIS_URL";
        findings.push(Finding::fail(NAME, format!("{}: {why}", url.shown()), fix).took(begun.elapsed()));
    }
    if nodes.iter().any(|node| node.report.is_some()) {
        if url.expose().split("://").next().is_some_and(|scheme| scheme.ends_with("-cluster")) {
            findings.push(covered(&nodes));
        }
        let asked = nodes.iter().map(|node| one(url, node));
        findings.extend(futures::future::join_all(asked).await.into_iter().flatten());
    }
    cache.close(FAREWELL).await;
    findings
}

/// The nodes and their health. Replicas are connected to a little later than masters.
async fn nodes(cache: &Cache, connected: bool) -> Vec<NodeHealth> {
    let until = Instant::now() + JOINED;
    loop {
        let nodes = cache.nodes().await;
        if !connected || Instant::now() >= until || nodes.iter().all(|node| node.report.is_some()) {
            return nodes;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Sets a key of a short life, reads its life, deletes it.
async fn probe(cache: &Cache) -> Finding {
    const NAME: &str = "Redis write";
    let begun = Instant::now();
    let finding = match cache.ping().await {
        Ok(_) => Finding::ok(NAME, "a key was set, had a life, was deleted"),
        Err(error) => {
            let text = error.to_string();
            let fix = if text.contains("OOM") {
                "memory is full: set maxmemory-policy to volatile-lfu, or give it more"
            } else if text.contains("NOPERM") {
                "grant the user what docs/cache.md lists"
            } else if text.contains("MISCONF") {
                "Redis cannot save to its disk and refuses writes: see its log"
            } else {
                "see Redis' log"
            };
            Finding::fail(NAME, text, fix)
        }
    };
    finding.took(begun.elapsed())
}

/// Whether somebody answers for every key.
fn covered(nodes: &[NodeHealth]) -> Finding {
    const NAME: &str = "Redis slots";
    let masters = nodes.iter().filter(|node| node.slots > 0 && !node.failed);
    let covered: u64 = masters.map(|node| node.slots).sum();
    let moving: u64 = nodes.iter().map(|node| node.slots_moving).sum();
    let fix = "see `cargo deploy cluster check` and `fix`, or redis-cli --cluster check";
    if covered < SLOTS {
        return Finding::fail(NAME, format!("{covered} of {SLOTS} are covered"), fix);
    }
    if moving > 0 {
        return Finding::warn(NAME, format!("all are covered, {moving} are on their way"), fix);
    }
    Finding::ok(NAME, format!("all {SLOTS} are covered"))
}

/// One node: its health, its policy, its clock.
async fn one(url: &SecretUrl, node: &NodeHealth) -> Vec<Finding> {
    let name = format!("Redis {}", node.state.address);
    let begun = Instant::now();
    let Some(report) = &node.report else {
        let why = node.unanswered.clone().unwrap_or_else(|| "no answer".to_owned());
        return vec![Finding::fail(&name, why, "start the node, or take it out of the cluster")];
    };
    let role = node.role.map_or("node", |role| match role {
        tidemark_cache::NodeRole::Master => "master",
        tidemark_cache::NodeRole::Replica => "replica",
    });
    let about = format!("{role}, version {}, {} keys", report.version, report.keys);
    let mut numbers = report.version.split('.').map(|part| part.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        return vec![Finding::fail(&name, format!("{about}: too old"), "use Redis 6.2 or newer")];
    }
    if report.master_link_up == Some(false) {
        let fix = "see the replica's log: it cannot reach its master";
        return vec![Finding::warn(&name, format!("{about}: not connected to its master"), fix)];
    }
    let Some(mut connection) = connect(url, &node.state.address).await else {
        return vec![Finding::ok(&name, about).took(begun.elapsed())];
    };
    let mut findings = vec![policy(&name, &about, &mut connection).await.took(begun.elapsed())];
    findings.extend(time(&node.state.address, &mut connection).await);
    findings
}

/// What it does when its memory is full.
async fn policy(name: &str, about: &str, connection: &mut MultiplexedConnection) -> Finding {
    let mut ask = redis::cmd("INFO");
    ask.arg("memory");
    let info: String = match timeout(ANSWER, ask.query_async(connection)).await {
        Ok(Ok(info)) => info,
        // Whoever may not ask for it knows the rest.
        _ => return Finding::ok(name, about),
    };
    let field = |name: &str| {
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_default().trim().to_owned()
    };
    let (limit, policy) = (field("maxmemory"), field("maxmemory_policy"));
    let unlimited = limit == "0";
    let about = format!(
        "{about}, {}, {policy}",
        if unlimited { "no memory limit".to_owned() } else { format!("{limit} bytes at most") }
    );
    match (unlimited, policy.as_str()) {
        (true, _) => Finding::warn(name, about, "set maxmemory, or the machine's memory is the limit"),
        (false, "noeviction") => {
            Finding::warn(name, about, "set maxmemory-policy to volatile-lfu: full, it refuses every write")
        }
        (false, policy) if policy.starts_with("allkeys") => Finding::warn(
            name,
            about,
            "set maxmemory-policy to volatile-lfu: the log of clears must not be evicted",
        ),
        _ => Finding::ok(name, about),
    }
}

async fn time(address: &str, connection: &mut MultiplexedConnection) -> Option<Finding> {
    let asked = clock::now();
    let (seconds, micros): (i64, i64) =
        timeout(ANSWER, redis::cmd("TIME").query_async(connection)).await.ok()?.ok()?;
    let name = format!("clock beside {address}");
    Some(clock::compare(&name, asked, seconds * 1_000 + micros / 1_000, clock::now()))
}

/// A connection to one node, with the credentials of the setting. None where it cannot be made: that the cache reached the
/// node is known already.
async fn connect(url: &SecretUrl, address: &str) -> Option<MultiplexedConnection> {
    let (scheme, rest) = url.expose().split_once("://")?;
    let scheme = scheme.trim_end_matches("-cluster");
    let credentials = rest.rsplit_once('@').map_or("", |(credentials, _)| credentials);
    let at = if credentials.is_empty() { "" } else { "@" };
    let info = format!("{scheme}://{credentials}{at}{address}").into_connection_info().ok()?;
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(ANSWER)).set_response_timeout(Some(ANSWER));
    let client = Client::open(info).ok()?;
    timeout(ANSWER, client.get_multiplexed_async_connection_with_config(&config)).await.ok()?.ok()
}
