//! Answers that several calls share, and headers.

use serde_json::{Map, Value, json};

use super::examples;

/// Errors by status: name, what it means, an example.
const ERRORS: [(&str, &str, &str); 12] = [
    (
        "400",
        "bad_request",
        "A parameter, the body or the Host header is off; it is named, with what is allowed.",
    ),
    ("401", "unauthorized", "Not signed in and no token, or a wrong password or token."),
    (
        "403",
        "forbidden",
        "Another site asks for a change; or a token was sent and none is taken, TIDEMARK_ADMIN_TOKEN_FILE not being set.",
    ),
    ("404", "not_found", "Unknown symbol, handle or call; it is named."),
    ("405", "method_not_allowed", "Another method; `Allow` has those that there are."),
    ("408", "request_timeout", "The body did not come within 10 s."),
    ("409", "no_password", "No password was set yet; the detail says how to."),
    ("413", "too_large", "The body is longer than 16 KiB."),
    ("414", "uri_too_long", "The query is longer than 16 KiB."),
    (
        "415",
        "unsupported_media_type",
        "The body is not application/json where it has to be, or is of another charset than UTF-8.",
    ),
    (
        "429",
        "too_many_requests",
        "Called, or guessed a password, too often from one address, or too much at once; `Retry-After` says when to come back.",
    ),
    ("503", "unavailable", "Too much is asked at once, or nothing can answer at present."),
];

/// References to the answers of these statuses, put beside `responses`.
pub(super) fn with_errors(mut responses: Value, statuses: &[&str]) -> Value {
    for status in statuses {
        if let Some((_, name, _)) = ERRORS.iter().find(|(known, ..)| known == status) {
            responses[*status] = json!({ "$ref": format!("#/components/responses/{name}") });
        }
    }
    responses
}

/// References to these headers.
pub(super) fn header_references(names: &[&str]) -> Value {
    let reference =
        |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    Value::Object(names.iter().map(reference).collect::<Map<String, Value>>())
}

/// All errors, each a problem document.
pub(super) fn responses() -> Value {
    let mut all = Map::new();
    for (status, name, text) in ERRORS {
        let mut content = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
        match status {
            "400" => content["example"] = examples::bad_request(),
            "401" => content["example"] = examples::unauthorized(),
            "404" => content["example"] = examples::not_found(),
            "429" => content["example"] = examples::too_many(),
            _ => {}
        }
        let headers: &[&str] = match status {
            "401" => &["x-request-id", "WWW-Authenticate"],
            "405" => &["x-request-id", "Allow"],
            "429" => &["x-request-id", "Retry-After", "RateLimit", "RateLimit-Policy"],
            "503" => &["x-request-id", "Retry-After"],
            _ => &["x-request-id"],
        };
        all.insert(
            name.to_owned(),
            json!({
                "description": text,
                "headers": header_references(headers),
                "content": { "application/problem+json": content },
            }),
        );
    }
    let unchanged = ["x-request-id", "ETag", "Cache-Status"];
    all.insert(
        "not_modified".to_owned(),
        json!({ "description": "As it was when the ETag was given.", "headers": header_references(&unchanged) }),
    );
    Value::Object(all)
}

/// Headers of answers.
pub(super) fn headers() -> Value {
    let text = |text: &str| json!({ "description": text, "schema": { "type": "string" } });
    let number = |text: &str| json!({ "description": text, "schema": { "type": "integer", "minimum": 0 } });
    json!({
        "x-request-id": text("The request's id: the caller's own, or a UUID of version 7."),
        "ETag": text("Weak tag of the data, its source and the query; send it back in If-None-Match."),
        "Cache-Status": text("Who answered (RFC 9211): the memory, Redis, the database, or the simulation."),
        "Retry-After": number("Seconds after which to come back."),
        "RateLimit": text("What is left: calls `r`, and seconds `t` until all are there again. Only for callers who are limited."),
        "RateLimit-Policy": text("The quota `q` of calls in a window of `w` seconds."),
        "Allow": text("The methods that there are."),
        "WWW-Authenticate": text("Bearer; Session where only a session helps."),
        "Set-Cookie": text("The session, or its removal; HttpOnly, SameSite=Strict, Secure over TLS."),
        "Content-Disposition": text("The file's name: BTC-USD-1d.csv."),
        "Tidemark-Source": text("Whose candles these are."),
        "Tidemark-Revision": number("Revision of the series in the snapshot that was read."),
    })
}
