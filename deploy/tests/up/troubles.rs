//! The table of docs/up-troubles.md, against which the tests hold what `up` prints.

use std::{
    fs,
    path::Path,
    process::Output,
    sync::{Mutex, PoisonError},
};

use crate::checkout::{Checkout, text};

/// The line that the tool printed and that begins so, with what differs from run to run written as in the table.
pub fn printed(checkout: &Checkout, output: &Output, begins: &str) -> String {
    let said = text(output);
    let found = said.lines().find(|line| line.starts_with(begins));
    let line = found.unwrap_or_else(|| panic!("no line begins with {begins:?}: {said}"));
    let line = line
        .replace(&*checkout.root().to_string_lossy(), "CHECKOUT")
        .replace(&checkout.addr, "127.0.0.1:3000");
    let line =
        line.replace(&checkout.redis.to_string(), "6390").replace(&checkout.postgres.to_string(), "5442");
    ["process ", "has ", "takes "].into_iter().fold(line, |line, before| number_after(&line, before))
}

/// Writes N for a number that follows these words.
fn number_after(line: &str, before: &str) -> String {
    let Some(at) = line.find(before).map(|at| at + before.len()) else { return line.to_owned() };
    let digits = line[at..].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(line.len() - at);
    if digits == 0 { line.to_owned() } else { format!("{}N{}", &line[..at], &line[at + digits..]) }
}

/// Asserts that a run failed with one line of its own on standard error, and that the table has that line for this trouble.
pub fn refused(checkout: &Checkout, output: &Output, what: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", text(output));
    let errors: Vec<_> = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
    assert_eq!(errors.iter().filter(|line| line.starts_with("error: ")).count(), 1, "{errors:?}");
    assert!(!text(output).contains("\n  "), "more than a line: {}", text(output));
    is_documented(what, &printed(checkout, output, "error: "));
}

/// Only one test at a time writes the page.
static PAGE: Mutex<()> = Mutex::new(());

/// Asserts that the table has this line for this trouble. With `UPDATE_DOCS=1` the line is written there; the column with what
/// to do is for a person to write.
pub fn is_documented(what: &str, line: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/up-troubles.md");
    let row = format!("| {what} | `` {line} `` |");
    let turn = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let page = fs::read_to_string(&path).unwrap();
    if page.contains(&row) {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_none_or(|it| it != "1") {
        drop(turn);
        panic!("docs/up-troubles.md lacks a row that begins so; UPDATE_DOCS=1 writes it:\n{row}");
    }
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    match lines.iter_mut().find(|it| it.starts_with(&format!("| {what} | "))) {
        Some(old) => {
            let advice = old.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default().to_owned();
            *old = format!("{row} {advice} |");
        }
        None => {
            let end = lines.iter().position(|it| it.starts_with("|---")).unwrap();
            lines.insert(end + 1, format!("{row} Say here what to do. |"));
        }
    }
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn numbers_are_left_out() {
    assert_eq!(number_after("by x (process 812), y", "process "), "by x (process N), y");
    assert_eq!(number_after("has 3.4 GiB left", "has "), "has N GiB left");
    assert_eq!(number_after("has none", "has "), "has none");
}
