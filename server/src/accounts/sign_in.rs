//! Signing in: slowed, checked, noted.

use std::time::Duration;

use model::{AdminError, Credentials, Session};

use super::{
    ADMIN, AWAY, Accounts, Action, AuditEntry, BUSY, Caller, LONGEST_AGENT, LONGEST_PASSWORD, SessionId,
    SessionRecord, audit, away, hasher::Turn,
};
use crate::feed::now_ms;

/// Longest time to sign in. Each wait in it has a bound of its own, of which together they could pass that of a call.
const LONGEST: Duration = Duration::from_secs(8);

impl Accounts {
    /// Checks the password and makes a session of a new id, in place of the one that the caller had.
    ///
    /// # Errors
    /// Why not; an unknown user takes as long as a wrong password and is told the same.
    pub async fn sign_in(
        &self,
        caller: &Caller,
        credentials: Credentials,
    ) -> Result<(SessionId, Session), AdminError> {
        let signed_in = tokio::time::timeout(LONGEST, self.sign_in_slowly(caller, credentials)).await;
        signed_in.unwrap_or_else(|_| {
            tracing::warn!("a sign-in was given up: the database takes too long");
            Err(AWAY)
        })
    }

    async fn sign_in_slowly(
        &self,
        caller: &Caller,
        credentials: Credentials,
    ) -> Result<(SessionId, Session), AdminError> {
        let inner = &self.0;
        if !self.can_be() {
            return Err(AdminError::NoPasswordYet { stored: false });
        }
        let attempt = inner
            .guesses
            .begin(caller.client(), now_ms())
            .map_err(|retry_after_s| AdminError::TooManyGuesses { retry_after_s })?;
        tokio::time::sleep(attempt.delay).await;
        let Some(hash) = self.hash().await? else {
            return Err(AdminError::NoPasswordYet { stored: inner.store.is_some() });
        };
        let turn = inner.hasher.turn(attempt.first).await.map_err(|_| BUSY)?;
        attempt.tried();
        let (accounts, caller) = (self.clone(), caller.clone());
        // A task of its own: a client that hangs up ends this future, and a password that was tried must also be noted.
        let trying =
            tokio::spawn(async move { accounts.try_password(&caller, credentials, &hash, turn).await });
        trying.await.unwrap_or(Err(AWAY))
    }

    /// Compares the password, notes the outcome, and makes a session if it is right.
    async fn try_password(
        &self,
        caller: &Caller,
        Credentials { user, password }: Credentials,
        hash: &str,
        turn: Turn,
    ) -> Result<(SessionId, Session), AdminError> {
        // Both are looked at in full whatever the other is.
        let possible = user == ADMIN && password.len() <= LONGEST_PASSWORD;
        let text = if password.len() <= LONGEST_PASSWORD { password } else { String::new() };
        if !turn.verify(possible.then(|| hash.to_owned()), text).await.map_err(|_| BUSY)? {
            // What was typed as the name is not kept: it may be a password.
            self.note(Action::SignInRefused, "unknown", caller.address, &caller.agent);
            return Err(AdminError::WrongPassword);
        }
        self.0.guesses.right(caller.client());
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
        self.start_session(caller, &id, record, hash).await?;
        Ok((id, session))
    }

    /// Makes the session, notes it, and ends the one that the caller had.
    async fn start_session(
        &self,
        caller: &Caller,
        id: &SessionId,
        record: SessionRecord,
        hash: &str,
    ) -> Result<(), AdminError> {
        let now = record.created_at;
        match self.0.sessions.start(id, record, hash).await {
            Ok(true) => {}
            Ok(false) => return Err(AdminError::WrongPassword),
            Err(error) => return Err(away(&error)),
        }
        self.note(Action::SignIn, ADMIN, caller.address, &caller.agent);
        if let Some(old) = &caller.session {
            self.0.sessions.end(old, now).await;
        }
        Ok(())
    }

    /// The hash of the password. That of the file is the first one in the database.
    async fn hash(&self) -> Result<Option<String>, AdminError> {
        let Some(store) = &self.0.store else { return self.hash_of_file().await };
        if let Some(hash) = store.password_hash(ADMIN).await.map_err(|error| away(&error))? {
            return Ok(Some(hash));
        }
        let Some(first) = self.hash_of_file().await? else { return Ok(None) };
        let entry = AuditEntry::now(Action::PasswordChanged, "file", None, "");
        match store.set_first_password(ADMIN, &first, &entry).await.map_err(|error| away(&error))? {
            Some(Ok(())) => entry.log(),
            Some(Err(_)) => self.0.audit.note(entry),
            None => {}
        }
        store.password_hash(ADMIN).await.map_err(|error| away(&error))
    }

    async fn hash_of_file(&self) -> Result<Option<String>, AdminError> {
        let Some(password) = &self.0.password else { return Ok(None) };
        let made = self.0.hash.get_or_try_init(|| async {
            let turn = self.0.hasher.turn(true).await.map_err(|_| BUSY)?;
            turn.hash(password.clone()).await.ok().flatten().ok_or(BUSY)
        });
        made.await.cloned().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{net::TcpListener, time::timeout};

    use super::*;
    use crate::{accounts::Password, config::SessionLimits, log_limit::tests::logged, store::Store};

    fn caller(last: u8) -> Caller {
        Caller {
            address: [203, 0, 113, last].into(),
            agent: String::new(),
            session: None,
            secure: false,
            by_itself: false,
        }
    }

    #[tokio::test]
    async fn those_who_leave_before_the_password_is_looked_at_guessed_nothing() {
        // Takes connections, and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://tidemark@{}/tidemark", silent.local_addr().unwrap());
        let store = Store::connect_lazy(&url).unwrap();
        let accounts = Accounts::new(Some(store), None, SessionLimits::default());
        let caller = caller(9);
        for n in 0..20 {
            let credentials = Credentials { user: ADMIN.to_owned(), password: "a passphrase".to_owned() };
            let left = timeout(Duration::from_millis(20), accounts.sign_in(&caller, credentials)).await;
            assert!(left.is_err(), "{n}: {left:?}");
        }
    }

    #[test]
    fn a_guess_that_counts_is_noted_when_its_client_hangs_up() {
        const CLIENTS: u8 = 20;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut counted = 0;
        let text = logged(|| {
            runtime.block_on(async {
                let password = Password::choose("a fine passphrase").unwrap();
                let accounts = Accounts::new(None, Some(password), SessionLimits::default());
                accounts.hash().await.unwrap();
                for last in 0..CLIENTS {
                    let credentials = Credentials { user: ADMIN.to_owned(), password: "wrong".to_owned() };
                    let wait = Duration::from_millis(2 * u64::from(last));
                    let _ = timeout(wait, accounts.sign_in(&caller(last), credentials)).await;
                }
                // Each attempt that goes on holds the accounts.
                let ended = async {
                    while Arc::strong_count(&accounts.0) > 1 {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                };
                timeout(Duration::from_secs(20), ended).await.expect("attempts go on");
                let begin = |last| accounts.0.guesses.begin(caller(last).client(), now_ms()).ok().unwrap();
                counted = (0..CLIENTS).filter(|last| !begin(*last).first).count();
            });
        });
        assert!(counted > 0, "none was left while it was tried");
        assert_eq!(text.lines().filter(|line| line.contains("audit: sign_in_refused")).count(), counted);
    }
}
