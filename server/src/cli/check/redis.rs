//! Redis: reached, written and read as the cache does, of a version and a policy that fit, every slot covered, on time.

use std::time::Duration;

use tidemark_cache::{Cache, NodeHealth, NodeReport, Trouble};
use tokio::time::{Instant, sleep};

use super::{clock, finding::Finding};
use crate::config::{REDIS_NAMESPACE, RedisSettings, SecretUrl};

/// The oldest release that will do.
const OLDEST: (u32, u32) = (6, 2);
/// Longest wait for the connection, so that the rest has time too.
const CONNECT: Duration = Duration::from_secs(2);
/// Longest wait for the last node to be connected to.
const JOINED: Duration = Duration::from_millis(1_500);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Hash slots of a cluster.
const SLOTS: u64 = 16_384;

/// All of it; one line where it is not configured or not reached.
pub(super) async fn check(settings: Option<&RedisSettings>) -> Vec<Finding> {
    let Some((settings, url)) = settings.and_then(|it| Some((it, it.url.as_ref()?))) else {
        return Vec::new();
    };
    const NAME: &str = "Redis";
    let begun = Instant::now();
    // In the server's own namespace, so that it needs the server's rights and no more; leaving nothing there.
    let cache = match settings.builder().observer(true).build() {
        Ok(cache) => cache,
        Err(error) => {
            let error = RedisSettings::named(&error);
            return vec![Finding::fail(NAME, error.to_string(), format!("correct {}", error.setting))];
        }
    };
    let mut findings = Vec::new();
    let connected = cache.wait_for_l2(CONNECT).await;
    let why =
        cache.l2_state().last_error.unwrap_or_else(|| format!("no answer within {} s", CONNECT.as_secs()));
    let nodes = nodes(&cache, connected).await;
    if connected {
        findings.push(Finding::ok(NAME, format!("connected to {}", url.shown())).took(begun.elapsed()));
        let (written, heard, keys) = tokio::join!(probe(&cache), channel(&cache), keys(&cache));
        findings.extend([written, heard, keys]);
    } else {
        let fix = fix_of_connection(url, &why);
        findings.push(Finding::fail(NAME, format!("{}: {why}", url.shown()), fix).took(begun.elapsed()));
    }
    if nodes.iter().any(|node| node.report.is_some()) {
        if url.expose().split("://").next().is_some_and(|scheme| scheme.ends_with("-cluster")) {
            findings.push(covered(&nodes));
        }
        findings.extend(nodes.iter().flat_map(one));
    }
    findings
}

/// What to do where there is no connection.
fn fix_of_connection(url: &SecretUrl, why: &str) -> String {
    let why = why.to_lowercase();
    let is_refused = ["auth", "password", "wrongpass"].iter().any(|word| why.contains(word));
    if is_refused && url.has_escape_in_password() {
        return "correct user and password in REDIS_URL: %41 and the like stand for one character there, a % itself \
                is percent-encoded as %25"
            .to_owned();
    }
    if why.contains("something else than") {
        return format!("remove that key, or choose another {REDIS_NAMESPACE}");
    }
    if why.contains("noperm") || why.contains("no permissions") {
        return "grant the user what docs/cache.md lists".to_owned();
    }
    "start Redis, or correct host, port, user and password in REDIS_URL".to_owned()
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
            let fix = match Trouble::of(&text) {
                Trouble::Full => "memory is full: set maxmemory-policy to volatile-lfu, or give it more",
                Trouble::Forbidden => "grant the user what docs/cache.md lists, scripts among it",
                Trouble::Unsaved => "Redis cannot save to its disk and refuses writes: see its log",
                Trouble::ReadOnly => "this is a read-only replica: name its master in REDIS_URL",
                Trouble::TooFewReplicas => "start its replicas, or lower min-replicas-to-write",
                Trouble::MissingCommand => "EVALSHA, EVAL and SCRIPT must not be renamed or switched off",
                _ => "see Redis' log",
            };
            Finding::fail(NAME, text, fix)
        }
    };
    finding.took(begun.elapsed())
}

/// Publishes a word on the servers' channel, and hears it.
async fn channel(cache: &Cache) -> Finding {
    const NAME: &str = "Redis channel";
    let begun = Instant::now();
    let finding = match cache.ping_channel().await {
        Ok(_) => Finding::ok(NAME, "a message was published, and heard"),
        Err(error) => {
            let text = format!("servers cannot hear each other: {error}");
            let fix = match Trouble::of(&text) {
                Trouble::Forbidden => {
                    "give the user the channel that docs/cache.md names: Redis 7 gives none by itself"
                }
                Trouble::MissingCommand => {
                    "HELLO (RESP3), SUBSCRIBE and PUBLISH must be there: use Redis 6.2 or newer, with no proxy before it"
                }
                _ => "see Redis' log",
            };
            Finding::fail(NAME, text, fix)
        }
    };
    finding.took(begun.elapsed())
}

/// Whether another application's values are where entries belong. Those are left alone, and so are in the way.
async fn keys(cache: &Cache) -> Finding {
    const NAME: &str = "Redis keys";
    let begun = Instant::now();
    let scan = cache.foreign_keys().await;
    let about = if scan.complete { "" } else { " among those that could be looked at in a second" };
    let finding = match scan.sample.first() {
        None => Finding::ok(NAME, format!("none holds another application's value{about}")),
        Some(key) => {
            let found = match scan.found {
                1 => format!("{key} holds another application's value{about}"),
                found => format!("{found} hold another application's value{about}, {key} is one"),
            };
            let fix = format!("remove them, or choose another {REDIS_NAMESPACE}: they are left alone");
            Finding::warn(NAME, found, fix)
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
fn one(node: &NodeHealth) -> Vec<Finding> {
    let name = format!("Redis {}", node.state.address);
    let Some(report) = &node.report else {
        let why = node.unanswered.clone().unwrap_or_else(|| "no answer".to_owned());
        return vec![Finding::fail(&name, why, "start the node, or take it out of the cluster")];
    };
    let role = node.role.map_or("node", |role| match role {
        tidemark_cache::NodeRole::Master => "master",
        tidemark_cache::NodeRole::Replica => "replica",
    });
    let about = format!("{role}, {} version {}, {} keys", report.server, report.version, report.keys);
    let mut numbers = report.version.split('.').map(|part| part.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        return vec![Finding::fail(&name, format!("{about}: too old"), "use Redis 6.2 or newer")];
    }
    if report.master_link_up == Some(false) {
        let fix = "see the replica's log: it cannot reach its master";
        return vec![Finding::warn(&name, format!("{about}: not connected to its master"), fix)];
    }
    let mut findings = vec![policy(&name, &about, report)];
    let clock_name = format!("clock beside {}", node.state.address);
    findings.extend(report.clock_ahead_ms.map(|ahead| clock::apart(&clock_name, ahead)));
    findings
}

/// What it does when its memory is full.
fn policy(name: &str, about: &str, report: &NodeReport) -> Finding {
    let (unlimited, policy) = (report.memory_max == 0, report.memory_policy.as_str());
    let limit =
        if unlimited { "no memory limit".to_owned() } else { format!("{} bytes at most", report.memory_max) };
    let about = format!("{about}, {limit}, {policy}");
    match (unlimited, policy) {
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
