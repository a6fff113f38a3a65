//! `GET /api/openapi.json` beside what the server does. `UPDATE_DOCS=1` writes the examples anew.

use std::{fs, path::Path};

use local_servers::RedisServer;
use serde_json::{Map, Value, json};

use crate::{
    support::{
        Server, Setup,
        admin::{TOKEN, TokenFile},
        sample_database,
    },
    wire,
};

/// The document with every object closed: what an answer has beyond its schema is an error.
fn strict(document: &Value) -> Value {
    match document {
        Value::Object(map) => {
            let mut closed: Map<String, Value> =
                map.iter().map(|(name, value)| (name.clone(), strict(value))).collect();
            if map.get("type") == Some(&json!("object")) && map.contains_key("properties") {
                closed.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(closed)
        }
        Value::Array(list) => Value::Array(list.iter().map(strict).collect()),
        other => other.clone(),
    }
}

/// What is wrong with a value of this schema.
fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect()
}

/// A value or what it refers to.
fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// The schema of an answer.
fn schema<'d>(document: &'d Value, path: &str, method: &str, status: &str, media: &str) -> &'d Value {
    let response = &document["paths"][path][method]["responses"][status];
    let content = &resolve(document, response)["content"][media]["schema"];
    assert!(content.is_object(), "{method} {path} {status} {media} is not described");
    content
}

#[test]
fn every_example_fits_its_schema() {
    let server = Server::start(&Setup::default());
    let document = strict(&server.json("/api/openapi.json"));
    let mut count = 0;
    let mut check = |place: &str, content: &Value| {
        for (media, content) in content.as_object().into_iter().flatten() {
            let example = &content["example"];
            if !example.is_null() {
                let faults = faults(&document, &content["schema"], example);
                assert!(faults.is_empty(), "{place} {media}: {faults:?} in {example}");
                count += 1;
            }
        }
    };
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            check(path, &operation["requestBody"]["content"]);
            for (status, response) in operation["responses"].as_object().unwrap() {
                check(&format!("{method} {path} {status}"), &resolve(&document, response)["content"]);
            }
        }
    }
    assert!(count >= 40, "{count} examples");
    // The check itself sees what is wrong.
    let price = schema(&document, "/api/latest_prices", "get", "200", "application/json");
    assert!(!faults(&document, price, &json!({ "prices": [], "more": 1 })).is_empty());
    let candle = json!({ "$ref": "#/components/schemas/Candle" });
    assert!(faults(&document, &candle, &json!([1, 2.0, 3.0, 1.0, 2.0, 5.0])).is_empty());
    for wrong in
        [json!([1, 2.0, 3.0, 1.0, 2.0]), json!([1.5, 2.0, 3.0, 1.0, 2.0, 5.0]), json!([1, 2, 3, 1, 2, 5, 6])]
    {
        assert!(!faults(&document, &candle, &wrong).is_empty(), "{wrong}");
    }
}

#[test]
fn the_methods_of_every_path_are_those_of_the_document() {
    let token = TokenFile::new();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", token.value())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = Server::start(&Setup { env: &env, ..Setup::default() });
    let document = server.json("/api/openapi.json");
    for (path, methods) in document["paths"].as_object().unwrap() {
        let refused = wire::send(&server, "PATCH", path, &[]);
        assert_eq!(refused.status, 405, "{path}");
        let mut allowed: Vec<&str> = refused.header("allow").split(',').filter(|m| *m != "HEAD").collect();
        allowed.sort_unstable();
        let mut described: Vec<String> =
            methods.as_object().unwrap().keys().map(|m| m.to_uppercase()).collect();
        described.sort_unstable();
        assert_eq!(allowed, described, "{path}");
        // Whoever may not use it is told so, and only there.
        let secured = methods.as_object().unwrap().values().all(|operation| operation["security"].is_array());
        let method = described[0].as_str();
        assert_eq!(wire::send(&server, method, path, &[]).status == 401, secured, "{path}");
    }
}

