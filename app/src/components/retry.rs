//! A page whose data cannot be read: it tries again by itself, and shows the last data meanwhile where there are any.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use leptos::{
    leptos_dom::helpers::{set_interval_with_handle, window_event_listener_untyped},
    prelude::*,
    task::spawn_local,
};
use model::{MarketError, UnixMs};

use crate::{
    data::{DataError, Kept},
    live,
    prefs::use_prefs,
    when,
};

/// Delay of the first retry, seconds; each later one doubles it.
const FIRST_DELAY_S: u32 = 1;
/// The longest delay between two retries, seconds.
const MAX_DELAY_S: u32 = 8;
/// How long a page goes on retrying by itself, seconds. After that it waits for the network, the reader, or the button.
const MAX_RETRYING_S: u32 = 600;

/// The longest time that an attempt may take, ms: more than the server itself waits for its slowest.
const MAX_ATTEMPT_MS: i64 = 12_000;

/// The data of a page.
pub type PageData<T> = Resource<Result<Kept<T>, DataError>>;

/// Reads a page's data again, and shows them once they are there.
#[derive(Clone)]
pub struct Retry(Arc<dyn Fn() + Send + Sync>);

impl Retry {
    /// Sets `page` to what `read` gives. While the server cannot be reached or has no data it changes nothing.
    pub fn new<T, F, Fut>(page: PageData<T>, read: F) -> Self
    where
        T: Send + Sync + 'static,
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, DataError>> + 'static,
    {
        Self::by(move || {
            let answer = read();
            async move {
                let answer = answer.await;
                let later = matches!(
                    answer,
                    Err(DataError::Transport(_) | DataError::Market(MarketError::Unavailable { .. }))
                );
                if !later {
                    // A page that was left meanwhile takes nothing.
                    page.try_set(Some(answer.map(|value| Kept { value, kept_at: None })));
                    // What is shown is made again, and what had the focus may be gone.
                    #[cfg(not(feature = "ssr"))]
                    request_animation_frame(|| request_animation_frame(super::announcer::focus_if_lost));
                }
            }
        })
    }

    /// Runs `attempt`, one at a time; one that has taken [`MAX_ATTEMPT_MS`] no longer holds up the next.
    pub fn by<F, Fut>(attempt: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        // When the attempt under way began, Unix ms; 0 without one.
        let began = Arc::new(AtomicI64::new(0));
        Self(Arc::new(move || {
            let now = when::now();
            if now.saturating_sub(began.load(Ordering::Relaxed)) < MAX_ATTEMPT_MS {
                return;
            }
            began.store(now, Ordering::Relaxed);
            let (began, attempt) = (Arc::clone(&began), attempt());
            spawn_local(async move {
                attempt.await;
                if began.load(Ordering::Relaxed) == now {
                    began.store(0, Ordering::Relaxed);
                }
            });
        }))
    }

    /// Tries now.
    pub fn now(&self) {
        (self.0)();
    }

    /// Tries again and again, at growing delays, and at once when the network or the reader is back. Ends with the component.
    /// `tick` runs each second.
    fn keep_on(&self, tick: impl Fn() + Clone + 'static) {
        let retry = self.clone();
        live::effect(move || {
            // Seconds until the next retry, the delay after that, and seconds since the first.
            let state = Rc::new(Cell::new((FIRST_DELAY_S, FIRST_DELAY_S * 2, 0)));
            let again = {
                let (retry, state) = (retry.clone(), Rc::clone(&state));
                move |_: leptos::web_sys::Event| {
                    if !document().hidden() {
                        state.set((FIRST_DELAY_S, FIRST_DELAY_S * 2, 0));
                        retry.now();
                    }
                }
            };
            let listeners = ["online", "visibilitychange"]
                .map(|event| window_event_listener_untyped(event, again.clone()));
            let every_second = {
                let (retry, tick) = (retry.clone(), tick.clone());
                move || {
                    tick();
                    let (left, next, total) = state.get();
                    if total >= MAX_RETRYING_S || document().hidden() {
                        return;
                    }
                    if left > 1 {
                        state.set((left - 1, next, total + 1));
                    } else {
                        state.set((next, (next * 2).min(MAX_DELAY_S), total + 1));
                        retry.now();
                    }
                }
            };
            let timer = set_interval_with_handle(every_second, Duration::from_secs(1)).ok();
            on_cleanup(move || {
                if let Some(timer) = timer {
                    timer.clear();
                }
                for listener in listeners {
                    listener.remove();
                }
            });
        });
    }
}

/// A button that tries now. The page does so by itself too, for as long as the button is there.
#[component]
pub fn RetryButton(
    /// What reads the data again.
    retry: Retry,
) -> impl IntoView {
    retry.keep_on(|| {});
    view! {
        <button type="button" class="button scripted" on:click=move |_| retry.now()>
            {use_prefs().words().retry}
        </button>
    }
    .into_any()
}

/// A line above a page that shows data of an earlier visit: how old they are. Gone once the data are read again.
#[component]
pub fn KeptNote(
    /// When the data were read, Unix ms; none where they are current.
    kept_at: Option<UnixMs>,
    /// What reads them again.
    retry: Retry,
) -> impl IntoView {
    let Some(at) = kept_at else { return ().into_any() };
    let prefs = use_prefs();
    let words = prefs.words();
    let age_ms = RwSignal::new(when::now().saturating_sub(at));
    retry.keep_on(move || {
        age_ms.try_set(when::now().saturating_sub(at));
    });
    let age = live::text(move || {
        let age = when::age_in_units(u64::try_from(age_ms.get()).unwrap_or(0), prefs.locale);
        (words.kept_note)(&age)
    });
    view! {
        <div class="kept">
            <p role="alert">{words.kept}</p>
            <p>{age}</p>
            <button type="button" class="button" on:click=move |_| retry.now()>
                {words.retry}
            </button>
        </div>
    }
    .into_any()
}
