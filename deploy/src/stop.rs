//! Ctrl-C, SIGTERM and SIGHUP: noted, and asked for between steps. A second Ctrl-C ends us at once.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicBool, Ordering},
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::problem::{Problem, Result};

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(false)));

/// Exit code after a second Ctrl-C, as shells have it for one.
const INTERRUPTED: i32 = 130;

/// Begins to note the signals. One that cannot be noted keeps its default effect, which ends us.
pub fn listen() {
    // An orderly stop may take minutes, and a second Ctrl-C ends the wait for it. The first one finds the flag unset, and sets
    // it after that.
    let pressed = Arc::new(AtomicBool::new(false));
    drop(signal_hook::flag::register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(&pressed)));
    drop(signal_hook::flag::register(SIGINT, pressed));
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
