//! `tidemark admin sessions` and `sign-out`.

use serde_json::json;

use super::{open, warn};
use crate::{
    accounts::{Action, AuditEntry, SessionRecord},
    cli::cache::{size::millis, table::Table},
    config::FileSettings,
    feed::now_ms,
};

/// Characters of a browser's name that are shown.
const AGENT: usize = 40;

/// Who is signed in.
pub(super) async fn list(json: bool) -> Result<String, String> {
    let store = open()?;
    let limits = FileSettings::read().and_then(|file| file.sessions.with_env()).map_err(|e| e.to_string())?;
    let now = now_ms();
    let ms = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let living = |session: &SessionRecord| {
        now < session.seen_at.saturating_add(ms(limits.idle))
            && now < session.created_at.saturating_add(ms(limits.max))
    };
    let sessions = store.sessions().await.map_err(|e| e.to_string())?;
    let sessions: Vec<SessionRecord> = sessions.into_iter().filter(living).collect();
    if json {
        let list: Vec<_> = sessions
            .iter()
            .map(|s| {
                json!({ "account": s.account, "created_at": s.created_at, "seen_at": s.seen_at, "address": s.address,
                        "agent": s.agent })
            })
            .collect();
        return Ok(format!("{:#}\n", json!({ "sessions": list })));
    }
    let mut table = Table::new(&["account", "signed in", "last seen", "address", "browser"]);
    let ago = |time: i64| format!("{} ago", millis(u64::try_from(now - time).unwrap_or(0)));
    for session in sessions {
        let agent: String = session.agent.chars().take(AGENT).collect();
        table.row([session.account, ago(session.created_at), ago(session.seen_at), session.address, agent]);
    }
    Ok(table.text())
}

/// Ends all sessions.
pub(super) async fn end() -> Result<String, String> {
    let store = open()?;
    let entry = |ended: u64| AuditEntry::now(Action::SessionsEnded, "shell", None, &ended.to_string());
    let (ended, noted) = store.end_sessions(entry).await.map_err(|e| e.to_string())?;
    warn(noted);
    Ok(match ended {
        1 => "1 session is over\n".to_owned(),
        n => format!("{n} sessions are over\n"),
    })
}
