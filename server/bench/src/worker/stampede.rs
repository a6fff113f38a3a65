//! Many readers of one cold key, in one of several processes.

use std::time::Duration;

use tidemark_cache::{Cache, Loaded, Policy, Want};

use super::{Input, Said, next_line, say};
use crate::error::{BenchError, Result};
use crate::servers::connected;
use crate::value::{Blob, Blobs, Down};

pub(super) async fn work(
    input: &mut Input,
    url: &str,
    namespace: String,
    readers: usize,
    lease: Duration,
    load: Duration,
) -> Result<Said> {
    let cache = connected(url, |builder| builder.namespace(namespace)).await?;
    let policy = Policy::default().lease_for(lease);
    let blobs: Blobs = cache.category("stampede", policy).map_err(BenchError::at("a category"))?;
    say(&Said::Ready)?;
    next_line(input).await?;
    tokio::select! {
        said = read(&cache, &blobs, readers, load) => said,
        // The next line is the end of the input.
        line = next_line(input) => Err(line.err().unwrap_or_else(|| BenchError::new("told too much"))),
    }
}

async fn read(cache: &Cache, blobs: &Blobs, readers: usize, load: Duration) -> Result<Said> {
    let unanswered = || -> u64 {
        cache.l2_state().nodes.iter().map(|node| node.errors + node.broken + node.timeouts).sum()
    };
    let before = unanswered();
    let key = "cold".to_owned();
    let loader = move || async move {
        // A killed process has said so before.
        drop(say(&Said::Loading));
        tokio::time::sleep(load).await;
        Ok::<_, Down>(Loaded::new(Blob(vec![7; 1_024]), 1))
    };
    let reads = (0..readers).map(|_| blobs.get_or_load(&key, Want::any(), loader));
    let answers = futures_util::future::join_all(reads).await;
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    Ok(Said::Read { answers: answers.len() - failed, failed, unanswered: unanswered() - before })
}
