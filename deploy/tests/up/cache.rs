//! The admin token that `up` makes, and `cache`, which uses it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use local_servers::{Process, Signal};

use crate::checkout::{BOUND, Checkout, text};

/// What the stand-in saw of the setting when it was last called.
fn token_of_the_last_call(checkout: &Checkout) -> String {
    let calls = checkout.calls();
    let last = calls.iter().rev().find_map(|line| line.strip_prefix("TIDEMARK_ADMIN_TOKEN_FILE="));
    last.unwrap().to_owned()
}

/// Kills a part behind the tool's back.
fn kill(checkout: &Checkout, part: &str) {
    let noted = checkout.state()[part].clone();
    let pid = u32::try_from(noted["pid"].as_u64().unwrap()).unwrap();
    Process::attach(pid, noted["mark"].as_str().unwrap()).unwrap().end(Signal::KILL, BOUND).unwrap();
}

#[test]
fn up_makes_a_token_and_cache_uses_it() {
    let checkout = Checkout::new();
    let nothing_runs = checkout.run(&["cache", "stats"]);
    assert_eq!(nothing_runs.status.code(), Some(1));
    assert!(text(&nothing_runs).contains("`cargo deploy up` starts it"), "{}", text(&nothing_runs));
    for help in [&["cache", "--help"][..], &["cache", "help"], &["cache", "stats", "-h"]] {
        assert!(checkout.run(help).status.success());
        assert!(checkout.calls().contains(&help.join(" ")), "it is the binary's own");
    }

    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    let file = checkout.admin_token();
    let token = fs::read_to_string(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(token.trim_end().len() == 64 && token.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()));
    let path = file.to_str().unwrap();
    let told = text(&up);
    let line = told.lines().find(|line| line.contains(path)).unwrap();
    assert!(line.contains("cargo deploy cache stats"), "{line}");
    assert_eq!(token_of_the_last_call(&checkout), path);

    // The words go through as they are, and so do what it says and its exit code.
    let stats = checkout.run(&["cache", "clear", "--prefix", "charts:BTC/", "--dry-run", "--json"]);
    assert!(stats.status.success(), "{}", text(&stats));
    assert!(text(&stats).contains("the cache says"));
    let calls = checkout.calls();
    let at =
        calls.iter().position(|line| line == "cache clear --prefix charts:BTC/ --dry-run --json").unwrap();
    let settings = [
        format!("REDIS_URL=redis://127.0.0.1:{}", checkout.redis),
        format!("LEPTOS_SITE_ADDR={}", checkout.addr),
        format!("TIDEMARK_ADMIN_TOKEN_FILE={path}"),
    ];
    assert_eq!(calls[at + 1..at + 4], settings);
    assert_eq!(checkout.run(&["cache", "undo", "4711"]).status.code(), Some(1));
    // The token of this server is not sent to another one.
    for other in
        [&["cache", "stats", "--url", "http://10.0.0.1"][..], &["cache", "--url=http://10.0.0.1", "top"]]
    {
        assert_eq!(checkout.run(other).status.code(), Some(2), "{other:?}");
    }
    assert!(!checkout.calls().iter().any(|call| call.contains("10.0.0.1")));

    // A server that was started without a token, as by an older tool, is told apart from one that does not run.
    let state = checkout.root().join(".tidemark/state.json");
    let noted = fs::read_to_string(&state).unwrap();
    fs::write(&state, noted.replace("admin_token_file", "something_else")).unwrap();
    let old = checkout.run(&["cache", "stats"]);
    assert_eq!(old.status.code(), Some(1));
    assert!(text(&old).contains("has no admin token: `cargo deploy down` and `up`"), "{}", text(&old));
    fs::write(&state, noted).unwrap();

    // Without the server Redis is asked alone, and nobody is sent a token.
    kill(&checkout, "server");
    let alone = checkout.run(&["cache", "nodes"]);
    assert!(alone.status.success() && text(&alone).contains("Redis alone"), "{}", text(&alone));
    assert_eq!(token_of_the_last_call(&checkout), "");
    // What is cleared so is noted in the audit log of the database, if that runs.
    let database = || {
        let calls = checkout.calls();
        let last = calls.iter().rev().find_map(|line| line.strip_prefix("DATABASE_URL=")).unwrap();
        last.to_owned()
    };
    let url = database();
    assert!(url.starts_with("postgres://tidemark:") && url.contains(&format!(":{}/", checkout.postgres)));
    kill(&checkout, "postgres");
    assert!(checkout.run(&["cache", "nodes"]).status.success());
    assert_ne!(database(), url);

    // It is kept.
    assert!(checkout.up().status.success());
    assert!(checkout.run(&["down"]).status.success());
    assert!(checkout.up().status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), token);
    for said in [told, checkout.calls().join("\n"), checkout.state().to_string()] {
        assert!(!said.contains(token.trim_end()), "no secret is printed or passed on");
    }
}

#[test]
fn a_token_file_that_is_no_good_stops_up_at_once() {
    let checkout = Checkout::new();
    let file = checkout.admin_token();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let refused = |why: &str, setting: Option<&Path>| {
        let mut command = checkout.command(&["up", "--no-build", "--detach", "--addr", &checkout.addr]);
        if let Some(path) = setting {
            command.env("TIDEMARK_ADMIN_TOKEN_FILE", path);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let named = setting.unwrap_or(&file);
        assert!(said.lines().count() == 1 && said.contains(named.to_str().unwrap()), "{said}");
        assert!(said.contains(why), "{said}");
        assert_eq!(said.contains("TIDEMARK_ADMIN_TOKEN_FILE"), setting.is_some(), "{said}");
    };
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    refused("is empty", None);
    fs::write(&file, "0123456789abcdef").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    refused("mode 0640", None);
    assert_eq!(fs::read_to_string(&file).unwrap(), "0123456789abcdef", "it is not replaced");
    refused("cannot be read", Some(&checkout.root().join("missing")));
    assert!(checkout.calls().is_empty() && checkout.all_ports_free(), "nothing was started");
}

#[test]
fn the_operators_own_token_file_comes_first() {
    let checkout = Checkout::new();
    let own = checkout.root().join("own-token");
    fs::write(&own, "a-token-of-the-operator\n").unwrap();
    fs::set_permissions(&own, Permissions::from_mode(0o600)).unwrap();
    let up = |setting: &Path| {
        let args = ["up", "--no-build", "--detach", "--feed", "none", "--addr", &checkout.addr];
        checkout.command(&args).env("TIDEMARK_ADMIN_TOKEN_FILE", setting).output().unwrap()
    };
    // A relative path is one from where the operator is.
    let first = up(Path::new("own-token"));
    assert!(first.status.success(), "{}", text(&first));
    assert!(token_of_the_last_call(&checkout).ends_with("/own-token"));
    assert!(text(&first).contains("/own-token") && !checkout.admin_token().exists());
    // `cache` follows the server, not the shell that it is run from.
    assert!(checkout.run(&["cache", "stats"]).status.success());
    assert!(token_of_the_last_call(&checkout).ends_with("/own-token"));

    // What the server was not started with is not passed over in silence.
    let other = checkout.root().join("other-token");
    fs::copy(&own, &other).unwrap();
    let refused = up(&other);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("`cargo deploy down` first"), "{}", text(&refused));
    assert!(up(Path::new("own-token")).status.success());
}
