//! Ctrl-C, SIGTERM and SIGHUP: noted, and asked for between steps.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicBool, Ordering},
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::problem::{Problem, Result};

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(false)));

/// Begins to note the signals. One that cannot be noted keeps its default effect, which ends us.
pub fn listen() {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        drop(signal_hook::flag::register(signal, Arc::clone(&ASKED)));
    }
}

/// Whether one of the signals came.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// An error when one of the signals came.
///
/// # Errors
/// [`Problem::Interrupted`].
pub fn check() -> Result<()> {
    if asked() { Err(Problem::Interrupted) } else { Ok(()) }
}
