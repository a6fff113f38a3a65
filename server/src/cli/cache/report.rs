//! Documents of the admin API, put for people.

use std::fmt::Write;

use serde_json::Value;

use super::{
    size::{bytes, millis, number, percent, word},
    table::{Table, visible},
};

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Everything about a server's cache.
pub(super) fn stats(stats: &Value) -> String {
    let mut text = summary(stats);
    text.push('\n');
    text.push_str(&categories(stats));
    text.push_str("\nhot keys\n");
    text.push_str(&hot_keys(stats));
    text.push_str("\nclears\n");
    text.push_str(&clear_log(stats));
    text.push_str("\nRedis nodes\n");
    text.push_str(&nodes(stats));
    text
}

/// What a terminal shows each second.
pub(super) fn top(stats: &Value) -> String {
    format!("{}\n{}\n{}", summary(stats), categories(stats), hot_keys(stats))
}

fn summary(stats: &Value) -> String {
    let (l2, bus) = (&stats["l2"], &stats["coherence"]);
    let redis = match (l2["configured"].as_bool(), l2["connected"].as_bool()) {
        (Some(true), Some(true)) => {
            format!("up at {}, for {}", word(&l2["address"]), millis(number(&l2["for_ms"])))
        }
        (Some(true), _) => format!("down for {}: {}", millis(number(&l2["for_ms"])), word(&l2["last_error"])),
        _ => "not configured".to_owned(),
    };
    let others = if bus["trusted"] == true { "heard" } else { "not heard: memory is compared with Redis" };
    let (used, limit) = (number(&stats["l1_bytes"]), number(&stats["l1_limit_bytes"]));
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "memory   {} of {} ({})", bytes(used), bytes(limit), percent(used, limit));
    let readers = stats["savings"].as_object().into_iter().flatten().filter(|(_, of)| of["own"] != true);
    let (reads, by_cache) = readers.fold((0, 0), |(reads, by_cache), (_, of)| {
        (reads + number(&of["reads"]), by_cache + number(&of["answered_by_cache"]))
    });
    let _ =
        writeln!(text, "readers  {} of {reads} reads answered by memory or Redis", percent(by_cache, reads));
    let _ = writeln!(text, "Redis    {}", visible(&redis));
    if l2["configured"] == true {
        let of = |field: &str| list(&l2["nodes"]).iter().map(|node| number(&node[field])).sum::<u64>();
        let _ = writeln!(
            text,
            "links    {} connects, {} failed ({} without an answer in time), {} lost; requests: {} timed out, {} broke \
             off, {} refused",
            number(&l2["connects"]),
            number(&l2["connect_failures"]),
            number(&l2["connect_timeouts"]),
            number(&l2["connections_lost"]),
            of("timeouts"),
            of("broken"),
            of("errors"),
        );
    }
    if let Some(key) = l2["foreign_key"].as_str() {
        let of = |field: &str| -> u64 {
            let categories = stats["categories"].as_object();
            categories.into_iter().flat_map(|all| all.values()).map(|of| number(&of["l2"][field])).sum()
        };
        let (reads, writes) = (of("foreign"), of("foreign_writes"));
        let line = format!(
            "{key} holds another application's value, which is left alone; {reads} reads found such, {writes} writes \
             were left undone"
        );
        let _ = writeln!(text, "foreign  {}", visible(&line));
    }
    let _ = writeln!(
        text,
        "others   {others}; {} known, {} messages missed, {} silences",
        number(&bus["publishers"]),
        number(&bus["gaps"]),
        number(&bus["silences"])
    );
    let _ = writeln!(
        text,
        "to do    {} entries ({}) wait for Redis, {} given up",
        number(&bus["recovery_entries"]),
        bytes(number(&bus["recovery_bytes"])),
        number(&bus["recovery_dropped"])
    );
    text
}

