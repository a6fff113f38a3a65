//! The server runs from a release that no build writes to.

use std::fs;

use crate::checkout::{BOUND, Checkout, text, write_program};

/// The site that the server which was started last was given.
fn site(checkout: &Checkout) -> String {
    let calls = checkout.calls();
    let line = calls.iter().rev().find_map(|line| line.strip_prefix("LEPTOS_SITE_ROOT="));
    line.unwrap().to_owned()
}

#[test]
fn a_build_under_a_server_that_runs_changes_nothing_of_it() {
    let checkout = Checkout::new();
    checkout.build("one");
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    let release = checkout.release();
    let server = checkout.pid("server");
    assert_eq!(site(&checkout), release.join("site").to_string_lossy());
    let is_whole = || {
        let read = |name: &str| fs::read_to_string(release.join(name)).unwrap();
        assert_eq!(
            (read("hash.txt").as_str(), read("site/pkg/tidemark.one.js").as_str()),
            ("js: one\n", "one")
        );
        assert!(read("tidemark").contains("# build one"));
    };
    is_whole();

    // A pull and a build, and then Redis is gone: it is started again beside the server of before.
    checkout.build("two");
    checkout.kill("redis");
    let repaired = checkout.up();
    assert!(repaired.status.success(), "{}", text(&repaired));
    assert_eq!((checkout.pid("server"), checkout.release()), (server, release.clone()));
    is_whole();

    // The next start serves what was built.
    assert!(checkout.run(&["down"]).status.success());
    assert!(checkout.up().status.success());
    let second = checkout.release();
    assert_ne!(second, release);
    assert!(fs::read_to_string(second.join("tidemark")).unwrap().contains("# build two"));
    assert_eq!(site(&checkout), second.join("site").to_string_lossy());
    assert!(release.exists(), "the one before is kept");
}

#[test]
fn the_release_before_is_served_again_on_request() {
    let checkout = Checkout::new();
    let release = |which: &str| {
        checkout.run(&["up", "--release", which, "--detach", "--feed", "none", "--addr", &checkout.addr])
    };
    let refused = |which: &str, why: &str| {
        let up = release(which);
        assert!(up.status.code() == Some(1) && text(&up).contains(why), "{}", text(&up));
        assert!(checkout.process("server").is_none());
    };
    refused("current", "there is no current release in");
    checkout.build("one");
    assert!(checkout.up().status.success());
    let first = checkout.release();
    assert!(checkout.run(&["down"]).status.success());
    refused("previous", "there is no previous release in");

    checkout.build("two");
    let up = checkout.up();
    let second = checkout.release();
    let name = second.file_name().unwrap().to_string_lossy();
    assert!(up.status.success() && text(&up).contains(&format!("Release    {name}")), "{}", text(&up));
    // What runs is not replaced under its readers.
    let up = release("previous");
    assert_eq!(up.status.code(), Some(1), "{}", text(&up));
    assert!(text(&up).contains("`cargo deploy down` first"), "{}", text(&up));
    assert!(release("current").status.success());
    assert!(checkout.run(&["down"]).status.success());

    // A migration that the release before does not know.
    checkout
        .hook("echo 'tidemark: it has version 9, newer than this program; use a newer tidemark' >&2; false");
    refused("previous", "newer than this program; use a newer tidemark. The previous release is not served");
    assert_eq!(checkout.release(), second);
    fs::remove_file(checkout.root().join("hook")).unwrap();

    let up = release("previous");
    assert!(up.status.success(), "{}", text(&up));
    assert_eq!(checkout.release(), first);
    assert_eq!(site(&checkout), first.join("site").to_string_lossy());
    assert!(checkout.run(&["down"]).status.success());
    // The same one again, and not what is in Cargo's output folder.
    assert!(release("current").status.success());
    assert_eq!(checkout.release(), first);
    assert!(checkout.run(&["down"]).status.success());
    // Forward again.
    assert!(release("previous").status.success());
    assert_eq!(checkout.release(), second);
}

#[test]
fn a_build_that_changes_nothing_is_not_kept_for_later() {
    let checkout = Checkout::new();
    checkout.build_tools();
    checkout.build("one");
    assert!(checkout.up().status.success());
    assert!(checkout.run(&["build", "--yes"]).status.success());
    assert!(!checkout.root().join(".tidemark/releases/next").exists());
    assert!(checkout.run(&["down"]).status.success());
    // As `cargo leptos build` by hand does.
    checkout.build("two");
    assert!(checkout.up().status.success());
    let served = fs::read_to_string(checkout.release().join("tidemark")).unwrap();
    assert!(served.contains("# build two"), "{served}");
}

