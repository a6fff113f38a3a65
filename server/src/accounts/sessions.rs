//! Sessions: in Postgres, or in memory where there is none.

use std::{collections::HashMap, time::Duration};

use model::UnixMs;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::{
    ClientKey, IdHash, SessionId,
    lookups::Lookups,
    table::{Held, Table},
};
use crate::{
    config::SessionLimits,
    store::{Store, StoreError},
};

/// How long a session that was seen here goes on while the database is away.
const GRACE_MS: i64 = 5 * 60_000;
/// Longest wait for the database's word about a session, and for the permit to ask for it.
const WAIT: Duration = Duration::from_secs(2);
/// The database is not asked again for so long after it did not answer.
const REST: Duration = Duration::from_secs(2);
/// Sessions remembered as ended: they are refused here whatever the database still says.
const MOST_ENDED: usize = 256;

/// A session, without its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Whose it is.
    pub account: String,
    /// When it was made, Unix ms.
    pub created_at: UnixMs,
    /// When it was last used, Unix ms, give or take a tenth of the idle time.
    pub seen_at: UnixMs,
    /// Where it was made from.
    pub address: String,
    /// The browser, shortened.
    pub agent: String,
}

/// The database cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Away;

/// A session that was ended here.
#[derive(Clone, Copy)]
struct Ended {
    at: UnixMs,
    /// Whether the database knows.
    told: bool,
    /// Whether it was a session here: of other ids anybody can make up any number.
    held: bool,
}

/// All sessions.
pub(super) struct Sessions {
    store: Option<Store>,
    limits: SessionLimits,
    /// With a database: those that were seen here, for the time that it is away.
    held: Table,
    lookups: Lookups,
    /// Until when the database rests.
    rest: Mutex<Option<Instant>>,
    ended: Mutex<HashMap<IdHash, Ended>>,
}

