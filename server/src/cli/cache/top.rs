//! `tidemark cache top`.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use serde_json::json;
use tokio::signal;

use super::{print, report, via::Via};

/// How often the picture is drawn.
const EVERY: Duration = Duration::from_secs(1);

/// Draws until Ctrl-C on a terminal, once otherwise.
pub(super) async fn run(via: &Via, once: bool, json: bool) -> Result<(), String> {
    let stats = via.stats().await?;
    if json {
        let top = json!({ "hot_keys": stats["hot_keys"] });
        print(&format!("{top:#}\n"));
        return Ok(());
    }
    if once || !io::stdout().is_terminal() {
        print(&report::hot_keys(&stats));
        return Ok(());
    }
    draw(&report::top(&stats));
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = signal::ctrl_c() => return Ok(()),
        }
        // A server that restarts comes back: the picture stays, with what is wrong.
        tokio::select! {
            stats = via.stats() => match stats {
                Ok(stats) => draw(&report::top(&stats)),
                Err(error) => draw(&format!("{error}\n")),
            },
            _ = signal::ctrl_c() => return Ok(()),
        }
    }
}

/// From the upper left corner on a cleared screen: ECMA-48, CUP and ED.
fn draw(text: &str) {
    print(&format!("\x1b[H\x1b[2J{text}"));
}