#[test]
fn what_build_announces_is_served_next() {
    let checkout = Checkout::new();
    checkout.build_tools();
    checkout.build("one");
    assert!(checkout.up().status.success());
    checkout.build("two");
    let built = checkout.run(&["build", "--yes"]);
    assert!(built.status.success(), "{}", text(&built));
    assert!(text(&built).contains("`cargo deploy up --no-build` serve it"), "{}", text(&built));
    // Something else is in Cargo's output folder by then.
    checkout.build("three");
    assert!(checkout.run(&["down"]).status.success());
    assert!(checkout.up().status.success());
    let served = fs::read_to_string(checkout.release().join("tidemark")).unwrap();
    assert!(served.contains("# build two"), "{served}");
    assert!(!checkout.root().join(".tidemark/releases/next").exists(), "it is the current one");

    // A build removes releases that no link names any more: of the five, the current, the previous and the next one stay.
    checkout.build("four");
    assert!(checkout.run(&["build", "--yes"]).status.success());
    checkout.build("five");
    assert!(checkout.run(&["build", "--yes"]).status.success());
    let entries = fs::read_dir(checkout.root().join(".tidemark/releases")).unwrap();
    let dirs = entries.filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir());
    assert_eq!(dirs.count(), 3);
}

#[test]
fn a_build_that_went_elsewhere_is_not_replaced_by_the_release_of_before() {
    let checkout = Checkout::new();
    checkout.build_tools();
    assert!(checkout.up().status.success());
    assert!(checkout.run(&["down"]).status.success());
    fs::remove_file(checkout.root().join("tidemark")).unwrap();
    let args = ["up", "--yes", "--detach", "--feed", "none", "--addr", &checkout.addr];
    for args in [&args[..], &["build", "--yes"]] {
        let refused = checkout.run(args);
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
        assert!(text(&refused).contains("it was built into another folder"), "{}", text(&refused));
    }
    assert!(checkout.process("server").is_none());
}

#[test]
fn up_builds_nothing_while_the_server_runs() {
    let checkout = Checkout::new();
    // Cargo, as far as this is about it: a build is noted.
    let bin = checkout.root().join("bin");
    fs::create_dir(&bin).unwrap();
    write_program(
        &bin.join("cargo"),
        "#!/bin/sh\ncase $1 in build | rustc) echo \"$@\" >> builds ;; esac\nexit 1\n",
    );
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    assert!(checkout.up().status.success());
    checkout.kill("redis");
    let args = ["up", "--yes", "--detach", "--feed", "none", "--addr", &checkout.addr];
    let up = checkout.command(&args).env("PATH", path).output().unwrap();
    assert!(up.status.success(), "{}", text(&up));
    assert!(text(&up).contains("is built and served after `down` and `up`"), "{}", text(&up));
    assert!(checkout.process("redis").is_some());
    assert!(!checkout.root().join("builds").exists());
}

#[test]
fn the_supervisor_starts_the_release_that_was_served() {
    let checkout = Checkout::new();
    checkout.build("one");
    let mut up = checkout.foreground();
    let release = checkout.release();
    checkout.build("two");
    let before = checkout.pid("server");
    checkout.kill("server");
    let again = local_servers::wait_until(BOUND, || {
        checkout.pid("server") != before && std::net::TcpStream::connect(&checkout.addr).is_ok()
    });
    assert!(again, "{}", checkout.said());
    assert_eq!(
        (checkout.release(), site(&checkout)),
        (release.clone(), release.join("site").to_string_lossy().into_owned())
    );
    up.end(local_servers::Signal::TERM, BOUND).unwrap();
}

#[test]
fn a_release_that_does_not_start_leaves_the_one_before_current() {
    let checkout = Checkout::new();
    checkout.build("one");
    assert!(checkout.up().status.success());
    let release = checkout.release();
    assert!(checkout.run(&["down"]).status.success());
    checkout.build("two");
    checkout.hook("[ \"$1\" != serve ]");
    let up = checkout.up();
    assert_eq!(up.status.code(), Some(1), "{}", text(&up));
    assert_eq!(checkout.release(), release);
}

#[test]
fn without_a_build_the_current_release_is_served() {
    let checkout = Checkout::new();
    assert!(checkout.up().status.success());
    let release = checkout.release();
    assert!(checkout.run(&["down"]).status.success());
    fs::remove_dir_all(checkout.root().join("target")).unwrap();
    fs::remove_file(checkout.root().join("tidemark")).unwrap();
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert_eq!(checkout.release(), release);
    assert!(checkout.run(&["reset", "--yes"]).status.success());
    assert!(!release.exists());
}
