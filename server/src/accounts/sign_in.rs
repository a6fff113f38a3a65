//! Signing in: slowed, checked, noted.

use std::time::Duration;

use model::{AdminError, Credentials, Session};

use super::{
    ADMIN, AWAY, Accounts, Action, AuditEntry, BUSY, Caller, LONGEST_AGENT, LONGEST_PASSWORD, SessionId,
    SessionRecord, audit, away, guesses::Attempt,
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
        let mut attempt = inner
            .guesses
            .begin(caller.client(), now_ms())
            .map_err(|retry_after_s| AdminError::TooManyGuesses { retry_after_s })?;
        tokio::time::sleep(attempt.delay).await;
        let Some(hash) = self.check(credentials, &mut attempt).await? else {
            // What was typed as the name is not kept: it may be a password.
            self.note(Action::SignInRefused, "unknown", caller.address, &caller.agent);
            return Err(AdminError::WrongPassword);
        };
        attempt.right();
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
        let (accounts, caller, new) = (self.clone(), caller.clone(), id.clone());
        // A task of its own: a caller who hangs up ends this future, and a session that was made must also be noted.
        let starting =
            tokio::spawn(async move { accounts.start_session(&caller, &new, record, &hash).await });
        starting.await.unwrap_or(Err(AWAY))?;
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

    /// The hash that the password is one of, if the user and the password are right.
    async fn check(
        &self,
        credentials: Credentials,
        attempt: &mut Attempt<'_>,
    ) -> Result<Option<String>, AdminError> {
        let Credentials { user, password } = credentials;
        let Some(hash) = self.hash().await? else {
            return Err(AdminError::NoPasswordYet { stored: self.0.store.is_some() });
        };
        // Both are looked at in full whatever the other is.
        let possible = user == ADMIN && password.len() <= LONGEST_PASSWORD;
        let text = if password.len() <= LONGEST_PASSWORD { password } else { String::new() };
        let turn = self.0.hasher.turn(attempt.first).await.map_err(|_| BUSY)?;
        attempt.tried();
        let right = turn.verify(possible.then(|| hash.clone()), text).await.map_err(|_| BUSY)?;
        Ok(right.then_some(hash))
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
    use tokio::{net::TcpListener, time::timeout};

    use super::*;
    use crate::{config::SessionLimits, store::Store};

    #[tokio::test]
    async fn those_who_leave_before_the_password_is_looked_at_guessed_nothing() {
        // Takes connections, and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://tidemark@{}/tidemark", silent.local_addr().unwrap());
        let store = Store::connect_lazy(&url).unwrap();
        let accounts = Accounts::new(Some(store), None, SessionLimits::default());
        let caller = Caller {
            address: [203, 0, 113, 9].into(),
            agent: String::new(),
            session: None,
            secure: false,
            by_itself: false,
        };
        for n in 0..20 {
            let credentials = Credentials { user: ADMIN.to_owned(), password: "a passphrase".to_owned() };
            let left = timeout(Duration::from_millis(20), accounts.sign_in(&caller, credentials)).await;
            assert!(left.is_err(), "{n}: {left:?}");
        }
    }
}
