//! The nodes of Redis.

use leptos::prelude::*;
use model::{CacheStats, FailoverStats, NodeStats};

use super::use_admin_words;
use crate::{format, live, order::sorted, words::AdminWords};

/// One box a node: masters first, each with what it serves and how busy it is. A node that is not reached is dashed.
#[component]
pub fn Nodes(
    /// The figures.
    stats: RwSignal<CacheStats>,
) -> impl IntoView {
    let words = use_admin_words();
    let note = live::text(move || {
        stats.with(|stats| match stats.nodes.len() {
            0 | 1 => words.single_note.to_owned(),
            nodes => (words.cluster_note)(nodes, stats.nodes.iter().map(|node| node.slots).sum()),
        })
    });
    // Boxes hold nothing to press: they are made anew at each refresh.
    let boxes = live::part(move || {
        stats.with(|stats| {
            let nodes = sorted(stats.nodes.iter().collect(), |a: &&NodeStats, b| {
                let replica = |node: &NodeStats| node.role.as_deref() == Some("replica");
                replica(a).cmp(&replica(b)).then_with(|| a.address.cmp(&b.address))
            });
            nodes.into_iter().map(|node| one(node, &stats.failovers, words)).collect_view().into_any()
        })
    });
    let hidden = live::flag(move || !stats.with(|stats| stats.redis.configured));
    view! {
        <section class="card nodes" aria-labelledby="nodes-title" hidden=hidden>
            <div class="card-head">
                <h2 id="nodes-title">{words.nodes}</h2>
                <span class="card-note">{note}</span>
            </div>
            <ul class="node-grid">{boxes}</ul>
        </section>
    }
    .into_any()
}

/// What went wrong between this server and the node so far, each kind by itself; none if nothing did.
fn troubles(node: &NodeStats, words: &AdminWords) -> Option<String> {
    let kinds = [
        (node.connections.failed, words.connects_failed),
        (node.connections.lost, words.connections_lost),
        (node.timeouts, words.timed_out),
        (node.errors, words.refused),
    ];
    let said: Vec<String> = kinds
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, say)| say(&format::count(count)))
        .collect();
    (!said.is_empty()).then(|| said.join(" · "))
}

fn one(node: &NodeStats, failovers: &[FailoverStats], words: &'static AdminWords) -> AnyView {
    let down = node.failed || !node.usable;
    let role = match node.role.as_deref() {
        Some("master") => words.master,
        Some("replica") => words.replica,
        _ => "",
    };
    let promoted = failovers.iter().rev().find(|failover| failover.to == node.address);
    let slots = (node.slots > 0).then(|| (words.node_slots)(node.slots));
    let lag = node.report.as_ref().and_then(|report| report.lag_bytes);
    let serves = slots.or_else(|| lag.map(|lag| (words.node_lag)(&format::bytes(lag))));
    // What Redis says is in English on every page.
    let (load, lang) = match (&node.report, down) {
        (Some(report), false) => {
            let load =
                (words.node_load)(&format::count(report.ops_per_s), &format::bytes(report.memory_used));
            (load, None)
        }
        _ => {
            let why = node.last_error.clone().or_else(|| node.unanswered.clone());
            (why.unwrap_or_default(), Some("en"))
        }
    };
    let about = node.report.as_ref().filter(|_| !down).map(|report| {
        let release = format!("{} {}", report.product(), report.version);
        (words.node_about)(&release, &format::count(report.keys), &format::count(report.clients))
    });
    let state = if down { words.node_down } else { words.connected };
    view! {
        <li class=if down { "node node-down" } else { "node" }>
            <p class="node-name">
                <b>{node.address.clone()}</b>
                <span>{role} {promoted.map(|_| " ↑")}</span>
                <span class="node-state" title=state>
                    <span class="sr-only">{state}</span>
                </span>
            </p>
            <p>{serves.unwrap_or_default()}</p>
            <p lang=lang>{load}</p>
            {about.map(|about| view! { <p>{about}</p> })}
            {troubles(node, words).map(|troubles| view! { <p>{troubles}</p> })}
            {promoted.map(|failover| view! { <p>{(words.promoted)(&failover.from)}</p> })}
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use model::Connections;

    use super::*;
    use crate::words::Locale;

    #[test]
    fn each_kind_of_failure_is_told_by_itself_and_none_where_there_was_none() {
        let mut node = NodeStats {
            address: "127.0.0.1:6379".to_owned(),
            role: None,
            usable: true,
            failed: false,
            for_ms: 0,
            last_error: None,
            slots: 0,
            slots_moving: 0,
            requests: 9_000,
            errors: 0,
            broken: 0,
            timeouts: 0,
            connections: Connections { made: 1, ..Connections::default() },
            report: None,
            unanswered: None,
        };
        let words = Locale::En.admin_words();
        assert_eq!(troubles(&node, words), None);
        (node.errors, node.timeouts) = (4, 62);
        node.connections = Connections { made: 3, failed: 41, timed_out: 40, lost: 1 };
        assert_eq!(
            troubles(&node, words).as_deref(),
            Some("41 connection attempts failed · 1 connection lost · 62 timed out · 4 refused")
        );
    }
}
