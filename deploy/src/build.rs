//! Builds server and site for release.
//!
//! Cargo compiles three things: the front end to wasm, the server, and `site-build`, which makes the site of the wasm. The last
//! one has a profile and so a lock of its own, and is compiled and run beside the other two: they leave a core idle at times.
//! What was built takes its place in the end, all of it together. A build that fails, or is stopped, leaves the server and the
//! site as they were.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use crate::{
    layout::Layout,
    preflight::refused,
    problem::{Problem, Result},
    release::{HASHES, Lock},
    run, say,
    tools::{self, Finding, State},
};

/// Seconds that one core would take to compile each for the first time: twice the time measured on two cores, where front end
/// and program are compiled beside each other.
mod seconds {
    /// The front end.
    pub const FRONT: usize = 324;
    /// The server.
    pub const SERVER: usize = 834;
    /// The program that makes the site.
    pub const PROGRAM: usize = 282;
}

/// The target that the front end is compiled for.
const WASM: &str = "wasm32-unknown-unknown";
/// The beginning of the names of the site's files.
const NAME: &str = "tidemark";

/// Builds server and site into Cargo's output folder.
///
/// # Errors
/// When something does not compile, or the site cannot be made.
pub fn build(layout: &Layout, _lock: &Lock) -> Result<()> {
    let build = Build::new(layout)?;
    let failed = AtomicBool::new(false);
    // The first failure ends the other work, and is the one that is returned.
    let noted = |result: Result<()>| {
        if result.is_err() {
            failed.store(true, Ordering::Relaxed);
        }
        result
    };
    let work = |title: String, mut command: Command| {
        noted(say::step(title, || run::to_end_unless(&mut command, || failed.load(Ordering::Relaxed))))
    };
    let (server, site) = thread::scope(|scope| {
        let (work, build) = (&work, &build);
        let (front_is_built, front) = mpsc::channel();
        let site = scope.spawn(move || {
            work(build.title("site-build, which makes the site", seconds::PROGRAM), build.program())?;
            // The other end is closed when the front end fails.
            front.recv().map_err(|_| Problem::Interrupted)?;
            work("make the site".to_owned(), build.site())
        });
        let server = work(build.title("the front end", seconds::FRONT), build.front()).and_then(|()| {
            // Nobody waits for it any more if the program did not compile.
            let _ = front_is_built.send(());
            work(build.title("the server", seconds::SERVER), build.server())
        });
        drop(front_is_built);
        (server, site.join().unwrap_or_else(|_| Err(Problem::said("a part of the build panicked"))))
    });
    // What was ended because of the other one says only that.
    match (server, site) {
        (Err(Problem::Interrupted), Err(problem)) | (Err(problem), _) | (Ok(()), Err(problem)) => {
            Err(problem)
        }
        (Ok(()), Ok(())) => build.put_in_place(),
    }
}

/// What the steps of a build have to know.
struct Build<'a> {
    layout: &'a Layout,
    target: PathBuf,
    /// The triple of this machine.
    host: String,
    /// wasm-opt and esbuild, where they are.
    minifiers: Vec<(&'static str, PathBuf)>,
}

impl<'a> Build<'a> {
    fn new(layout: &'a Layout) -> Result<Self> {
        let said = run::said_out(run::command(layout, "rustc").arg("-vV")).unwrap_or_default();
        let host = host_in(&said).ok_or_else(|| Problem::said("`rustc -vV` does not name the host"))?;
        let minifiers = [("--wasm-opt", tools::wasm_opt(layout)), ("--esbuild", tools::esbuild(layout))];
        let minifiers =
            minifiers.into_iter().filter_map(|(option, finding)| Some((option, usable(finding)?)));
        Ok(Self { layout, target: layout.target(), host, minifiers: minifiers.collect() })
    }

    /// Cargo, with the variables that Leptos reads while it is compiled.
    fn cargo(&self, args: &[&str]) -> Command {
        let mut cargo = run::command(self.layout, "cargo");
        cargo
            .args(args)
            .env("SQLX_OFFLINE", "true")
            .env("LEPTOS_OUTPUT_NAME", NAME)
            .env_remove("LEPTOS_WATCH");
        cargo
    }

