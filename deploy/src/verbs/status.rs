//! `cargo deploy status`: which parts run, and how they are.

use serde_json::json;

use crate::{cli::StatusArgs, layout::Layout, parts::Part, problem::Result, say, state::State};

/// Exit code when a part does not run or is not well, as of `systemctl status`.
const NOT_UP: u8 = 3;

/// Tells it.
///
/// # Errors
/// When the state cannot be read.
pub fn run(layout: &Layout, args: &StatusArgs) -> Result<u8> {
    let state = State::load(layout)?;
    let mut all_well = true;
    let mut list = Vec::new();
    for part in Part::ALL {
        let running = state.running(part).filter(|it| it.process().is_some());
        let health = running.map(|_| part.health(&state));
        let well = matches!(health, Some(Ok(_)));
        all_well &= well;
        let words = match &health {
            Some(Ok(words) | Err(words)) => words.as_str(),
            None => "stopped",
        };
        let port = state.port(part);
        let uptime = running.map(crate::state::Running::uptime);
        if args.json {
            list.push(json!({
                "part": part.name(), "running": running.is_some(), "well": well, "health": words,
                "pid": running.map(|it| it.pid), "port": port, "uptime_s": uptime.map(|it| it.as_secs()),
            }));
            continue;
        }
        let facts = match (running, uptime) {
            (Some(it), Some(uptime)) => format!(
                "running  process {}, port {}, up {}, {words}",
                it.pid,
                port.map_or_else(|| "?".to_owned(), |port| port.to_string()),
                say::short(uptime)
            ),
            _ => words.to_owned(),
        };
        say::line(&format!("{} {:<9} {facts}", say::mark(well), part.name()));
    }
    if args.json {
        say::line(&json!({ "up": all_well, "parts": list }).to_string());
    }
    Ok(if all_well { 0 } else { NOT_UP })
}
