//! `tidemark admin password`.

use std::io::{self, IsTerminal, Read};

use super::{open, warn};
use crate::accounts::{ADMIN, LONGEST_PASSWORD, Password, set_password};

/// Sets the password, and ends all sessions. What to print.
pub(super) async fn set(if_none: bool) -> Result<String, String> {
    let store = open()?;
    // Before anybody types anything.
    store.ping().await.map_err(|e| e.to_string())?;
    let text = tokio::task::spawn_blocking(ask).await.map_err(|_| "nothing could be read")??;
    let password = Password::choose(&text).map_err(|why| format!("the password {why}"))?;
    let Some(noted) = set_password(&store, password, if_none).await? else {
        return Ok(format!("{ADMIN} has a password already, which stays\n"));
    };
    warn(noted);
    Ok(format!("the password of {ADMIN} is set; all sessions are over\n"))
}

/// Asks twice at a terminal, without showing what is typed; reads one line where there is none.
fn ask() -> Result<String, String> {
    let cannot = |error: io::Error| format!("standard input: {error}");
    if !io::stdin().is_terminal() {
        let mut text = String::new();
        let limit = LONGEST_PASSWORD as u64 + 2;
        io::stdin().lock().take(limit).read_to_string(&mut text).map_err(cannot)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(line.strip_suffix('\r').unwrap_or(line).to_owned());
    }
    let first = rpassword::prompt_password("New password (12 characters at least): ").map_err(cannot)?;
    Password::choose(&first).map_err(|why| format!("the password {why}"))?;
    let second = rpassword::prompt_password("Once more: ").map_err(cannot)?;
    if first == second { Ok(first) } else { Err("the two differ; nothing was changed".to_owned()) }
}
