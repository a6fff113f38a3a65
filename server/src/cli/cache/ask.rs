//! Questions on a terminal.

use std::io::{self, Write};

/// Whether the answer is yes. Waits until there is one, or Ctrl-C.
pub(in crate::cli) async fn yes(question: &str) -> Result<bool, String> {
    eprint!("{question}");
    let _ = io::stderr().flush();
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = tokio::select! {
        line = read => line.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?,
        _ = tokio::signal::ctrl_c() => return Ok(false),
    };
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}
