//! What `up` remembers in `.tidemark/state.json`: ports, data folders, and which processes are ours.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use local_servers::Process;
use serde::{Deserialize, Serialize};

use crate::{
    cli::Feed,
    cluster::Cluster,
    layout::Layout,
    moved,
    parts::{NODES, Part},
    preflight,
    problem::{Problem, Result},
    recover,
    running::Running,
    say,
};

/// The format of the file; another one is refused rather than misread.
const FORMAT: u32 = 1;

/// All that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    format: u32,
    /// The checkout that all of it is of, see [`crate::moved`].
    #[serde(default)]
    pub root: Option<PathBuf>,
    /// Redis's port, once chosen.
    pub redis_port: Option<u16>,
    /// Postgres's port, once chosen.
    pub postgres_port: Option<u16>,
    /// Postgres's data folder, once chosen.
    pub postgres_data: Option<PathBuf>,
    /// Where the server listens.
    pub addr: Option<std::net::SocketAddr>,
    /// Where the server's prices come from, if `up` was told.
    pub feed: Option<Feed>,
    /// The file with the token of the admin API that the server was started with.
    #[serde(default)]
    pub admin_token_file: Option<PathBuf>,
    /// The sample that the data folder holds, see [`crate::sample::fingerprint`].
    pub imported: Option<String>,
    /// The `up` in the foreground that looks after the others.
    #[serde(rename = "keeper")]
    pub supervisor: Option<Running>,
    /// Redis's process.
    pub redis: Option<Running>,
    /// Postgres's main process.
    pub postgres: Option<Running>,
    /// The server's process.
    pub server: Option<Running>,
    /// The nodes, when Redis is a cluster.
    #[serde(default)]
    pub cluster: Option<Cluster>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            root: None,
            redis_port: None,
            postgres_port: None,
            postgres_data: None,
            addr: None,
            feed: None,
            admin_token_file: None,
            imported: None,
            supervisor: None,
            redis: None,
            postgres: None,
            server: None,
            cluster: None,
        }
    }
}

impl State {
    /// Reads the file, and finds what was moved, and what runs without being noted. A missing file is an empty state. Of a
    /// damaged one, as a power cut leaves it, what lies in the folders takes the place.
    ///
    /// # Errors
    /// When it cannot be read or is of another format.
    pub fn load(layout: &Layout) -> Result<Self> {
        let mut state = match Self::read(layout)? {
            Contents::Whole(state) => *state,
            Contents::Missing => Self::default(),
            Contents::Damaged => {
                say::aside(&format!(
                    "{} is damaged, as after a power cut: ports and processes are found again without it",
                    path(layout).display()
                ));
                recover::rebuilt(layout)
            }
        };
        state.find(layout);
        Ok(state)
    }

    /// Reads the file again, in which other verbs note what they do. Without a file that can be read, what was known before
    /// stays: folders and processes do not tell all of it, such as where a server listened that has ended. What runs without
    /// being noted is found in either case.
    ///
    /// # Errors
    /// When the file is missing or damaged, cannot be read, or is of another format.
    pub fn reload(&mut self, layout: &Layout) -> Result<()> {
        let lost = |how| Err(Problem::said(format!("{} is {how}", path(layout).display())));
        let read = match Self::read(layout) {
            Ok(Contents::Whole(state)) => {
                *self = *state;
                Ok(())
            }
            Ok(Contents::Missing) => lost("missing"),
            Ok(Contents::Damaged) => lost("damaged"),
            Err(problem) => Err(problem),
        };
        self.find(layout);
        read
    }

    fn find(&mut self, layout: &Layout) {
        moved::follow(layout, self);
        recover::adopt(layout, self);
    }

