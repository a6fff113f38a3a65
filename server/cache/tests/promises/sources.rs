//! A source that answers when it may, and those who read of it.

use std::sync::Arc;

use tidemark_cache::{Loaded, Want};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::common::*;

/// A source that counts its calls and answers when it may.
#[derive(Clone)]
pub struct Source {
    pub calls: Calls,
    pub version: u64,
    gate: Arc<Semaphore>,
}

impl Source {
    /// Of version 1; it does not answer before it is opened.
    pub fn closed() -> Self {
        Self { calls: Calls::default(), version: 1, gate: Arc::new(Semaphore::new(0)) }
    }

    pub fn of_version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    pub fn open(&self) {
        self.gate.add_permits(1_000_000);
    }

    pub async fn read(self) -> Result<Loaded<Text>, Down> {
        self.calls.add();
        self.gate.acquire().await.expect("open").forget();
        Ok(Loaded::new(Text("v".into()), self.version))
    }
}

/// So many readers of a key in each of these, who want the source's version.
pub fn readers(all: &[Texts], name: &str, each: usize, source: &Source) -> JoinSet<Answer> {
    let mut tasks = JoinSet::new();
    for texts in all {
        for _ in 0..each {
            let (texts, name, source) = (texts.clone(), name.to_owned(), source.clone());
            let want = Want::at_least(source.version);
            tasks.spawn(async move { texts.get_or_load(&name, want, || source.read()).await });
        }
    }
    tasks
}

/// Waits for all of them; each has this version, unmarked.
pub async fn all_answered(mut tasks: JoinSet<Answer>, version: u64) {
    while let Some(answer) = tokio::time::timeout(PATIENCE, tasks.join_next()).await.expect("answers in time")
    {
        let hit = answer.expect("no panic").expect("an answer");
        assert_eq!((hit.value.0.as_str(), hit.version, hit.stale), ("v", version, None));
    }
}
