//! From what is missing to the commands that bring it. Pure, so that every platform's plan is tested on any.

use super::detect::{CARGO_LEPTOS, Finding, State, Tool};
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
}

impl Step {
    fn new(argv: &[&str]) -> Self {
        Self { argv: argv.iter().map(|word| (*word).to_owned()).collect(), env: Vec::new() }
    }

    fn also(mut self, words: &[&str]) -> Self {
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

/// Cargo tools are built quickly rather than made fast: they run for seconds.
const LIGHT: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

/// The npm package of wasm-opt.
const BINARYEN: &str = "binaryen@132";

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
                later.push(cargo_tool("cargo-leptos", Some(CARGO_LEPTOS), true, finding, at));
            }
            // Its own lock file names a crate version that was withdrawn: let Cargo choose.
            Tool::WasmBindgen => {
                later.push(cargo_tool("wasm-bindgen-cli", at.wasm_bindgen, false, finding, at))
            }
            // Better with it, no worse than before without.
            Tool::WasmOpt if !npm => {
                plan.by_hand
                    .push(format!("{} {}: comes with npm, which is missing", finding.name, finding.wanted));
            }
            Tool::WasmOpt => {
                later.push(Step::new(&[
                    "npm",
                    "install",
                    "--no-fund",
                    "--no-audit",
                    "--prefix",
                    &at.tools,
                    BINARYEN,
                ]));
            }
            tool => match (at.platform, package(at.platform, tool)) {
                (Platform::Debian(Root::No) | Platform::Other, _) | (_, None) => {
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

/// The packages that bring a tool.
fn package(platform: Platform, tool: Tool) -> Option<&'static [&'static str]> {
    let debian: &[&str] = match tool {
        Tool::Redis => &["redis-server"],
        Tool::Postgres => &["postgresql"],
        Tool::CCompiler => &["gcc", "libc6-dev"],
        Tool::Node => &["nodejs"],
        Tool::Npm => &["npm"],
        Tool::Chromium => &["chromium"],
        _ => return None,
    };
    match (platform, tool) {
        (Platform::Debian(_), _) => Some(debian),
        (Platform::Homebrew, Tool::Redis) => Some(&["redis"]),
        (Platform::Homebrew, Tool::Postgres) => Some(&["postgresql@17"]),
        (Platform::Homebrew, Tool::Node | Tool::Npm) => Some(&["node"]),
        (Platform::Homebrew, Tool::Chromium) => Some(&["--cask", "chromium"]),
        _ => None,
    }
}

fn package_steps(platform: Platform, packages: &[&str]) -> Vec<Step> {
    match platform {
        Platform::Debian(root) => {
            let apt = |args: &[&str]| {
                // sudo empties the environment: the setting goes through `env`.
                let prefix: &[&str] = if root == Root::Sudo { &["sudo"] } else { &[] };
                Step::new(prefix).also(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]).also(args)
            };
            vec![apt(&["update"]), apt(&["install", "--yes", "--no-install-recommends"]).also(packages)]
        }
        Platform::Homebrew => {
            let cask = packages.iter().position(|it| *it == "--cask");
            let (plain, casks) = packages.split_at(cask.unwrap_or(packages.len()));
            [plain, casks]
                .into_iter()
                .filter(|it| !it.is_empty())
                .map(|it| Step::new(&["brew", "install"]).also(it))
                .collect()
        }
        Platform::Other => Vec::new(),
    }
}

/// What a person can do about a finding, in a line.
pub fn fix(finding: &Finding, at: &Circumstances) -> String {
    let rustup = |args: &str| {
        if at.rustup { format!("rustup {args}") } else { "install rustup from https://rustup.rs".to_owned() }
    };
    match finding.tool {
        Tool::Rust => rustup("toolchain install"),
        Tool::WasmTarget => rustup("target add wasm32-unknown-unknown"),
        Tool::Rustfmt => rustup("component add rustfmt"),
        Tool::Clippy => rustup("component add clippy"),
        Tool::CargoLeptos | Tool::WasmBindgen | Tool::WasmOpt => {
            let plan = plan(std::slice::from_ref(finding), at);
            plan.steps.last().map(|step| step.argv.join(" ")).unwrap_or_default()
        }
        Tool::Node if matches!(finding.state, State::WrongVersion { .. }) => {
            "install a newer Node.js, from https://nodejs.org".to_owned()
        }
        tool => match (at.platform, package(at.platform, tool)) {
            (Platform::Debian(root), Some(names)) => {
                let sudo = if root == Root::Already { "" } else { "sudo " };
                format!("{sudo}apt-get install {}", names.join(" "))
            }
            (Platform::Homebrew, Some(names)) => format!("brew install {}", names.join(" ")),
            (Platform::Homebrew, None) => "xcode-select --install".to_owned(),
            _ => "install it with this system's packages and put it on PATH".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{super::detect::Need, *};

    fn finding(tool: Tool, state: State) -> Finding {
        Finding { tool, name: format!("{tool:?}"), wanted: ">= 1".to_owned(), need: Need::Run, state }
    }

    fn missing(tools: &[Tool]) -> Vec<Finding> {
        tools.iter().map(|tool| finding(*tool, State::Missing)).collect()
    }

    fn on(platform: Platform) -> Circumstances {
        Circumstances {
            platform,
            rustup: true,
            binstall: false,
            openssl_builds: true,
            wasm_bindgen: Some(Version(0, 2, 130)),
            tools: "/x/.tidemark/tools".to_owned(),
        }
    }

    fn lines(plan: &Plan) -> Vec<String> {
        plan.steps.iter().map(|step| step.argv.join(" ")).collect()
    }

    #[test]
    fn nothing_missing_nothing_done() {
        let good = finding(Tool::Redis, State::Found { version: "7".to_owned(), path: PathBuf::from("/r") });
        assert_eq!(plan(&[good], &on(Platform::Other)), Plan::default());
    }

    #[test]
    fn debian_takes_packages_in_one_go_then_tools() {
        let all = missing(&[
            Tool::WasmTarget,
            Tool::CargoLeptos,
            Tool::WasmBindgen,
            Tool::Redis,
            Tool::Postgres,
            Tool::WasmOpt,
        ]);
        let made = plan(&all, &on(Platform::Debian(Root::Already)));
        assert_eq!(
            lines(&made),
            [
                "rustup target add wasm32-unknown-unknown",
                "env DEBIAN_FRONTEND=noninteractive apt-get update",
                "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends redis-server postgresql",
                "cargo install cargo-leptos --version 0.3.8 --locked",
                "cargo install wasm-bindgen-cli --version 0.2.130",
                "npm install --no-fund --no-audit --prefix /x/.tidemark/tools binaryen@132",
            ]
        );
        assert!(made.by_hand.is_empty());
        assert!(made.steps[3].env.contains(&("CARGO_PROFILE_RELEASE_LTO", "off")));
        let user = plan(&missing(&[Tool::Redis]), &on(Platform::Debian(Root::Sudo)));
        assert!(
            lines(&user)
                .iter()
                .all(|line| line.starts_with("sudo env DEBIAN_FRONTEND=noninteractive apt-get "))
        );
    }

    #[test]
    fn what_cargo_leptos_is_built_with_comes_first() {
        let bare = Circumstances { openssl_builds: false, ..on(Platform::Debian(Root::Already)) };
        let made = plan(&missing(&[Tool::CargoLeptos]), &bare);
        assert!(
            lines(&made)[1].ends_with("apt-get install --yes --no-install-recommends make perl"),
            "{made:?}"
        );
        let quick = Circumstances { binstall: true, ..bare };
        assert_eq!(plan(&missing(&[Tool::CargoLeptos]), &quick).steps.len(), 1);
    }

    #[test]
    fn without_root_or_a_known_system_a_person_is_told() {
        for platform in [Platform::Debian(Root::No), Platform::Other] {
            let made = plan(&missing(&[Tool::Redis, Tool::CargoLeptos]), &on(platform));
            assert_eq!(lines(&made), ["cargo install cargo-leptos --version 0.3.8 --locked"]);
            assert_eq!(made.by_hand.len(), 1, "{:?}", made.by_hand);
            assert!(made.by_hand[0].starts_with("Redis >= 1: "), "{:?}", made.by_hand);
        }
        let made = plan(&missing(&[Tool::Npm, Tool::WasmOpt]), &on(Platform::Other));
        assert!(made.steps.is_empty() && made.by_hand.len() == 2, "{made:?}");
        let bare = Circumstances { rustup: false, ..on(Platform::Other) };
        assert!(plan(&missing(&[Tool::WasmTarget]), &bare).by_hand[0].contains("rustup.rs"));
    }

    #[test]
    fn macos_uses_homebrew_with_casks_apart() {
        let made =
            plan(&missing(&[Tool::Redis, Tool::Node, Tool::Npm, Tool::Chromium]), &on(Platform::Homebrew));
        assert_eq!(lines(&made), ["brew install redis node", "brew install --cask chromium"]);
        assert!(
            plan(&missing(&[Tool::CCompiler]), &on(Platform::Homebrew)).by_hand[0].contains("xcode-select")
        );
    }

    #[test]
    fn another_version_of_a_tool_is_left_alone() {
        let other = State::WrongVersion { version: "0.2.100".to_owned(), path: PathBuf::from("/w") };
        let made = plan(&[finding(Tool::WasmBindgen, other)], &on(Platform::Other));
        assert_eq!(
            lines(&made),
            ["cargo install wasm-bindgen-cli --version 0.2.130 --root /x/.tidemark/tools"]
        );
        let quick = Circumstances { binstall: true, ..on(Platform::Other) };
        assert_eq!(
            lines(&plan(&missing(&[Tool::CargoLeptos]), &quick)),
            ["cargo binstall --no-confirm cargo-leptos@0.3.8 --locked"]
        );
    }
}
