//! The system's packages that bring a tool, and the commands that install them.

use super::{
    finding::Tool,
    plan::{Platform, Root, Step},
};

/// Debian's package of the tests' browser.
const BROWSER: &str = "chromium";

/// The packages that bring a tool.
pub(super) fn package(platform: Platform, tool: Tool) -> Option<&'static [&'static str]> {
    let debian: &[&str] = match tool {
        Tool::Redis => &["redis-server"],
        Tool::Postgres => &["postgresql"],
        Tool::CCompiler => &["gcc", "libc6-dev"],
        Tool::Make => &["make"],
        Tool::Node => &["nodejs"],
        Tool::Npm => &["npm"],
        Tool::Chromium => &[BROWSER],
        Tool::Pip => &["python3", "python3-pip"],
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

/// The commands that install packages.
pub(super) fn package_steps(platform: Platform, packages: &[&str]) -> Vec<Step> {
    match platform {
        Platform::Debian(root) => {
            let apt = |args: &[&str]| {
                // sudo empties the environment: the setting goes through `env`.
                let prefix: &[&str] = if root == Root::Sudo { &["sudo"] } else { &[] };
                Step::new(prefix).also(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]).also(args)
            };
            // The browser apart: Ubuntu has no package of this name, and one that is unknown stops all others beside it.
            let (browser, others): (Vec<&str>, Vec<&str>) =
                packages.iter().copied().partition(|it| *it == BROWSER);
            let installs = [others, browser]
                .into_iter()
                .filter(|it| !it.is_empty())
                .map(|it| apt(&["install", "--yes", "--no-install-recommends"]).also(&it));
            std::iter::once(apt(&["update"])).chain(installs).collect()
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
