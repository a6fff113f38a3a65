//! What was done, and by whom: in the log, and in the database where there is one.

use std::{net::IpAddr, time::Duration};

use model::UnixMs;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::{feed::now_ms, store::Store};

/// Entries that wait for the database. More are in the log alone.
const QUEUE: usize = 256;
/// Rest after a failed write.
const RETRY: Duration = Duration::from_secs(5);
/// Longest detail, characters.
const LONGEST_DETAIL: usize = 300;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Somebody signed in.
    SignIn,
    /// Somebody was refused: a wrong user or password.
    SignInRefused,
    /// Somebody signed out.
    SignOut,
    /// The password was set, which ends all sessions.
    PasswordChanged,
    /// All sessions were ended.
    SessionsEnded,
    /// A part of the cache was cleared.
    CacheCleared,
    /// A clear was taken back.
    ClearUndone,
}

impl Action {
    /// Its name in the table and the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::SignInRefused => "sign_in_refused",
            Self::SignOut => "sign_out",
            Self::PasswordChanged => "password_changed",
            Self::SessionsEnded => "sessions_ended",
            Self::CacheCleared => "cache_cleared",
            Self::ClearUndone => "clear_undone",
        }
    }
}

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, Unix ms.
    pub at: UnixMs,
    /// What.
    pub action: Action,
    /// Whose doing: an account, `token`, `shell`, `file` of the first password, or `unknown`.
    pub account: String,
    /// From where; empty from a shell.
    pub address: String,
    /// More, in one line without control characters.
    pub detail: String,
}

impl AuditEntry {
    /// Something that is done now. Control characters in the detail are escaped.
    #[must_use]
    pub fn now(action: Action, account: &str, address: Option<IpAddr>, detail: &str) -> Self {
        Self {
            at: now_ms(),
            action,
            account: plain(account, 64),
            address: address.map(|address| address.to_string()).unwrap_or_default(),
            detail: plain(detail, LONGEST_DETAIL),
        }
    }

    /// Writes it to the log, by fields.
    pub fn log(&self) {
        let Self { action, account, address, detail, .. } = self;
        let action = action.as_str();
        if self.action == Action::SignInRefused {
            tracing::warn!(action, ?account, ?address, ?detail, "audit: {action}");
        } else {
            tracing::info!(action, ?account, ?address, ?detail, "audit: {action}");
        }
    }
}

/// Text in one line that no terminal or reader of logs obeys, of so many characters at most.
pub(super) fn plain(text: &str, most: usize) -> String {
    let hidden = |c: char| {
        // Marks that turn the direction of text around could make one line look like another.
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let shown = text.chars().flat_map(|c| {
        let escaped: Vec<char> = if hidden(c) { c.escape_unicode().collect() } else { vec![c] };
        escaped
    });
    shown.take(most).collect()
}

/// The audit log.
pub(super) struct Audit {
    sender: mpsc::Sender<AuditEntry>,
    receiver: Mutex<Option<mpsc::Receiver<AuditEntry>>>,
}

impl Audit {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }

    /// Notes an entry; waits for nothing.
    pub(super) fn note(&self, entry: AuditEntry) {
        entry.log();
        if self.sender.try_send(entry).is_err() {
            tracing::debug!("the audit entry is in the log alone");
        }
    }

    /// Writes entries to the database, for as long as the future is polled. Without a database it only takes them.
    pub(super) async fn write(&self, store: Option<&Store>) {
        let Some(mut receiver) = self.receiver.lock().take() else { return };
        while let Some(entry) = receiver.recv().await {
            let Some(store) = store else { continue };
            while let Err(error) = store.write_audit(&entry).await {
                if !error.is_transient() {
                    tracing::warn!(%error, "an audit entry is in the log alone: {error}");
                    break;
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_entry_can_pass_for_another_line() {
        let entry = AuditEntry::now(
            Action::SignIn,
            "a\r\nINFO forged",
            Some("::1".parse().unwrap()),
            "\u{1b}[2J\u{202e}x",
        );
        assert_eq!(entry.account, "a\\u{d}\\u{a}INFO forged");
        assert_eq!(entry.detail, "\\u{1b}[2J\\u{202e}x");
        assert_eq!(plain(&"\n".repeat(1_000), 10).len(), 10);
    }
}
