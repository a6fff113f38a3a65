//! The operator's account: password, sessions, and the audit log.
//!
//! There is one account, [`ADMIN`]. With Postgres its password, its sessions and the log are kept there; without, the
//! password comes from a file and the sessions are in memory. Nothing of it is in the cache.

mod audit;
mod guesses;
mod hasher;
mod lookups;
mod password;
mod session_id;
mod sessions;
mod sign_in;
mod table;

use std::{net::IpAddr, sync::Arc, time::Duration};

use model::{AdminError, Session, Unavailable, UnixMs};

use self::{audit::Audit, guesses::Guesses, hasher::Hasher, sessions::Sessions};
pub use self::{
    audit::{Action, AuditEntry},
    password::{BadPassword, LONGEST_PASSWORD, Password},
    session_id::{IdHash, SessionId},
    sessions::SessionRecord,
};
pub(crate) use crate::http::ClientKey;
use crate::{
    config::SessionLimits,
    feed::now_ms,
    store::{Noted, Store},
};

/// The name of the account.
pub const ADMIN: &str = "admin";
/// How often what is over is swept away.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Longest name of a browser that is kept, characters.
const LONGEST_AGENT: usize = 120;

/// Accounts and sessions. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    store: Option<Store>,
    /// The password of the file; with Postgres it is the first one.
    password: Option<Password>,
    /// The hash of that, once it was needed.
    hash: tokio::sync::OnceCell<String>,
    hasher: Hasher,
    guesses: Guesses,
    sessions: Sessions,
    audit: Audit,
}

/// The client of a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// From where: the client's address, which a trusted proxy may name.
    pub address: IpAddr,
    /// The browser's name for itself.
    pub agent: String,
    /// The session of its cookie, which may be anything.
    pub session: Option<SessionId>,
    /// Whether the connection is encrypted up to the browser.
    pub secure: bool,
    /// Whether it is a page that asks by itself, over and over: that keeps no session from ending.
    pub by_itself: bool,
}

impl Caller {
    /// What limits count the caller by.
    pub(crate) fn client(&self) -> ClientKey {
        ClientKey::of(self.address)
    }
}

impl Accounts {
    /// Kept in `store` if there is one; `password` is the one of the file, if there is one.
    #[must_use]
    pub fn new(store: Option<Store>, password: Option<Password>, limits: SessionLimits) -> Self {
        Self(Arc::new(Inner {
            sessions: Sessions::new(store.clone(), limits),
            store,
            password,
            hash: tokio::sync::OnceCell::new(),
            hasher: Hasher::new(),
            guesses: Guesses::new(),
            audit: Audit::new(),
        }))
    }

    /// Whether anybody could ever sign in: there is a database to keep a password in, or one in a file.
    #[must_use]
    pub fn can_be(&self) -> bool {
        self.0.store.is_some() || self.0.password.is_some()
    }

    /// Keeps house until it is dropped: sweeps, and writes the audit log.
    pub async fn keep(self) {
        let sweeping = async {
            let mut ticks = tokio::time::interval(SWEEP_EVERY);
            loop {
                ticks.tick().await;
                if let Err(error) = self.sweep(now_ms()).await {
                    tracing::debug!(%error, "sessions cannot be swept now: {error}");
                }
            }
        };
        tokio::join!(sweeping, self.0.audit.write(self.0.store.as_ref()));
    }

    async fn sweep(&self, now: UnixMs) -> Result<(), crate::store::StoreError> {
        self.0.sessions.sweep(now).await?;
        match &self.0.store {
            Some(store) => store.sweep_audit(now).await,
            None => Ok(()),
        }
    }

    /// Notes in the audit log what an account did.
    pub fn note(&self, action: Action, account: &str, address: IpAddr, detail: &str) {
        self.0.audit.note(AuditEntry::now(action, account, Some(address), detail));
    }

    /// Notes in the audit log what is about to be done, and waits until the database has it, for 2 s at most.
    pub(crate) async fn record(&self, action: Action, account: &str, address: IpAddr, detail: &str) {
        self.0.audit.record(AuditEntry::now(action, account, Some(address), detail)).await;
    }

    /// Waits until the audit log is written, for `limit` at most. [`Accounts::keep`] must still run.
    pub async fn close(&self, limit: Duration) {
        self.0.audit.close(limit).await;
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// [`AdminError::NotSignedIn`]; [`AdminError::Unavailable`] if the database is away and has been for longer than sessions
    /// that were seen here go on without it.
    pub async fn session(&self, caller: &Caller) -> Result<Session, AdminError> {
        let Some(id) = &caller.session else { return Err(AdminError::NotSignedIn) };
        match self.0.sessions.find(id, caller.client(), now_ms(), !caller.by_itself).await {
            Ok(Some(record)) => Ok(self.shown(&record)),
            Ok(None) => Err(AdminError::NotSignedIn),
            Err(sessions::Away) => Err(AWAY),
        }
    }

    fn shown(&self, record: &SessionRecord) -> Session {
        let (expires_at, ends_at) = self.0.sessions.ends(record);
        Session { user: record.account.clone(), expires_at, ends_at }
    }

    /// Ends the caller's session, if it has one.
    pub async fn sign_out(&self, caller: &Caller) {
        let Some(id) = &caller.session else { return };
        let known = self.0.sessions.find(id, caller.client(), now_ms(), false).await;
        // Of one that nobody has there is nothing to end.
        if matches!(known, Ok(None)) {
            return;
        }
        let (accounts, id, address) = (self.clone(), id.clone(), caller.address);
        // A task of its own: a caller who hangs up ends this future, and what is begun must also be noted.
        let ending = tokio::spawn(async move {
            accounts.0.sessions.end(&id, now_ms()).await;
            if let Ok(Some(record)) = known {
                accounts.note(Action::SignOut, &record.account, address, "");
            }
        });
        if ending.await.is_err() {
            tracing::error!("the end of a session was cut off");
        }
    }
}

const AWAY: AdminError = AdminError::Unavailable { what: Unavailable::Accounts };
const BUSY: AdminError = AdminError::Unavailable { what: Unavailable::Busy };

fn away(error: &crate::store::StoreError) -> AdminError {
    tracing::warn!(%error, "accounts cannot be looked up: {error}");
    AWAY
}

/// Sets the account's password in the database, from a shell; see `tidemark admin password`. None if there is one already
/// and `first` is set.
///
/// # Errors
/// Why it was not set, for a person at a shell.
pub(crate) async fn set_password(
    store: &Store,
    password: Password,
    first: bool,
) -> Result<Option<Noted>, String> {
    let turn = Hasher::new().turn(true).await.map_err(|_| "no password can be hashed now")?;
    let hash = turn.hash(password).await.ok().flatten().ok_or("the system gives no random numbers")?;
    let entry = AuditEntry::now(Action::PasswordChanged, "shell", None, "");
    let set = if first {
        store.set_first_password(ADMIN, &hash, &entry).await
    } else {
        store.set_password(ADMIN, &hash, &entry).await.map(Some)
    };
    set.map_err(|error| error.to_string())
}