fn categories(stats: &Value) -> String {
    let mut table = Table::new(&[
        "category",
        "reads",
        "by cache",
        "memory",
        "Redis",
        "skipped",
        "timed out",
        "loads",
        "failed",
        "shared",
        "saved",
        "entries",
        "bytes",
        "of",
        "full",
        "cleared",
        "evicted",
        "too large",
    ]);
    for (name, category) in stats["categories"].as_object().into_iter().flatten() {
        let (l1, l2, source) = (&category["l1"], &category["l2"], &category["source"]);
        let saved = &stats["savings"][name];
        let reads = number(&saved["reads"]);
        let (used, limit) = (number(&category["l1_bytes"]), number(&category["l1_limit_bytes"]));
        let of = |tier: &Value| number(&tier["hits"]) + number(&tier["stale"]);
        table.row([
            name.clone(),
            reads.to_string(),
            percent(number(&saved["answered_by_cache"]), reads),
            percent(of(l1), reads),
            percent(of(l2), reads),
            number(&l2["skipped"]).to_string(),
            number(&l2["timeouts"]).to_string(),
            number(&source["loads"]).to_string(),
            (number(&source["failures"]) + number(&source["timeouts"])).to_string(),
            number(&source["coalesced"]).to_string(),
            saved["load_us"].as_u64().map_or_else(|| "–".to_owned(), |us| millis(us / 1_000)),
            number(&category["l1_entries"]).to_string(),
            bytes(used),
            bytes(limit),
            percent(used, limit),
            bytes(number(&stats["cleared"][name]["bytes"])),
            number(&l1["evictions"]).to_string(),
            number(&l1["oversized"]).to_string(),
        ]);
    }
    table.text()
}

/// The keys that are read most.
pub(super) fn hot_keys(stats: &Value) -> String {
    let mut table = Table::new(&["key", "reads/s", "bytes"]);
    for hot in list(&stats["hot_keys"]) {
        table.row([
            format!("{}:{}", word(&hot["category"]), word(&hot["key"])),
            format!("{:.1}", hot["per_second"].as_f64().unwrap_or(0.0)),
            bytes(number(&hot["bytes"])),
        ]);
    }
    table.text()
}

fn clear_log(stats: &Value) -> String {
    let mut table = Table::new(&["scope", "handle", "at (Unix ms)", "undone"]);
    for clear in list(&stats["clear_log"]) {
        let undone = if clear["undone"] == true { "yes" } else { "no" };
        table.row([word(&clear["scope"]), word(&clear["seq"]), word(&clear["at_ms"]), undone.to_owned()]);
    }
    table.text()
}

/// Health of each Redis node, and the last failovers.
pub(super) fn nodes(document: &Value) -> String {
    let mut table = Table::new(&[
        "node",
        "role",
        "state",
        "slots",
        "keys",
        "memory",
        "of",
        "ops/s",
        "hits",
        "lag",
        "lag",
        "requests",
        "refused",
        "timed out",
        "broken",
        "lost",
    ]);
    for node in list(&document["nodes"]) {
        let report = &node["report"];
        let state = match (node["failed"] == true, node["usable"] == true) {
            (true, _) => "failed",
            (false, true) => "up",
            (false, false) => "away",
        };
        let max = number(&report["memory_max"]);
        table.row([
            word(&node["address"]),
            word(&node["role"]),
            state.to_owned(),
            word(&node["slots"]),
            word(&report["keys"]),
            report["memory_used"].as_u64().map_or_else(|| "–".to_owned(), bytes),
            if max == 0 { "–".to_owned() } else { bytes(max) },
            word(&report["ops_per_s"]),
            report["hit_ratio"].as_f64().map_or_else(|| "–".to_owned(), |r| format!("{:.1} %", r * 100.0)),
            report["lag_bytes"].as_u64().map_or_else(|| "–".to_owned(), bytes),
            word(&node["requests"]),
            number(&node["errors"]).to_string(),
            number(&node["timeouts"]).to_string(),
            number(&node["broken"]).to_string(),
            number(&node["connections_lost"]).to_string(),
        ]);
    }
    let mut text = table.text();
    for node in list(&document["nodes"]).iter().filter(|node| node["unanswered"].is_string()) {
        let line = format!("{}: {}", word(&node["address"]), word(&node["unanswered"]));
        let _ = writeln!(text, "{}", visible(&line));
    }
    for failover in list(&document["failovers"]) {
        let took = failover["took_ms"].as_u64().map_or_else(|| "not over".to_owned(), millis);
        let line = format!("failover from {} to {}: {took}", word(&failover["from"]), word(&failover["to"]));
        let _ = writeln!(text, "{}", visible(&line));
    }
    text
}

