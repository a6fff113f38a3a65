//! The clock against what was written.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{postgres_data, quoted};
use crate::{
    layout::Layout,
    recover::redis_data,
    say,
    state::{self, State},
};

/// How far the clock may be behind what was written, as clocks are put right now and then.
const CLOCK: Duration = Duration::from_secs(120);

/// A line when the clock is behind what was written last: times would run backwards, and a replay with them.
pub fn clock_behind(layout: &Layout, state: &State) -> Option<String> {
    let data = postgres_data(layout, state);
    let log = redis_data(layout).join("appendonlydir");
    let written = [state::path(layout), data.join("global/pg_control")].into_iter().chain(entries(&log));
    let newest = written.filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path))).max()?;
    let ahead = newest.0.duration_since(SystemTime::now()).ok().filter(|ahead| *ahead > CLOCK)?;
    Some(format!(
        "the clock is behind: {} was written {} from now; set the clock (`timedatectl set-ntp true`). If it is right and was \
         wrong before: find {} -newermt now -exec touch {{}} +",
        newest.1.display(),
        say::short(ahead),
        quoted(&layout.kept())
    ))
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
