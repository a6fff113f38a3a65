//! The source: what is true.

use std::sync::{Arc, Mutex};

use tidemark_cache::Loaded;
use tokio::sync::Semaphore;

use super::KEYS;
use crate::common::*;

/// What the source has of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    pub version: u64,
    pub absent: bool,
}

/// The newest of each key, and a gate before slow answers.
#[derive(Clone)]
pub struct Source {
    truths: Arc<Mutex<[Truth; KEYS]>>,
    gate: Arc<Semaphore>,
}

impl Default for Source {
    fn default() -> Self {
        let nothing = Truth { version: 0, absent: true };
        Self { truths: Arc::new(Mutex::new([nothing; KEYS])), gate: Arc::new(Semaphore::new(0)) }
    }
}

impl Source {
    /// Has something newer from now on, or nothing any more; its version.
    pub fn newer(&self, key: usize, absent: bool) -> u64 {
        let mut truths = self.truths.lock().expect("not poisoned");
        truths[key] = Truth { version: truths[key].version + 1, absent };
        truths[key].version
    }

    pub fn truth(&self, key: usize) -> Truth {
        self.truths.lock().expect("not poisoned")[key]
    }

    pub async fn read(self, key: usize) -> Result<Loaded<Text>, Down> {
        let Truth { version, absent } = self.truth(key);
        Ok(if absent { Loaded::absent(version) } else { Loaded::new(Text("v".into()), version) })
    }

    /// Answers what is true now, but not before it is let.
    pub async fn read_slowly(self, key: usize) -> Result<Loaded<Text>, Down> {
        let read = self.clone().read(key).await;
        self.gate.acquire().await.expect("open").forget();
        read
    }

    /// Lets so many slow answers go.
    pub fn release(&self, answers: usize) {
        self.gate.add_permits(answers);
    }
}
