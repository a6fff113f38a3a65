//! The sample answers of docs/api.md are those of a server with the sample. `UPDATE_DOCS=1` writes them again.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{fs, path::Path};

use serde_json::Value;
use support::{Server, Setup, sample_database};

/// Longest line of a sample answer.
const WIDTH: usize = 125;

/// A request of the page: the path, and how many lines of its answer are shown.
struct Request<'p> {
    path: &'p str,
    lines: Option<usize>,
}

/// The request of a block that is a single `curl` of a call under `/api`, and nothing that is sent.
fn request(block: &str) -> Option<Request<'_>> {
    let line = block.strip_suffix('\n').filter(|line| !line.contains('\n'))?;
    let (_, rest) = line.strip_prefix("curl -s ")?.split_once("'127.0.0.1:3000")?;
    let (path, rest) = rest.split_once('\'')?;
    let lines = rest.trim().strip_prefix("| head -").map(|count| count.parse().unwrap());
    Some(Request { path, lines })
}

/// Replaces what differs from run to run.
fn settle(text: &str) -> String {
    let mut text = text.to_owned();
    for (name, settled) in [
        ("age_ms", "0"),
        ("request_id", "\"01a20981-307a-7ede-a741-144d527bf535\""),
        // The clock of the import, in µs.
        ("version", "1763424002000000"),
    ] {
        let Some(start) = text.find(&format!("\"{name}\":")).map(|at| at + name.len() + 3) else { continue };
        let end = start + text[start..].find([',', '}']).unwrap();
        text.replace_range(start..end, settled);
    }
    text
}

/// Breaks JSON behind commas.
fn wrap(json: &str) -> String {
    let (mut wrapped, mut length) = (String::new(), 0);
    for part in json.split_inclusive(',') {
        if length > 0 && length + part.len() > WIDTH {
            wrapped.push('\n');
            length = 0;
        }
        wrapped.push_str(part);
        length += part.len();
    }
    wrapped + "\n"
}

/// What a server answers, as the page shows it.
fn answer(server: &Server, request: &Request<'_>) -> String {
    let text = server.get(request.path).text();
    match request.lines {
        Some(lines) => text.split_inclusive('\n').take(lines).collect(),
        None => {
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}: {text}", request.path);
            wrap(&settle(&text))
        }
    }
}

#[test]
fn the_sample_answers_are_those_of_the_sample() {
    let (_, url) = sample_database();
    let server = Server::start(&Setup { postgres: Some(&url), feed: Some("none"), ..Setup::default() });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let page = fs::read_to_string(&path).unwrap();
    let mut written = String::new();
    let mut compared = 0;
    let mut asked = None;
    // Text, block, text, block, ...; a block that follows a request at once is its answer.
    for (place, part) in page.split("```").enumerate() {
        let mut part = part.to_owned();
        if place % 2 == 1 {
            let (language, block) = part.split_once('\n').unwrap();
            if let Some(request) = asked.take() {
                part = format!("{language}\n{}", answer(&server, &request));
                compared += 1;
            } else if let Some(found) = request(block) {
                // Owned by the page, not by the part.
                let start = page.find(found.path).unwrap();
                asked = Some(Request { path: &page[start..start + found.path.len()], lines: found.lines });
            }
        } else if part != "\n" {
            assert!(asked.is_none(), "a request without an answer before {part:.60}");
        }
        if place > 0 {
            written.push_str("```");
        }
        written.push_str(&part);
    }
    assert!(compared >= 6, "{compared} sample answers");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &written).unwrap();
        return;
    }
    for (line, (page, written)) in page.lines().zip(written.lines()).enumerate() {
        assert_eq!(page, written, "docs/api.md:{}: UPDATE_DOCS=1 writes it again", line + 1);
    }
    assert_eq!(page.lines().count(), written.lines().count(), "docs/api.md: UPDATE_DOCS=1 writes it again");
}
