//! A limit on log lines: a flood of one kind must not fill the disk, nor hide the rest.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    collections::HashMap,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

/// Lines that one source, a module of ours or of a library, may log in a second.
pub const LINES_PER_SECOND: u32 = 100;
/// Sources that are counted each by itself. Targets are written in the code; should there be more, those count together.
const MAX_SOURCES: usize = 1_000;
/// The target of all records that come from libraries by the crate `log`. Their own is in the field `log.target`.
const LOG: &str = "log";
/// The target of audit entries. The log may be the only place that has them, and other limits bound their number.
pub const AUDIT: &str = "tidemark::audit";
const SECOND: Duration = Duration::from_secs(1);

/// Drops the lines of a source that logs more than [`LINES_PER_SECOND`], and logs that it does. Audit entries are never dropped.
#[derive(Default)]
pub struct LogLimit {
    /// By target, [`MAX_SOURCES`] at most.
    sources: Mutex<HashMap<String, Source>>,
}

/// The lines of one source in the current second.
struct Source {
    since: Instant,
    lines: u32,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Log,
    /// Drop it and log that more follow.
    DropFirst,
    Drop,
}

impl LogLimit {
    /// Counts one line.
    fn count(&self, target: &str, now: Instant) -> Decision {
        let mut sources = self.sources.lock();
        let has_room = sources.len() < MAX_SOURCES || sources.contains_key(target);
        let target = if has_room { target } else { LOG };
        if !sources.contains_key(target) {
            sources.insert(target.to_owned(), Source { since: now, lines: 0 });
        }
        let Some(source) = sources.get_mut(target) else { return Decision::Log };
        if now.duration_since(source.since) >= SECOND {
            *source = Source { since: now, lines: 0 };
        }
        source.lines = source.lines.saturating_add(1);
        match source.lines.saturating_sub(LINES_PER_SECOND) {
            0 => Decision::Log,
            1 => Decision::DropFirst,
            _ => Decision::Drop,
        }
    }
}

impl<S: Subscriber> Layer<S> for LogLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        if event.metadata().target() == AUDIT {
            return true;
        }
        let mut own = OwnTarget(None);
        if event.metadata().target() == LOG {
            event.record(&mut own);
        }
        let source = own.0.as_deref().unwrap_or(event.metadata().target());
        let decision = self.count(source, Instant::now());
        if decision == Decision::DropFirst {
            tracing::warn!(
                source,
                "{source} logs more than {LINES_PER_SECOND} lines in a second; dropping the rest of them"
            );
        }
        decision == Decision::Log
    }
}

/// The target of a record of the crate `log`, as the crate `tracing-log` passes it on.
struct OwnTarget(Option<String>);

impl Visit for OwnTarget {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// Lets something happen at most once in an interval, such as a warning that would repeat.
pub struct Throttle {
    start: Instant,
    interval: Duration,
    /// When it was last claimed, milliseconds since `start`, plus one; 0 is never.
    last: AtomicU64,
}

impl Throttle {
    /// At most once per `interval`.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { start: Instant::now(), interval, last: AtomicU64::new(0) }
    }

    /// Returns true for the first caller of an interval.
    pub fn claim(&self) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = millis(self.start.elapsed()).saturating_add(1);
        let claim = |last| (last == 0 || now.saturating_sub(last) >= millis(self.interval)).then_some(now);
        self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim).is_ok()
    }
}

/// Logs panics as other errors are logged. The standard hook writes several lines to standard error, without a limit.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(target: "tidemark::panic", place, ?text, "panicked at {place}: {text:?}");
        // Only where RUST_BACKTRACE asks for it.
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            tracing::error!(target: "tidemark::panic", "backtrace:\n{backtrace}");
        }
    }));
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{io, sync::Arc};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What this logs under the limit, on this thread.
    pub(crate) fn logged(work: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::registry()
            .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone()))
            .with(LogLimit::default());
        tracing::subscriber::with_default(subscriber, work);
        let bytes = lines.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn libraries_that_log_by_the_crate_log_are_counted_each_by_itself() {
        let text = logged(|| {
            for _ in 0..10_000 {
                tracing::error!(target: "log", { log.target = "one_library::files" }, "cannot be read");
            }
            tracing::warn!(target: "log", { log.target = "another_library" }, "something else");
            tracing::warn!(target: "tidemark::other", "of our own");
        });
        assert!(text.lines().filter(|line| line.contains("one_library")).count() < 10_000);
        assert!(text.contains("something else") && text.contains("of our own"));
    }

    #[test]
    fn sources_have_a_bound() {
        let limit = LogLimit::default();
        let now = Instant::now();
        for n in 0..2 * MAX_SOURCES {
            limit.count(&n.to_string(), now);
        }
        assert!(limit.sources.lock().len() <= MAX_SOURCES + 1);
    }

    #[test]
    fn the_rest_of_a_second_is_dropped_and_the_first_of_it_says_so() {
        let limit = LogLimit::default();
        let start = Instant::now();
        for second in 0..2 {
            let now = start + second * SECOND;
            for n in 0..3 * LINES_PER_SECOND {
                let expected = match n {
                    ..LINES_PER_SECOND => Decision::Log,
                    LINES_PER_SECOND => Decision::DropFirst,
                    _ => Decision::Drop,
                };
                assert_eq!(limit.count("a", now), expected, "{n}");
            }
            assert_eq!(limit.count("b", now), Decision::Log);
        }
    }

    #[test]
    fn a_throttle_is_claimed_once_per_interval() {
        let hourly = Throttle::new(Duration::from_secs(3_600));
        assert!(hourly.claim());
        assert!(!hourly.claim());
        let always = Throttle::new(Duration::ZERO);
        assert!(always.claim() && always.claim());
    }
}