    fn read(layout: &Layout) -> Result<Contents> {
        let path = path(layout);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Contents::Missing),
            Err(error) => return Err(Problem::said(format!("cannot read {}: {error}", path.display()))),
        };
        // First of all, as another format may have other fields.
        require_format(&path, &bytes)?;
        Ok(serde_json::from_slice(&bytes).map_or(Contents::Damaged, |state| Contents::Whole(Box::new(state))))
    }

    /// Writes the file in one step, so that a crash, also of the machine, leaves the old or the new one.
    ///
    /// # Errors
    /// When it cannot be written, or there is one of another format, which a newer tool needs.
    pub fn save(&self, layout: &Layout) -> Result<()> {
        let path = path(layout);
        if let Ok(bytes) = fs::read(&path) {
            require_format(&path, &bytes)?;
        }
        let new = unfinished(layout);
        let text =
            serde_json::to_string_pretty(self).map_err(|error| Problem::said(format!("state: {error}")))?;
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all((text + "\n").as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            // The new name, too, is to outlast the machine.
            File::open(layout.kept())?.sync_all()
        };
        write().map_err(|error| preflight::refused(&path, &error))
    }

    /// The parts that are used, in the order of starting; stopping goes the other way.
    pub fn parts(&self) -> Vec<Part> {
        let redis = match &self.cluster {
            None => vec![Part::Redis],
            Some(_) => (0..NODES).map(Part::Node).collect(),
        };
        redis.into_iter().chain([Part::Postgres, Part::Server]).collect()
    }

    /// Those of the used parts that run.
    pub fn running_parts(&self) -> Vec<Part> {
        self.parts().into_iter().filter(|part| self.process(*part).is_some()).collect()
    }

    /// The cluster.
    ///
    /// # Errors
    /// When Redis is a single server.
    pub fn cluster(&self) -> Result<&Cluster> {
        self.cluster.as_ref().ok_or_else(|| {
            Problem::said("there is no cluster in this checkout: `cargo deploy up --cluster` starts one")
        })
    }

    /// The server's `REDIS_URL`, once ports were chosen.
    pub fn redis_url(&self) -> Option<String> {
        match &self.cluster {
            Some(cluster) => Some(cluster.url()),
            None => Some(format!("redis://127.0.0.1:{}", self.redis_port?)),
        }
    }

    /// The noted process of a part.
    pub fn running(&self, part: Part) -> Option<&Running> {
        match part {
            Part::Redis => self.redis.as_ref(),
            Part::Node(index) => self.cluster.as_ref()?.nodes.get(usize::from(index))?.as_ref(),
            Part::Postgres => self.postgres.as_ref(),
            Part::Server => self.server.as_ref(),
        }
    }

    /// The living process of a part.
    pub fn process(&self, part: Part) -> Option<Process> {
        self.running(part)?.process()
    }

    /// Notes, or forgets, the process of a part.
    pub fn set(&mut self, part: Part, running: Option<Running>) {
        match part {
            Part::Redis => self.redis = running,
            Part::Node(index) => {
                let nodes = self.cluster.as_mut().map(|it| &mut it.nodes);
                if let Some(node) = nodes.and_then(|it| it.get_mut(usize::from(index))) {
                    *node = running;
                }
            }
            Part::Postgres => self.postgres = running,
            Part::Server => self.server = running,
        }
    }

    /// The port that a part was given.
    pub fn port(&self, part: Part) -> Option<u16> {
        match part {
            Part::Redis => self.redis_port,
            Part::Node(index) => self.cluster.as_ref().map(|it| it.port(index)),
            Part::Postgres => self.postgres_port,
            Part::Server => self.addr.map(|addr| addr.port()),
        }
    }
}

/// What the file holds.
enum Contents {
    Whole(Box<State>),
    Missing,
    Damaged,
}

/// An error when the file is of another format.
fn require_format(path: &Path, bytes: &[u8]) -> Result<()> {
    let document: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    match document["format"].as_u64().filter(|it| *it != u64::from(FORMAT)) {
        None => Ok(()),
        Some(format) => Err(Problem::said(format!(
            "{} is of format {format}, this tool knows {FORMAT}: use the tool that wrote it",
            path.display(),
        ))),
    }
}

/// Where the file is.
pub fn path(layout: &Layout) -> PathBuf {
    layout.kept().join("state.json")
}

/// What is to become the file; it stays behind when its writer is killed.
pub fn unfinished(layout: &Layout) -> PathBuf {
    path(layout).with_extension("new")
}

#[cfg(test)]
mod tests;