/// Calls whose answers are described: example, method, path in the document, request, body, status.
const CALLS: &[(&str, &str, &str, &str, &str, u16)] = &[
    ("index", "get", "/api", "/api", "", 200),
    ("latest_prices", "get", "/api/latest_prices", "/api/latest_prices?symbols=BTC,ETH", "", 200),
    ("price_changes", "get", "/api/price_changes", "/api/price_changes?symbols=BTC", "", 200),
    ("chart_data", "get", "/api/chart_data", "/api/chart_data?symbol=BTC&interval=1d&limit=2", "", 200),
    ("charts", "get", "/api/charts", "/api/charts?symbols=BTC,ETH&interval=1w&limit=2", "", 200),
    ("healthz", "get", "/healthz", "/healthz", "", 200),
    ("readyz", "get", "/readyz", "/readyz", "", 200),
    ("inspect", "get", "/api/cache/inspect", "/api/cache/inspect?key=prices:recorded", "", 200),
    ("clear", "post", "/api/cache/clear", "/api/cache/clear", r#"{"scope":{"category":"prices"}}"#, 200),
    ("undo", "post", "/api/cache/undo", "/api/cache/undo", r#"{"handle":1}"#, 200),
    ("stats", "get", "/api/cache/stats", "/api/cache/stats", "", 200),
    ("bad_request", "get", "/api/chart_data", "/api/chart_data?symbol=BTC&interval=2h", "", 400),
    ("not_found", "get", "/api/latest_prices", "/api/latest_prices?symbols=BTC,NOPE", "", 404),
];

/// Replaces what lies elsewhere at every run.
fn settled(answer: &mut Value) {
    match answer {
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                if (name == "address" || name == "node") && value.is_string() {
                    *value = json!("127.0.0.1:6379");
                }
                settled(value);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(settled),
        _ => {}
    }
}

fn keep_example(name: &str, mut answer: Value) {
    if std::env::var_os("UPDATE_DOCS").is_none() {
        return;
    }
    settled(&mut answer);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/openapi/examples");
    fs::write(folder.join(format!("{name}.json")), format!("{answer:#}\n")).unwrap();
}

#[test]
fn the_answers_of_a_server_fit_their_schemas() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let (token, password) = (TokenFile::new(), TokenFile::with("a fine long passphrase", 0o600));
    let env =
        [("TIDEMARK_ADMIN_TOKEN_FILE", token.value()), ("TIDEMARK_ADMIN_PASSWORD_FILE", password.value())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let setup = Setup {
        postgres: Some(&postgres),
        redis: Some(&redis),
        feed: Some("none"),
        env: &env,
        ..Setup::default()
    };
    let server = Server::start(&setup);
    server.wait_json("/readyz", |r| r["redis"]["status"] == "up" && r["postgres"]["status"] == "up");
    let document = strict(&server.json("/api/openapi.json"));
    for (name, method, path, request, body, status) in CALLS {
        let reply = match *method {
            "post" => server.post_as(request, body, Some(TOKEN)),
            _ => server.get_as(request, Some(TOKEN)),
        };
        assert_eq!(reply.status, *status, "{request}: {}", reply.text());
        let media = reply.header("content-type").to_owned();
        let answer = reply.json();
        let schema = schema(&document, path, method, &status.to_string(), &media);
        let faults = faults(&document, schema, &answer);
        assert!(faults.is_empty(), "{request}: {faults:?} in {answer}");
        keep_example(name, answer);
    }
    let credentials = json!({ "user": "admin", "password": "a fine long passphrase" });
    let session = server.post_as("/api/session", &credentials.to_string(), None);
    assert_eq!(session.status, 200, "{}", session.text());
    let described = schema(&document, "/api/session", "post", "200", "application/json");
    let found = faults(&document, described, &session.json());
    assert!(found.is_empty(), "{found:?}");
    keep_example("session", session.json());
    let refused = server.get("/api/cache/stats").json();
    let unauthorized = schema(&document, "/api/cache/stats", "get", "401", "application/problem+json");
    assert!(faults(&document, unauthorized, &refused).is_empty(), "{refused}");
    keep_example("unauthorized", refused);
    let lines = server.get("/api/export?symbol=BTC&interval=1w&format=ndjson").text();
    let line = schema(&document, "/api/export", "get", "200", "application/x-ndjson");
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert!(faults(&document, line, &last).is_empty(), "{last}");
    keep_example("export_line", last);
}

#[test]
fn a_refused_caller_is_answered_as_described() {
    let server = Server::start(&Setup { env: &[("TIDEMARK_RATE_LIMIT", "50/m:1")], ..Setup::default() });
    let document = strict(&server.json("/api/openapi.json"));
    let reply = server.get("/api/latest_prices");
    assert_eq!(reply.status, 429, "{}", reply.text());
    let schema = schema(&document, "/api/latest_prices", "get", "429", "application/problem+json");
    let faults = faults(&document, schema, &reply.json());
    assert!(faults.is_empty(), "{faults:?}");
    keep_example("too_many", reply.json());
}
