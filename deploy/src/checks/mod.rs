//! `cargo deploy test`: every check, in order, and a table at the end.

mod browser;
mod disk;
mod size;

use std::{
    env,
    io::{IsTerminal, stdin},
    path::PathBuf,
    time::Duration,
};

use crate::{
    cli::TestArgs,
    layout::Layout,
    problem::{Problem, Result},
    release, run, say,
    tools::{Consent, Need, ensure, test_servers},
    verbs,
};

/// The crates that are built for this machine. `app` is among them with its feature `ssr` only: with `hydrate` beside it,
/// as in a build of the whole workspace, it would be neither.
const NATIVE: [&str; 20] = [
    "-p",
    "model",
    "-p",
    "tidemark-cache",
    "-p",
    "candle-files",
    "-p",
    "tidemark-bench",
    "-p",
    "tidemark",
    "-p",
    "deploy",
    "-p",
    "local-servers",
    "-p",
    "site-build",
    "-p",
    "app",
    "--features",
    "app/ssr",
];

/// A check.
struct Check {
    /// Name for `--only`.
    name: &'static str,
    /// What it says of itself.
    title: &'static str,
    /// Does it.
    work: fn(&Layout) -> Result<()>,
}

/// All checks, the quick ones first.
const CHECKS: [Check; 7] = [
    Check {
        name: "fmt",
        title: "format",
        work: |layout| cargo(layout, &["fmt", "--all", "--check"], &[], &[]),
    },
    Check {
        name: "clippy",
        title: "lints",
        work: |layout| {
            cargo(layout, &["clippy", "--locked"], &NATIVE, &["--all-targets", "--", "-D", "warnings"])
        },
    },
    Check {
        name: "clippy-wasm",
        title: "lints of the browser's half",
        work: |layout| {
            let wasm =
                ["-p", "app", "--features", "hydrate,split", "--lib", "--target", "wasm32-unknown-unknown"];
            cargo(layout, &["clippy", "--locked"], &wasm, &["--", "-D", "warnings"])
        },
    },
    Check { name: "test", title: "unit and integration tests, on real servers", work: test },
    Check { name: "sqlx", title: "data of checked queries is up to date", work: verbs::sqlx::check },
    Check {
        name: "build",
        title: "release build, and the size of the first page",
        work: |layout| {
            verbs::build::build(layout, &release::lock(layout)?)?;
            size::check(layout)
        },
    },
    Check { name: "browser", title: "the real binary in a browser", work: browser::check },
];

/// How a check went.
enum Outcome {
    Passed(Duration),
    Failed(Duration, String),
    Skipped,
}

/// Runs the checks; the exit code is 1 when one failed.
///
/// # Errors
/// When something needed is missing, `--only` names no check, or on Ctrl-C.
pub fn run(layout: &Layout, args: &TestArgs) -> Result<u8> {
    let chosen = choose(&args.only)?;
    layout.make()?;
    if chosen.len() == CHECKS.len()
        && let Some(text) = disk::before(layout)
    {
        say::note(&text);
    }
    let consent = if args.yes || unattended() { Consent::Given } else { Consent::Ask };
    ensure(layout, &[Need::Run, Need::Build, Need::Recommended, Need::Tests], &[Need::SomeTests], consent)?;
    let mut outcomes: Vec<(&Check, Outcome)> = Vec::new();
    for check in chosen {
        let stop = args.fail_fast && outcomes.iter().any(|(_, it)| matches!(it, Outcome::Failed(..)));
        let outcome = if stop { Outcome::Skipped } else { carry_out(layout, check)? };
        outcomes.push((check, outcome));
    }
    Ok(u8::from(!report(&outcomes)))
}

/// Whether nobody sits before it, as in CI: whoever runs this without a terminal cannot be asked and wants it done.
fn unattended() -> bool {
    env::var_os("CI").is_some_and(|it| it == "true") || !stdin().is_terminal()
}

/// The checks that are named so, or whose name begins so before a hyphen; all of them if none is named.
fn choose(only: &[String]) -> Result<Vec<&'static Check>> {
    let names = |check: &Check, word: &str| check.name.split('-').next() == Some(word) || check.name == word;
    if let Some(unknown) = only.iter().find(|word| !CHECKS.iter().any(|check| names(check, word))) {
        let all: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        return Err(Problem::Usage(format!("--only {unknown}: no such check; there are {}", all.join(", "))));
    }
    Ok(CHECKS.iter().filter(|check| only.is_empty() || only.iter().any(|word| names(check, word))).collect())
}

