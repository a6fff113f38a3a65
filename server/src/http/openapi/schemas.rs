//! Schemas of what the calls answer.

use model::{
    Candle, ChartData, Credentials, Interval, LatestPrices, PriceChange, PriceChanges, Provenance, Quote,
    Session, Source, Symbol, Tier,
};
use serde_json::{Value, json};
use tidemark_cache::MAX_TAG_BYTES;
use utoipa::{OpenApi, ToSchema};

use super::parameters::entry_name;
use crate::{
    config::CATEGORIES,
    http::{
        health::{Component, Ready},
        problem::Problem,
    },
};

/// Answer of `GET /api/charts`: one chart a symbol, in the order asked for, each as `chart_data` answers it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of what is put together from serialised parts")]
struct Charts {
    /// Length of each candle.
    interval: Interval,
    /// One a symbol.
    charts: Vec<ChartData>,
    /// Of all together: the slowest tier, the greatest age, stale or simulated if any chart is.
    provenance: Provenance,
}

/// One line of an export as NDJSON.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of lines that are written by hand")]
struct ExportLine {
    /// Start of the bar, Unix ms.
    open_time: i64,
    /// First price, USD.
    open: f64,
    /// Highest price, USD.
    high: f64,
    /// Lowest price, USD.
    low: f64,
    /// Last price, USD.
    close: f64,
    /// Traded amount, in coins.
    volume: f64,
    /// True for an incomplete candle; not there for others.
    partial: Option<bool>,
}

#[derive(OpenApi)]
#[openapi(components(schemas(
    Candle,
    ChartData,
    Charts,
    Component,
    Credentials,
    ExportLine,
    Interval,
    LatestPrices,
    PriceChange,
    PriceChanges,
    Problem,
    Provenance,
    Quote,
    Ready,
    Session,
    Source,
    Symbol,
    Tier,
)))]
struct Types;

/// All schemas by name.
///
/// # Errors
/// Never, of these types.
pub(super) fn schemas() -> Result<Value, serde_json::Error> {
    let mut schemas = serde_json::to_value(Types::openapi().components)?["schemas"].take();
    for (name, schema) in cache() {
        schemas[name] = schema;
    }
    Ok(schemas)
}

