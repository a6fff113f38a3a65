//! What a prerequisite is, and what was found of it.

use std::path::PathBuf;

use serde::Serialize;

use crate::version::Version;

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
    /// Builds the server's allocator.
    Make,
    /// Rebuilds and reloads on every change.
    CargoLeptos,
    /// Makes the JavaScript around the wasm for it; its version is that of the crate.
    WasmBindgen,
    /// Makes the wasm smaller.
    WasmOpt,
    /// Makes the scripts smaller.
    Esbuild,
    /// The cache's second tier.
    Redis,
    /// The store.
    Postgres,
    /// Runs the browser tests, wasm-opt and esbuild.
    Node,
    /// Installs Node's packages.
    Npm,
    /// The browser of the tests.
    Chromium,
    /// Fetches servers of other releases for the tests.
    Pip,
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
    /// Some tests are skipped without it.
    SomeTests,
    /// Only `cargo leptos watch` needs it.
    Watch,
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
    /// What is found: where a program is, and what it says of itself, if anything.
    pub fn of(
        tool: Tool,
        name: &str,
        wanted: Wanted,
        need: Need,
        at: Option<(PathBuf, Option<String>)>,
    ) -> Self {
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
        Self { tool, name: name.to_owned(), wanted: wanted.in_words(), need, state }
    }

    /// Whether it will do.
    pub fn good(&self) -> bool {
        matches!(self.state, State::Found { .. })
    }
}

/// Which versions will do.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    /// Each.
    Any,
    /// This or a later one.
    AtLeast(Version),
    /// No other than this.
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_program_that_says_nothing_is_missing() {
        let wanted = Wanted::AtLeast(Version(20, 0, 0));
        let state = |said: Option<&str>| {
            let at = Some((PathBuf::from("/bin/node"), said.map(str::to_owned)));
            Finding::of(Tool::Node, "node", wanted, Need::Tests, at).state
        };
        let path = PathBuf::from("/bin/node");
        assert_eq!(state(None), State::Missing);
        assert_eq!(state(Some("v20.1.0\n")), State::Found { version: "20.1".to_owned(), path: path.clone() });
        assert_eq!(state(Some("v18.9.1")), State::WrongVersion { version: "18.9.1".to_owned(), path });
        assert!(!Finding::of(Tool::Node, "node", wanted, Need::Tests, None).good());
    }
}
