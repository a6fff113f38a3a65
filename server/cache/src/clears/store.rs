//! The clear log in Redis: one hash at `{ns}:clears`, without a life of its own.
//!
//! | field | value |
//! |---|---|
//! | `format` | `1` |
//! | `epoch` | random 64-bit number, decimal |
//! | `head` | sequence of the newest record, decimal |
//! | `floor` | entries with a head below it are dead, decimal |
//! | `lost` | random, drawn when it was last put back after it was lost, decimal; 0 or missing if never |
//! | `rev` | any text, another one after every change |
//! | `owner` | the installation that uses the namespace, if it said which it is |
//! | `owner_at` | Unix seconds of its last sign of life |
//! | `origin:<hash>` | the installation that has its values from there, `?` if two say so, and Unix seconds |
//! | `r<sequence>` | `<0 or 1 if undone> <Unix µs> <kind> <text>` |

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use redis::{ErrorKind, RedisError, RedisResult, Script};
use tokio::sync::Mutex;

use super::log::{HORIZON, MAX_RECORDS, Record};
use super::owner::Owner;
use super::{Log, Mirror, Scope};
use crate::l2::Conn;

type Fields = Vec<(String, String)>;

/// Keeps the mirror and the log in Redis in step.
pub(crate) struct Store {
    namespace: String,
    key: String,
    mirror: Arc<Mirror>,
    /// Makes no log where there is none.
    observes: bool,
    /// One exchange at a time: otherwise an older answer that is read later would look like a log that went back.
    order: Mutex<()>,
    append: Script,
    undo: Script,
    install: Script,
    owner: Owner,
}

/// What became of an undo.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Struck {
    Struck,
    Unknown,
}

impl Store {
    pub fn new(namespace: &str, mirror: Arc<Mirror>) -> Self {
        Self {
            namespace: namespace.to_owned(),
            key: format!("{namespace}:clears"),
            mirror,
            observes: false,
            order: Mutex::new(()),
            append: Script::new(include_str!("append.lua")),
            undo: Script::new(include_str!("undo.lua")),
            install: Script::new(include_str!("install.lua")),
            owner: Owner::new(),
        }
    }

    /// The same for who only looks: it makes no log, and takes a missing one for an empty one.
    pub fn observing(self) -> Self {
        Self { observes: true, ..self }
    }

    /// Says which installation the cache is of.
    pub fn set_owner(&self, owner: &str) {
        self.owner.set(owner);
    }

    /// Says where the cache's values come from.
    pub fn set_origin(&self, origin: &str) {
        self.owner.set_origin(origin);
    }

    /// The hash of the installation, which changes when that becomes known; 0 before.
    pub fn owner_hash(&self) -> Arc<AtomicU64> {
        self.owner.hash()
    }

    /// For who does not know which installation it looks at: what the log says holds.
    pub fn adopt_owner(&self) {
        self.owner.adopt();
    }

    /// Whether another installation uses the namespace.
    pub fn is_shared(&self) -> bool {
        self.owner.is_shared()
    }

    /// The namespace that the log is of.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The key of the log.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Brings the mirror up to date. Two small fields when nothing changed.
    ///
    /// A missing log is put back from the mirror, or made anew by who has none. A log that does not continue the mirror
    /// (Redis lost its last second, or another server put back an older copy) is replaced by one of a new epoch, which
    /// kills every entry: what its records covered can no longer be told.
    pub async fn sync(&self, conn: &mut Conn) -> RedisResult<()> {
        let _turn = self.order.lock().await;
        self.sync_unnamed(conn).await.map_err(|error| self.name_key(error))?;
        if self.observes { Ok(()) } else { self.owner.claim(conn, &self.key).await }
    }

    /// Names the key where another application's is in the way.
    fn name_key(&self, error: RedisError) -> RedisError {
        if matches!(error.code(), Some("WRONGTYPE" | "FOREIGN")) { self.foreign() } else { error }
    }

    fn foreign(&self) -> RedisError {
        let text = format!(
            "the key {} holds something else than the log of this cache, and is left alone: remove it, or choose \
             another namespace",
            self.key
        );
        RedisError::from((ErrorKind::UnexpectedReturnType, "a key is in the way", text))
    }

    async fn sync_unnamed(&self, conn: &mut Conn) -> RedisResult<()> {
        let begun = crate::clock::now();
        self.owner.learn(conn, &self.key).await?;
        let (epoch, rev): (Option<String>, Option<String>) =
            redis::cmd("HMGET").arg(&self.key).arg("epoch").arg("rev").query_async(conn).await?;
        let known = self.mirror.log();
        let fields = match epoch {
            Some(epoch) if epoch == self.stored_epoch(&known) && rev.as_ref() == Some(&known.rev) => {
                self.mirror.note_read(begun);
                return Ok(());
            }
            Some(_) => redis::cmd("HGETALL").arg(&self.key).query_async(conn).await?,
            None if self.observes => return self.note_foreign(conn).await,
            None if known.epoch == 0 => self.put(conn, "", &Log::fresh()).await?,
            None => {
                tracing::warn!(log = %self.key, "the clear log is gone from Redis; putting it back");
                self.put(conn, "", &known.put_back()).await?
            }
        };
        let mut log = self.parse(fields)?;
        if !self.observes && log.epoch == known.epoch && !log.continues(&known) {
            tracing::warn!(log = %self.key, "the clear log in Redis went back; every entry made so far is dead");
            let fields = self.put(conn, &self.stored_epoch(&known), &Log::fresh()).await?;
            log = self.parse(fields)?;
        }
        self.mirror.adopt(log);
        self.mirror.note_read(begun);
        Ok(())
    }

