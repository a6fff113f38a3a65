//! Looks for each prerequisite.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    finding::{Finding, Need, Tool, Wanted},
    test_servers,
};
use crate::{layout::Layout, run, version::Version};

/// The cargo-leptos that `cargo leptos watch` is tried with.
pub const CARGO_LEPTOS: Version = Version(0, 3, 8);

/// Looks for every prerequisite.
pub fn detect(layout: &Layout) -> Vec<Finding> {
    let rust = pinned_rust(layout).map_or(Wanted::Any, Wanted::Exactly);
    let bindgen = locked(layout, "wasm-bindgen").map_or(Wanted::Any, Wanted::Exactly);
    let ask = |program: &str| ask(layout, program);
    let postgres = local_servers::postgres_bin_dir().ok().map(|dir| dir.join("postgres")).map(|path| {
        let said = run::said(Command::new(&path).arg("--version"));
        (path, said)
    });
    let pip = || {
        let path = run::find(layout, "python3")?;
        let said =
            run::said(Command::new(&path).args(["-m", "pip", "--version"]).env("PATH", run::path(layout)));
        Some((path, said))
    };
    let compiler = ["cc", "gcc", "clang"].into_iter().find_map(ask);
    let mut found = vec![
        Finding::of(Tool::Rust, "rustc", rust, Need::Build, ask("rustc")),
        Finding::of(Tool::WasmTarget, "Rust's wasm32 target", Wanted::Any, Need::Build, wasm_target(layout)),
        Finding::of(Tool::CCompiler, "C compiler", Wanted::Any, Need::Build, compiler),
        Finding::of(Tool::Make, "make", Wanted::Any, Need::Build, ask("make")),
        Finding::of(
            Tool::Redis,
            "redis-server",
            Wanted::AtLeast(Version(6, 2, 0)),
            Need::Run,
            ask("redis-server"),
        ),
        Finding::of(
            Tool::Postgres,
            "PostgreSQL server",
            Wanted::AtLeast(Version(13, 0, 0)),
            Need::Run,
            postgres,
        ),
        Finding::of(Tool::Node, "node", Wanted::AtLeast(Version(20, 0, 0)), Need::Recommended, ask("node")),
        Finding::of(Tool::Npm, "npm", Wanted::Any, Need::Recommended, ask("npm")),
        wasm_opt(layout),
        esbuild(layout),
        Finding::of(Tool::Rustfmt, "rustfmt", Wanted::Any, Need::Tests, ask("rustfmt")),
        Finding::of(Tool::Clippy, "clippy", Wanted::Any, Need::Tests, ask("cargo-clippy")),
        Finding::of(
            Tool::Chromium,
            "Chromium",
            Wanted::Any,
            Need::Tests,
            chromium().map(|path| {
                let said = run::said(Command::new(&path).arg("--version"));
                (path, said)
            }),
        ),
    ];
    if test_servers::AVAILABLE {
        found.push(Finding::of(Tool::Pip, "pip of Python 3", Wanted::Any, Need::SomeTests, pip()));
    }
    let leptos = Wanted::Compatible(CARGO_LEPTOS);
    found.push(Finding::of(Tool::CargoLeptos, "cargo-leptos", leptos, Need::Watch, ask("cargo-leptos")));
    found.push(Finding::of(Tool::WasmBindgen, "wasm-bindgen", bindgen, Need::Watch, ask("wasm-bindgen")));
    found
}

/// Looks for the program that makes the wasm smaller.
pub fn wasm_opt(layout: &Layout) -> Finding {
    let wanted = Wanted::AtLeast(Version(120, 0, 0));
    Finding::of(Tool::WasmOpt, "wasm-opt", wanted, Need::Recommended, ask(layout, "wasm-opt"))
}

/// Looks for the program that makes the scripts smaller.
pub fn esbuild(layout: &Layout) -> Finding {
    let wanted = Wanted::AtLeast(Version(0, 20, 0));
    Finding::of(Tool::Esbuild, "esbuild", wanted, Need::Recommended, ask(layout, "esbuild"))
}

/// Where a program is, and what it says of its version.
fn ask(layout: &Layout, program: &str) -> Option<(PathBuf, Option<String>)> {
    let path = run::find(layout, program)?;
    let said = run::said(
        Command::new(&path).arg("--version").current_dir(layout.root()).env("PATH", run::path(layout)),
    );
    Some((path, said))
}

/// The browser of the tests: `CHROMIUM_PATH`, or one of the usual names.
pub fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM_PATH").map(PathBuf::from).filter(|path| path.is_file()) {
        return Some(path);
    }
    let bundles = [
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ];
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(local_servers::find_program)
        .or_else(|| bundles.into_iter().map(PathBuf::from).find(|path| path.is_file()))
}

/// The toolchain that `rust-toolchain.toml` pins.
pub fn pinned_rust(layout: &Layout) -> Option<Version> {
    let text = fs::read_to_string(layout.root().join("rust-toolchain.toml")).ok()?;
    let line = text.lines().find(|line| line.trim_start().starts_with("channel"))?;
    line.split('"').nth(1)?.parse().ok()
}

/// The version of a crate in `Cargo.lock`.
pub fn locked(layout: &Layout, name: &str) -> Option<Version> {
    let text = fs::read_to_string(layout.root().join("Cargo.lock")).ok()?;
    version_in_lock(&text, name)
}

fn version_in_lock(lock: &str, name: &str) -> Option<Version> {
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines();
    lines.find(|line| *line == wanted)?;
    lines.next()?.strip_prefix("version = \"")?.trim_end_matches('"').parse().ok()
}

/// The target's library folder, which the compiler names whether or not it is there.
fn wasm_target(layout: &Layout) -> Option<(PathBuf, Option<String>)> {
    let said = run::said(run::command(layout, "rustc").args([
        "--print",
        "target-libdir",
        "--target",
        "wasm32-unknown-unknown",
    ]))?;
    let dir = Path::new(said.trim()).to_owned();
    dir.is_dir().then_some((dir, Some(String::new())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_versions() {
        let lock = "[[package]]\nname = \"wasm-bindgen-backend\"\nversion = \"0.1.0\"\n\n[[package]]\n\
                    name = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(version_in_lock(lock, "wasm-bindgen"), Some(Version(0, 2, 130)));
        assert_eq!(version_in_lock(lock, "other"), None);
    }

    #[test]
    fn this_checkout_pins_what_it_needs() {
        let layout = Layout::find().unwrap();
        assert!(pinned_rust(&layout).is_some());
        assert!(detect(&layout).iter().any(|it| it.tool == Tool::Rust && it.good()));
    }
}
