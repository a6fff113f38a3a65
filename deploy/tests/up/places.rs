//! Odd paths, other users, and a bare environment.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{
    checkout::{Checkout, text, write_program},
    troubles::refused,
};

/// All of it works there.
fn works(checkout: &Checkout) {
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert!(checkout.run(&["status"]).status.success());
    assert_eq!(checkout.redis(&["SET", "k", "v"]), "OK");
    assert_eq!(checkout.sql("SELECT 1"), "1");
    let down = checkout.run(&["down"]);
    assert!(down.status.success() && checkout.all_ports_free(), "{}", text(&down));
    // With the data that is there now.
    assert!(checkout.up().status.success());
    assert_eq!(checkout.redis(&["GET", "k"]), "v");
}

#[test]
fn spaces_quotes_and_other_scripts_in_the_path() {
    works(&Checkout::below("my \"own\" Überblick/行情 $HOME #1"));
}

#[test]
fn a_path_that_is_too_long_for_a_socket() {
    let long = ["a-rather-long-name-of-a-folder"; 8].join("/");
    works(&Checkout::below(&long));
}

#[test]
fn a_checkout_that_was_moved_has_its_data() {
    let mut checkout = Checkout::below("before");
    let before = checkout.root().to_owned();
    assert!(checkout.up().status.success());
    checkout.sql("CREATE TABLE kept AS SELECT 42 AS n");
    assert_eq!(checkout.redis(&["SET", "k", "v"]), "OK");
    assert!(checkout.run(&["down"]).status.success());
    checkout.rename("after");
    let up = checkout.up();
    assert!(
        up.status.success() && text(&up).contains("the sample is in the database already"),
        "{}",
        text(&up)
    );
    assert_eq!(checkout.sql("SELECT n FROM kept"), "42");
    assert_eq!(checkout.redis(&["GET", "k"]), "v");
    assert!(!before.exists(), "nothing is made where it was");
    assert_eq!(
        checkout.state()["postgres_data"],
        *checkout.root().join(".tidemark/postgres").to_string_lossy()
    );
}

#[test]
fn a_checkout_that_was_copied_leaves_the_original_alone() {
    let original = Checkout::below("original");
    assert!(original.up().status.success());
    original.sql("CREATE TABLE kept AS SELECT 42 AS n");
    assert!(original.run(&["down"]).status.success());
    let copy = original.copy("copy");
    assert!(original.up().status.success());
    // Nothing of it is the copy's to stop, to count or to delete.
    assert!(text(&copy.run(&["down"])).contains("nothing runs"));
    assert_eq!(copy.run(&["status"]).status.code(), Some(3));
    assert!(original.run(&["status"]).status.success());

    let up = copy.up();
    let note =
        format!("this checkout is a copy of {}, whose servers and data stay", original.root().display());
    assert!(up.status.success() && text(&up).contains(&note), "{}", text(&up));
    assert_eq!(copy.sql("SELECT n FROM kept"), "42", "what was copied is there");
    copy.sql("DROP TABLE kept");
    assert_eq!(original.sql("SELECT n FROM kept"), "42");
    for port in ["redis_port", "postgres_port"] {
        assert_ne!(copy.state()[port], original.state()[port]);
    }
    assert!(!text(&copy.up()).contains("a copy of"), "it is one of its own now");
    let reset = copy.run(&["reset", "--yes"]);
    assert!(reset.status.success(), "{}", text(&reset));
    assert!(original.run(&["status"]).status.success());
    assert_eq!(original.sql("SELECT n FROM kept"), "42");
}

#[test]
fn data_elsewhere_stays_that_of_a_checkout_that_was_moved() {
    // An ordinary user's Postgres is the same user, who enters what is theirs.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Root's alone.
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let before = dir.path().canonicalize().unwrap().join("before");
    let mut checkout = Checkout::at(dir, before.clone());
    let up = checkout.up();
    assert!(up.status.success() && text(&up).contains("its data is in /var/lib/tidemark/"), "{}", text(&up));
    checkout.sql("CREATE TABLE kept AS SELECT 42 AS n");
    assert!(checkout.run(&["down"]).status.success());
    checkout.rename("after");
    assert!(checkout.up().status.success());
    assert_eq!(checkout.sql("SELECT n FROM kept"), "42");
    let data = PathBuf::from(checkout.state()["postgres_data"].as_str().unwrap());

    let anew = Checkout::at(tempfile::tempdir().unwrap(), before);
    let up = text(&anew.up());
    let told = format!("holds the data of the checkout in {}, which was", checkout.root().display());
    assert!(up.contains(&told), "{up}");
    assert!(anew.run(&["reset", "--yes"]).status.success());
    assert_eq!(checkout.sql("SELECT n FROM kept"), "42");

    let reset = checkout.run(&["reset", "--yes"]);
    assert!(reset.status.success(), "{}", text(&reset));
    assert!(!data.parent().unwrap().exists());
}

