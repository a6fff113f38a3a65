//! Where things are in the checkout.

use std::{
    env, fs,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

use crate::{
    preflight,
    problem::{Problem, Result},
    run,
};

/// Paths of one checkout.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
    /// See [`Layout::target`].
    target: OnceLock<PathBuf>,
}

impl Layout {
    /// The checkout that we were started in or below, or that Cargo runs us from.
    ///
    /// # Errors
    /// When there is none.
    pub fn find() -> Result<Self> {
        let here = env::current_dir().map_err(Problem::io("cannot tell the current folder"))?;
        let by_cargo = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        [Some(here), by_cargo]
            .into_iter()
            .flatten()
            .find_map(|start| start.ancestors().find(|dir| is_root(dir)).map(Path::to_owned))
            .map(Self::at)
            .ok_or_else(|| Problem::said("run this inside a checkout of Tidemark"))
    }

    /// The checkout at `root`.
    pub fn at(root: PathBuf) -> Self {
        Self { root, target: OnceLock::new() }
    }

    /// The repository's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What `up` keeps: data, logs, secrets, state.
    pub fn kept(&self) -> PathBuf {
        self.root.join(".tidemark")
    }

    /// The parts' logs.
    pub fn logs(&self) -> PathBuf {
        self.kept().join("logs")
    }

    /// Passwords and tokens, each in a file of its owner alone.
    pub fn secrets(&self) -> PathBuf {
        self.kept().join("secrets")
    }

    /// The admin API's token that `up` makes.
    pub fn admin_token(&self) -> PathBuf {
        self.secrets().join("admin-token")
    }

    /// Tools installed for this checkout only.
    pub fn tools(&self) -> PathBuf {
        self.kept().join("tools")
    }

    /// The program that makes the site, and the list of Node's packages that it uses.
    pub fn site_tools(&self) -> PathBuf {
        self.root.join("deploy/site")
    }

    /// Cargo's output folder, as Cargo itself tells: it may be set in the environment or in any of its settings' files.
    pub fn target(&self) -> PathBuf {
        self.target.get_or_init(|| self.target_by(run::command(self, "cargo"))).clone()
    }

    /// As [`Layout::target`], by this command for Cargo.
    fn target_by(&self, mut cargo: Command) -> PathBuf {
        let told = run::said_out(cargo.args(["metadata", "--no-deps", "--format-version", "1", "--offline"]))
            .and_then(|told| serde_json::from_str::<Value>(&told).ok())
            .and_then(|told| Some(PathBuf::from(told["target_directory"].as_str()?)));
        told.unwrap_or_else(|| self.root.join("target"))
    }

    /// The server as built for release, from which a [`crate::release`] is made. `TIDEMARK_SERVER_BINARY` names another one.
    pub fn server_binary(&self) -> PathBuf {
        env::var_os("TIDEMARK_SERVER_BINARY").map_or_else(|| self.built_server(), |path| self.root.join(path))
    }

    /// Where a build puts the server when all is built.
    pub fn built_server(&self) -> PathBuf {
        self.target().join("release/tidemark")
    }

    /// The built site, as the workspace's manifest names it.
    pub fn site(&self) -> PathBuf {
        self.root.join("target/site")
    }

    /// Makes the folders that `up` keeps things in. The outer one lets other users through, as PostgreSQL may be one.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn make(&self) -> Result<()> {
        self.make_kept()?;
        make(&self.logs(), 0o700)?;
        make(&self.secrets(), 0o700)
    }

    /// Makes the outer one alone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_kept(&self) -> Result<()> {
        make(&self.kept(), 0o755)?;
        let_through(&self.kept())
    }
}

/// Makes a folder, unless it is there.
fn make(dir: &Path, mode: u32) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(mode).create(dir).map_err(|error| preflight::refused(dir, &error))
}

/// Lets other users pass through one of our folders: if we run as root, PostgreSQL runs as another user. A umask of 077 keeps them
/// out of what is made under it, also by an earlier attempt.
///
/// # Errors
/// When its mode cannot be changed.
pub fn let_through(dir: &Path) -> Result<()> {
    let me = rustix::process::geteuid();
    // Not what a link leads to, which is not ours to open.
    let Ok(meta) = fs::symlink_metadata(dir) else { return Ok(()) };
    let mode = meta.permissions().mode() & 0o7777;
    if !me.is_root() || !meta.is_dir() || meta.uid() != me.as_raw() || mode & 0o011 == 0o011 {
        return Ok(());
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(mode | 0o011))
        .map_err(|error| preflight::refused(dir, &error))
}

/// The root holds the toolchain's pin and this tool.
fn is_root(dir: &Path) -> bool {
    dir.join("rust-toolchain.toml").is_file() && dir.join("deploy/Cargo.toml").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Layout {
        /// As [`Layout::at`], where the target folder is known, for tests.
        pub fn with_target(root: PathBuf, target: PathBuf) -> Self {
            Self { root, target: OnceLock::from(target) }
        }
    }

    #[test]
    fn the_target_folder_is_where_cargo_puts_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let layout = Layout::at(root.clone());
        let target = || {
            let mut cargo = run::command(&layout, "cargo");
            // The settings' files are to decide.
            cargo.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_BUILD_TARGET_DIR");
            layout.target_by(cargo)
        };
        assert_eq!(target(), root.join("target"), "no package: nothing to ask Cargo about");
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("Cargo.toml", "[package]\nname = \"x\"\nedition = \"2024\"\n");
        write("src/lib.rs", "");
        write(".cargo/config.toml", "[build]\ntarget-dir = \"elsewhere\"\n");
        assert_eq!(target(), root.join("elsewhere"));
    }
}
