//! Every platform's plan.

use std::path::PathBuf;

use super::{super::finding::Need, *};

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
        cores: 2,
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
        Tool::Make,
        Tool::CargoLeptos,
        Tool::WasmBindgen,
        Tool::Redis,
        Tool::Postgres,
        Tool::Chromium,
        Tool::WasmOpt,
        Tool::Esbuild,
    ]);
    let made = plan(&all, &on(Platform::Debian(Root::Already)));
    assert_eq!(
        lines(&made),
        [
            "rustup target add wasm32-unknown-unknown",
            "env DEBIAN_FRONTEND=noninteractive apt-get update",
            "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends make redis-server postgresql",
            "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends chromium",
            "cargo install cargo-leptos --version 0.3.8 --locked",
            "cargo install wasm-bindgen-cli --version 0.2.130",
            "npm ci --ignore-scripts --no-fund --no-audit --prefix deploy/site",
        ]
    );
    assert!(made.by_hand.is_empty());
    assert!(made.steps[4].env.contains(&("CARGO_PROFILE_RELEASE_LTO", "off")));
    let user = plan(&missing(&[Tool::Redis]), &on(Platform::Debian(Root::Sudo)));
    assert!(
        lines(&user).iter().all(|line| line.starts_with("sudo env DEBIAN_FRONTEND=noninteractive apt-get "))
    );
}

#[test]
fn what_cargo_leptos_is_built_with_comes_first() {
    let bare = Circumstances { openssl_builds: false, ..on(Platform::Debian(Root::Already)) };
    let made = plan(&missing(&[Tool::CargoLeptos]), &bare);
    assert!(lines(&made)[1].ends_with("apt-get install --yes --no-install-recommends make perl"), "{made:?}");
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
    let made = plan(&missing(&[Tool::Npm, Tool::Esbuild]), &on(Platform::Other));
    assert!(made.steps.is_empty() && made.by_hand.len() == 2, "{made:?}");
    let bare = Circumstances { rustup: false, ..on(Platform::Other) };
    assert!(plan(&missing(&[Tool::WasmTarget]), &bare).by_hand[0].contains("rustup.rs"));
}

#[test]
fn the_time_to_compile_tools_is_told_unless_they_are_fetched() {
    let tools = missing(&[Tool::CargoLeptos, Tool::WasmBindgen]);
    let here = on(Platform::Other);
    let minutes =
        |at: &Circumstances| -> Vec<_> { plan(&tools, at).steps.iter().map(|step| step.minutes).collect() };
    assert_eq!(minutes(&here), [Some(16), Some(2)]);
    assert_eq!(minutes(&Circumstances { cores: 16, ..here.clone() }), [Some(2), Some(1)]);
    assert_eq!(minutes(&Circumstances { binstall: true, ..here }), [None, None]);
}

#[test]
fn a_browser_alone_is_one_install() {
    let made = plan(&missing(&[Tool::Chromium]), &on(Platform::Debian(Root::Already)));
    assert_eq!(made.steps.len(), 2, "{made:?}");
    let told = fix(&missing(&[Tool::Chromium])[0], &on(Platform::Debian(Root::Sudo)));
    assert!(told.starts_with("sudo apt-get") && told.contains("snap"), "{told}");
}

#[test]
fn what_the_system_has_too_old_comes_from_elsewhere() {
    let old =
        |tool| finding(tool, State::WrongVersion { version: "5.0.7".to_owned(), path: PathBuf::from("/r") });
    for (tool, page) in [
        (Tool::Redis, "https://redis.io/"),
        (Tool::Postgres, "https://www.postgresql.org/"),
        (Tool::Node, "https://nodejs.org/"),
    ] {
        for platform in [Platform::Debian(Root::Already), Platform::Debian(Root::No), Platform::Other] {
            let made = plan(&[old(tool)], &on(platform));
            assert!(made.steps.is_empty(), "its own package would change nothing: {made:?}");
            assert!(made.by_hand[0].contains(page), "{made:?}");
        }
    }
    let made = plan(&[old(Tool::Redis)], &on(Platform::Homebrew));
    assert_eq!(lines(&made), ["brew install redis"], "which upgrades");
}

#[test]
fn macos_uses_homebrew_with_casks_apart() {
    let made = plan(&missing(&[Tool::Redis, Tool::Node, Tool::Npm, Tool::Chromium]), &on(Platform::Homebrew));
    assert_eq!(lines(&made), ["brew install redis node", "brew install --cask chromium"]);
    assert!(plan(&missing(&[Tool::CCompiler]), &on(Platform::Homebrew)).by_hand[0].contains("xcode-select"));
}

#[test]
fn another_version_of_a_tool_is_left_alone() {
    let other = State::WrongVersion { version: "0.2.100".to_owned(), path: PathBuf::from("/w") };
    let made = plan(&[finding(Tool::WasmBindgen, other)], &on(Platform::Other));
    assert_eq!(lines(&made), ["cargo install wasm-bindgen-cli --version 0.2.130 --root /x/.tidemark/tools"]);
    let quick = Circumstances { binstall: true, ..on(Platform::Other) };
    assert_eq!(
        lines(&plan(&missing(&[Tool::CargoLeptos]), &quick)),
        ["cargo binstall --no-confirm cargo-leptos@0.3.8 --locked"]
    );
}
