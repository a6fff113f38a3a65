//! What a replay plays, in a sentence.

use leptos::prelude::*;
use model::{Provenance, ReplayInfo, Source};

use crate::{
    live,
    prefs::use_prefs,
    when::{Calendar, Zone},
    words::Locale,
};

/// `Recorded 1 Oct 2017 – 31 Mar 2019, replayed as if live. Now playing 12 Feb 2018.` The dates are those of UTC.
#[must_use]
pub fn replayed(replay: ReplayInfo, locale: Locale) -> String {
    let (calendar, words) = (Calendar { locale, zone: Zone::Utc }, locale.words());
    // The end is the moment after the last candle.
    let last = replay.end.saturating_sub(1).max(replay.first);
    (words.replayed_from)(
        &calendar.date(replay.first),
        &calendar.date(last),
        &calendar.date(replay.playing.clamp(replay.first, last)),
    )
}

/// The same as a line at the foot of a page; nothing on a page whose prices are no replay.
#[component]
pub fn ReplayNote(
    /// What is replayed, where that is known.
    #[prop(into)]
    replay: Signal<Option<ReplayInfo>>,
    /// Where the shown prices come from: others than a replay's are not explained by it.
    provenance: RwSignal<Provenance>,
) -> impl IntoView {
    let locale = use_prefs().locale;
    let is_replay = move || provenance.with(|shown| shown.source == Source::REPLAY);
    let text = live::text(move || {
        let replay = replay.get().filter(|_| is_replay());
        replay.map_or_else(String::new, |replay| replayed(replay, locale))
    });
    view! {
        <p class="replay-note" hidden=live::flag(move || text.with(String::is_empty))>
            {text}
        </p>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_names_its_recording_and_the_day_that_plays() {
        let replay =
            ReplayInfo { first: 1_506_816_000_000, end: 1_554_076_800_000, playing: 1_518_400_000_000 };
        assert_eq!(
            replayed(replay, Locale::En),
            "Recorded 1 Oct 2017 – 31 Mar 2019, replayed as if live. Now playing 12 Feb 2018."
        );
        assert_eq!(
            replayed(replay, Locale::ZhCn),
            "录制于 2017年10月1日至2019年3月31日，按实时方式回放，现在播放 2018年2月12日。"
        );
    }
}
