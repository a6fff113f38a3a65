//! Looks for each prerequisite.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Serialize;

use crate::{layout::Layout, run, version::Version};

/// A prerequisite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// The pinned Rust compiler.
    Rust,
    /// Its standard library for the browser.
    WasmTarget,
    /// The formatter.
    Rustfmt,
    /// The linter.
    Clippy,
    /// A C compiler, which some crates need, and Rust for linking.
    CCompiler,
    /// Builds server and site together.
    CargoLeptos,
    /// Makes the JavaScript around the wasm; its version is that of the crate.
    WasmBindgen,
    /// Makes the wasm smaller.
    WasmOpt,
    /// The cache's second tier.
    Redis,
    /// The store.
    Postgres,
    /// Runs the browser tests, and wasm-opt.
    Node,
    /// Installs Node's packages.
    Npm,
    /// The browser of the tests.
    Chromium,
}

/// What a prerequisite is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// Nothing runs without it.
    Run,
    /// Nothing is built without it.
    Build,
    /// Better with it.
    Recommended,
    /// The checks need it.
    Tests,
}

/// How a prerequisite was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum State {
    /// It will do.
    Found {
        /// What it says of itself.
        version: String,
        /// Where it is.
        path: PathBuf,
    },
    /// Nowhere.
    Missing,
    /// There, but not the version that is needed.
    WrongVersion {
        /// What it says of itself.
        version: String,
        /// Where it is.
        path: PathBuf,
    },
}

/// A prerequisite and how it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    pub tool: Tool,
    /// Name for people.
    pub name: String,
    /// The version that is wanted, in words; empty if any will do.
    pub wanted: String,
    /// What it is for.
    pub need: Need,
    /// How it was found.
    #[serde(flatten)]
    pub state: State,
}

impl Finding {
    /// Whether it will do.
    pub fn good(&self) -> bool {
        matches!(self.state, State::Found { .. })
    }
}

/// Which versions will do.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Any,
    AtLeast(Version),
    Exactly(Version),
    /// This or a later one of the same minor version.
    Compatible(Version),
}

impl Wanted {
    fn takes(self, version: Option<Version>) -> bool {
        match (self, version) {
            (Self::Any, _) => true,
            (_, None) => false,
            (Self::AtLeast(wanted), Some(it)) => it >= wanted,
            (Self::Exactly(wanted), Some(it)) => it == wanted,
            (Self::Compatible(wanted), Some(it)) => it >= wanted && (it.0, it.1) == (wanted.0, wanted.1),
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::Any => String::new(),
            Self::AtLeast(version) => format!(">= {version}"),
            Self::Exactly(version) => format!("= {version}"),
            Self::Compatible(version) => format!("{version} or a later {}.{}", version.0, version.1),
        }
    }
}

/// The cargo-leptos that the project is built with.
pub const CARGO_LEPTOS: Version = Version(0, 3, 8);

/// Looks for every prerequisite.
pub fn detect(layout: &Layout) -> Vec<Finding> {
    let rust = pinned_rust(layout).map_or(Wanted::Any, Wanted::Exactly);
    let bindgen = locked(layout, "wasm-bindgen").map_or(Wanted::Any, Wanted::Exactly);
    let finding = |tool, name: &str, wanted: Wanted, need, at: Option<(PathBuf, Option<String>)>| {
        let state = match at {
            None | Some((_, None)) => State::Missing,
            Some((path, Some(said))) => {
                let found = Version::in_text(&said);
                let version = found.map_or_else(String::new, |version| version.to_string());
                if wanted.takes(found) {
                    State::Found { version, path }
                } else {
                    State::WrongVersion { version, path }
                }
            }
        };
        Finding { tool, name: name.to_owned(), wanted: wanted.in_words(), need, state }
    };
    let ask = |program: &str| {
        let path = run::find(layout, program)?;
        let said = run::said(
            Command::new(&path).arg("--version").current_dir(layout.root()).env("PATH", run::path(layout)),
        );
        Some((path, said))
    };
    let postgres = local_servers::postgres_bin_dir().ok().map(|dir| dir.join("postgres")).map(|path| {
        let said = run::said(Command::new(&path).arg("--version"));
        (path, said)
    });
    let compiler = ["cc", "gcc", "clang"].into_iter().find_map(ask);
    vec![
        finding(Tool::Rust, "rustc", rust, Need::Build, ask("rustc")),
        finding(Tool::WasmTarget, "Rust's wasm32 target", Wanted::Any, Need::Build, wasm_target(layout)),
        finding(Tool::CCompiler, "C compiler", Wanted::Any, Need::Build, compiler),
        finding(
            Tool::CargoLeptos,
            "cargo-leptos",
            Wanted::Compatible(CARGO_LEPTOS),
            Need::Build,
            ask("cargo-leptos"),
        ),
        finding(Tool::WasmBindgen, "wasm-bindgen", bindgen, Need::Build, ask("wasm-bindgen")),
        finding(
            Tool::Redis,
            "redis-server",
            Wanted::AtLeast(Version(6, 2, 0)),
            Need::Run,
            ask("redis-server"),
        ),
        finding(Tool::Postgres, "PostgreSQL server", Wanted::AtLeast(Version(13, 0, 0)), Need::Run, postgres),
        finding(Tool::Node, "node", Wanted::AtLeast(Version(20, 0, 0)), Need::Recommended, ask("node")),
        finding(Tool::Npm, "npm", Wanted::Any, Need::Recommended, ask("npm")),
        finding(
            Tool::WasmOpt,
            "wasm-opt",
            Wanted::AtLeast(Version(120, 0, 0)),
            Need::Recommended,
            ask("wasm-opt"),
        ),
        finding(Tool::Rustfmt, "rustfmt", Wanted::Any, Need::Tests, ask("rustfmt")),
        finding(Tool::Clippy, "clippy", Wanted::Any, Need::Tests, ask("cargo-clippy")),
        finding(
            Tool::Chromium,
            "Chromium",
            Wanted::Any,
            Need::Tests,
            chromium().map(|path| {
                let said = run::said(Command::new(&path).arg("--version"));
                (path, said)
            }),
        ),
    ]
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
    fn wanted_versions() {
        let compatible = Wanted::Compatible(Version(0, 3, 8));
        assert!(compatible.takes(Some(Version(0, 3, 11))) && !compatible.takes(Some(Version(0, 4, 0))));
        assert!(!compatible.takes(Some(Version(0, 3, 7))) && !compatible.takes(None));
        assert!(Wanted::AtLeast(Version(6, 2, 0)).takes(Some(Version(7, 0, 15))));
        assert!(!Wanted::Exactly(Version(0, 2, 130)).takes(Some(Version(0, 2, 131))));
        assert!(Wanted::Any.takes(None));
    }

    #[test]
    fn this_checkout_pins_what_it_needs() {
        let layout = Layout::find().unwrap();
        assert!(pinned_rust(&layout).is_some());
        assert!(detect(&layout).iter().any(|it| it.tool == Tool::Rust && it.good()));
    }
}