/// Runs `up` under a umask of 077, as hardened systems have it.
fn up_under_a_tight_umask(checkout: &Checkout) -> Output {
    let up = checkout.command(&["up", "--no-build", "--detach", "--feed", "none", "--addr", &checkout.addr]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 077; exec \"$0\" \"$@\""]).arg(up.get_program()).args(up.get_args());
    shell.current_dir(checkout.root());
    for (name, value) in up.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.output().unwrap()
}

#[test]
fn a_umask_of_077_keeps_postgres_from_nothing() {
    // An ordinary user's Postgres is the same user, who enters what is theirs.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let checkout = Checkout::new();
    // As an earlier attempt under that umask left it.
    fs::set_permissions(checkout.root().join(".tidemark"), fs::Permissions::from_mode(0o700)).unwrap();
    let up = up_under_a_tight_umask(&checkout);
    assert!(up.status.success(), "{}", text(&up));
    assert_eq!(checkout.sql("SELECT 1"), "1");
    assert!(
        checkout.root().join(".tidemark/postgres/PG_VERSION").exists(),
        "where it usually is: {}",
        text(&up)
    );
    for secret in ["postgres", "admin-token"] {
        let mode = fs::metadata(checkout.root().join(".tidemark/secrets").join(secret))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{secret}");
    }
}

#[test]
fn a_umask_of_077_keeps_postgres_from_nothing_elsewhere_either() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Root's alone.
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let root = dir.path().canonicalize().unwrap().join("checkout");
    let checkout = Checkout::at(dir, root);
    let up = up_under_a_tight_umask(&checkout);
    assert!(up.status.success() && text(&up).contains("its data is in /var/lib/tidemark/"), "{}", text(&up));
    assert!(checkout.run(&["down"]).status.success());
    let data = PathBuf::from(checkout.state()["postgres_data"].as_str().unwrap());
    // As an earlier version made it under that umask: the next `up` mends it, under whatever umask.
    fs::set_permissions(data.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert!(checkout.run(&["reset", "--yes"]).status.success());
}

#[test]
fn without_a_home() {
    let checkout = Checkout::new();
    let up = checkout
        .command(&["up", "--no-build", "--detach", "--feed", "none", "--addr", &checkout.addr])
        .env_remove("HOME")
        .env_remove("USER")
        .env_remove("LOGNAME")
        .output()
        .unwrap();
    assert!(up.status.success(), "{}", text(&up));
}

/// The tool as user `nobody`, from a copy that this user can reach.
struct Nobody {
    checkout: Checkout,
    tool: PathBuf,
    id: (u32, u32),
}

impl Nobody {
    /// `None` where we are not root, and so are an ordinary user in every other test.
    fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let id = |flag| {
            let output = Command::new("id").args([flag, "nobody"]).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
        };
        let checkout = Checkout::new();
        let root = checkout.root();
        let (tool, stand_in) = (root.join("deploy-tool"), root.join("stand-in"));
        fs::copy(env!("CARGO_BIN_EXE_deploy"), &tool).unwrap();
        fs::copy(std::env::current_exe().unwrap(), &stand_in).unwrap();
        let script = format!(
            "#!/bin/sh\nTIDEMARK_FAKE=\"$*\" exec '{}' --exact checkout::the_stand_in --nocapture\n",
            stand_in.display()
        );
        write_program(&root.join("tidemark"), &script);
        Some(Self { id: (id("-u"), id("-g")), checkout, tool })
    }

    fn own(&self, path: &Path) {
        chown(path, Some(self.id.0), Some(self.id.1)).unwrap();
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            self.own(&entry.path());
        }
    }

    fn run(&self, args: &[&str]) -> Output {
        let like = self.checkout.command(args);
        let mut command = Command::new(&self.tool);
        command.args(args).current_dir(self.checkout.root()).uid(self.id.0).gid(self.id.1);
        for (name, value) in like.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env_remove("CARGO_MANIFEST_DIR").output().unwrap()
    }

    fn up(&self) -> Output {
        self.run(&["up", "--no-build", "--detach", "--feed", "none", "--addr", &self.checkout.addr])
    }
}

#[test]
fn an_ordinary_user() {
    let Some(nobody) = Nobody::new() else { return };
    let checkout = &nobody.checkout;
    // Root was here before.
    refused(checkout, &nobody.up(), "`.tidemark` belongs to root, and an ordinary user runs `up`");
    nobody.own(checkout.root());
    let up = nobody.up();
    assert!(up.status.success(), "{}", text(&up));
    assert_eq!(checkout.sql("SELECT 1"), "1");
    let down = nobody.run(&["down"]);
    assert!(down.status.success() && checkout.all_ports_free(), "{}", text(&down));
    // And the other way round: root does not take over what an ordinary user keeps.
    refused(checkout, &checkout.up(), "root runs `up` after an ordinary user did");
}
