//! Trying whether Redis takes what the cache asks of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::Script;
use tokio::time::timeout_at;

use super::inbox::Event;
use super::node::Node;
use super::router::{Access, Router};
use super::state::L2Error;

/// Life of a probe's key, ms, if it is not deleted.
const LIFE_MS: i64 = 10_000;
/// Names tried at most for a key of one node: each fits with a chance of one in the number of masters.
const MAX_NAMES: u32 = 20_000;
/// Bound on a probe of the keeper.
const KEEPER_LIMIT: Duration = Duration::from_millis(500);

impl Router {
    /// Has some node write, by a script as all writes are, and delete a key of a short life. Returns the time it took.
    pub async fn probe(&self, limit: Duration, namespace: &str) -> Result<Duration, L2Error> {
        self.probe_key(limit, &probe_key(namespace)).await
    }

    /// The same on every master; the first error, with the node's address on a cluster.
    pub async fn probe_all(&self, limit: Duration, namespace: &str) -> Result<Duration, L2Error> {
        if !self.is_cluster() {
            return self.probe(limit, namespace).await;
        }
        let begun = Instant::now();
        for shard in &self.map().shards {
            let named = |why: String| L2Error::Redis(format!("{}: {why}", shard.master.address));
            let key = self
                .probe_key_of(namespace, &shard.master)
                .ok_or_else(|| named("not tried: no key for a probe is in its slots".to_owned()))?;
            self.probe_key(limit, &key).await.map_err(|error| named(error.to_string()))?;
        }
        Ok(begun.elapsed())
    }

    /// Whether what is published on a channel comes back to a subscriber. What is published is no message: who listens
    /// leaves it alone.
    pub async fn probe_channel(
        self: &Arc<Self>,
        limit: Duration,
        channel: &str,
    ) -> Result<Duration, L2Error> {
        let begun = Instant::now();
        let deadline = tokio::time::Instant::now() + limit;
        let word = format!("probe {:016x}", fastrand::u64(..));
        let mut subscription = self.subscribe(channel);
        let mut why = None;
        loop {
            match timeout_at(deadline, subscription.next()).await {
                Ok(Event::Up) => {
                    self.publish(limit, channel, word.as_bytes()).await?;
                }
                Ok(Event::Message(bytes)) if bytes == word.as_bytes() => return Ok(begun.elapsed()),
                // It tries again by itself.
                Ok(Event::Down(error)) => why = Some(error),
                Ok(Event::Message(_) | Event::Lost) => {}
                Err(_) => return Err(why.map_or(L2Error::Timeout, L2Error::Redis)),
            }
        }
    }

    /// Tries whether nodes that refuse writes take them again: nothing else may be there to be written.
    pub(super) async fn try_writes(&self) {
        let namespace = self.namespace().to_owned();
        let map = self.map();
        let refusing = map.shards.iter().filter(|shard| shard.master.refuses_writes());
        // All at once: the map waits for this. A failure is noted where it happens.
        join_all(refusing.map(|shard| async {
            if let Some(key) = self.probe_key_of(&namespace, &shard.master) {
                let _ = self.probe_key(KEEPER_LIMIT, &key).await;
            }
        }))
        .await;
    }

    /// A key for probes whose slot a master owns.
    fn probe_key_of(&self, namespace: &str, master: &Arc<Node>) -> Option<String> {
        let map = self.map();
        let is_of = |key: &String| map.shard(self.slot(key)).is_some_and(|s| Arc::ptr_eq(&s.master, master));
        (0..MAX_NAMES).map(|_| probe_key(namespace)).find(is_of)
    }

    async fn probe_key(&self, limit: Duration, key: &str) -> Result<Duration, L2Error> {
        let begun = Instant::now();
        let script = Script::new(include_str!("probe.lua"));
        let (life, deleted): (i64, u8) = self
            .run(limit, key, Access::Write, |mut conn| {
                let mut call = script.key(key);
                call.arg(LIFE_MS);
                async move { call.invoke_async(&mut conn).await }
            })
            .await?;
        self.note_write_taken(key);
        if (1..=LIFE_MS).contains(&life) && deleted == 1 {
            Ok(begun.elapsed())
        } else {
            Err(L2Error::Redis(format!(
                "a probe key set for 10 s had a life of {life} ms and was deleted {deleted} times"
            )))
        }
    }
}

fn probe_key(namespace: &str) -> String {
    format!("{namespace}:probe:{:016x}", fastrand::u64(..))
}