    /// Compiles the front end. Only as what is linked for the browser: with a Rust library beside it, as in `app`'s manifest,
    /// Cargo does not optimize over all crates. The relocations are for the splitter.
    fn front(&self) -> Command {
        let mut cargo =
            self.cargo(&["rustc", "--release", "--package", "app", "--lib", "--crate-type", "cdylib"]);
        cargo.args(["--no-default-features", "--features", "hydrate,split"]);
        cargo.args(["--target", WASM, "--config", "deploy/site/front.toml"]);
        cargo.args(["--", "-Clink-arg=--emit-relocs"]);
        cargo
    }

    /// Compiles the server. With its target named, Cargo puts it into a folder of its own, from which it takes its place together
    /// with the site.
    fn server(&self) -> Command {
        self.cargo(&[
            "build",
            "--release",
            "--package",
            "tidemark",
            "--bin",
            "tidemark",
            "--target",
            &self.host,
        ])
    }

    /// Compiles the program that makes the site. Quietly: two of Cargo's progress bars would overwrite each other.
    fn program(&self) -> Command {
        self.cargo(&["build", "--quiet", "--profile", "tools", "--package", "site-build"])
    }

    /// Makes the site.
    fn site(&self) -> Command {
        let layout = self.layout;
        let mut program = run::command(layout, &self.target.join("tools/site-build").to_string_lossy());
        program.arg("--wasm").arg(self.target.join(WASM).join("release/app.wasm"));
        program.args(["--style", "style/main.css", "--assets", "public", "--name", NAME]);
        program.arg("--folder").arg(self.new_site()).arg("--hash-file").arg(self.new_hashes());
        for (option, path) in &self.minifiers {
            program.arg(option).arg(path);
        }
        program
    }

    /// Where the site is made. Beside its place, so that it can be renamed.
    fn new_site(&self) -> PathBuf {
        self.layout.site().with_extension("new")
    }

    fn new_hashes(&self) -> PathBuf {
        self.layout.site().with_extension("new-hashes")
    }

    /// Puts server, hashes and site where releases are taken from. Between the first step and the last there is no site, and
    /// so nothing that could be taken for a complete build.
    fn put_in_place(&self) -> Result<()> {
        let (site, server) = (self.layout.site(), self.layout.built_server());
        let built = self.target.join(&self.host).join("release/tidemark");
        let old = site.with_extension("old");
        remove(&old)?;
        if site.exists() {
            fs::rename(&site, &old).map_err(|error| refused(&site, &error))?;
        }
        copy(&built, &server)?;
        let debug_lines = built.with_extension("dwp");
        if debug_lines.is_file() {
            copy(&debug_lines, &server.with_extension("dwp"))?;
        }
        copy(&self.new_hashes(), &server.with_file_name(HASHES))?;
        fs::rename(self.new_site(), &site).map_err(|error| refused(&site, &error))?;
        // What is left is written anew by the next build.
        drop(fs::remove_file(self.new_hashes()));
        remove(&old)
    }

    /// What compiling this is called, with about how long it takes where that is long.
    fn title(&self, what: &str, seconds: usize) -> String {
        let is_first = !self.target.join(&self.host).join("release").is_dir();
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        title(what, is_first.then(|| seconds.div_ceil(60 * cores)))
    }
}

fn title(what: &str, minutes: Option<usize>) -> String {
    let about = minutes.map(|minutes| format!(" (the first time, about {minutes} min)")).unwrap_or_default();
    format!("compile {what}{about}")
}

/// The triple in what `rustc -vV` says.
fn host_in(said: &str) -> Option<String> {
    said.lines().find_map(|line| line.strip_prefix("host: ")).map(|host| host.trim().to_owned())
}

/// The path of a program of the right version.
fn usable(finding: Finding) -> Option<PathBuf> {
    match finding.state {
        State::Found { path, .. } => Some(path),
        _ => None,
    }
}

/// Copies a file over another one, which a program that runs may have open.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let new = to.with_extension("new");
    let copied = fs::copy(from, &new).map_err(|error| refused(from, &error));
    copied.and_then(|_| fs::rename(&new, to).map_err(|error| refused(to, &error)))
}

