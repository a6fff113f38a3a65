//! Tools as their projects publish them ready-made, which spares minutes of compiling. Where the network does not offer them,
//! they are compiled.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use local_servers::output_within;

use crate::{layout::Layout, problem::Result, run, say, stop, version::Version};

/// Longest wait for a connection, in seconds: a network that offers nothing must not hold the rest up.
const CONNECT: &str = "5";
/// Longest download, in seconds.
const DOWNLOAD: &str = "120";
/// The same with some time to notice it.
const BOUND: Duration = Duration::from_secs(150);
/// What `curl` ends with when the server has answered, and has no such file.
const NO_SUCH_FILE: i32 = 22;

/// Where a tool is published, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prebuilt {
    /// The program.
    pub program: &'static str,
    /// The version that it has to tell of itself.
    pub version: Version,
    /// Archives with it, the preferred one first.
    pub urls: Vec<String>,
}

impl Prebuilt {
    /// cargo-leptos, see `dist-workspace.toml` of its sources for the names.
    pub fn cargo_leptos(version: Version, targets: &[&str]) -> Option<Self> {
        let base = "https://github.com/leptos-rs/cargo-leptos/releases/download";
        let Version(major, minor, patch) = version;
        let url = |target: &&str| format!("{base}/v{major}.{minor}.{patch}/cargo-leptos-{target}.tar.gz");
        Self::at("cargo-leptos", version, targets.iter().map(url).collect())
    }

    /// wasm-bindgen, see `package.metadata.binstall` of `wasm-bindgen-cli` for the names.
    pub fn wasm_bindgen(version: Version, targets: &[&str]) -> Option<Self> {
        let base = "https://github.com/wasm-bindgen/wasm-bindgen/releases/download";
        let Version(major, minor, patch) = version;
        let number = format!("{major}.{minor}.{patch}");
        let url = |target: &&str| format!("{base}/{number}/wasm-bindgen-{number}-{target}.tar.gz");
        Self::at("wasm-bindgen", version, targets.iter().map(url).collect())
    }

    fn at(program: &'static str, version: Version, urls: Vec<String>) -> Option<Self> {
        (!urls.is_empty()).then_some(Self { program, version, urls })
    }
}

/// The targets whose archives run on this machine. On Linux first the one that needs no C library of a certain version.
pub fn targets() -> &'static [&'static str] {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => &["x86_64-unknown-linux-musl", "x86_64-unknown-linux-gnu"],
        ("linux", "aarch64") => &["aarch64-unknown-linux-musl", "aarch64-unknown-linux-gnu"],
        ("macos", "x86_64") => &["x86_64-apple-darwin"],
        ("macos", "aarch64") => &["aarch64-apple-darwin"],
        _ => &[],
    }
}

/// Fetches a tool into the checkout's own tools. Whether it is there then, and is the version that is wanted.
///
/// # Errors
/// On Ctrl-C alone: what is not to be had is compiled.
pub fn fetch(layout: &Layout, tool: &Prebuilt) -> Result<bool> {
    for url in &tool.urls {
        let fetched = try_url(layout, tool, url);
        stop::check()?;
        match fetched {
            Ok(()) => {
                say::done(&format!("{} {} from {url}", tool.program, tool.version));
                return Ok(true);
            }
            Err(Refused { why, others }) => {
                say::note(&format!("{url}: {why}"));
                if !others {
                    break;
                }
            }
        }
    }
    Ok(false)
}

/// Why it is not to be had.
struct Refused {
    why: String,
    /// Whether another archive may be.
    others: bool,
}

impl Refused {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), others: true }
    }
}

fn try_url(layout: &Layout, tool: &Prebuilt, url: &str) -> std::result::Result<(), Refused> {
    let tools = layout.tools();
    let io = |error: std::io::Error| Refused::new(error.to_string());
    fs::create_dir_all(tools.join("bin")).map_err(io)?;
    let dir = tempfile::tempdir_in(&tools).map_err(io)?;
    let archive = dir.path().join("archive.tar.gz");
    let mut curl = run::command(layout, "curl");
    // No other protocol, also after a redirect.
    curl.args(["--proto", "=https", "--tlsv1.2", "--location", "--fail", "--silent", "--show-error"]);
    curl.args(["--connect-timeout", CONNECT, "--max-time", DOWNLOAD, "--output"]).arg(&archive).arg(url);
    let done = output_within(&mut curl, "", BOUND).map_err(|error| Refused::new(error.to_string()))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        return Err(Refused { why: said, others: done.status.code() == Some(NO_SUCH_FILE) });
    }
    let mut tar = run::command(layout, "tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(dir.path());
    run::said(&mut tar).ok_or_else(|| Refused::new("no archive"))?;
    let program = find(dir.path(), tool.program).ok_or_else(|| Refused::new("the program is not in it"))?;
    // One for another system does not start.
    let told = run::said(Command::new(&program).arg("--version")).and_then(|said| Version::in_text(&said));
    if told != Some(tool.version) {
        return Err(Refused::new(format!("what is in it is not version {}", tool.version)));
    }
    fs::rename(&program, tools.join("bin").join(tool.program)).map_err(io)
}