/// Both copies of an entry.
pub(super) fn inspection(entry: &Value) -> String {
    let mut table =
        Table::new(&["", "kind", "alive", "version", "age", "fresh for", "kept for", "load", "bytes", "raw"]);
    for (name, copy) in [("memory", &entry["l1"]), ("Redis", &entry["l2"])] {
        if copy.is_null() {
            continue;
        }
        table.row([
            name.to_owned(),
            word(&copy["kind"]),
            if copy["alive"] == true { "yes" } else { "no" }.to_owned(),
            word(&copy["version"]),
            millis(number(&copy["age_ms"])),
            millis(number(&copy["fresh_for_ms"])),
            millis(number(&copy["stale_for_ms"])),
            format!("{:.1} ms", number(&copy["cost_us"]) as f64 / 1e3),
            bytes(number(&copy["bytes"])),
            copy["raw_bytes"].as_u64().map_or_else(|| "–".to_owned(), bytes),
        ]);
    }
    let mut text = table.text();
    let tags = [&entry["l1"]["tags"], &entry["l2"]["tags"]].into_iter().find(|tags| !list(tags).is_empty());
    for (name, value) in [
        ("key in Redis", word(&entry["l2_key"])),
        ("slot", word(&entry["slot"])),
        (
            "tags",
            tags.map_or_else(|| "–".to_owned(), |t| list(t).iter().map(word).collect::<Vec<_>>().join(" ")),
        ),
        (
            "being loaded",
            entry["lease_ms"].as_u64().map_or("no".to_owned(), |ms| format!("for {ms} ms at most")),
        ),
        (
            "Redis",
            if entry["l2_foreign"] == true {
                "another application's value is at its key, and is left alone".to_owned()
            } else {
                word(&entry["l2_error"])
            },
        ),
    ] {
        if name != "Redis" || value != "–" {
            let _ = writeln!(text, "{name:<13}{}", visible(&value));
        }
    }
    text
}

/// What a clear covers: `12 entries (34.5 KiB) in Redis, 3 (1.2 KiB) in memory here`. Of Redis only what is known.
pub(super) fn covered(preview: &Value) -> String {
    let in_redis = |about: &str| {
        let (entries, size) = (number(&preview["l2_entries"]), bytes(number(&preview["l2_bytes"])));
        format!("{about}{entries} entries ({size}) in Redis")
    };
    let redis = match preview["l2_counted"].as_str() {
        Some("no_redis") => None,
        Some("unknown") => Some("an unknown number of entries in Redis".to_owned()),
        Some("at_least") => Some(in_redis("at least ")),
        Some("estimate") => {
            let error = number(&preview["l2_entries_error"]);
            Some(format!("{}, ±{error}", in_redis("about ")))
        }
        // Earlier servers do not say it.
        _ => Some(in_redis(if preview["complete"] == true { "" } else { "about " })),
    };
    let (entries, size) = (number(&preview["l1_entries"]), bytes(number(&preview["l1_bytes"])));
    match redis {
        Some(redis) => format!("{redis}, {entries} ({size}) in memory here"),
        None => format!("{entries} entries ({size}) in memory here"),
    }
}

/// What was or would be cleared; the handle comes last.
pub(super) fn cleared(answer: &Value) -> String {
    let preview = &answer["preview"];
    let mut text = String::new();
    for error in list(&preview["errors"]) {
        let _ = writeln!(text, "not looked at: {}", visible(&word(error)));
    }
    if answer["dry_run"] == true {
        let _ = writeln!(text, "would clear {}", covered(preview));
        for name in list(&preview["sample"]) {
            let _ = writeln!(text, "  {}", visible(&word(name)));
        }
    } else {
        let handle = word(&answer["handle"]);
        let _ = writeln!(text, "cleared {}; take it back with: cache undo {handle}", covered(preview));
    }
    text
}

