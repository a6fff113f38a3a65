//! Many readers of one cold key: how often it is loaded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tidemark_cache::{Loaded, Policy, Want};

use crate::error::{BenchError, Result};
use crate::report::Row;
use crate::servers::{connected, namespace};
use crate::value::{Blob, Blobs, Down};
use crate::worker::{Job, Launcher, Said, Worker};

const PROCESSES: usize = 4;
/// What a load takes.
const LOAD: Duration = Duration::from_millis(50);
/// What the load of the holder that is killed would take.
const NEVER: Duration = Duration::from_secs(600);
/// A reader waits for a dead holder's lease, for its own load, and for some turns of a busy machine.
const DELAY: Duration = Duration::from_secs(4);

/// `readers` in this process.
pub(super) async fn here(url: &str, readers: usize) -> Result<Row> {
    let cache = connected(url, |builder| builder).await?;
    let blobs: Blobs = cache.category("stampede", Policy::default()).map_err(BenchError::at("a category"))?;
    let loads = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let reading: Vec<_> = (0..readers)
        .map(|_| {
            let (blobs, loads) = (blobs.clone(), Arc::clone(&loads));
            tokio::spawn(async move {
                let loader = move || async move {
                    loads.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(LOAD).await;
                    Ok::<_, Down>(Loaded::new(Blob(vec![7; 1_024]), 1))
                };
                blobs.get_or_load(&"cold".to_owned(), Want::any(), loader).await.is_err()
            })
        })
        .collect();
    let mut failed = 0;
    for reader in reading {
        failed += usize::from(reader.await.map_err(BenchError::at("a reader"))?);
    }
    let loads = loads.load(Ordering::Relaxed);
    Ok(Row::new(format!("cold key, {readers} readers, 1 process"), loads as f64, "loads")
        .judged("1 load", loads == 1 && failed == 0)
        .note(format!("{failed} failed; all answered after {} ms", begun.elapsed().as_millis())))
}

/// `readers` over four processes.
pub(super) async fn apart(
    launcher: &Launcher,
    place: &str,
    url: &str,
    readers: usize,
    lease: Duration,
) -> Result<Vec<Row>> {
    let mut workers = start(launcher, url, readers / PROCESSES, lease, &[LOAD; PROCESSES]).await?;
    for worker in &mut workers {
        worker.go().await?;
    }
    let begun = Instant::now();
    let heard = hear(&mut workers).await?;
    Ok(vec![
        Row::new(format!("cold key, {readers} readers, 4 processes, {place}"), heard.loads as f64, "loads")
            .judged(
                "1 load",
                heard.loads == 1 && heard.failed == 0 && heard.answers >= readers / PROCESSES * PROCESSES,
            )
            .note(format!("{} failed; all answered after {} ms", heard.failed, begun.elapsed().as_millis())),
        // A process that Redis does not answer loads by itself.
        Row::new(format!("Redis was silent meanwhile, {place}"), heard.unanswered as f64, "exchanges"),
    ])
}

/// The same, but the process that loads is killed at it.
pub(super) async fn holder_killed(
    launcher: &Launcher,
    place: &str,
    url: &str,
    readers: usize,
) -> Result<Vec<Row>> {
    let lease = Policy::default().lease_for;
    let mut workers = start(launcher, url, readers / PROCESSES, lease, &[NEVER, LOAD, LOAD, LOAD]).await?;
    let mut holder = workers.remove(0);
    holder.go().await?;
    match holder.hear().await? {
        Said::Loading => {}
        other => return Err(BenchError::new(format!("the holder said {other:?} instead of loading"))),
    }
    for worker in &mut workers {
        worker.go().await?;
    }
    // So that they find its lease; they would wait for it for two seconds.
    tokio::time::sleep(Duration::from_millis(100)).await;
    holder.kill().await?;
    let begun = Instant::now();
    let heard = hear(&mut workers).await?;
    let (loads, took) = (heard.loads + 1, begun.elapsed());
    let allowed = 1 + PROCESSES as u64 - 1;
    Ok(vec![
        Row::new(format!("the same, its holder killed, {place}"), loads as f64, "loads")
            .judged("<= 4", loads <= allowed && heard.failed == 0)
            .note(format!("one of them the killed one's; {} reads failed", heard.failed)),
        Row::new(format!("delay by the killed holder, {place}"), took.as_secs_f64() * 1e3, "ms")
            .beside("ms lease", lease.as_secs_f64() * 1e3)
            .judged("<= 4 s", took <= DELAY),
    ])
}

async fn start(
    launcher: &Launcher,
    url: &str,
    readers: usize,
    lease: Duration,
    loads: &[Duration],
) -> Result<Vec<Worker>> {
    let namespace = namespace();
    let mut workers = Vec::new();
    for load in loads {
        let (url, namespace) = (url.to_owned(), namespace.clone());
        let job = Job::Stampede { url, namespace, readers, lease, load: *load };
        workers.push(Worker::start(launcher, &job).await?);
    }
    for worker in &mut workers {
        worker.ready().await?;
    }
    Ok(workers)
}

#[derive(Debug, Default)]
struct Heard {
    loads: u64,
    answers: usize,
    failed: usize,
    unanswered: u64,
}

/// All that they say to the end.
async fn hear(workers: &mut [Worker]) -> Result<Heard> {
    let mut heard = Heard::default();
    for worker in workers {
        loop {
            match worker.hear().await? {
                Said::Loading => heard.loads += 1,
                Said::Read { answers, failed, unanswered } => {
                    heard.answers += answers;
                    heard.failed += failed;
                    heard.unanswered += unanswered;
                    break;
                }
                other => return Err(BenchError::new(format!("a reader said {other:?}"))),
            }
        }
    }
    Ok(heard)
}
