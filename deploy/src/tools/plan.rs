//! From what is missing to the commands that bring it. Pure, so that every platform's plan is tested on any.

use super::{
    detect::CARGO_LEPTOS,
    finding::{Finding, State, Tool},
    fix::fix,
    packages::{package, package_steps},
};
use crate::version::Version;

/// Where we install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Debian, Ubuntu and their relatives, with `apt-get`.
    Debian(Root),
    /// macOS with Homebrew.
    Homebrew,
    /// Another one: we say what is missing.
    Other,
}

/// How to become root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// We are.
    Already,
    /// By `sudo`.
    Sudo,
    /// Not at all.
    No,
}

/// What the plan has to know of this machine and checkout.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// Where we install.
    pub platform: Platform,
    /// Whether `rustup` is on PATH.
    pub rustup: bool,
    /// Whether `cargo-binstall` is, which fetches tools ready-made.
    pub binstall: bool,
    /// Cores to compile with.
    pub cores: usize,
    /// Whether `make` and a whole `perl` are there, with which cargo-leptos builds its OpenSSL.
    pub openssl_builds: bool,
    /// The `wasm-bindgen` of `Cargo.lock`.
    pub wasm_bindgen: Option<Version>,
    /// Folder for tools of this checkout only.
    pub tools: String,
}

/// A command of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Added to its environment.
    pub env: Vec<(&'static str, &'static str)>,
    /// About how many minutes it takes here, if that is worth a word.
    pub minutes: Option<usize>,
}

impl Step {
    /// A command.
    pub(super) fn new(argv: &[&str]) -> Self {
        Self { argv: argv.iter().map(|word| (*word).to_owned()).collect(), env: Vec::new(), minutes: None }
    }

    /// With these arguments too.
    pub(super) fn also(mut self, words: &[&str]) -> Self {
        self.argv.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }
}

/// The commands to run, and what they cannot bring.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// A line for each thing that the operator has to see to.
    pub by_hand: Vec<String>,
}

/// Minutes that one core compiles cargo-leptos, and wasm-bindgen; measured on two cores: 16 and 2 minutes.
const CARGO_LEPTOS_MINUTES: usize = 32;
/// See [`CARGO_LEPTOS_MINUTES`].
const WASM_BINDGEN_MINUTES: usize = 4;

/// Cargo tools are built quickly rather than made fast: they run for seconds.
const LIGHT: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

/// Installs wasm-opt and esbuild in the versions and with the hashes of the lock file. Without scripts of the packages, which
/// esbuild runs to start a little faster.
const NPM_CI: [&str; 7] =
    ["npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit", "--prefix", "deploy/site"];

/// Plans for these findings; those that are good are passed over.
pub fn plan(findings: &[Finding], at: &Circumstances) -> Plan {
    let lacking: Vec<&Finding> = findings.iter().filter(|it| !it.good()).collect();
    let npm = lacking.iter().all(|it| it.tool != Tool::Npm)
        || !matches!(at.platform, Platform::Debian(Root::No) | Platform::Other);
    let mut plan = Plan::default();
    let mut packages = Vec::new();
    let mut later = Vec::new();
    for finding in &lacking {
        match finding.tool {
            Tool::Rust => rustup(&mut plan, at, finding, &["toolchain", "install"]),
            Tool::WasmTarget => rustup(&mut plan, at, finding, &["target", "add", "wasm32-unknown-unknown"]),
            Tool::Rustfmt => rustup(&mut plan, at, finding, &["component", "add", "rustfmt"]),
            Tool::Clippy => rustup(&mut plan, at, finding, &["component", "add", "clippy"]),
            Tool::CargoLeptos => {
                if !at.openssl_builds && !at.binstall {
                    match at.platform {
                        Platform::Debian(Root::Already | Root::Sudo) => packages.extend(["make", "perl"]),
                        _ => plan.by_hand.push("make and perl: cargo-leptos is built with them".to_owned()),
                    }
                }
                let mut step = cargo_tool("cargo-leptos", Some(CARGO_LEPTOS), true, finding, at);
                if !at.binstall {
                    step.minutes = Some(CARGO_LEPTOS_MINUTES.div_ceil(at.cores.max(1)));
                }
                later.push(step);
            }
            // Its own lock file names a crate version that was withdrawn: let Cargo choose.
            Tool::WasmBindgen => {
                let mut step = cargo_tool("wasm-bindgen-cli", at.wasm_bindgen, false, finding, at);
                if !at.binstall {
                    step.minutes = Some(WASM_BINDGEN_MINUTES.div_ceil(at.cores.max(1)));
                }
                later.push(step);
            }
            // The site is larger without them, and works.
            Tool::WasmOpt | Tool::Esbuild if !npm => {
                plan.by_hand
                    .push(format!("{} {}: comes with npm, which is missing", finding.name, finding.wanted));
            }
            Tool::WasmOpt | Tool::Esbuild => {
                // Both are in one list.
                let step = Step::new(&NPM_CI);
                if !later.contains(&step) {
                    later.push(step);
                }
            }
            tool => match (at.platform, package(at.platform, tool)) {
                (Platform::Debian(Root::No) | Platform::Other, _) | (_, None) => {
                    plan.by_hand.push(format!("{} {}: {}", finding.name, finding.wanted, fix(finding, at)));
                }
                // The system's packages are of one version for years: what is too old stays too old.
                (Platform::Debian(_), _) if matches!(finding.state, State::WrongVersion { .. }) => {
                    plan.by_hand.push(format!("{} {}: {}", finding.name, finding.wanted, fix(finding, at)));
                }
                (_, Some(names)) => packages
                    .extend(names.iter().copied().filter(|it| !packages.contains(it)).collect::<Vec<_>>()),
            },
        }
    }
    if !packages.is_empty() {
        plan.steps.extend(package_steps(at.platform, &packages));
    }
    plan.steps.extend(later);
    plan
}

fn rustup(plan: &mut Plan, at: &Circumstances, finding: &Finding, args: &[&str]) {
    if at.rustup {
        plan.steps.push(Step::new(&["rustup"]).also(args));
    } else {
        plan.by_hand.push(format!("{} {}: {}", finding.name, finding.wanted, fix(finding, at)));
    }
}

fn cargo_tool(
    name: &str,
    version: Option<Version>,
    locked: bool,
    finding: &Finding,
    at: &Circumstances,
) -> Step {
    let version = version.map(|Version(major, minor, patch)| format!("{major}.{minor}.{patch}"));
    let mut step = if at.binstall {
        let spec = version.map_or_else(|| name.to_owned(), |version| format!("{name}@{version}"));
        Step::new(&["cargo", "binstall", "--no-confirm", &spec])
    } else {
        let step = Step::new(&["cargo", "install", name]);
        version.map_or_else(|| step.clone(), |version| step.clone().also(&["--version", &version]))
    };
    if locked {
        step = step.also(&["--locked"]);
    }
    // Another version that the operator has for another project stays as it is.
    if matches!(finding.state, State::WrongVersion { .. }) {
        step = step.also(&["--root", &at.tools]);
    }
    step.env = LIGHT.to_vec();
    step
}

#[cfg(test)]
mod tests;