/// What became of an undone clear.
pub(super) fn undone(handle: u64, undone: &Value) -> String {
    let about = if undone["complete"] == true { "" } else { "at least " };
    let mut text = format!(
        "clear {handle} is taken back: {about}{} entries live again, {} were read anew",
        number(&undone["revived"]),
        number(&undone["reloaded"])
    );
    let still = number(&undone["still_cleared"]);
    if still > 0 {
        let _ = write!(text, ", {still} stay cleared by another clear");
    }
    if let Some(gone) = undone["gone"].as_u64() {
        let _ = write!(text, ", {gone} are gone");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_preview_says_no_more_of_redis_than_is_known() {
        for (counted, text) in [
            ("exact", "811 entries (2.0 KiB) in Redis, 407 (1.0 KiB) in memory here"),
            ("estimate", "about 811 entries (2.0 KiB) in Redis, ±9, 407 (1.0 KiB) in memory here"),
            ("at_least", "at least 811 entries (2.0 KiB) in Redis, 407 (1.0 KiB) in memory here"),
            ("unknown", "an unknown number of entries in Redis, 407 (1.0 KiB) in memory here"),
            ("no_redis", "407 entries (1.0 KiB) in memory here"),
        ] {
            let preview = json!({
                "l2_counted": counted, "l2_entries": 811, "l2_bytes": 2_048, "l2_entries_error": 9,
                "l1_entries": 407, "l1_bytes": 1_024, "complete": counted == "exact",
            });
            assert_eq!(covered(&preview), text, "{counted}");
        }
    }

    #[test]
    fn an_undo_says_what_another_clear_still_covers() {
        let answer = json!({
            "revived": 2, "reloaded": 0, "still_cleared": 800, "gone": null, "complete": true,
        });
        assert_eq!(
            undone(7, &answer),
            "clear 7 is taken back: 2 entries live again, 0 were read anew, 800 stay cleared by another clear\n"
        );
    }

    #[test]
    fn a_value_of_another_application_is_named_with_what_it_costs() {
        let mut stats = json!({
            "l2": { "configured": true, "connected": true, "address": "127.0.0.1:6379", "foreign_key": "tm:e:a:{k}" },
            "coherence": { "trusted": true },
            "categories": {
                "a": { "l2": { "foreign": 3, "foreign_writes": 2 } }, "b": { "l2": { "foreign": 4, "foreign_writes": 5 } },
            },
        });
        let text = summary(&stats);
        assert!(
            text.contains(
                "foreign  tm:e:a:{k} holds another application's value, which is left alone; 7 reads found such, \
                 7 writes were left undone\n"
            ),
            "{text}"
        );
        stats["l2"]["foreign_key"] = Value::Null;
        assert!(!summary(&stats).contains("foreign"));
        let entry = json!({ "l1": null, "l2": null, "l2_key": "tm:e:a:{k}", "slot": 1, "l2_foreign": true });
        assert!(inspection(&entry).contains("another application's value is at its key"));
    }

    #[test]
    fn connections_that_fail_break_or_hang_and_requests_that_are_refused_are_told_apart() {
        let node = json!({
            "address": "127.0.0.1:6379", "usable": true, "requests": 900, "errors": 11, "timeouts": 62, "broken": 7,
            "connections_lost": 5,
        });
        let stats = json!({
            "l2": {
                "configured": true, "connected": true, "connects": 3, "connect_failures": 41, "connect_timeouts": 40,
                "connections_lost": 5, "nodes": [node.clone(), node.clone()],
            },
            "coherence": {}, "nodes": [node],
        });
        assert!(
            summary(&stats).contains(
                "links    3 connects, 41 failed (40 without an answer in time), 5 lost; requests: 124 timed out, 14 \
                 broke off, 22 refused\n"
            ),
            "{}",
            summary(&stats)
        );
        let table = nodes(&stats);
        let words =
            |line: &str| line.split("  ").filter(|w| !w.is_empty()).map(|w| w.trim().to_owned()).collect();
        let rows: Vec<Vec<String>> = table.lines().map(words).collect();
        assert_eq!(
            rows[0][rows[0].len() - 5..],
            ["requests", "refused", "timed out", "broken", "lost"],
            "{table}"
        );
        assert_eq!(rows[1][rows[1].len() - 5..], ["900", "11", "62", "7", "5"], "{table}");
    }

    #[test]
    fn each_category_shows_its_limit_evictions_skipped_reads_and_what_is_cleared() {
        let stats = json!({
            "categories": { "charts": {
                "l1": { "evictions": 12_646, "oversized": 3 }, "l2": { "skipped": 11_471, "timeouts": 62 },
                "source": {},
                "l1_bytes": 97 << 20, "l1_limit_bytes": 100 << 20, "l1_entries": 5,
            } },
            "cleared": { "charts": { "entries": 4, "bytes": 3 << 20 } },
        });
        let text = categories(&stats);
        let row = text.lines().find(|line| line.starts_with("charts")).unwrap();
        for part in ["97.0 MiB", "100.0 MiB", "97.0 %", "12646", "11471", " 62 ", "3.0 MiB"] {
            assert!(row.contains(part), "{part}: {text}");
        }
    }
}
