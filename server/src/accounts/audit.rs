//! What was done, and by whom: in the log, and in the database where there is one.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use model::UnixMs;
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{feed::now_ms, log_limit::AUDIT, store::Store};

/// Entries that wait for the database. More are in the log alone.
const QUEUE: usize = 256;
/// Delay after a failed write.
const RETRY: Duration = Duration::from_secs(5);
/// The same while the server stops.
const LAST_RETRY: Duration = Duration::from_millis(50);
/// Longest wait for an entry to be written before what it announces is done.
const WAIT: Duration = Duration::from_secs(2);
/// Poll interval while the last entries are written.
const POLL: Duration = Duration::from_millis(10);
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
    /// A part of the cache is about to be cleared.
    ClearRequested,
    /// A part of the cache was cleared.
    CacheCleared,
    /// A clear was requested and not made.
    ClearFailed,
    /// A clear is about to be taken back.
    UndoRequested,
    /// A clear was taken back.
    ClearUndone,
    /// A clear was to be taken back and was not.
    UndoFailed,
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
            Self::ClearRequested => "clear_requested",
            Self::CacheCleared => "cache_cleared",
            Self::ClearFailed => "clear_failed",
            Self::UndoRequested => "undo_requested",
            Self::ClearUndone => "clear_undone",
            Self::UndoFailed => "undo_failed",
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
            tracing::warn!(target: AUDIT, action, ?account, ?address, ?detail, "audit: {action}");
        } else {
            tracing::info!(target: AUDIT, action, ?account, ?address, ?detail, "audit: {action}");
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

/// An entry for the database, and who waits until it is there.
type Queued = (AuditEntry, Option<oneshot::Sender<()>>);

/// The audit log. One task writes it, so that each entry is written once and in order.
pub(super) struct Audit {
    sender: mpsc::Sender<Queued>,
    receiver: Mutex<Option<mpsc::Receiver<Queued>>>,
    /// Entries that were noted and are not in the database yet.
    pending: AtomicUsize,
    /// Whether the database is unavailable, by the last write: nobody waits for the next one then.
    failing: AtomicBool,
    closing: AtomicBool,
}

impl Audit {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
            pending: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        }
    }

    /// Notes an entry; waits for nothing. Where the queue is full the entry is in the log alone.
    pub(super) fn note(&self, entry: AuditEntry) {
        entry.log();
        match self.sender.try_reserve() {
            Ok(room) => self.push(room, entry, None),
            Err(_) => tracing::debug!("the audit entry is in the log alone"),
        }
    }

    /// Notes an entry and waits until it is in the database. After [`WAIT`] it returns without: a clear must be possible while
    /// the database is unavailable. The entry is in the log, and in the database once that answers, unless the queue was full
    /// for all that time.
    pub(super) async fn record(&self, entry: AuditEntry) {
        entry.log();
        let until = Instant::now() + WAIT;
        let Ok(Ok(room)) = timeout_at(until, self.sender.reserve()).await else {
            let action = entry.action.as_str();
            tracing::warn!(
                action,
                "the audit entry {action} is in the log alone: too many wait for the database"
            );
            return;
        };
        let (written, is_written) = oneshot::channel();
        self.push(room, entry, Some(written));
        if !self.failing.load(Ordering::Relaxed) {
            let _ = timeout_at(until, is_written).await;
        }
    }

    fn push(&self, room: mpsc::Permit<'_, Queued>, entry: AuditEntry, waiter: Option<oneshot::Sender<()>>) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        room.send((entry, waiter));
    }

    /// Writes entries to the database, for as long as the future is polled. Without a database it only takes them.
    pub(super) async fn write(&self, store: Option<&Store>) {
        let Some(mut receiver) = self.receiver.lock().take() else { return };
        while let Some((entry, _waiter)) = receiver.recv().await {
            if let Some(store) = store {
                self.write_one(store, &entry).await;
            }
            self.pending.fetch_sub(1, Ordering::Relaxed);
        }
    }

    async fn write_one(&self, store: &Store, entry: &AuditEntry) {
        while let Err(error) = store.write_audit(entry).await {
            // One entry that cannot be written says nothing of the next.
            self.failing.store(error.is_transient(), Ordering::Relaxed);
            if !error.is_transient() {
                tracing::warn!(%error, "an audit entry is in the log alone: {error}");
                return;
            }
            let failed = Instant::now();
            let delay = || if self.closing.load(Ordering::Relaxed) { LAST_RETRY } else { RETRY };
            while failed.elapsed() < delay() {
                sleep(LAST_RETRY).await;
            }
        }
        self.failing.store(false, Ordering::Relaxed);
    }

    /// Waits until all entries are in the database, for `limit` at most. [`Audit::write`] must still be polled.
    pub(super) async fn close(&self, limit: Duration) {
        self.closing.store(true, Ordering::Relaxed);
        let pending = || self.pending.load(Ordering::Relaxed);
        let written = timeout(limit, async {
            while pending() > 0 {
                sleep(POLL).await;
            }
        });
        if written.await.is_err() {
            let entries = pending();
            tracing::warn!(
                entries,
                "{entries} audit entries are in the log alone: the database did not take them"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use local_servers::PostgresServer;

    use super::{super::ADMIN, *};
    use crate::log_limit::tests::logged;

    const SOON: Duration = Duration::from_secs(60);

    fn entry(action: Action) -> AuditEntry {
        AuditEntry::now(action, ADMIN, None, "")
    }

    #[test]
    fn every_entry_is_in_the_log_however_many_there_are() {
        // More than any other source may log in the seconds that this takes.
        let text = logged(|| (0..10_000).for_each(|_| entry(Action::CacheCleared).log()));
        assert_eq!(text.lines().filter(|line| line.contains("audit: cache_cleared")).count(), 10_000);
    }

    #[tokio::test]
    async fn an_entry_that_announces_something_waits_for_room() {
        let audit = Audit::new();
        let mut receiver = audit.receiver.lock().take().unwrap();
        (0..=QUEUE).for_each(|_| audit.note(entry(Action::SignIn)));
        let taken = async { while receiver.recv().await.unwrap().0.action != Action::ClearRequested {} };
        let both = async { tokio::join!(audit.record(entry(Action::ClearRequested)), taken) };
        timeout(SOON, both).await.expect("the entry never came to the queue");
    }

    #[tokio::test]
    async fn an_entry_that_cannot_be_written_does_not_keep_the_next_from_being_waited_for() {
        let server = tokio::task::spawn_blocking(|| PostgresServer::ephemeral().unwrap()).await.unwrap();
        let store = Store::connect_lazy(&server.url()).unwrap();
        let audit = Audit::new();
        audit.failing.store(true, Ordering::Relaxed);
        // The database has no such table.
        audit.write_one(&store, &entry(Action::ClearRequested)).await;
        assert!(!audit.failing.load(Ordering::Relaxed));
    }

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
