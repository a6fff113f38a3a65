//! What a person can do about what is missing.

use super::{
    finding::{Finding, State, Tool},
    packages::package,
    plan::{Circumstances, Platform, Root, plan},
};

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
        Tool::CargoLeptos | Tool::WasmBindgen | Tool::WasmOpt | Tool::Esbuild => {
            let plan = plan(std::slice::from_ref(finding), at);
            plan.steps.last().map(|step| step.argv.join(" ")).unwrap_or_default()
        }
        tool @ (Tool::Redis | Tool::Postgres | Tool::Node)
            if matches!(finding.state, State::WrongVersion { .. }) && at.platform != Platform::Homebrew =>
        {
            let page = match tool {
                Tool::Redis => "https://redis.io/docs/latest/operate/oss_and_stack/install/",
                Tool::Postgres => "https://www.postgresql.org/download/linux/",
                _ => "https://nodejs.org/en/download",
            };
            format!("this system's package is too old: take a newer one from {page}")
        }
        Tool::Chromium if matches!(at.platform, Platform::Debian(_)) => {
            let sudo = if at.platform == Platform::Debian(Root::Already) { "" } else { "sudo " };
            format!(
                "{sudo}apt-get install chromium (Ubuntu: snap install chromium), or name a Chrome in CHROMIUM_PATH"
            )
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
