//! The operator's password that the first `up` makes, and `admin`.

use std::{fs, os::unix::fs::PermissionsExt};

use local_servers::{Process, Signal, wait_until};

use crate::checkout::{BOUND, Checkout, text};

/// The password in what `up` said.
fn shown(said: &str) -> Option<String> {
    let line = said.lines().find(|line| line.trim_start().starts_with("Admin ")).unwrap();
    assert!(line.contains("/admin") && line.contains("cargo deploy admin password"), "{line}");
    line.split("password ")
        .nth(1)?
        .split(" (shown once")
        .next()
        .map(str::to_owned)
        .filter(|_| line.contains("shown once"))
}

#[test]
fn the_first_up_makes_a_password_and_shows_it_once() {
    let checkout = Checkout::new();
    let nothing_runs = checkout.run(&["admin", "sessions"]);
    assert_eq!(nothing_runs.status.code(), Some(1));
    assert!(text(&nothing_runs).contains("`cargo deploy up` starts it"), "{}", text(&nothing_runs));
    assert!(checkout.run(&["admin", "--help"]).status.success());

    let first = checkout.up();
    assert!(first.status.success(), "{}", text(&first));
    let password = shown(&text(&first)).unwrap();
    assert!(password.len() >= 20, "{password}");
    let given = checkout.root().join("given-password");
    assert_eq!(fs::read_to_string(&given).unwrap(), format!("{password}\n"), "by standard input");
    fs::remove_file(given).unwrap();
    let calls = checkout.calls();
    assert!(calls.contains(&"admin password --if-none".to_owned()), "{calls:?}");
    // Nobody keeps it: neither a file of ours, nor a log, nor an argument.
    let kept = walk(checkout.root());
    assert!(kept.len() > 5);
    for file in kept {
        let bytes = fs::read(&file).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(&password), "{}", file.display());
    }
    // While it runs, and after it was stopped.
    let again = checkout.up();
    assert!(again.status.success() && shown(&text(&again)).is_none(), "{}", text(&again));
    assert!(checkout.run(&["down"]).status.success());
    let later = checkout.up();
    assert!(later.status.success() && shown(&text(&later)).is_none(), "{}", text(&later));

    let listed = checkout.run(&["admin", "sessions", "--json"]);
    assert!(listed.status.success(), "{}", text(&listed));
    assert!(checkout.calls().contains(&"admin sessions --json".to_owned()));
    let database = checkout.calls().into_iter().rev().find(|call| call.starts_with("DATABASE_URL=")).unwrap();
    assert!(database.contains(&checkout.postgres.to_string()), "{database}");
}

#[test]
fn a_password_that_a_killed_up_came_not_to_is_made_by_the_next() {
    let checkout = Checkout::new();
    // As if it were killed when the server answers: all runs, and nothing was stored.
    checkout.hook("[ \"$1\" != admin ]");
    let first = checkout.up();
    assert!(first.status.success() && shown(&text(&first)).is_none(), "{}", text(&first));
    fs::remove_file(checkout.root().join("hook")).unwrap();
    let next = checkout.up();
    assert!(text(&next).contains("Tidemark runs already"), "{}", text(&next));
    let password = shown(&text(&next)).unwrap();
    let given = fs::read_to_string(checkout.root().join("given-password")).unwrap();
    assert_eq!(given, format!("{password}\n"));
}

#[test]
#[cfg(target_os = "linux")]
fn an_operator_at_the_prompt_is_not_interrupted_by_an_up() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    checkout.hook("[ \"$*\" != 'admin password' ] || { touch asked; exec sleep 600; }");
    let mut prompt = Process::spawn(&mut checkout.command(&["admin", "password"])).unwrap();
    assert!(wait_until(BOUND, || checkout.root().join("asked").exists()));
    checkout.kill("server");
    let up = checkout.up();
    assert!(up.status.success() && !text(&up).contains("left by an `up`"), "{}", text(&up));
    assert!(prompt.is_alive());
    assert!(prompt.end_with_descendants(Signal::KILL, BOUND));
}

#[test]
fn the_operators_own_file_comes_first() {
    let checkout = Checkout::new();
    let own = checkout.root().join("own-password");
    fs::write(&own, "a passphrase of the operator\n").unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).unwrap();
    let args = ["up", "--no-build", "--detach", "--feed", "none", "--addr", &checkout.addr];
    let up = checkout.command(&args).env("TIDEMARK_ADMIN_PASSWORD_FILE", "own-password").output().unwrap();
    assert!(up.status.success() && shown(&text(&up)).is_none(), "{}", text(&up));
    assert!(!checkout.root().join("given-password").exists());
    let passed_on =
        checkout.calls().into_iter().find(|call| call.starts_with("TIDEMARK_ADMIN_PASSWORD_FILE="));
    let passed_on = passed_on.unwrap();
    assert!(passed_on.starts_with("TIDEMARK_ADMIN_PASSWORD_FILE=/") && passed_on.ends_with("/own-password"));
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        match entry.file_type() {
            // Of Postgres' own files there are a thousand, and it is never told.
            Ok(kind) if kind.is_dir() && !path.ends_with("postgres") => found.extend(walk(&path)),
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
    found
}
