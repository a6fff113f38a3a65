//! Other processes: this program again, told on its standard input what to do.
//!
//! A job is a line of JSON, and so is each thing that a worker says. A worker ends when its input does, so that none
//! outlives the process that started it.

mod memory;
mod stampede;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::error::{BenchError, Result};

/// Longest wait for a worker to say anything: it may have to load and connect on a busy machine.
const WORD: Duration = Duration::from_secs(60);

/// How to start a worker: the program and the arguments that lead to [`Verb::Worker`](crate::Verb::Worker).
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Launcher {
    /// This very program with these arguments.
    ///
    /// # Errors
    /// The system does not say where the program is.
    pub fn this(arguments: &[&str]) -> Result<Self> {
        let program = std::env::current_exe().map_err(BenchError::at("finding this program"))?;
        Ok(Self { program, arguments: arguments.iter().map(OsString::from).collect() })
    }
}

/// What a worker is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Read one cold key by many readers at once.
    Stampede { url: String, namespace: String, readers: usize, lease: Duration, load: Duration },
    /// Fill memory and say what it takes.
    Memory { entries: u64, bytes: usize, limit: u64 },
}

/// What a worker says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Said {
    /// It waits for the word to go.
    Ready,
    /// A load began.
    Loading,
    /// All readers have their answers, or not; so many exchanges with Redis had none in time, or an error.
    Read { answers: usize, failed: usize, unanswered: u64 },
    /// What memory takes: entries held, bytes by the cache's own count, bytes that the process grew by.
    Held { entries: u64, counted: u64, resident: u64 },
    /// It could not.
    Failed(String),
}

/// A worker under way; killed when dropped.
pub(crate) struct Worker {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    pub async fn start(launcher: &Launcher, job: &Job) -> Result<Self> {
        let mut child = Command::new(&launcher.program)
            .args(&launcher.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(BenchError::at("starting a worker"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(BenchError::new("a worker has no pipes"));
        };
        let mut worker = Self { child, input, output: BufReader::new(output).lines() };
        worker.tell(&serde_json::to_string(job).map_err(BenchError::at("a job"))?).await?;
        Ok(worker)
    }

    async fn tell(&mut self, line: &str) -> Result<()> {
        let line = format!("{line}\n");
        self.input.write_all(line.as_bytes()).await.map_err(BenchError::at("telling a worker"))
    }

    /// The next thing it says.
    pub async fn hear(&mut self) -> Result<Said> {
        let line = timeout(WORD, self.output.next_line())
            .await
            .map_err(|_| BenchError::new("a worker says nothing"))?
            .map_err(BenchError::at("hearing a worker"))?
            .ok_or_else(|| BenchError::new("a worker ended without a word"))?;
        match serde_json::from_str(&line).map_err(BenchError::at("a worker's words"))? {
            Said::Failed(why) => Err(BenchError::new(format!("a worker failed: {why}"))),
            said => Ok(said),
        }
    }

    /// Waits until it is ready.
    pub async fn ready(&mut self) -> Result<()> {
        match self.hear().await? {
            Said::Ready => Ok(()),
            other => Err(BenchError::new(format!("a worker said {other:?} instead of being ready"))),
        }
    }

    /// Has it begin.
    pub async fn go(&mut self) -> Result<()> {
        self.tell("go").await
    }

    /// SIGKILL, and waits for the end.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.map_err(BenchError::at("killing a worker"))
    }
}

/// Says something, at once.
fn say(said: &Said) -> Result<()> {
    use std::io::Write;
    let line = serde_json::to_string(said).map_err(BenchError::at("words"))?;
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}").and_then(|()| output.flush()).map_err(BenchError::at("saying something"))
}

/// The lines of standard input.
type Input = mpsc::Receiver<String>;

/// Reads standard input in a thread that nobody waits for: such a read cannot be called off.
fn input() -> Input {
    let (lines, input) = mpsc::channel(4);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            let Ok(line) = line else { return };
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    input
}

async fn next_line(input: &mut Input) -> Result<String> {
    input.recv().await.ok_or_else(|| BenchError::new("nobody is left to work for"))
}

/// Is a worker: does the job on standard input, and ends with that input.
///
/// # Errors
/// The job cannot be read or done; said on standard output, too.
pub(crate) async fn work() -> Result<()> {
    let mut input = input();
    let job = next_line(&mut input).await?;
    let job: Job = serde_json::from_str(&job).map_err(BenchError::at("a job"))?;
    let done = match job {
        Job::Stampede { url, namespace, readers, lease, load } => {
            stampede::work(&mut input, &url, namespace, readers, lease, load).await
        }
        Job::Memory { entries, bytes, limit } => memory::work(entries, bytes, limit).await,
    };
    match done {
        Ok(said) => say(&said),
        Err(error) => {
            say(&Said::Failed(error.to_string()))?;
            Err(error)
        }
    }
}