impl Sessions {
    pub(super) fn new(store: Option<Store>, limits: SessionLimits) -> Self {
        Self {
            store,
            limits,
            held: Table::default(),
            lookups: Lookups::new(),
            rest: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    /// End of a session if it is not used again, and end however it is used.
    pub(super) fn ends(&self, record: &SessionRecord) -> (UnixMs, UnixMs) {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let most = record.created_at.saturating_add(ms(self.limits.max));
        (record.seen_at.saturating_add(ms(self.limits.idle)).min(most), most)
    }

    fn is_over(&self, record: &SessionRecord, now: UnixMs) -> bool {
        // One from the future was made by a clock that has been set back.
        now >= self.ends(record).0 || record.created_at > now.saturating_add(GRACE_MS)
    }

    /// Makes a session, in place of one that the browser had. None if the account's password is no longer the one of this
    /// hash.
    pub(super) async fn start(
        &self,
        id: &SessionId,
        record: SessionRecord,
        password_hash: &str,
    ) -> Result<bool, StoreError> {
        if let Some(store) = &self.store
            && !store.start_session(&id.hash(), &record, password_hash).await?
        {
            return Ok(false);
        }
        self.held.put(id.hash(), Held { verified_at: record.created_at, record });
        Ok(true)
    }

    /// The session of this id. None if there is none, or it is over. `client` is who asks; `used` is whether that is a use of
    /// the session, which keeps it from ending.
    pub(super) async fn find(
        &self,
        id: &SessionId,
        client: ClientKey,
        now: UnixMs,
        used: bool,
    ) -> Result<Option<SessionRecord>, Away> {
        let hash = id.hash();
        if self.ended.lock().contains_key(&hash) {
            return Ok(None);
        }
        let held = self.held.get(&hash);
        let found = match &self.store {
            None => held.clone().map(|held| held.record),
            Some(store) => match self.ask(store, &hash, client).await {
                Ok(found) => found,
                // As it was when the database was last heard.
                Err(Away) => match &held {
                    Some(held) if (0..GRACE_MS).contains(&(now - held.verified_at)) => {
                        let mut record = held.record.clone();
                        if self.is_over(&record, now) {
                            return Ok(None);
                        }
                        if used {
                            record.seen_at = now;
                            self.held.touch(&hash, now);
                        }
                        return Ok(Some(record));
                    }
                    _ => return Err(Away),
                },
            },
        };
        let Some(mut record) = found else {
            self.held.remove(&hash);
            return Ok(None);
        };
        let noted = record.seen_at;
        if let Some(held) = held {
            record.seen_at = record.seen_at.max(held.record.seen_at);
        }
        if self.is_over(&record, now) {
            self.end(id, now).await;
            return Ok(None);
        }
        if used {
            record.seen_at = now;
        }
        // Ended meanwhile by another request of the same browser: it must not come back.
        if self.ended.lock().contains_key(&hash) {
            return Ok(None);
        }
        match self.store {
            Some(_) => self.held.put(hash, Held { record: record.clone(), verified_at: now }),
            None => self.held.touch(&hash, record.seen_at),
        }
        let every = i64::try_from(self.limits.idle.as_millis() / 10).unwrap_or(i64::MAX).min(60_000);
        if let Some(store) = &self.store
            && used
            && now - noted >= every
        {
            // Not worth waiting long for: the next use notes it.
            let touched = timeout(WAIT, store.touch_session(&hash, now)).await;
            if !matches!(touched, Ok(Ok(()))) {
                tracing::debug!("the use of a session cannot be noted now");
            }
        }
        Ok(Some(record))
    }

    async fn ask(
        &self,
        store: &Store,
        hash: &IdHash,
        client: ClientKey,
    ) -> Result<Option<SessionRecord>, Away> {
        if self.rests() {
            return Err(Away);
        }
        // A long queue says nothing about the database: it is asked again at once.
        let Some(_permit) = self.lookups.acquire(client, WAIT).await else { return Err(Away) };
        if self.rests() {
            return Err(Away);
        }
        match timeout(WAIT, store.session(hash)).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => tracing::warn!(%error, "sessions cannot be looked up: {error}"),
            Err(_) => tracing::warn!("sessions cannot be looked up: no answer in time"),
        }
        *self.rest.lock() = Some(Instant::now() + REST);
        Err(Away)
    }

    fn rests(&self) -> bool {
        self.rest.lock().is_some_and(|until| Instant::now() < until)
    }

    /// Ends a session here, and in the database now or when it is back.
    pub(super) async fn end(&self, id: &SessionId, now: UnixMs) {
        let hash = id.hash();
        let held = self.held.remove(&hash);
        let Some(store) = &self.store else { return };
        self.note_ended(hash, Ended { at: now, told: false, held });
        match timeout(WAIT, store.end_session(&hash)).await {
            Ok(Ok(())) => self.note_ended(hash, Ended { at: now, told: true, held }),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a session is over here, and in the database when it is back: {error}");
            }
            Err(_) => tracing::warn!("a session is over here, and in the database when it answers"),
        }
    }