fn carry_out(layout: &Layout, check: &Check) -> Result<Outcome> {
    say::line("");
    let step = say::Step::begin(format!("{}: {}", check.name, check.title));
    let result = (check.work)(layout);
    if let Err(problem) = &result {
        say::error(&problem.to_string());
    }
    let took = step.end(result.is_ok());
    match result {
        Ok(()) => Ok(Outcome::Passed(took)),
        Err(Problem::Interrupted) => Err(Problem::Interrupted),
        Err(problem) => {
            Ok(Outcome::Failed(took, in_a_line(&problem.to_string(), disk::after_failure(layout))))
        }
    }
}

/// Why a check failed, for its line in the table.
fn in_a_line(why: &str, disk: Option<String>) -> String {
    let why = why.lines().next().unwrap_or_default();
    disk.map_or_else(|| why.to_owned(), |disk| format!("{why} ({disk})"))
}

/// Prints the table and the closing line; says whether all went well.
fn report(outcomes: &[(&Check, Outcome)]) -> bool {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    say::line("");
    for (check, outcome) in outcomes {
        let (good, words) = match outcome {
            Outcome::Passed(took) => {
                passed += 1;
                (true, say::short(*took))
            }
            Outcome::Failed(took, why) => {
                failed += 1;
                (false, format!("{:<14} {why}", say::short(*took)))
            }
            Outcome::Skipped => {
                skipped += 1;
                (false, "skipped".to_owned())
            }
        };
        say::line(format!("{} {:<12} {words}", say::mark(good), check.name).trim_end());
    }
    say::line("");
    let skips = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    say::line(&format!("{passed} passed, {failed} failed{skips}"));
    failed == 0
}

/// The tests, with servers of other releases besides the system's. Where those cannot be fetched, their tests are skipped, or
/// fail in CI. The others run in either case.
fn test(layout: &Layout) -> Result<()> {
    let servers = match test_servers::fetch(layout) {
        Err(Problem::Interrupted) => return Err(Problem::Interrupted),
        Err(problem) => {
            say::note(&format!("Redis 6.2 and Valkey cannot be fetched for the tests: {problem}"));
            Vec::new()
        }
        Ok(servers) => servers,
    };
    cargo_with(layout, &["test", "--locked", "--no-fail-fast"], &NATIVE, &[], &servers)
}

fn cargo(layout: &Layout, first: &[&str], middle: &[&str], last: &[&str]) -> Result<()> {
    cargo_with(layout, first, middle, last, &[])
}

/// Cargo with variables.
fn cargo_with(
    layout: &Layout,
    first: &[&str],
    middle: &[&str],
    last: &[&str],
    variables: &[(&str, PathBuf)],
) -> Result<()> {
    let mut cargo = run::command(layout, "cargo");
    cargo.args(first).args(middle).args(last).env("SQLX_OFFLINE", "true");
    cargo.envs(variables.iter().map(|(name, value)| (*name, value)));
    if unattended() && env::var_os("CARGO_INCREMENTAL").is_none() {
        // What is built once gains nothing from the state of incremental builds, which fills gigabytes.
        cargo.env("CARGO_INCREMENTAL", "0");
    }
    run::to_end(&mut cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str]) -> Vec<&'static str> {
        let only: Vec<String> = only.iter().map(|it| (*it).to_owned()).collect();
        choose(&only).unwrap().iter().map(|check| check.name).collect()
    }

    #[test]
    fn every_crate_is_checked() {
        let root = Layout::find().unwrap().root().to_owned();
        let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let members = manifest.lines().find(|line| line.starts_with("members = ")).unwrap();
        let dirs: Vec<&str> = members.split('"').skip(1).step_by(2).collect();
        assert!(dirs.contains(&"deploy"), "{members}");
        for dir in dirs {
            let manifest = std::fs::read_to_string(root.join(dir).join("Cargo.toml")).unwrap();
            let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")).unwrap();
            let name = name.trim_end_matches('"');
            assert!(NATIVE.windows(2).any(|it| it == ["-p", name]), "{name}, the crate in {dir}");
        }
    }

    #[test]
    fn a_failure_is_told_in_a_line_with_what_the_disk_has() {
        let why = "`cargo test` failed (exit status: 101)\nmore";
        assert_eq!(in_a_line(why, None), "`cargo test` failed (exit status: 101)");
        let disk = Some("the disk has 12 MiB left".to_owned());
        assert_eq!(in_a_line(why, disk), "`cargo test` failed (exit status: 101) (the disk has 12 MiB left)");
    }

    #[test]
    fn only_takes_names_and_their_beginnings() {
        assert_eq!(names(&[]).len(), CHECKS.len());
        assert_eq!(names(&["clippy"]), ["clippy", "clippy-wasm"]);
        assert_eq!(names(&["clippy-wasm", "fmt"]), ["fmt", "clippy-wasm"]);
        let error = choose(&["nope".to_owned()]).err().unwrap().to_string();
        assert!(error.contains("--only nope") && error.contains("browser"), "{error}");
    }
}
