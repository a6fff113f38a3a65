//! The figures that matter.

use leptos::prelude::*;
use model::CacheStats;

use super::{
    figures::{Answered, failed_loads, ratio, saved, stale},
    use_admin_words,
};
use crate::{
    format, live,
    prefs::use_prefs,
    when,
    words::{AdminWords, Locale},
};

/// Hit ratio, what was saved, stale answers, memory, Redis.
#[component]
pub fn Tiles(
    /// The figures.
    stats: RwSignal<CacheStats>,
) -> impl IntoView {
    let prefs = use_prefs();
    let (locale, words) = (prefs.locale, use_admin_words());
    let of = move |figure: fn(&CacheStats) -> String| live::text(move || stats.with(figure));
    let split = live::text(move || {
        let [l1, l2, _] = stats.with(Answered::of_all).shares().unwrap_or_default();
        (words.hit_split)(&ratio(Some(l1)), &ratio(Some(l2)))
    });
    let work = live::text(move || {
        let (_, work) = stats.with(saved);
        let said = |us: u64| (words.saved_work)(&when::span(us, locale));
        work.map_or_else(|| words.saved_unknown.to_owned(), said)
    });
    let failed = live::text(move || (words.loads_failed)(&format::count(stats.with(failed_loads))));
    let limit =
        live::text(move || (words.of_limit)(&format::bytes(stats.with(|stats| stats.memory_limit_bytes))));
    let redis = live::word(move || {
        stats.with(|stats| match (stats.redis.configured, stats.redis.connected) {
            (false, _) => words.no_redis,
            (true, true) => words.connected,
            (true, false) => words.away,
        })
    });
    let redis_note = live::text(move || stats.with(|stats| note_of_redis(stats, words, locale)));
    // What Redis says is in English on every page.
    let redis_lang = live::maybe(move || {
        stats.with(|stats| (stats.redis.configured && stats.redis.last_error.is_some()).then_some("en"))
    });
    let redis_class = live::word(move || {
        let bad = stats.with(|stats| stats.redis.configured && !stats.redis.connected);
        if bad { "card tile tile-alarm" } else { "card tile" }
    });
    view! {
        <section class="tiles tiles-five" aria-label=words.overview>
            <div class="card tile">
                <h2>{words.hit_ratio}</h2>
                <p class="figure">{of(|stats| ratio(Answered::of_all(stats).hit_ratio()))}</p>
                <p class="note">{split}</p>
            </div>
            <div class="card tile">
                <h2>{words.saved}</h2>
                <p class="figure">{of(|stats| format::count(saved(stats).0))}</p>
                <p class="note">{work}</p>
            </div>
            <div class="card tile">
                <h2>{words.stale}</h2>
                <p class="figure">{of(|stats| ratio(stale(stats)))}</p>
                <p class="note">{failed}</p>
            </div>
            <div class="card tile">
                <h2>{words.memory}</h2>
                <p class="figure">{of(|stats| format::bytes(stats.memory_bytes))}</p>
                <p class="note">{limit}</p>
            </div>
            <div class=redis_class>
                <h2>{words.redis}</h2>
                <p class="figure">{redis}</p>
                <p class="note" lang=redis_lang>
                    {redis_note}
                </p>
            </div>
        </section>
    }
    .into_any()
}

/// How long Redis has been connected or away and what messages were lost, or what is wrong with it.
fn note_of_redis(stats: &CacheStats, words: &AdminWords, locale: Locale) -> String {
    match (&stats.redis.last_error, stats.redis.configured) {
        (_, false) => words.no_redis_note.to_owned(),
        (Some(error), _) => error.clone(),
        (None, _) => {
            let time = (words.for_time)(&when::age(stats.redis.for_ms, locale));
            match stats.coherence.gaps {
                0 => time,
                lost => format!("{time} · {}", (words.messages_lost)(&format::count(lost))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_messages_are_shown_while_redis_is_well() {
        let words = Locale::En.admin_words();
        let mut stats = CacheStats::default();
        let note = |stats: &CacheStats| note_of_redis(stats, words, Locale::En);
        assert_eq!(note(&stats), words.no_redis_note);
        stats.redis.configured = true;
        let well = note(&stats);
        stats.coherence.gaps = 1;
        assert_eq!(note(&stats), format!("{well} · 1 message lost"));
        stats.coherence.gaps = 1_200;
        assert_eq!(note(&stats), format!("{well} · 1,200 messages lost"));
        stats.redis.last_error = Some("Connection refused".to_owned());
        assert_eq!(note(&stats), "Connection refused");
    }
}
