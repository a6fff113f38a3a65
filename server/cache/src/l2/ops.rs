//! What is asked of Redis, beside the clear log.

use std::time::Duration;

use redis::{RedisError, RedisResult, Script};

use super::{Access, L2Error, Router};
use crate::clears::Mark;
use crate::header;
use crate::outgoing::{Lease, Outgoing};

/// The bytes at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// Nothing there.
    Nothing,
    /// An entry longer than allowed.
    Oversized,
    /// Another application's value: of another type, or longer than allowed and no entry.
    Foreign,
    /// An entry, perhaps.
    Bytes(Vec<u8>),
}

/// What became of a write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is there.
    Stored {
        /// The version of the living entry that was there.
        before: Option<u64>,
    },
    /// A living entry there is newer.
    Refused {
        /// Its version.
        by: u64,
    },
    /// Another application's value is there, and stays.
    Foreign,
}

/// The scripts.
pub(crate) struct Ops {
    write: Script,
    discard: Script,
    expire: Script,
}

impl Ops {
    pub fn new() -> Self {
        Self {
            write: Script::new(include_str!("write.lua")),
            discard: Script::new(include_str!("discard.lua")),
            expire: Script::new(include_str!("expire.lua")),
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
                let mut cmd = redis::Cmd::with_capacity(4, key.len() + 24);
                cmd.arg("GETRANGE").arg(key).arg(b"0").arg(max_bytes);
                let answer: RedisResult<Vec<u8>> = cmd.query_async(&mut conn).await;
                // An answer about the key is none about Redis.
                Ok(match answer {
                    Err(error) if !is_about_key(&error) => return Err(error),
                    answer => answer,
                })
            })
            .await?;
        to_fetched(answer, max_bytes)
    }

    /// Writes an entry unless a living one there is newer, and gives its lease back. `dead_below` and `tag_clears` say
    /// which are not living.
    pub async fn write(
        &self,
        router: &Router,
        limit: Duration,
        outgoing: &Outgoing,
        life_ms: u64,
        dead_below: Mark,
        tag_clears: &[(String, u64)],
    ) -> Result<Written, L2Error> {
        let write = |lease: Option<&Lease>| {
            let mut call = self.write.key(&outgoing.key);
            if let Some(lease) = lease {
                call.key(&lease.key);
            }
            call.arg(outgoing.bytes.as_slice())
                .arg(life_ms.max(1))
                .arg(dead_below.epoch.to_be_bytes().as_slice())
                .arg(dead_below.head.to_be_bytes().as_slice())
                .arg(lease.map_or("", |lease| lease.token.as_str()));
            for (tag, seq) in tag_clears {
                call.arg(tag).arg(seq.to_be_bytes().as_slice());
            }
            call
        };
        let lease = outgoing.lease.as_ref();
        let (stored, before): (u8, Vec<u8>) = router
            .run(limit, &outgoing.key, Access::Write, |mut conn| {
                let (with_lease, alone) = (write(lease), lease.map(|_| write(None)));
                async move {
                    match (with_lease.invoke_async(&mut conn).await, alone) {
                        // Two keys cannot be reached at once in a slot that is on its way to another node; one can.
                        (Err(error), Some(alone)) if error.code() == Some("TRYAGAIN") => {
                            alone.invoke_async(&mut conn).await
                        }
                        (answer, _) => answer,
                    }
                }
            })
            .await?;
        let before = before.first_chunk().copied().map(u64::from_be_bytes);
        Ok(match (stored, before) {
            (1, before) => {
                router.note_write_taken(&outgoing.key);
                router.note_ours(&outgoing.key);
                Written::Stored { before }
            }
            (2, _) => {
                router.note_foreign(&outgoing.key);
                Written::Foreign
            }
            (_, by) => Written::Refused { by: by.unwrap_or(0) },
        })
    }

    /// Ends the soft life of the entry at `key`. Its version; `None` when there is none, or another came meanwhile.
    pub async fn expire(
        &self,
        router: &Router,
        limit: Duration,
        key: &str,
        max_bytes: usize,
    ) -> Result<Option<u64>, L2Error> {
        let most = max_bytes + header::LEN + crate::scan::MAX_TAGS_LEN;
        let Fetched::Bytes(old) = self.fetch(router, limit, key, most, Access::Write).await? else {
            return Ok(None);
        };
        let (Some(new), Some(peek)) = (header::expired(&old), header::peek(&old)) else { return Ok(None) };
        let head = &old[..header::LEN];
        let done: u8 = router
            .run(limit, key, Access::Write, |mut conn| {
                let mut call = self.expire.key(key);
                call.arg(head).arg(new.as_slice());
                async move { call.invoke_async(&mut conn).await }
            })
            .await?;
        Ok((done == 1).then_some(peek.version))
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
}

/// What an answer to the reading of a key says.
pub(super) fn to_fetched(answer: RedisResult<Vec<u8>>, max_bytes: usize) -> Result<Fetched, L2Error> {
    match answer {
        Ok(bytes) if bytes.is_empty() => Ok(Fetched::Nothing),
        Ok(bytes) if bytes.len() > max_bytes => {
            Ok(if header::is_foreign(&bytes) { Fetched::Foreign } else { Fetched::Oversized })
        }
        Ok(bytes) => Ok(Fetched::Bytes(bytes)),
        Err(error) if is_about_key(&error) => Ok(Fetched::Foreign),
        Err(error) => Err(error.into()),
    }
}

fn is_about_key(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}
