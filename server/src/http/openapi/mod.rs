//! `GET /api/openapi.json`: the API described by itself, OpenAPI 3.1.

mod examples;
mod operations;
mod parameters;
mod responses;
mod schemas;

use std::sync::OnceLock;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::problem::Problem;

/// Answers with the document, which is made once.
pub(super) async fn document() -> Response {
    static DOCUMENT: OnceLock<Option<Bytes>> = OnceLock::new();
    let made = DOCUMENT.get_or_init(|| describe().and_then(|d| serde_json::to_vec(&d)).ok().map(Bytes::from));
    let Some(body) = made else {
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the document cannot be written")
            .into_response();
    };
    let mut response = Response::new(Body::from(body.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The whole document.
pub(super) fn describe() -> Result<Value, serde_json::Error> {
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidemark",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Latest prices and candles of crypto markets. Times are Unix milliseconds UTC. Every answer says \
                            where it comes from, in `provenance` and `Cache-Status`; errors are problem documents \
                            (RFC 9457).",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server" }],
        "tags": [
            { "name": "market", "description": "Prices and candles" },
            { "name": "about", "description": "Of the API and the server" },
            { "name": "session", "description": "Signing in and out" },
            { "name": "cache", "description": "For the cache's operator, who is signed in or has the token" },
        ],
        "paths": operations::paths(),
        "components": {
            "schemas": schemas::schemas()?,
            "parameters": parameters::parameters(),
            "headers": responses::headers(),
            "responses": responses::responses(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token in the file that TIDEMARK_ADMIN_TOKEN_FILE names.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "tidemark",
                    "description": "Set by POST /api/session; over TLS its name is __Host-tidemark. Changes by cookie are taken \
                                    from this site's own pages alone: by Sec-Fetch-Site, or by Origin beside Host.",
                },
            },
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_a_name_of_its_own_and_says_what_it_answers() {
        let document = describe().unwrap();
        let mut names = std::collections::BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for operation in methods.as_object().unwrap().values() {
                assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path}");
                let responses = operation["responses"].as_object().unwrap();
                assert!(
                    (responses.contains_key("200") || responses.contains_key("204"))
                        && responses.contains_key("405"),
                    "{path}"
                );
                for parameter in operation["parameters"].as_array().unwrap() {
                    let parameter = document.pointer(&parameter["$ref"].as_str().unwrap()[1..]).unwrap();
                    let described = parameter["name"].is_string() && parameter["schema"].is_object();
                    assert!(described && parameter["description"].is_string(), "{path} {parameter}");
                }
            }
        }
        let schemas = document["components"]["schemas"].as_object().unwrap();
        assert!(schemas.len() >= 20);
        for name in schemas.keys() {
            let reference = format!("#/components/schemas/{name}");
            let schema = json!({ "$ref": reference, "components": document["components"] });
            assert!(jsonschema::validator_for(&schema).is_ok(), "{name}");
            // What each refers to is there as well.
            assert!(jsonschema::meta::is_valid(&schema["components"]["schemas"][name]), "{name}");
        }
    }

    #[test]
    fn the_document_names_nothing_that_is_not_there() {
        let document = describe().unwrap();
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(reference)) = map.get("$ref") {
                        found.push(reference.clone());
                    }
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(list) => list.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} is not there");
        }
    }
}
