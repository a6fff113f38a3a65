//! The calls.

use serde_json::{Value, json};

use super::{
    examples,
    parameters::parameter,
    responses::{header_references, with_errors},
};

/// Errors of every public call.
const PUBLIC: [&str; 6] = ["400", "404", "405", "414", "429", "503"];
/// Errors of calls that take no parameters.
const PLAIN: [&str; 5] = ["400", "405", "414", "429", "503"];
/// Errors of every call of a session.
const SESSION: [&str; 5] = ["400", "405", "414", "429", "503"];
/// Errors of every call of the cache's operator.
const OPERATOR: [&str; 7] = ["400", "401", "403", "405", "414", "429", "503"];
/// Errors of calls whose body is read.
const BODY: [&str; 3] = ["408", "413", "415"];
/// Errors of health checks, which only malformed requests and too many connections get.
const HEALTH: [&str; 4] = ["400", "405", "414", "429"];

/// All calls by path.
pub(super) fn paths() -> Value {
    json!({
        "/api": { "get": index("index") },
        "/api/": { "get": index("index_with_slash") },
        "/api/openapi.json": { "get": plain("openapi", "This document", &json!({ "type": "object" }), None) },
        "/api/latest_prices": { "get": market(
            "latest_prices", "Latest prices, with the figures of an hour, a day and a week",
            &["prices_symbols"], "LatestPrices", examples::latest_prices(),
        ) },
        "/api/price_changes": { "get": market(
            "price_changes", "Latest prices that changed since an earlier answer",
            &["changes_symbols", "since"], "PriceChanges", examples::price_changes(),
        ) },
        "/api/chart_data": { "get": market(
            "chart_data", "Candles of one symbol",
            &["symbol", "interval", "from", "to", "limit", "source"], "ChartData", examples::chart_data(),
        ) },
        "/api/charts": { "get": market(
            "charts", "Candles of many symbols in one answer",
            &["charts_symbols", "interval", "from", "to", "charts_limit", "source"], "Charts", examples::charts(),
        ) },
        "/api/export": { "get": export() },
        "/healthz": { "get": health("healthz", "Whether the process is alive", json!({
            "200": answer("It is.", &json!({ "type": "object" }), examples::healthz(), &["x-request-id"]),
        })) },
        "/readyz": { "get": health("readyz", "Whether it can serve, and what of it is degraded", json!({
            "200": answer("It can.", &reference("Ready"), examples::readyz(), &["x-request-id"]),
            "503": answer("Not yet: what was read most is being loaded.", &reference("Ready"), Value::Null, &["x-request-id"]),
        })) },
        "/api/session": { "get": who(), "post": sign_in(), "delete": sign_out() },
        "/api/cache/proof": { "get": proof() },
        "/api/cache/stats": { "get": operator(
            "cache_stats", "What the cache of this server does", &[], None, "CacheStats", examples::stats(), &[],
        ) },
        "/api/cache/inspect": { "get": operator(
            "cache_inspect", "All that is known of one entry", &["key"], None, "CacheInspection", examples::inspect(), &[],
        ) },
        "/api/cache/clear": { "post": operator(
            "cache_clear", "Clear a part of the cache, or say what that would clear", &[],
            Some(("CacheClear", json!({ "scope": { "category": "prices" }, "dry_run": true }))),
            "CacheCleared", examples::clear(), &[],
        ) },
        "/api/cache/undo": { "post": operator(
            "cache_undo", "Take a clear back", &[], Some(("CacheUndo", json!({ "handle": 1 }))),
            "CacheUndone", examples::undo(), &["404"],
        ) },
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// An answer in JSON, with an example if there is one.
fn answer(text: &str, schema: &Value, example: Value, headers: &[&str]) -> Value {
    let mut content = json!({ "schema": schema });
    if !example.is_null() {
        content["example"] = example;
    }
    json!({
        "description": text,
        "headers": header_references(headers),
        "content": { "application/json": content },
    })
}

fn index(id: &str) -> Value {
    plain(id, "What there is", &json!({ "type": "object" }), Some(examples::index()))
}

/// A call without parameters.
fn plain(id: &str, summary: &str, schema: &Value, example: Option<Value>) -> Value {
    let ok = answer(
        summary,
        schema,
        example.unwrap_or_default(),
        &["x-request-id", "RateLimit", "RateLimit-Policy"],
    );
    json!({
        "operationId": id,
        "tags": ["about"],
        "summary": summary,
        "parameters": [parameter("request_id")],
        "responses": with_errors(json!({ "200": ok }), &PLAIN),
    })
}

/// The proof of the token.
fn proof() -> Value {
    let summary = "Show that this server knows the token, before the token is sent to it";
    let schema = json!({
        "type": "object",
        "required": ["proof"],
        "additionalProperties": false,
        "properties": { "proof": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "HMAC-SHA-256, keyed with the SHA-256 of the token, of `tidemark server at {address}: {nonce}`; \
                            the address is the one at which the server took the connection",
        } },
    });
    let ok = answer(summary, &schema, Value::Null, &["x-request-id", "RateLimit", "RateLimit-Policy"]);
    json!({
        "operationId": "cache_proof",
        "tags": ["cache"],
        "summary": summary,
        "parameters": [parameter("nonce"), parameter("request_id")],
        "responses": with_errors(with_errors(json!({ "200": ok }), &PLAIN), &["403"]),
    })
}

fn health(id: &str, summary: &str, responses: Value) -> Value {
    json!({
        "operationId": id,
        "tags": ["about"],
        "summary": summary,
        "parameters": [parameter("request_id")],
        "responses": with_errors(responses, &HEALTH),
    })
}

/// A read of prices or candles.
fn market(id: &str, summary: &str, names: &[&str], schema: &str, example: Value) -> Value {
    let parameters = names.iter().chain(&["if_none_match", "request_id"]).map(|name| parameter(name));
    let headers = ["x-request-id", "ETag", "Cache-Status", "RateLimit", "RateLimit-Policy"];
    let responses = json!({
        "200": answer(summary, &reference(schema), example, &headers),
        "304": { "$ref": "#/components/responses/not_modified" },
    });
    json!({
        "operationId": id,
        "tags": ["market"],
        "summary": summary,
        "parameters": parameters.collect::<Vec<_>>(),
        "responses": with_errors(responses, &PUBLIC),
    })
}

fn export() -> Value {
    let names = ["symbol", "interval", "from", "to", "source", "format", "partial", "request_id"];
    let headers = [
        "x-request-id",
        "Cache-Status",
        "Content-Disposition",
        "Tidemark-Source",
        "Tidemark-Revision",
        "RateLimit",
        "RateLimit-Policy",
    ];
    let file = json!({
        "description": "The file, in parts. One that breaks off breaks the connection: what ended in order is complete. \
                        CSV has a seventh column, partial, where a candle of the range is incomplete: 1 for those, 0 for \
                        the others.",
        "headers": header_references(&headers),
        "content": {
            "text/csv": {
                "schema": { "type": "string" },
                "example": "open_time,open,high,low,close,volume\n\
                            1554076800000,4095.0,4145.0,4055.9,4135.5,5327.6\n",
            },
            "application/x-ndjson": { "schema": reference("ExportLine"), "example": examples::export_line() },
        },
    });
    json!({
        "operationId": "export",
        "tags": ["market"],
        "summary": "All candles of a range, as a file, read in one snapshot",
        "description": "At most 4 at once, 2 of one client unless TIDEMARK_MAX_EXPORTS_PER_CLIENT says otherwise, for at most 10 \
                        minutes each. Simulated prices are not exported.",
        "parameters": names.iter().map(|name| parameter(name)).collect::<Vec<_>>(),
        "responses": with_errors(json!({ "200": file }), &PUBLIC),
    })
}

/// A call of `/api/session`.
fn session(id: &str, summary: &str, responses: Value, errors: &[&str]) -> Value {
    json!({
        "operationId": id,
        "tags": ["session"],
        "summary": summary,
        "parameters": [parameter("request_id")],
        "responses": with_errors(with_errors(responses, &SESSION), errors),
    })
}

fn who() -> Value {
    let headers = ["x-request-id", "RateLimit", "RateLimit-Policy"];
    let ok = answer("Who is signed in.", &reference("Session"), examples::session(), &headers);
    let mut operation = session("session", "Who is signed in", json!({ "200": ok }), &["401"]);
    operation["security"] = json!([{ "session": [] }]);
    operation
}

fn sign_in() -> Value {
    let headers = ["x-request-id", "Set-Cookie", "RateLimit", "RateLimit-Policy"];
    let ok = answer(
        "Signed in; the cookie holds the session.",
        &reference("Session"),
        examples::session(),
        &headers,
    );
    let errors = ["401", "403", "408", "409", "413", "415"];
    let mut operation = session("sign_in", "Sign in", json!({ "200": ok }), &errors);
    operation["requestBody"] = json!({
        "required": true,
        "content": { "application/json": {
            "schema": reference("Credentials"),
            "example": { "user": "admin", "password": "correct horse battery staple" },
        } },
    });
    operation
}

fn sign_out() -> Value {
    let gone = json!({
        "description": "Signed out, or not signed in at all; the session is over on the server.",
        "headers": header_references(&["x-request-id", "Set-Cookie", "RateLimit", "RateLimit-Policy"]),
    });
    session("sign_out", "Sign out", json!({ "204": gone }), &["403", "408", "413", "415"])
}

/// A call of the cache's operator.
fn operator(
    id: &str,
    summary: &str,
    names: &[&str],
    body: Option<(&str, Value)>,
    schema: &str,
    example: Value,
    errors: &[&str],
) -> Value {
    let ok = answer(summary, &reference(schema), example, &["x-request-id", "RateLimit", "RateLimit-Policy"]);
    let parameters = names.iter().chain(&["request_id"]).map(|name| parameter(name));
    let mut operation = json!({
        "operationId": id,
        "tags": ["cache"],
        "summary": summary,
        "security": [{ "token": [] }, { "session": [] }],
        "parameters": parameters.collect::<Vec<_>>(),
        "responses": with_errors(with_errors(json!({ "200": ok }), &OPERATOR), errors),
    });
    if let Some((schema, example)) = body {
        operation["responses"] = with_errors(operation["responses"].take(), &BODY);
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": reference(schema), "example": example } },
        });
    }
    operation
}