/// The file of this name, in the folder or in one within it.
fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).collect();
    let here = entries.iter().find(|path| path.is_file() && path.ends_with(name)).cloned();
    here.or_else(|| {
        entries.iter().filter(|path| path.is_dir() && !path.is_symlink()).find_map(|path| find(path, name))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const VERSION: Version = Version(0, 3, 8);

    /// A checkout whose `curl` runs this script, with the archive's path in `$out` and the URL in `$url`.
    fn checkout(script: &str) -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().to_owned());
        let bin = layout.tools().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let arguments = "for it in \"$@\"; do [ \"$last\" != --output ] || out=$it; last=$it; url=$it; done";
        let new = bin.join("curl.new");
        fs::write(&new, format!("#!/bin/sh\n{arguments}\necho \"$url\" >> urls\n{script}\n")).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, bin.join("curl")).unwrap();
        (dir, layout)
    }

    fn urls(layout: &Layout) -> Vec<String> {
        let text = fs::read_to_string(layout.root().join("urls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Makes the archive of a program that tells this version.
    fn archive(version: &str) -> String {
        format!(
            "d=$(mktemp -d); mkdir $d/cargo-leptos-x; p=$d/cargo-leptos-x/cargo-leptos\n\
             printf '#!/bin/sh\\necho cargo-leptos {version}\\n' > $p; chmod 755 $p\n\
             tar -czf $out -C $d cargo-leptos-x; rm -r $d"
        )
    }

    fn tool() -> Prebuilt {
        Prebuilt::cargo_leptos(VERSION, &["one", "two"]).unwrap()
    }

    #[test]
    fn names_are_those_of_the_projects() {
        assert_eq!(
            tool().urls[0],
            "https://github.com/leptos-rs/cargo-leptos/releases/download/v0.3.8/cargo-leptos-one.tar.gz"
        );
        assert_eq!(
            Prebuilt::wasm_bindgen(Version(0, 2, 130), &["one"]).unwrap().urls,
            [
                "https://github.com/wasm-bindgen/wasm-bindgen/releases/download/0.2.130/wasm-bindgen-0.2.130-one.tar.gz"
            ]
        );
        assert_eq!(Prebuilt::cargo_leptos(VERSION, &[]), None, "of a system for which there is none");
    }

    #[test]
    fn a_tool_is_fetched_into_the_checkouts_own() {
        let (_dir, layout) = checkout(&archive("0.3.8"));
        assert!(fetch(&layout, &tool()).unwrap());
        assert_eq!(run::find(&layout, "cargo-leptos"), Some(layout.tools().join("bin/cargo-leptos")));
        assert_eq!(urls(&layout).len(), 1);
    }

    #[test]
    fn another_archive_is_tried_where_one_is_missing_or_does_not_run() {
        let missing = format!("case $url in *one*) exit 22;; esac\n{}", archive("0.3.8"));
        let (_dir, layout) = checkout(&missing);
        assert!(fetch(&layout, &tool()).unwrap());
        assert_eq!(urls(&layout).len(), 2);
        let (_dir, layout) = checkout(&archive("0.3.7"));
        assert!(!fetch(&layout, &tool()).unwrap());
        assert_eq!(urls(&layout).len(), 2);
        assert!(!layout.tools().join("bin/cargo-leptos").exists());
        let (_dir, layout) = checkout("echo no archive > $out");
        assert!(!fetch(&layout, &tool()).unwrap());
    }

    #[test]
    fn a_network_that_offers_nothing_is_asked_once() {
        // Could not resolve host.
        let (_dir, layout) = checkout("exit 6");
        assert!(!fetch(&layout, &tool()).unwrap());
        assert_eq!(urls(&layout).len(), 1);
        assert_eq!(fs::read_dir(layout.tools()).unwrap().count(), 1, "nothing is left but `bin`");
    }
}
