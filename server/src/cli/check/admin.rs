//! The token of the cache administration.

use super::finding::Finding;
use crate::config::{ADMIN_TOKEN_FILE, AdminToken};

/// Whether the file can be used and is its owner's alone; nothing where none is set.
pub(super) async fn check() -> Vec<Finding> {
    const NAME: &str = "admin token";
    // Files of a network may take long to answer.
    let read = tokio::task::spawn_blocking(AdminToken::from_env).await;
    let fix = format!(
        "make one: umask 077 && openssl rand -hex 32 > FILE, and name it in {ADMIN_TOKEN_FILE}; of one that is there, chmod 600"
    );
    match read {
        Ok(Ok(None)) => Vec::new(),
        Ok(Ok(Some(_))) => vec![Finding::ok(NAME, "there, and for its owner alone")],
        Ok(Err(error)) => vec![Finding::fail(NAME, error.reason, fix)],
        Err(_) => vec![Finding::fail(NAME, "the file cannot be read", fix)],
    }
}
