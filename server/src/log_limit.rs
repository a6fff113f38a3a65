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
const SECOND: Duration = Duration::from_secs(1);

/// Drops the lines of a source that logs more than [`LINES_PER_SECOND`], and logs how many it dropped.
#[derive(Default)]
pub struct LogLimit {
    /// By target, [`MAX_SOURCES`] at most.
    sources: Mutex<HashMap<String, Source>>,
}

/// Of the second that is counted.
struct Source {
    since: Instant,
    logged: u32,
    dropped: u64,
}

impl LogLimit {
    /// Counts one line. Whether it may be logged, and how many were dropped in an earlier second.
    fn count(&self, target: &str, now: Instant) -> (bool, u64) {
        let mut sources = self.sources.lock();
        let has_room = sources.len() < MAX_SOURCES || sources.contains_key(target);
        let target = if has_room { target } else { LOG };
        if !sources.contains_key(target) {
            sources.insert(target.to_owned(), Source { since: now, logged: 0, dropped: 0 });
        }
        let Some(source) = sources.get_mut(target) else { return (true, 0) };
        let mut dropped = 0;
        if now.duration_since(source.since) >= SECOND {
            dropped = source.dropped;
            *source = Source { since: now, logged: 0, dropped: 0 };
        }
        if source.logged < LINES_PER_SECOND {
            source.logged += 1;
            (true, dropped)
        } else {
            source.dropped += 1;
            (false, dropped)
        }
    }
}

impl<S: Subscriber> Layer<S> for LogLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let mut own = OwnTarget(None);
        if event.metadata().target() == LOG {
            event.record(&mut own);
        }
        let source = own.0.as_deref().unwrap_or(event.metadata().target());
        let (allowed, dropped) = self.count(source, Instant::now());
        if dropped > 0 {
            tracing::warn!(dropped, source, "{dropped} log lines of {source} were dropped");
        }
        allowed
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

/// Says once in a while that something is due, such as a warning that would repeat.
pub struct Once {
    start: Instant,
    every: Duration,
    /// When it was last due, milliseconds since `start`, plus one; 0 is never.
    last: AtomicU64,
}

impl Once {
    /// At most once in this time.
    #[must_use]
    pub fn every(every: Duration) -> Self {
        Self { start: Instant::now(), every, last: AtomicU64::new(0) }
    }

    /// Whether it is due; then it is not for a while.
    pub fn is_due(&self) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now = millis(self.start.elapsed()).saturating_add(1);
        let claim = |last| (last == 0 || now.saturating_sub(last) >= millis(self.every)).then_some(now);
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
mod tests {
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

    #[test]
    fn a_flood_of_one_source_is_cut_and_others_are_heard() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::registry()
            .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone()))
            .with(LogLimit::default());
        tracing::subscriber::with_default(subscriber, || {
            for n in 0..10_000 {
                tracing::error!(target: "some_library::files", n, "cannot be read");
            }
            tracing::warn!(target: "tidemark::other", "something else");
        });
        let text = String::from_utf8(lines.0.lock().clone()).unwrap();
        let of_flood = text.lines().filter(|line| line.contains("some_library::files")).count();
        // The flood may last over several seconds.
        assert!(of_flood >= LINES_PER_SECOND as usize && of_flood < 5_000, "{of_flood}");
        assert!(text.contains("something else"));
    }

    #[test]
    fn libraries_that_log_by_the_crate_log_are_counted_each_by_itself() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::registry()
            .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone()))
            .with(LogLimit::default());
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..1_000 {
                tracing::error!(target: "log", { log.target = "one_library::files" }, "cannot be read");
            }
            tracing::warn!(target: "log", { log.target = "another_library" }, "something else");
        });
        let text = String::from_utf8(lines.0.lock().clone()).unwrap();
        assert!(text.lines().filter(|line| line.contains("one_library")).count() < 1_000);
        assert!(text.contains("something else"));
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
    fn what_was_dropped_is_told_in_the_next_second() {
        let limit = LogLimit::default();
        let start = Instant::now();
        for n in 0..LINES_PER_SECOND + 7 {
            assert_eq!(limit.count("a", start), (n < LINES_PER_SECOND, 0));
        }
        assert_eq!(limit.count("b", start), (true, 0));
        assert_eq!(limit.count("a", start + SECOND), (true, 7));
        assert_eq!(limit.count("a", start + SECOND), (true, 0));
    }

    #[test]
    fn it_is_due_once() {
        let once = Once::every(Duration::from_secs(3_600));
        assert!(once.is_due());
        assert!(!once.is_due());
        let always = Once::every(Duration::ZERO);
        assert!(always.is_due() && always.is_due());
    }
}