/// Removes a folder that may not be there.
fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(refused(dir, &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A build by this machine's tools, in a checkout that holds what compilers and `site-build` made.
    fn made(dir: &Path) -> Layout {
        let layout = Layout::with_target(dir.to_owned(), dir.join("target"));
        for (path, text) in [
            ("target/site/pkg/tidemark.old.js", "old"),
            ("target/release/tidemark", "old server"),
            ("target/release/hash.txt", "js: old"),
            ("target/here/release/tidemark", "new server"),
            ("target/here/release/tidemark.dwp", "new lines"),
            ("target/site.new/pkg/tidemark.new.js", "new"),
            ("target/site.new-hashes", "js: new"),
        ] {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        layout
    }

    fn here(layout: &Layout) -> Build<'_> {
        Build { layout, target: layout.target(), host: "here".to_owned(), minifiers: Vec::new() }
    }

    #[test]
    fn what_was_built_takes_its_place_together() {
        let dir = tempfile::tempdir().unwrap();
        let layout = made(dir.path());
        here(&layout).put_in_place().unwrap();
        let read = |path: &str| fs::read_to_string(dir.path().join("target").join(path)).unwrap();
        assert_eq!(read("site/pkg/tidemark.new.js"), "new");
        assert_eq!(read("release/tidemark"), "new server");
        assert_eq!(read("release/tidemark.dwp"), "new lines");
        assert_eq!(read("release/hash.txt"), "js: new");
        assert!(!layout.site().join("pkg/tidemark.old.js").exists());
        assert!(
            !layout.site().with_extension("old").exists() && !layout.site().with_extension("new").exists()
        );
    }

    #[test]
    fn a_build_that_is_not_put_in_place_whole_leaves_no_site() {
        let dir = tempfile::tempdir().unwrap();
        let layout = made(dir.path());
        fs::remove_file(dir.path().join("target/site.new-hashes")).unwrap();
        here(&layout).put_in_place().unwrap_err();
        // Without a site nothing is taken for a release.
        assert!(!layout.site().exists());
        // The next build goes on from there.
        fs::write(dir.path().join("target/site.new-hashes"), "js: new").unwrap();
        here(&layout).put_in_place().unwrap();
        assert!(layout.site().join("pkg/tidemark.new.js").exists());
    }

    #[test]
    fn both_halves_are_compiled_for_the_same_site() {
        let dir = tempfile::tempdir().unwrap();
        let layout = made(dir.path());
        let build = here(&layout);
        for command in [build.front(), build.server()] {
            let name = command.get_envs().find(|(name, _)| *name == "LEPTOS_OUTPUT_NAME");
            assert_eq!(name.and_then(|(_, value)| value), Some(NAME.as_ref()));
        }
    }

    #[test]
    fn tools_that_are_not_there_are_not_named_to_site_build() {
        let dir = tempfile::tempdir().unwrap();
        let layout = made(dir.path());
        let mut build = here(&layout);
        let args = |build: &Build| run::name(&build.site());
        assert!(!args(&build).contains("--esbuild"));
        build.minifiers = vec![("--esbuild", PathBuf::from("/bin/esbuild"))];
        assert!(args(&build).ends_with("--esbuild /bin/esbuild"));
    }

    #[test]
    fn the_first_time_is_told_with_its_minutes() {
        assert_eq!(title("the server", Some(5)), "compile the server (the first time, about 5 min)");
        assert_eq!(title("the server", None), "compile the server");
    }

    #[test]
    fn the_triple_is_read_from_what_the_compiler_says() {
        let said =
            "rustc 1.95.0 (x 2026-01-01)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
        assert_eq!(host_in(said).as_deref(), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(host_in(""), None);
    }

    #[test]
    fn what_the_build_reads_is_in_this_checkout() {
        let layout = Layout::find().unwrap();
        for path in ["deploy/site/front.toml", "deploy/site/package-lock.json", "style/main.css", "public"] {
            assert!(layout.root().join(path).exists(), "{path}");
        }
        // The program and the crate in the wasm have to be of one version.
        let manifest = fs::read_to_string(layout.root().join("deploy/site/Cargo.toml")).unwrap();
        let bindgen =
            manifest.lines().find_map(|line| line.strip_prefix("wasm-bindgen-cli-support = \"=")).unwrap();
        let locked = fs::read_to_string(layout.root().join("Cargo.lock")).unwrap();
        let version = format!("name = \"wasm-bindgen\"\nversion = \"{bindgen}\n");
        assert!(locked.contains(&version), "{version}");
    }
}