    fn note_ended(&self, hash: IdHash, how: Ended) {
        let mut ended = self.ended.lock();
        if ended.len() >= MOST_ENDED && !ended.contains_key(&hash) {
            // Made-up ids go first, then those that the database knows of.
            let rank = |ended: &Ended| (ended.held, !ended.told, ended.at);
            let oldest = ended.iter().min_by_key(|(_, ended)| rank(ended)).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                ended.remove(&oldest);
            }
        }
        ended.insert(hash, how);
    }

    /// Drops what is over, and tells the database what it has missed.
    pub(super) async fn sweep(&self, now: UnixMs) -> Result<(), StoreError> {
        let Some(store) = &self.store else {
            self.held.retain(|held| !self.is_over(&held.record, now));
            return Ok(());
        };
        self.held.retain(|held| !self.is_over(&held.record, now) && now - held.verified_at < GRACE_MS);
        // What the database knows of is forgotten once no memory of it can be left here.
        self.ended.lock().retain(|_, ended| !ended.told || now - ended.at < GRACE_MS);
        let untold: Vec<(IdHash, Ended)> =
            self.ended.lock().iter().filter(|(_, e)| !e.told).map(|(id, e)| (*id, *e)).collect();
        for (hash, ended) in untold {
            store.end_session(&hash).await?;
            self.note_ended(hash, Ended { told: true, ..ended });
        }
        let before = |time: Duration| now - i64::try_from(time.as_millis()).unwrap_or(now);
        store.sweep_sessions(before(self.limits.max), before(self.limits.idle)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMs = 1_700_000_000_000;

    fn record() -> SessionRecord {
        SessionRecord {
            account: "admin".to_owned(),
            created_at: START,
            seen_at: START,
            address: "127.0.0.1".to_owned(),
            agent: String::new(),
        }
    }

    fn client() -> ClientKey {
        ClientKey::of([127, 0, 0, 1].into())
    }

    fn minutes(n: i64) -> i64 {
        n * 60_000
    }

    #[tokio::test]
    async fn a_session_ends_when_idle_and_at_last_however_busy() {
        let sessions = Sessions::new(None, SessionLimits::default());
        let id = SessionId::random().unwrap();
        assert!(sessions.start(&id, record(), "").await.unwrap());
        // Used every 29 minutes it lives for twelve hours and no longer.
        let mut now = START;
        while now + minutes(29) < START + minutes(12 * 60) {
            now += minutes(29);
            assert!(sessions.find(&id, client(), now, true).await.unwrap().is_some(), "{}", now - START);
        }
        assert_eq!(sessions.find(&id, client(), START + minutes(12 * 60), true).await, Ok(None));

        let idle = SessionId::random().unwrap();
        sessions.start(&idle, record(), "").await.unwrap();
        assert!(sessions.find(&idle, client(), START + minutes(29), true).await.unwrap().is_some());
        assert_eq!(sessions.find(&idle, client(), START + minutes(59), true).await, Ok(None));
        // What an open page asks by itself is no use, and is answered until then.
        let watched = SessionId::random().unwrap();
        sessions.start(&watched, record(), "").await.unwrap();
        for minute in 1..30 {
            let found = sessions.find(&watched, client(), START + minutes(minute), false).await.unwrap();
            assert_eq!(found.map(|record| record.seen_at), Some(START), "{minute}");
        }
        assert_eq!(sessions.find(&watched, client(), START + minutes(30), false).await, Ok(None));
        // Over is over, also if the clock is set back.
        assert_eq!(sessions.find(&idle, client(), START + minutes(30), true).await, Ok(None));
    }

    #[tokio::test]
    async fn only_ids_that_were_given_out_count_and_an_ended_one_does_not() {
        let sessions = Sessions::new(None, SessionLimits::default());
        let (id, other) = (SessionId::random().unwrap(), SessionId::random().unwrap());
        sessions.start(&id, record(), "").await.unwrap();
        assert_eq!(sessions.find(&other, client(), START, true).await, Ok(None));
        assert!(sessions.find(&id, client(), START, true).await.unwrap().is_some());
        sessions.end(&id, START).await;
        assert_eq!(sessions.find(&id, client(), START, true).await, Ok(None));
        sessions.start(&other, record(), "").await.unwrap();
        sessions.sweep(START + minutes(31)).await.unwrap();
        assert_eq!(sessions.find(&other, client(), START, true).await, Ok(None));
    }

    #[tokio::test]
    async fn ids_that_anybody_can_make_up_push_no_session_out_that_was_ended() {
        // Nothing listens there.
        let store = Store::connect_lazy("postgres://tidemark@127.0.0.1:1/tidemark").unwrap();
        let sessions = Sessions::new(Some(store), SessionLimits::default());
        let id = SessionId::random().unwrap();
        sessions.held.put(id.hash(), Held { record: record(), verified_at: START });
        let made_up: Vec<SessionId> = (0..2 * MOST_ENDED).map(|_| SessionId::random().unwrap()).collect();
        sessions.end(&id, START).await;
        futures::future::join_all(made_up.iter().map(|id| sessions.end(id, START + 1))).await;
        let ended = sessions.ended.lock();
        assert!(ended.contains_key(&id.hash()) && ended.len() == MOST_ENDED, "{}", ended.len());
    }
}
