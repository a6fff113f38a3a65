//! Where things are in the checkout.

use std::{
    env, fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::problem::{Problem, Result};

/// Paths of one checkout.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
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
        Self { root }
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

    /// Passwords, each in a file of its owner alone.
    pub fn secrets(&self) -> PathBuf {
        self.kept().join("secrets")
    }

    /// Tools installed for this checkout only.
    pub fn tools(&self) -> PathBuf {
        self.kept().join("tools")
    }

    /// Cargo's output folder.
    pub fn target(&self) -> PathBuf {
        match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => self.root.join(dir),
            None => self.root.join("target"),
        }
    }

    /// The server as built for release. `TIDEMARK_SERVER_BINARY` names another one.
    pub fn server_binary(&self) -> PathBuf {
        env::var_os("TIDEMARK_SERVER_BINARY")
            .map_or_else(|| self.target().join("release/tidemark"), |path| self.root.join(path))
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
        for (dir, mode) in [(self.kept(), 0o755), (self.logs(), 0o700), (self.secrets(), 0o700)] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(&dir)
                .map_err(Problem::io(format!("cannot make {}", dir.display())))?;
        }
        Ok(())
    }
}

/// The root holds the toolchain's pin and this tool.
fn is_root(dir: &Path) -> bool {
    dir.join("rust-toolchain.toml").is_file() && dir.join("deploy/Cargo.toml").is_file()
}
