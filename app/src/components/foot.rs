//! Where the shown figures come from, in plain words.

use leptos::prelude::*;
use model::{Provenance, Tier};

use crate::{
    live,
    prefs::use_prefs,
    when::{self, Calendar},
    words::Locale,
};

/// How an age is said.
#[derive(Clone, Copy)]
enum Age {
    /// The figures are read again and again: their age is that of now.
    Now,
    /// They are read once: their age was that of then.
    WhenRead,
    /// Nothing on the page renews itself: a time is true for ever, an age is not.
    At(Calendar),
}

/// One sentence on figures that are read again and again: which layer answered, how old they are, and why if they are
/// stale or made up.
#[must_use]
pub fn sentence(provenance: &Provenance, locale: Locale) -> String {
    say(provenance, locale, Age::Now)
}

/// The same of figures that are read once and stay on the page: true for as long as it is open.
#[must_use]
pub fn sentence_when_read(provenance: &Provenance, locale: Locale) -> String {
    say(provenance, locale, Age::WhenRead)
}

/// The same of figures on a page that the browser has not taken over: with a time instead of an age.
fn sentence_as_of(provenance: &Provenance, calendar: Calendar) -> String {
    say(provenance, calendar.locale, Age::At(calendar))
}

fn say(provenance: &Provenance, locale: Locale, how: Age) -> String {
    let words = locale.words();
    let age = when::age(provenance.age_ms, locale);
    let read_at = |calendar: Calendar| calendar.clock(when::now().saturating_sub_unsigned(provenance.age_ms));
    let mut text = match (provenance.tier, how) {
        (Tier::L1, Age::Now) => (words.from_memory)(&age),
        (Tier::L1, Age::WhenRead) => (words.from_memory_when_read)(&age),
        (Tier::L1, Age::At(calendar)) => (words.from_memory_as_of)(&read_at(calendar)),
        (Tier::L2, Age::Now) => (words.from_redis)(&age),
        (Tier::L2, Age::WhenRead) => (words.from_redis_when_read)(&age),
        (Tier::L2, Age::At(calendar)) => (words.from_redis_as_of)(&read_at(calendar)),
        (Tier::Database, Age::Now) => words.from_database.to_owned(),
        (Tier::Database, Age::WhenRead) => words.from_database_when_read.to_owned(),
        (Tier::Database, Age::At(calendar)) => (words.from_database_as_of)(&read_at(calendar)),
        (Tier::Simulated, _) => words.from_simulation.to_owned(),
    };
    if provenance.simulated && provenance.tier != Tier::Simulated {
        text.push_str(words.made_up);
    }
    if let Some(reason) = &provenance.reason {
        text.push_str(&(words.because)(&(words.reason)(reason)));
    } else if provenance.stale && matches!(how, Age::Now) {
        text.push_str(words.refreshing);
    }
    text
}

/// The foot line of a card.
#[component]
pub fn Foot(
    /// Where the shown figures come from.
    #[prop(into)]
    provenance: Signal<Provenance>,
    /// Whether the server stopped answering.
    #[prop(into)]
    lost: Signal<bool>,
    /// HTTP status of the last answer, if it was an error.
    #[prop(into, optional)]
    refused: Signal<Option<u16>>,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let text = live::text(move || {
        if lost.get() {
            words.foot_lost.to_owned()
        } else if let Some(status) = refused.get() {
            (words.foot_refused)(status)
        } else if prefs.is_live() {
            provenance.with(|p| sentence(p, prefs.locale))
        } else {
            provenance.with(|p| sentence_as_of(p, prefs.calendar()))
        }
    });
    view! {
        {text}
        // An empty address is that of the page.
        <a class="refresh scriptless" href="" rel="external">
            {words.refresh}
        </a>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use model::Source;

    use super::*;

    #[test]
    fn says_tier_age_and_reason() {
        let mut p = Provenance {
            tier: Tier::L1,
            source: Source::RECORDED,
            age_ms: 400,
            stale: false,
            simulated: false,
            reason: None,
        };
        assert_eq!(sentence(&p, Locale::En), "Served from memory (L1), 0.4 s old");
        assert_eq!(sentence_when_read(&p, Locale::En), "Served from memory (L1), 0.4 s old when read");
        p.stale = true;
        assert_eq!(sentence_when_read(&p, Locale::En), "Served from memory (L1), 0.4 s old when read");
        assert_eq!(sentence(&p, Locale::En), "Served from memory (L1), 0.4 s old, being refreshed");
        p.reason = Some("the database does not answer".to_owned());
        assert_eq!(
            sentence(&p, Locale::En),
            "Served from memory (L1), 0.4 s old: the database does not answer"
        );
        p.tier = Tier::Database;
        p.reason = None;
        p.stale = false;
        assert_eq!(sentence(&p, Locale::En), "Read from the database just now");
        assert_eq!(sentence_when_read(&p, Locale::En), "Read from the database");
        let as_of = sentence_as_of(&p, Calendar::ENGLISH);
        assert!(as_of.starts_with("Read from the database at ") && as_of.ends_with("\u{a0}UTC"), "{as_of}");
        p.tier = Tier::L1;
        let as_of = sentence_as_of(&p, Calendar::ENGLISH);
        assert!(as_of.starts_with("Served from memory (L1), as of ") && !as_of.contains(" old"), "{as_of}");
        p.reason = Some("the database does not answer".to_owned());
        p.tier = Tier::Simulated;
        p.simulated = true;
        assert_eq!(sentence(&p, Locale::En), "Simulated: the database does not answer");
        assert_eq!(sentence(&p, Locale::ZhCn), "模拟生成：数据库没有响应");
    }
}
