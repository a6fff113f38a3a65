//! Leases in Redis: who loads a key, among all processes.

use std::time::Duration;

use redis::Script;

use super::{Access, L2Error, Router};
use crate::clears::Mark;
use crate::outgoing::Lease;

/// What an entry must be like, for a reader to take it instead of loading.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    /// Entries of this schema can be read.
    pub schema: u16,
    /// Where the living begin, tags not considered.
    pub dead_below: Mark,
    pub tag_clears: Vec<(String, u64)>,
    pub min_version: u64,
    pub now_ms: u64,
    /// Unix ms after which it must have been loaded.
    pub newer_than_ms: u64,
    pub max_bytes: usize,
}

/// The answer to a reader that would load.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Leased {
    /// There is an entry good enough meanwhile.
    Entry(Vec<u8>),
    /// The right to load.
    Granted,
    /// Another has it, for so long yet.
    Held(Duration),
    /// Another application's key is where the lease would be: everybody may load.
    Unavailable,
}

/// The scripts about leases.
pub(crate) struct Leases {
    lease: Script,
    release: Script,
}

impl Leases {
    pub fn new() -> Self {
        Self {
            lease: Script::new(include_str!("lease.lua")),
            release: Script::new(include_str!("release.lua")),
        }
    }

    /// Asks for the right to load the entry at `key`.
    pub async fn ask(
        &self,
        router: &Router,
        limit: Duration,
        key: &str,
        lease: &Lease,
        life: Duration,
        bar: &Bar,
    ) -> Result<Leased, L2Error> {
        let start = crate::header::start(bar.schema);
        let (state, rest): (u8, redis::Value) = router
            .run(limit, key, Access::Write, |mut conn| {
                let mut call = self.lease.key(key);
                call.key(&lease.key)
                    .arg(&lease.token)
                    .arg(crate::clock::millis(life).max(1))
                    .arg(start.as_slice())
                    .arg(bar.dead_below.epoch.to_be_bytes().as_slice())
                    .arg(bar.dead_below.head.to_be_bytes().as_slice())
                    .arg(bar.min_version.to_be_bytes().as_slice())
                    .arg(bar.now_ms)
                    .arg(bar.newer_than_ms)
                    .arg(bar.max_bytes);
                for (tag, seq) in &bar.tag_clears {
                    call.arg(tag).arg(seq.to_be_bytes().as_slice());
                }
                async move {
                    let answer: Vec<redis::Value> = call.invoke_async(&mut conn).await?;
                    let mut parts = answer.into_iter();
                    let state = redis::from_redis_value(parts.next().unwrap_or_default())?;
                    Ok((state, parts.next().unwrap_or_default()))
                }
            })
            .await?;
        let wrong = |error: redis::ParsingError| L2Error::Redis(error.to_string());
        Ok(match state {
            0 => Leased::Entry(redis::from_redis_value(rest).map_err(wrong)?),
            1 => Leased::Granted,
            3 => Leased::Unavailable,
            _ => {
                let ms: i64 = redis::from_redis_value(rest).map_err(wrong)?;
                Leased::Held(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
            }
        })
    }

    /// Gives a lease back, if it is still held.
    pub async fn release(&self, router: &Router, limit: Duration, lease: &Lease) -> Result<(), L2Error> {
        let _given: u8 = router
            .run(limit, &lease.key, Access::Write, |mut conn| {
                let mut call = self.release.key(&lease.key);
                call.arg(&lease.token);
                async move { call.invoke_async(&mut conn).await }
            })
            .await?;
        Ok(())
    }
}
