//! What is asked of Redis, beside the clear log.

use std::time::{Duration, Instant};

use redis::{RedisError, RedisResult, Script};

use super::{Access, L2Error, Router};
use crate::clears::Mark;
use crate::header;

/// The bytes at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// Nothing there.
    Nothing,
    /// Not a string, or longer than allowed.
    Unusable,
    /// An entry, perhaps.
    Bytes(Vec<u8>),
}

/// What became of a write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is there.
    Stored,
    /// A living entry there is newer.
    Refused,
}

/// The scripts.
pub(crate) struct Ops {
    write: Script,
    discard: Script,
}

impl Ops {
    pub fn new() -> Self {
        Self {
            write: Script::new(include_str!("write.lua")),
            discard: Script::new(include_str!("discard.lua")),
        }
    }

    /// Reads `key`, at most `max_bytes` and one more of it, whatever somebody put there.
    pub async fn fetch(
        &self,
        router: &Router,
        limit: Duration,
        key: &str,
        max_bytes: usize,
        access: Access,
    ) -> Result<Fetched, L2Error> {
        let answer = router
            .run(limit, key, access, |mut conn| async move {
                let answer: RedisResult<Vec<u8>> =
                    redis::cmd("GETRANGE").arg(key).arg(0).arg(max_bytes).query_async(&mut conn).await;
                // An answer about the key is none about Redis.
                Ok(match answer {
                    Err(error) if !is_about_key(&error) => return Err(error),
                    answer => answer,
                })
            })
            .await?;
        to_fetched(answer, max_bytes)
    }

    /// Writes an entry unless a living one there is newer. `dead_below` says which are not living.
    pub async fn write(
        &self,
        router: &Router,
        limit: Duration,
        key: &str,
        bytes: &[u8],
        life_ms: u64,
        dead_below: Mark,
    ) -> Result<Written, L2Error> {
        let stored: u8 = router
            .run(limit, key, Access::Write, |mut conn| async move {
                self.write
                    .key(key)
                    .arg(bytes)
                    .arg(life_ms.max(1))
                    .arg(dead_below.epoch.to_be_bytes().as_slice())
                    .arg(dead_below.head.to_be_bytes().as_slice())
                    .invoke_async(&mut conn)
                    .await
            })
            .await?;
        Ok(if stored == 1 { Written::Stored } else { Written::Refused })
    }

    /// Removes an unreadable entry, unless it was replaced since.
    pub async fn discard(
        &self,
        router: &Router,
        limit: Duration,
        key: &str,
        bytes: &[u8],
    ) -> Result<(), L2Error> {
        let head = bytes.get(..header::LEN).unwrap_or(bytes);
        let _removed: u8 = router
            .run(limit, key, Access::Write, |mut conn| async move {
                self.discard.key(key).arg(head).invoke_async(&mut conn).await
            })
            .await?;
        Ok(())
    }

    /// Writes a key of a short life, reads its life, deletes it. Returns the time of the three together.
    pub async fn probe(
        &self,
        router: &Router,
        limit: Duration,
        namespace: &str,
    ) -> Result<Duration, L2Error> {
        let key = &format!("{namespace}:probe:{:016x}", fastrand::u64(..));
        let start = Instant::now();
        let (life, deleted): (i64, u8) = router
            .run(limit, key, Access::Write, |mut conn| async move {
                redis::pipe()
                    .cmd("SET")
                    .arg(key)
                    .arg("probe")
                    .arg("PX")
                    .arg(10_000)
                    .ignore()
                    .cmd("PTTL")
                    .arg(key)
                    .cmd("DEL")
                    .arg(key)
                    .query_async(&mut conn)
                    .await
            })
            .await?;
        if (1..=10_000).contains(&life) && deleted == 1 {
            Ok(start.elapsed())
        } else {
            Err(L2Error::Redis(format!(
                "a probe key set for 10 s had a life of {life} ms and was deleted {deleted} times"
            )))
        }
    }
}

/// What an answer to the reading of a key says.
pub(super) fn to_fetched(answer: RedisResult<Vec<u8>>, max_bytes: usize) -> Result<Fetched, L2Error> {
    match answer {
        Ok(bytes) if bytes.is_empty() => Ok(Fetched::Nothing),
        Ok(bytes) if bytes.len() > max_bytes => Ok(Fetched::Unusable),
        Ok(bytes) => Ok(Fetched::Bytes(bytes)),
        Err(error) if is_about_key(&error) => Ok(Fetched::Unusable),
        Err(error) => Err(error.into()),
    }
}

fn is_about_key(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}