/// What the cache's operator sends and gets. The types are of a crate that knows no HTTP.
fn cache() -> [(&'static str, Value); 8] {
    let count = |text: &str| json!({ "type": "integer", "minimum": 0, "description": text });
    let inspected = json!({
        "type": "object",
        "description": "One copy of an entry.",
        "required": ["kind", "version", "alive", "age_ms", "fresh_for_ms", "stale_for_ms", "bytes", "tags"],
        "properties": {
            "kind": { "enum": ["value", "absent", "removed"] },
            "version": count("Version of the value."),
            "alive": { "type": "boolean", "description": "No clear covers it and its hard life is not over." },
            "age_ms": count("Time since the load."),
            "fresh_for_ms": count("What is left of its soft life."),
            "stale_for_ms": count("What is left of its hard life."),
            "cost_us": count("What the load cost."),
            "bytes": count("Bytes that it takes."),
            "raw_bytes": { "type": ["integer", "null"], "description": "Before compression; in Redis only." },
            "schema": { "type": ["integer", "null"] },
            "clear_head": count("Head of the clear log at the start of the load."),
            "tags": { "type": "array", "items": { "type": "string" } },
            "verified_ms_ago": { "type": ["integer", "null"] },
        },
    });
    let one_of = |name: &str, schema: Value| json!({ "type": "object", "required": [name], "properties": { name: schema }, "additionalProperties": false });
    let tag = json!({ "type": "string", "pattern": "^[!-~]+$", "maxLength": MAX_TAG_BYTES });
    [
        (
            "CacheScope",
            json!({
                "description": "What to clear: everything, a category, names that begin so, a tag such as coin:BTC, a name.",
                "oneOf": [
                    one_of("all", json!({ "const": true })),
                    one_of("category", json!({ "enum": CATEGORIES })),
                    one_of("prefix", entry_name()),
                    one_of("tag", tag),
                    one_of("key", entry_name()),
                ],
            }),
        ),
        (
            "CacheClear",
            json!({
                "type": "object",
                "required": ["scope"],
                "additionalProperties": false,
                "properties": {
                    "scope": { "$ref": "#/components/schemas/CacheScope" },
                    "dry_run": { "type": "boolean", "default": false, "description": "Only say what would be cleared." },
                },
            }),
        ),
        (
            "CachePreview",
            json!({
                "type": "object",
                "description": "Living entries that a scope covers.",
                "required": ["l1_entries", "l1_bytes", "l2_entries", "l2_bytes", "l2_counted", "complete", "errors", "sample"],
                "properties": {
                    "l1_entries": count("In the memory of this server."),
                    "l1_bytes": count("Bytes of those."),
                    "l2_found": count("Found in Redis."),
                    "l2_found_bytes": count("Bytes of those."),
                    "complete": { "type": "boolean", "description": "All of Redis was looked at." },
                    "l2_counted": {
                        "type": "string",
                        "enum": ["no_redis", "unknown", "at_least", "estimate", "exact"],
                        "description": "What l2_entries is. at_least: some nodes could not be looked at. unknown: none could.",
                    },
                    "l2_entries": count("In Redis: found, or as the part that was looked at lets expect."),
                    "l2_bytes": count("Bytes of those."),
                    "l2_entries_error": count("An estimate is within this of the truth, with a confidence of 95 %; otherwise 0."),
                    "uncertain": count("Found, of long names whose end is not known."),
                    "errors": { "type": "array", "items": { "type": "string" } },
                    "sample": { "type": "array", "items": { "type": "string" }, "description": "Some of the names." },
                },
            }),
        ),
        (
            "CacheCleared",
            json!({
                "type": "object",
                "required": ["dry_run", "handle", "preview"],
                "properties": {
                    "dry_run": { "type": "boolean" },
                    "handle": { "type": ["integer", "null"], "description": "For undo; null of a dry run." },
                    "preview": { "$ref": "#/components/schemas/CachePreview" },
                },
            }),
        ),
        (
            "CacheUndo",
            json!({
                "type": "object",
                "required": ["handle"],
                "additionalProperties": false,
                "properties": { "handle": {
                    "type": "integer",
                    "minimum": 0,
                    // Beyond it, JSON's numbers are not exact.
                    "maximum": 9_007_199_254_740_991_u64,
                    "description": "The handle of a clear.",
                } },
            }),
        ),
        (
            "CacheUndone",
            json!({
                "type": "object",
                "required": ["revived", "reloaded", "still_cleared", "gone", "complete"],
                "properties": {
                    "revived": count("Entries alive again."),
                    "reloaded": count("Entries that were loaded anew since; they stay."),
                    "still_cleared": count("Entries that another clear covers as well: they stay cleared."),
                    "gone": { "type": ["integer", "null"], "description": "Entries that expired or were evicted since." },
                    "complete": { "type": "boolean", "description": "Everything was looked at." },
                },
            }),
        ),
        (
            "CacheInspection",
            json!({
                "type": "object",
                "required": ["l1", "l2", "l2_key", "slot", "lease_ms", "l2_error"],
                "properties": {
                    "l1": { "oneOf": [inspected.clone(), { "type": "null" }], "description": "In this server's memory." },
                    "l2": { "oneOf": [inspected, { "type": "null" }], "description": "In Redis." },
                    "l2_foreign": { "type": "boolean", "description": "Another application's value is at its key in Redis, and is left alone." },
                    "l2_key": { "type": "string" },
                    "slot": { "type": "integer", "minimum": 0, "maximum": 16383 },
                    "lease_ms": { "type": ["integer", "null"], "description": "A load is under way, for so long at most." },
                    "l2_error": { "type": ["string", "null"], "description": "Why Redis could not be asked." },
                },
            }),
        ),
        ("CacheStats", stats(&count)),
    ]
}

/// The report's outline: what is counted in each part grows with the cache, and docs/cache.md tells of it.
fn stats(count: &dyn Fn(&str) -> Value) -> Value {
    let object = |text: &str| json!({ "type": "object", "description": text });
    let list = |text: &str| json!({ "type": "array", "items": { "type": "object" }, "description": text });
    json!({
        "type": "object",
        "description": "What the cache of this server does; see docs/cache.md.",
        "required": ["categories", "l1_bytes", "l1_limit_bytes", "l2", "coherence", "clears", "cleared", "savings",
                     "nodes", "failovers", "hot_keys", "clear_log"],
        "properties": {
            "categories": object("Reads, loads and memory by category and tier."),
            "l1_bytes": count("Bytes in memory."),
            "l1_limit_bytes": count("The limit of those."),
            "l2": object("The connection to Redis, and each node as this server sees it."),
            "l2_writes_in_flight": count("Writes to Redis under way."),
            "flights": count("Loads and looks into Redis under way."),
            "coherence": object("Messages between servers, and what waits to be made good."),
            "clears": object("The clear log in numbers."),
            "cleared": object("Entries and bytes in memory that clears cover, by category; empty if none was made."),
            "savings": object("What the cache spared the database, by category."),
            "nodes": list("Health of each Redis node by its own word."),
            "failovers": list("The last failover of each part of a cluster."),
            "hot_keys": list("The keys that are read most, hottest first."),
            "clear_log": list("The clears that are remembered, newest first."),
        },
    })
}