    /// The error where the key is there and has no log.
    async fn note_foreign(&self, conn: &mut Conn) -> RedisResult<()> {
        let exists: bool = redis::cmd("EXISTS").arg(&self.key).query_async(conn).await?;
        if exists { Err(self.foreign()) } else { Ok(()) }
    }

    /// Records a clear. The mirror knows it when this returns.
    pub async fn append(&self, conn: &mut Conn, scope: &Scope) -> RedisResult<u64> {
        let _turn = self.order.lock().await;
        let fields: Fields = self
            .append
            .key(&self.key)
            .arg(scope.kind())
            .arg(scope.text())
            .arg(MAX_RECORDS)
            .arg(crate::clock::micros(HORIZON))
            .invoke_async(conn)
            .await?;
        let log = self.parse(fields)?;
        let seq = log.head;
        self.mirror.adopt(log);
        Ok(seq)
    }

    /// Strikes a record. The mirror knows it when this returns.
    pub async fn undo(&self, conn: &mut Conn, seq: u64) -> RedisResult<Struck> {
        let _turn = self.order.lock().await;
        let fields: Fields = self.undo.key(&self.key).arg(seq).invoke_async(conn).await?;
        if fields.is_empty() {
            return Ok(Struck::Unknown);
        }
        self.mirror.adopt(self.parse(fields)?);
        Ok(Struck::Struck)
    }

    /// Puts `log` in place of one of the epoch `expected`; returns what then is there.
    async fn put(&self, conn: &mut Conn, expected: &str, log: &Log) -> RedisResult<Fields> {
        let mut call = self.install.key(&self.key);
        call.arg(expected);
        let log = Log { epoch: self.owner.epoch(log.epoch), ..log.clone() };
        for (field, value) in to_fields(&log) {
            call.arg(field).arg(value);
        }
        call.invoke_async(conn).await
    }

    /// The epoch of a log as it is written in Redis.
    fn stored_epoch(&self, log: &Log) -> String {
        self.owner.epoch(log.epoch).to_string()
    }

    fn parse(&self, fields: Fields) -> RedisResult<Log> {
        let log = from_fields(fields).map(|log| Log { epoch: self.owner.epoch(log.epoch), ..log });
        log.ok_or_else(|| {
            let text =
                format!("the clear log at {} is malformed; deleting that key starts a new one", self.key);
            RedisError::from((ErrorKind::UnexpectedReturnType, "malformed", text))
        })
    }
}

fn to_fields(log: &Log) -> Fields {
    let mut fields: Fields = vec![
        ("format".into(), "1".into()),
        ("epoch".into(), log.epoch.to_string()),
        ("head".into(), log.head.to_string()),
        ("floor".into(), log.floor.to_string()),
        ("lost".into(), log.lost.to_string()),
        ("rev".into(), log.rev.clone()),
    ];
    fields.extend(log.records.iter().map(|r| {
        let text = format!("{} {} {} {}", u8::from(r.undone), r.at_us, r.scope.kind(), r.scope.text());
        (format!("r{}", r.seq), text)
    }));
    fields
}

fn from_fields(fields: Fields) -> Option<Log> {
    let mut log = Log::unread();
    let mut format = None;
    for (name, value) in fields {
        match name.as_str() {
            "format" => format = Some(value),
            "epoch" => log.epoch = value.parse().ok()?,
            "head" => log.head = value.parse().ok()?,
            "floor" => log.floor = value.parse().ok()?,
            "lost" => log.lost = value.parse().ok()?,
            "rev" => log.rev = value,
            other => {
                // Fields of later releases are left alone.
                if let Some(seq) = other.strip_prefix('r').and_then(|s| s.parse().ok()) {
                    log.records.push(record(seq, &value)?);
                }
            }
        }
    }
    if format.as_deref() != Some("1") || log.epoch == 0 {
        return None;
    }
    log.records.sort_by_key(|r| r.seq);
    Some(log)
}

fn record(seq: u64, text: &str) -> Option<Record> {
    let mut parts = text.splitn(4, ' ');
    let undone = parts.next()? == "1";
    let at_us = parts.next()?.parse().ok()?;
    let scope = Scope::from_stored(parts.next()?, parts.next().unwrap_or_default());
    Some(Record { seq, undone, at_us, scope })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tags::Tags;

    #[test]
    fn fields_round_trip() {
        let mut log = Log::fresh();
        log.append(Scope::All, 10);
        log.append(Scope::Prefix("charts:a b".into()), 20);
        log.append(Scope::Key("charts:".into()), 30);
        log.undo(2);
        assert_eq!(from_fields(to_fields(&log)), Some(log));
    }

    #[test]
    fn a_kind_of_a_later_release_covers_all_and_nonsense_is_refused() {
        let mut fields = to_fields(&Log::fresh());
        fields.push(("r1".into(), "0 5 later coins".into()));
        fields.push(("later".into(), "x".into()));
        let log = from_fields(fields.clone()).expect("reads");
        assert_eq!(log.dead_below("any", "key", &Tags::default()), 1);
        fields.push(("r2".into(), "nonsense".into()));
        assert_eq!(from_fields(fields), None);
        assert_eq!(from_fields(Vec::new()), None);
    }
}
