//! Hot keys, remembered in Redis from one life of a process to the next, and loaded at its start.

use std::sync::Arc;
use std::time::Duration;

use redis::Script;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::cache::SourceError;
use crate::category::{WarmUp, Warmed};
use crate::codec::Value;
use crate::core::Core;
use crate::hit::{LoadError, Loaded, Tier, Want};
use crate::key::Key;
use crate::l2::Access;
use crate::shared::Shared;

/// Hot keys of a category that are remembered.
const REMEMBERED: usize = 256;
/// Of those, the ones that one process adds.
const ADDED: usize = 64;
/// How long they are remembered after the last process that read any.
const REMEMBERED_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// An exchange about hot keys.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Halves what is remembered, adds what this process saw, keeps the hottest. What is no sorted set, or one without a life, is
/// another application's and left alone.
/// KEYS\[1\] sorted set; ARGV: how many are kept, life in ms, then pairs of rate and key text.
const REMEMBER: &str = "
local key = KEYS[1]
local life = redis.call('PTTL', key)
if life == -1 or (life ~= -2 and redis.call('TYPE', key).ok ~= 'zset') then
  return redis.error_reply('FOREIGN the key holds something else')
end
redis.call('ZUNIONSTORE', key, 1, key, 'WEIGHTS', 0.5)
for i = 3, #ARGV, 2 do redis.call('ZINCRBY', key, ARGV[i], ARGV[i + 1]) end
redis.call('ZREMRANGEBYSCORE', key, '-inf', 0.001)
redis.call('ZREMRANGEBYRANK', key, 0, -tonumber(ARGV[1]) - 1)
redis.call('PEXPIRE', key, ARGV[2])
return redis.call('ZCARD', key)";

fn hot_key(namespace: &str, category: &str) -> String {
    format!("{namespace}:hot:{{{category}}}")
}

impl Shared {
    /// Adds this process's hot keys to those remembered in Redis.
    pub async fn remember_hot_keys(&self) {
        let Some(l2) = self.l2.as_ref().filter(|l2| l2.router.is_open()) else { return };
        for (category, hot) in self.hot_keys(ADDED) {
            if hot.is_empty() {
                continue;
            }
            let key = hot_key(&self.namespace, category);
            let script = Script::new(REMEMBER);
            let result: Result<u64, _> = l2
                .router
                .run(TIMEOUT, &key, Access::Write, |mut conn| {
                    let mut call = script.key(&key);
                    call.arg(REMEMBERED).arg(crate::clock::millis(REMEMBERED_FOR));
                    for hot in &hot {
                        call.arg(hot.per_second).arg(&hot.key);
                    }
                    async move { call.invoke_async(&mut conn).await }
                })
                .await;
            match result {
                Ok(_) => l2.router.note_ours(&key),
                Err(error) if error.to_string().contains("FOREIGN") => l2.router.note_foreign(&key),
                Err(error) => tracing::debug!(category, %error, "hot keys could not be remembered"),
            }
        }
    }

    async fn remembered_hot_keys(&self, category: &str, most: usize) -> Vec<String> {
        let Some(l2) = &self.l2 else { return Vec::new() };
        let key = hot_key(&self.namespace, category);
        let read = l2.router.run(TIMEOUT, &key, Access::Read, |mut conn| {
            let mut cmd = redis::cmd("ZREVRANGE");
            cmd.arg(&key).arg(0).arg(most.clamp(1, REMEMBERED) - 1);
            async move { cmd.query_async(&mut conn).await }
        });
        read.await.unwrap_or_default()
    }
}

pub(crate) async fn warm<K, V, E, P, F, Fut>(
    core: &Arc<Core<K, V>>,
    how: WarmUp,
    parse: P,
    loader: F,
) -> Warmed
where
    K: Key,
    V: Value,
    E: SourceError,
    P: Fn(&str) -> Option<K>,
    F: Fn(K) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
{
    let deadline = Instant::now() + how.limit;
    let mut warmed = Warmed::default();
    let Some(l2) = core.shared.l2.as_ref().filter(|_| how.most > 0) else { return warmed };
    if timeout(how.limit, l2.router.wait_connected()).await.is_err() {
        warmed.out_of_time = true;
        return warmed;
    }
    let texts = core.shared.remembered_hot_keys(core.name, how.most).await;
    warmed.remembered = texts.len() as u64;
    let mut keys = texts.iter().filter_map(|text| parse(text));
    let mut running: JoinSet<Result<(), LoadError<E>>> = JoinSet::new();
    loop {
        while running.len() < how.at_once.max(1)
            && let Some(key) = keys.next()
        {
            let (core, loader) = (Arc::clone(core), loader.clone());
            running.spawn(async move {
                let load = {
                    let key = key.clone();
                    move || loader(key)
                };
                let read = crate::load::get_or_load(&core, &key, Want::any(), load).await;
                let own = &core.counters.own;
                own.reads.add(1);
                own.by_cache.add(u64::from(read.as_ref().is_ok_and(|hit| hit.tier != Tier::Source)));
                read.map(|_| ())
            });
        }
        match timeout_at(deadline, running.join_next()).await {
            Ok(None) => return warmed,
            Ok(Some(Ok(Ok(())))) => warmed.loaded += 1,
            Ok(Some(_)) => warmed.failed += 1,
            Err(_) => {
                warmed.out_of_time = true;
                return warmed;
            }
        }
    }
}

/// How often hot keys are remembered.
const REMEMBER_EVERY: Duration = Duration::from_secs(30);

/// Remembers hot keys now and then, for as long as the cache lives.
pub(crate) async fn remember_hot_keys(shared: std::sync::Weak<Shared>) {
    loop {
        tokio::time::sleep(REMEMBER_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.remember_hot_keys().await;
    }
}
