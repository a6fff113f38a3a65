//! docs/configuration.md against the code: every setting that is read is there, and no other.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Read by libraries, so that their names are in no source of ours.
const BY_LIBRARIES: [&str; 2] = ["RUST_LOG", "SSL_CERT_FILE"];
/// Where settings are read.
const SOURCES: [&str; 5] = ["server/src", "server/cache/src", "server/bench/src", "app/src", "deploy/src"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> String {
    fs::read_to_string(root().join("docs/configuration.md")).unwrap()
}

/// What stands in backquotes in the first column of the page's tables.
fn first_column(page: &str) -> BTreeSet<String> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.filter_map(|cell| Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned())).collect()
}

/// Whether this is the name of a setting that the page is to have.
fn is_setting(word: &str) -> bool {
    let shape = word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let ours = word.starts_with("TIDEMARK_") || word.starts_with("LEPTOS_") || word.ends_with("_URL");
    // Tests have settings of their own.
    shape && (ours || word == "NO_COLOR") && !word.starts_with("TIDEMARK_TEST_")
}

/// The names in string literals of a source, but for its tests.
fn settings_in(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    code.split('"').filter(|word| is_setting(word)).map(str::to_owned).collect()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

#[test]
fn every_variable_is_on_the_page_and_no_other() {
    let mut files = Vec::new();
    for dir in SOURCES {
        sources(&root().join(dir), &mut files);
    }
    let mut read: BTreeSet<String> =
        files.iter().flat_map(|file| settings_in(&fs::read_to_string(file).unwrap())).collect();
    assert!(read.contains("DATABASE_URL") && read.contains("TIDEMARK_FEED"), "{read:?}");
    read.extend(BY_LIBRARIES.map(str::to_owned));
    let listed: BTreeSet<String> = first_column(&page())
        .into_iter()
        .filter(|name| is_setting(name) || BY_LIBRARIES.contains(&name.as_str()))
        .collect();
    let missing: Vec<_> = read.difference(&listed).collect();
    let extra: Vec<_> = listed.difference(&read).collect();
    assert!(missing.is_empty(), "docs/configuration.md lacks {missing:?}");
    assert!(extra.is_empty(), "docs/configuration.md has {extra:?}, which no code reads");
}

/// The names of a struct's fields.
fn fields_of(source: &str, name: &str) -> Vec<String> {
    let start = source.find(&format!("struct {name} {{")).unwrap_or_else(|| panic!("no struct {name}"));
    let body = source[start..].split_once('{').unwrap().1.split("\n}").next().unwrap();
    let lines = body.lines().map(|line| line.trim().trim_start_matches("pub "));
    let fields = lines.filter(|line| !line.starts_with("//") && !line.starts_with('#'));
    fields.filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect()
}

#[test]
fn every_key_of_the_file_is_on_the_page_and_no_other() {
    let source = fs::read_to_string(root().join("server/src/config/file.rs")).unwrap();
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for field in fields_of(&source, "File") {
        match field.as_str() {
            "cache" => {}
            // By interval.
            "retention" => drop(keys.insert("retention.INTERVAL".to_owned())),
            "session" => {
                let path = root().join("server/src/config/session.rs");
                let table = fields_of(&fs::read_to_string(path).unwrap(), "SessionTable");
                keys.extend(table.iter().map(|it| format!("session.{it}")));
            }
            other => panic!("a table [{other}] is not known to this test"),
        }
    }
    for field in fields_of(&source, "CacheTable") {
        match field.as_str() {
            "categories" => {
                let policy = fields_of(&source, "PolicyOverride");
                keys.extend(policy.iter().map(|it| format!("cache.categories.NAME.{it}")));
            }
            other => drop(keys.insert(format!("cache.{other}"))),
        }
    }
    assert!(keys.contains("cache.categories.NAME.fresh_for"), "{keys:?}");
    let is_key = |it: &String| ["cache.", "retention.", "session."].iter().any(|table| it.starts_with(table));
    let listed: BTreeSet<String> = first_column(&page()).into_iter().filter(is_key).collect();
    assert_eq!(listed, keys);

    let names = source.split("const CATEGORIES").nth(1).unwrap().split(';').nth(1).unwrap();
    let names: Vec<&str> = names.split('"').skip(1).step_by(2).collect();
    assert!(names.contains(&"prices"), "{names:?}");
    for name in names {
        assert!(page().contains(&format!("`{name}`")), "category {name}");
    }
}
