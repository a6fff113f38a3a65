//! All that is known of one entry.

use redis::RedisResult;
use serde::Serialize;

use crate::clears::Mark;
use crate::clock;
use crate::entry::Kind;
use crate::header;
use crate::key::{entry_key, lease_key};
use crate::l2::{Access, L2Error};
use crate::scan::MAX_TAGS_LEN;
use crate::shared::Shared;
use crate::tags::Tags;

/// All that is known of one entry.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Inspection {
    /// In the memory of this process.
    pub l1: Option<Inspected>,
    /// In Redis.
    pub l2: Option<Inspected>,
    /// Another application's value is at its key in Redis, and is left alone.
    pub l2_foreign: bool,
    /// Its key in Redis.
    pub l2_key: String,
    /// Its hash slot in a cluster.
    pub slot: u16,
    /// Another, or this, process is loading it, for so long at most, ms.
    pub lease_ms: Option<u64>,
    /// Why Redis could not be asked.
    pub l2_error: Option<String>,
}

/// One copy of an entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspected {
    /// `value`, `absent` or `removed`.
    pub kind: &'static str,
    /// Version of the value.
    pub version: u64,
    /// Whether no clear covers it and its hard life is not over.
    pub alive: bool,
    /// Time since the load, ms.
    pub age_ms: u64,
    /// What is left of its soft life, ms.
    pub fresh_for_ms: u64,
    /// What is left of its hard life, ms.
    pub stale_for_ms: u64,
    /// What the load cost, µs.
    pub cost_us: u32,
    /// Bytes that it takes.
    pub bytes: u64,
    /// Bytes of its encoding before compression; in Redis only.
    pub raw_bytes: Option<u64>,
    /// Number of its layout; in Redis only.
    pub schema: Option<u16>,
    /// Head of the clear log at the start of the load.
    pub clear_head: u64,
    /// Its tags.
    pub tags: Vec<String>,
    /// Time since it was known that no tier had a newer one, ms; in memory only.
    pub verified_ms_ago: Option<u64>,
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Value => "value",
        Kind::Absent => "absent",
        Kind::Removed => "removed",
    }
}

fn list(tags: &Tags) -> Vec<String> {
    tags.iter().map(str::to_owned).collect()
}

pub(crate) async fn inspect(shared: &Shared, category: &str, text: &str) -> Inspection {
    let mut inspection = Inspection {
        l1: in_memory(shared, category, text),
        l2_key: entry_key(&shared.namespace, category, text),
        ..Inspection::default()
    };
    inspection.slot = crate::l2::slots::slot_of(inspection.l2_key.as_bytes());
    if shared.l2.is_some() {
        match in_redis(shared, category, text, &inspection.l2_key).await {
            Ok(found) => {
                (inspection.l2, inspection.lease_ms) = (found.entry, found.lease_ms);
                inspection.l2_foreign = found.is_foreign;
            }
            Err(error) => inspection.l2_error = Some(error.to_string()),
        }
    }
    inspection
}

fn in_memory(shared: &Shared, category: &str, text: &str) -> Option<Inspected> {
    let (_, view) = shared.views().into_iter().find(|(name, _)| *name == category)?;
    let now = clock::now();
    let mut found = None;
    view.for_each(&mut |name, meta, kind| {
        if name == text {
            found = Some(Inspected {
                kind: word(kind),
                version: meta.version,
                alive: !meta.is_gone(now) && shared.mirror.alive(meta.mark, category, text, &meta.tags),
                age_ms: now.saturating_sub(meta.loaded_at),
                fresh_for_ms: if meta.is_fresh(now) { meta.fresh_until - now } else { 0 },
                stale_for_ms: meta.stale_until.saturating_sub(now),
                cost_us: meta.cost_us,
                bytes: u64::from(meta.weight),
                raw_bytes: None,
                schema: None,
                clear_head: meta.mark.head,
                tags: list(&meta.tags),
                verified_ms_ago: Some(now.saturating_sub(meta.verified_at())),
            });
        }
    });
    found
}

/// What is in Redis.
#[derive(Default)]
struct InRedis {
    entry: Option<Inspected>,
    is_foreign: bool,
    lease_ms: Option<u64>,
}

async fn in_redis(shared: &Shared, category: &str, text: &str, key: &str) -> Result<InRedis, L2Error> {
    let Some(l2) = &shared.l2 else { return Ok(InRedis::default()) };
    let lease = lease_key(&shared.namespace, category, text);
    // None where the key is of another type.
    let (head, lease_ms): (Option<Vec<u8>>, i64) = l2
        .router
        .run(l2.timeout, key, Access::Read, |mut conn| {
            let mut pipe = redis::pipe();
            pipe.ignore_errors();
            pipe.cmd("GETRANGE").arg(key).arg(0).arg(header::LEN + MAX_TAGS_LEN - 1).cmd("PTTL").arg(&lease);
            async move {
                let (head, lease_ms): (RedisResult<_>, RedisResult<_>) = pipe.query_async(&mut conn).await?;
                let head = match head {
                    Err(error) if error.code() == Some("WRONGTYPE") => None,
                    head => Some(head?),
                };
                Ok((head, lease_ms?))
            }
        })
        .await?;
    let is_foreign = head.as_ref().is_none_or(|head| !head.is_empty() && header::is_foreign(head));
    let head = head.unwrap_or_default();
    let now = shared.unix_ms();
    let entry = header::peek(&head).map(|peek| {
        let tags = head.get(header::LEN..header::LEN + peek.tags_len).and_then(Tags::from_bytes);
        let tags = tags.unwrap_or_default();
        let mark = Mark { epoch: peek.clear_epoch, head: peek.clear_head };
        let left = |life: u64| peek.created_ms.saturating_add(life).saturating_sub(now);
        Inspected {
            kind: word(peek.kind),
            version: peek.version,
            alive: left(peek.stale_ms) > 0 && shared.mirror.alive(mark, category, text, &tags),
            age_ms: now.saturating_sub(peek.created_ms),
            fresh_for_ms: left(peek.fresh_ms),
            stale_for_ms: left(peek.stale_ms),
            cost_us: peek.cost_us,
            bytes: peek.len,
            raw_bytes: Some(peek.raw_len),
            schema: Some(peek.schema),
            clear_head: peek.clear_head,
            tags: list(&tags),
            verified_ms_ago: None,
        }
    });
    Ok(InRedis { entry, is_foreign, lease_ms: u64::try_from(lease_ms).ok() })
}
