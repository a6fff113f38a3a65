//! Parameters of the calls, with their limits.

use model::{DEFAULT_LIMIT, FIRST_TIME, LAST_TIME, MAX_CHANGE_SYMBOLS, MAX_LIMIT};
use serde_json::{Value, json};
use tidemark_cache::MAX_SCOPE_TEXT;

use crate::{
    config::CATEGORIES,
    market::{BATCH_DEFAULT_LIMIT, BATCH_MAX_CANDLES, BATCH_MAX_SYMBOLS, IncompleteCandles},
};

/// A reference to one of [`parameters`].
pub(super) fn parameter(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

/// The schema of an entry's full name, or of its beginning.
pub(super) fn entry_name() -> Value {
    json!({
        "type": "string",
        "pattern": format!("^({}):", CATEGORIES.join("|")),
        "maxLength": MAX_SCOPE_TEXT,
        "examples": ["prices:recorded"],
    })
}

/// All, by the names that operations refer to.
pub(super) fn parameters() -> Value {
    let query = |name: &str, required: bool, text: &str, schema: Value| json!({ "name": name, "in": "query", "required": required, "description": text, "schema": schema });
    let list = |required: bool, text: &str, most: usize| {
        let items = json!({ "$ref": "#/components/schemas/Symbol" });
        let schema = json!({ "type": "array", "items": items, "minItems": 1, "maxItems": most });
        let mut parameter = query("symbols", required, text, schema);
        parameter["style"] = json!("form");
        parameter["explode"] = json!(false);
        parameter["example"] = json!(["BTC", "ETH"]);
        parameter
    };
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    // What lies between is a time in seconds.
    let time = || {
        json!({
            "type": "integer",
            "format": "int64",
            "oneOf": [{ "const": 0 }, { "minimum": FIRST_TIME, "maximum": LAST_TIME }],
            "examples": [1_546_300_800_000_i64],
        })
    };
    let limit = |text: &str, default: u32| {
        let schema = json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": default });
        query("limit", false, text, schema)
    };
    let together = format!("Most bars of each symbol. Symbols times limit are at most {BATCH_MAX_CANDLES}.");
    let mut symbol = query("symbol", true, "Ticker symbol.", schema("Symbol"));
    symbol["example"] = json!("BTC");
    let mut interval =
        query("interval", true, "Length of each candle; none finer than what is stored.", schema("Interval"));
    interval["example"] = json!("1d");
    json!({
        "prices_symbols": list(false, "Which symbols, in this order; all without it.", 500),
        "changes_symbols": list(true, "Which symbols, in this order; one named twice is answered once.", MAX_CHANGE_SYMBOLS),
        "since": query("since", false, "`version` of an earlier answer: only what changed since then is answered. Without it, \
                       and where the server does not know it, all asked symbols are.",
                       json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX })),
        "charts_symbols": list(true, "Which symbols, in this order; one named twice is answered once.", BATCH_MAX_SYMBOLS),
        "symbol": symbol,
        "interval": interval,
        "from": query("from", false, "Earliest open time, Unix ms, inclusive; 0 is the beginning. With it the first candles \
                       are answered, otherwise the last. A time in seconds is refused.", time()),
        "to": query("to", false, "Latest open time, Unix ms, inclusive. A time in seconds is refused.", time()),
        "limit": limit("Most bars.", DEFAULT_LIMIT),
        "charts_limit": limit(&together, BATCH_DEFAULT_LIMIT),
        "source": query("source", false, "Whose candles; the active feed's, otherwise the recorded ones, without it.",
                        schema("Source")),
        "format": query("format", false, "CSV has a header and can be imported again; NDJSON has an object a line.",
                        json!({ "enum": ["csv", "ndjson"], "default": "csv" })),
        "partial": query("partial", false, "What becomes of incomplete candles: they are marked, left out, or written as the \
                         others.", json!({ "enum": IncompleteCandles::ALL.map(IncompleteCandles::as_str), "default": "mark" })),
        "nonce": query("nonce", true, "Hexadecimal digits, made at random for this call.",
                       json!({ "type": "string", "pattern": "^[0-9A-Fa-f]*$", "minLength": 32, "maxLength": 128,
                               "examples": ["9f86d081884c7d659a2feaa0c55ad015"] })),
        "key": query("key", true, "The entry's full name, category:text.",
                     entry_name()),
        "if_none_match": { "name": "If-None-Match", "in": "header", "required": false, "schema": { "type": "string" },
                           "description": "The ETag of an earlier answer; unchanged, it is answered by 304." },
        "request_id": { "name": "x-request-id", "in": "header", "required": false,
                        "description": "1 to 128 letters, digits, dots, hyphens and underscores are kept for the answer and the log; \
                                        without it, or with anything else, an id is made.",
                        "schema": { "type": "string" } },
    })
}
