//! The operator's account: password, sessions, and the audit log.
//!
//! There is one account, [`ADMIN`]. With Postgres its password, its sessions and the log are kept there; without, the
//! password comes from a file and the sessions are in memory. Nothing of it is in the cache.

mod audit;
mod guesses;
mod hasher;
mod password;
mod session_id;
mod sessions;
mod table;

use std::{net::IpAddr, sync::Arc, time::Duration};

use model::{AdminError, Credentials, Session, Unavailable, UnixMs};

use self::{audit::Audit, guesses::Guesses, hasher::Hasher, sessions::Sessions};
pub use self::{
    audit::{Action, AuditEntry},
    password::{BadPassword, LONGEST_PASSWORD, Password},
    session_id::{IdHash, SessionId},
    sessions::SessionRecord,
};
pub(crate) use crate::http::ClientKey;
use crate::{config::SessionLimits, feed::now_ms, store::Store};

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

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// From where.
    pub address: IpAddr,
    /// The browser's name for itself.
    pub agent: String,
    /// The session of its cookie, which may be anything.
    pub session: Option<SessionId>,
    /// Whether the connection is encrypted up to the browser.
    pub secure: bool,
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

    /// Who is signed in.
    ///
    /// # Errors
    /// [`AdminError::NotSignedIn`]; [`AdminError::Unavailable`] if the database is away and has been for longer than sessions
    /// that were seen here go on without it.
    pub async fn session(&self, caller: &Caller) -> Result<Session, AdminError> {
        let Some(id) = &caller.session else { return Err(AdminError::NotSignedIn) };
        match self.0.sessions.find(id, now_ms()).await {
            Ok(Some(record)) => Ok(self.shown(&record)),
            Ok(None) => Err(AdminError::NotSignedIn),
            Err(sessions::Away) => Err(AWAY),
        }
    }

    fn shown(&self, record: &SessionRecord) -> Session {
        let (expires_at, ends_at) = self.0.sessions.ends(record);
        Session { user: record.account.clone(), expires_at, ends_at }
    }

    /// Checks the password and makes a session of a new id, in place of the one that the caller had.
    ///
    /// # Errors
    /// Why not; an unknown user takes as long as a wrong password and is told the same.
    pub async fn sign_in(
        &self,
        caller: &Caller,
        credentials: Credentials,
    ) -> Result<(SessionId, Session), AdminError> {
        let inner = &self.0;
        if !self.can_be() {
            return Err(AdminError::NoPasswordYet { stored: false });
        }
        let address = ClientKey::of(caller.address);
        let delay = inner
            .guesses
            .begin(address, now_ms())
            .map_err(|retry_after_s| AdminError::TooManyGuesses { retry_after_s })?;
        tokio::time::sleep(delay).await;
        let checked = self.check(credentials).await;
        match &checked {
            Ok(Some(_)) => inner.guesses.right(address),
            Ok(None) => {}
            Err(_) => inner.guesses.untried(address),
        }
        let Some(hash) = checked? else {
            // What was typed as the name is not kept: it may be a password.
            self.note(Action::SignInRefused, "unknown", caller.address, &caller.agent);
            return Err(AdminError::WrongPassword);
        };
        let id = SessionId::random().ok_or(AWAY)?;
        let now = now_ms();
        let record = SessionRecord {
            account: ADMIN.to_owned(),
            created_at: now,
            seen_at: now,
            address: caller.address.to_string(),
            agent: audit::plain(&caller.agent, LONGEST_AGENT),
        };
        let session = self.shown(&record);
        match inner.sessions.start(&id, record, &hash).await {
            Ok(true) => {}
            Ok(false) => return Err(AdminError::WrongPassword),
            Err(error) => return Err(away(&error)),
        }
        if let Some(old) = &caller.session {
            inner.sessions.end(old, now).await;
        }
        self.note(Action::SignIn, ADMIN, caller.address, &caller.agent);
        Ok((id, session))
    }

    /// The hash that the password is one of, if the user and the password are right.
    async fn check(&self, credentials: Credentials) -> Result<Option<String>, AdminError> {
        let Credentials { user, password } = credentials;
        let Some(hash) = self.hash().await? else {
            return Err(AdminError::NoPasswordYet { stored: self.0.store.is_some() });
        };
        // Both are looked at in full whatever the other is.
        let possible = user == ADMIN && password.len() <= LONGEST_PASSWORD;
        let text = if password.len() <= LONGEST_PASSWORD { password } else { String::new() };
        let right = self.0.hasher.verify(possible.then(|| hash.clone()), text).await.map_err(|_| BUSY)?;
        Ok(right.then_some(hash))
    }

    /// The hash of the password. That of the file is the first one in the database.
    async fn hash(&self) -> Result<Option<String>, AdminError> {
        let Some(store) = &self.0.store else { return self.hash_of_file().await };
        if let Some(hash) = store.password_hash(ADMIN).await.map_err(|error| away(&error))? {
            return Ok(Some(hash));
        }
        let Some(first) = self.hash_of_file().await? else { return Ok(None) };
        if store.set_first_password(ADMIN, &first, now_ms()).await.map_err(|error| away(&error))? {
            self.0.audit.note(AuditEntry::now(Action::PasswordChanged, "file", None, ""));
        }
        store.password_hash(ADMIN).await.map_err(|error| away(&error))
    }

    async fn hash_of_file(&self) -> Result<Option<String>, AdminError> {
        let Some(password) = &self.0.password else { return Ok(None) };
        let made = self.0.hash.get_or_try_init(|| async {
            self.0.hasher.hash(password.clone()).await.ok().flatten().ok_or(BUSY)
        });
        made.await.cloned().map(Some)
    }

    /// Ends the caller's session, if it has one.
    pub async fn sign_out(&self, caller: &Caller) {
        let Some(id) = &caller.session else { return };
        let known = self.0.sessions.find(id, now_ms()).await;
        self.0.sessions.end(id, now_ms()).await;
        if let Ok(Some(record)) = known {
            self.note(Action::SignOut, &record.account, caller.address, "");
        }
    }
}

const AWAY: AdminError = AdminError::Unavailable { what: Unavailable::Accounts };
const BUSY: AdminError = AdminError::Unavailable { what: Unavailable::Busy };

fn away(error: &crate::store::StoreError) -> AdminError {
    tracing::warn!(%error, "accounts cannot be looked up: {error}");
    AWAY
}

/// Sets the account's password in the database; see `tidemark admin password`.
///
/// # Errors
/// Why it was not set, for a person at a shell.
pub(crate) async fn set_password(store: &Store, password: Password, first: bool) -> Result<bool, String> {
    let hashed = Hasher::new().hash(password).await;
    let hash = hashed.ok().flatten().ok_or("the system gives no random numbers")?;
    let set = if first {
        store.set_first_password(ADMIN, &hash, now_ms()).await
    } else {
        store.set_password(ADMIN, &hash, now_ms()).await.map(|()| true)
    };
    set.map_err(|error| error.to_string())
}
