//! Walking through the entries in Redis, for a bounded time.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clears::Mark;
use crate::header::{self, Peek};
use crate::key::{KeyText, parse_entry_key};
use crate::l2::Conn;
use crate::shared::Shared;
use crate::tags::Tags;

/// Keys asked for at once.
const PAGE: usize = 1_000;
/// Keys with another application's value that are named.
const MAX_FOREIGN_KEYS: usize = 20;

/// What other applications have stored where entries of the cache belong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ForeignScan {
    /// Keys found.
    pub found: u64,
    /// Some of their names.
    pub sample: Vec<String>,
    /// Whether all of Redis was looked at.
    pub complete: bool,
    /// Nodes that could not be looked at, and why.
    pub errors: Vec<String>,
}

/// Looks for keys of entries that hold another application's value, for at most `limit`.
pub(crate) async fn find_foreign(shared: &Shared, limit: Duration) -> ForeignScan {
    let (walked, _) = walk(shared, limit, |_, _| true).await;
    let Walked { foreign, foreign_keys, complete, errors, .. } = walked;
    ForeignScan { found: foreign, sample: foreign_keys, complete, errors }
}

/// An entry that the walk came by.
#[derive(Debug)]
pub(crate) struct Found {
    pub category: String,
    pub text: KeyText,
    pub tags: Tags,
    pub peek: Peek,
}

impl Found {
    pub fn mark(&self) -> Mark {
        Mark { epoch: self.peek.clear_epoch, head: self.peek.clear_head }
    }

    /// The text, or as much of it as is known.
    pub fn known_text(&self) -> &str {
        match &self.text {
            KeyText::Whole(text) | KeyText::Beginning(text) => text,
        }
    }
}

/// How far the walk came.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Walked {
    /// Keys looked at, of whatever kind.
    pub looked_at: u64,
    /// Keys there are.
    pub keys: u64,
    /// Everything was looked at.
    pub complete: bool,
    /// Keys of entries that hold another application's value.
    pub foreign: u64,
    /// Some of those.
    pub foreign_keys: Vec<String>,
    /// Nodes that were walked through, wholly or in part.
    pub reached: usize,
    /// Nodes that could not be walked through, and why.
    pub errors: Vec<String>,
}

/// Walks through the entries of the namespace on all masters at once, for at most `limit`.
pub(crate) async fn walk(
    shared: &Shared,
    limit: Duration,
    wanted: impl Fn(&str, &KeyText) -> bool + Sync,
) -> (Walked, Vec<Found>) {
    let Some(l2) = &shared.l2 else {
        return (Walked { complete: true, ..Walked::default() }, Vec::new());
    };
    let deadline = Instant::now() + limit;
    let wanted = &wanted;
    let namespace = shared.namespace.as_str();
    // A node that hangs ends a little later than the walk itself does.
    let nodes = l2
        .router
        .each_master(limit + Duration::from_millis(500), |conn| walk_node(conn, namespace, deadline, wanted))
        .await;
    let mut all = Walked { complete: !nodes.is_empty(), ..Walked::default() };
    let mut found = Vec::new();
    for (address, result) in nodes {
        match result {
            Ok((walked, entries)) => {
                all.reached += 1;
                all.looked_at += walked.looked_at;
                all.keys += walked.keys;
                all.complete &= walked.complete;
                all.foreign += walked.foreign;
                all.foreign_keys.extend(walked.foreign_keys);
                all.foreign_keys.truncate(MAX_FOREIGN_KEYS);
                found.extend(entries);
            }
            Err(error) => {
                all.complete = false;
                all.errors.push(format!("{address}: {error}"));
            }
        }
    }
    (all, found)
}

async fn walk_node(
    mut conn: Conn,
    namespace: &str,
    deadline: Instant,
    wanted: &(impl Fn(&str, &KeyText) -> bool + Sync),
) -> redis::RedisResult<(Walked, Vec<Found>)> {
    let mut walked = Walked { keys: redis::cmd("DBSIZE").query_async(&mut conn).await?, ..Walked::default() };
    let mut found = Vec::new();
    let mut cursor = 0u64;
    loop {
        let (next, keys): (u64, Vec<Vec<u8>>) =
            redis::cmd("SCAN").arg(cursor).arg("COUNT").arg(PAGE).query_async(&mut conn).await?;
        walked.looked_at += keys.len() as u64;
        let ours: Vec<(String, String, KeyText)> = keys
            .into_iter()
            .filter_map(|key| {
                let key = String::from_utf8(key).ok()?;
                let (category, text) = parse_entry_key(namespace, &key)?;
                wanted(category, &text).then(|| (category.to_owned(), key.clone(), text))
            })
            .collect();
        read_heads(&mut conn, ours, &mut found, &mut walked).await?;
        cursor = next;
        walked.complete = cursor == 0;
        if cursor == 0 || Instant::now() >= deadline {
            return Ok((walked, found));
        }
    }
}

/// Reads header and tags of each key in one exchange.
async fn read_heads(
    conn: &mut Conn,
    keys: Vec<(String, String, KeyText)>,
    found: &mut Vec<Found>,
    walked: &mut Walked,
) -> redis::RedisResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut pipe = redis::pipe();
    // A key of another type must not spoil the page.
    pipe.ignore_errors();
    for (_, key, _) in &keys {
        pipe.cmd("GETRANGE").arg(key).arg(0).arg(header::LEN + MAX_TAGS_LEN - 1);
    }
    let heads: Vec<redis::RedisResult<Vec<u8>>> = pipe.query_async(conn).await?;
    for ((category, key, text), head) in keys.into_iter().zip(heads) {
        let is_foreign = match &head {
            // One that ended meanwhile has no bytes.
            Ok(head) => !head.is_empty() && header::is_foreign(head),
            Err(error) => error.code() == Some("WRONGTYPE"),
        };
        if is_foreign {
            walked.foreign += 1;
            if walked.foreign_keys.len() < MAX_FOREIGN_KEYS {
                walked.foreign_keys.push(key);
            }
        }
        let Ok(head) = head else { continue };
        let Some(peek) = header::peek(&head) else { continue };
        let tags = head.get(header::LEN..header::LEN + peek.tags_len).and_then(Tags::from_bytes);
        found.push(Found { category, text, tags: tags.unwrap_or_default(), peek });
    }
    Ok(())
}

/// Bytes that tags may take at most.
pub(crate) const MAX_TAGS_LEN: usize = crate::tags::MAX_TAGS * (crate::tags::MAX_TAG_BYTES + 1);
