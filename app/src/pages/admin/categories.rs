//! The table of categories.

use leptos::prelude::*;
use model::{CacheStats, CategoryStats, ClearScope};

use super::{
    clearing::Clearing,
    figures::{Answered, ratio},
    use_admin_words,
};
use crate::{components::icons::drawing, format, live, prefs::use_prefs, when, words::AdminWords};

/// Width of the bars, in the units of their view box.
const BAR: f64 = 300.0;

/// One row a category, with one bar that shows who answered.
#[component]
pub fn Categories(
    /// The figures.
    stats: RwSignal<CacheStats>,
    /// Clears.
    clearing: Clearing,
) -> impl IntoView {
    let words = use_admin_words();
    let names = Memo::new(move |_| {
        stats.with(|stats| stats.categories.iter().map(|c| c.name.clone()).collect::<Vec<_>>())
    });
    let [memory, redis, source] = words.answered_by;
    let head = |label: &'static str, class: &'static str| {
        view! {
            <th scope="col" class=class>
                {label}
            </th>
        }
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby="categories-title">
            <div class="card-head">
                <h2 id="categories-title">{words.categories}</h2>
                <span class="card-note bar-key">
                    <span class="key-memory">{memory}</span>
                    <span class="key-redis">{redis}</span>
                    <span class="key-source">{source}</span>
                </span>
                <div class="card-actions">
                    <button
                        type="button"
                        class="button scripted"
                        on:click=move |_| clearing.open(ClearScope::Prefix(String::new()))
                    >
                        {words.clear_part}
                    </button>
                    <button
                        type="button"
                        class="button button-danger scripted"
                        on:click=move |_| clearing.open(ClearScope::All)
                    >
                        {words.clear_all}
                    </button>
                    <p class="card-note scriptless">
                        {words.needs_scripts} " " <code>"tidemark cache clear"</code>
                    </p>
                </div>
            </div>
            <div class="table-wrap">
                <table class="prices console-table">
                    <thead>
                        <tr>
                            {head(words.col_category, "")} {head(words.col_keys, "num")}
                            {head(words.col_memory, "num roomy")} {head(words.col_answered, "col-bar")}
                            {head(words.col_hit, "num")} {head(words.col_reads, "num wide")}
                            {head(words.col_loads, "num wide")} {head(words.col_evicted, "num wide")}
                            {head(words.col_skipped, "num wide")}
                            {head(words.col_saved, "num wide")}
                            <th scope="col" class="num">
                                <span class="sr-only">{words.col_actions}</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || names.get() key=String::clone let:name>
                            <Row stats clearing name />
                        </For>
                    </tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

/// One category. Its figures change in place, so that the button keeps the focus.
#[component]
fn Row(stats: RwSignal<CacheStats>, clearing: Clearing, name: String) -> impl IntoView {
    let locale = use_prefs().locale;
    let words = use_admin_words();
    let of = {
        let name = name.clone();
        move |figure: Box<dyn Fn(&CategoryStats) -> String + Send + Sync>| {
            let name = name.clone();
            live::text(move || {
                stats.with(|stats| {
                    stats.categories.iter().find(|c| c.name == name).map(&*figure).unwrap_or_default()
                })
            })
        }
    };
    let loads = move |category: &CategoryStats| {
        let source = &category.source;
        let good = source.loads.saturating_sub(source.failures + source.timeouts);
        let each = source.load_us.checked_div(good).map(|us| when::span(us, locale));
        let loads = format::count(source.loads);
        each.map_or_else(|| loads.clone(), |each| format!("{loads} × {each}"))
    };
    let saved = move |category: &CategoryStats| {
        category.saved_us.map_or_else(|| format::NO_NUMBER.to_owned(), |us| when::span(us, locale))
    };
    let bar_says = move |category: &CategoryStats| {
        let shares = Answered::of(category).shares().map(|all| all.map(|share| ratio(Some(share))));
        shares.map(|[l1, l2, source]| (words.bar_says)(&l1, &l2, &source)).unwrap_or_default()
    };
    let clear = {
        let name = name.clone();
        move |_| clearing.open(ClearScope::Category(name.clone()))
    };
    view! {
        <tr>
            <th scope="row">
                <b>{name.clone()}</b>
            </th>
            <td class="num">{of(Box::new(keys))}</td>
            <td class="num roomy">{of(Box::new(move |c| memory(c, words)))}</td>
            <td class="col-bar">
                {drawing(of(Box::new(|c| bar(Answered::of(c)))))}
                <span class="sr-only">{of(Box::new(bar_says))}</span>
            </td>
            <td class="num">{of(Box::new(|c| ratio(Answered::of(c).hit_ratio())))}</td>
            <td class="num wide">{of(Box::new(|c| format::count(c.reads)))}</td>
            <td class="num wide">{of(Box::new(loads))}</td>
            <td class="num wide">{of(Box::new(move |c| evicted(c, words)))}</td>
            <td class="num wide">{of(Box::new(move |c| skipped(c, words)))}</td>
            <td class="num wide">{of(Box::new(saved))}</td>
            <td class="num">
                <button
                    type="button"
                    class="button button-danger button-small scripted"
                    aria-label=(words.clear_of)(&name)
                    on:click=clear
                >
                    {words.clear}
                </button>
            </td>
        </tr>
    }
    .into_any()
}

/// Keys in memory that answer: those that clears cover do not.
fn keys(category: &CategoryStats) -> String {
    format::count(category.keys.saturating_sub(category.cleared_keys))
}

/// How full the category's own part of the memory is, and how much of that clears cover: it stays until it is replaced.
fn memory(category: &CategoryStats, words: &AdminWords) -> String {
    let CategoryStats { bytes, limit_bytes, cleared_bytes, .. } = *category;
    let full = (limit_bytes > 0).then(|| bytes as f64 / limit_bytes as f64 * 100.0);
    let text = (words.memory_of)(&format::bytes(bytes), &format::bytes(limit_bytes), &ratio(full));
    match cleared_bytes {
        0 => text,
        cleared => format!("{text} · {}", (words.memory_cleared)(&format::bytes(cleared))),
    }
}

/// Entries evicted, and those that were too large to be kept.
fn evicted(category: &CategoryStats, words: &AdminWords) -> String {
    let evicted = format::count(category.memory.evictions);
    match category.memory.oversized {
        0 => evicted,
        oversized => format!("{evicted} · {}", (words.too_large)(&format::count(oversized))),
    }
}

/// Reads for which Redis was not asked, for want of a connection; and those that it did not answer in time, or over a connection
/// that broke.
fn skipped(category: &CategoryStats, words: &AdminWords) -> String {
    let mut text = format::count(category.redis.skipped);
    for (count, say) in
        [(category.redis.timeouts, words.timed_out), (category.redis.broken, words.broken_off)]
    {
        if count > 0 {
            text = format!("{text} · {}", say(&format::count(count)));
        }
    }
    text
}

/// The bar of who answered: memory, Redis, database from left to right. A share that is there is at least a hair wide.
fn bar(answered: Answered) -> String {
    let mut out = format!("<svg class=\"bar\" viewBox=\"0 0 {BAR} 8\" preserveAspectRatio=\"none\">");
    out.push_str("<rect class=\"bar-still\" width=\"300\" height=\"8\"/>");
    let mut x = 0.0;
    let shares = answered.shares().unwrap_or_default();
    for (share, class) in shares.into_iter().zip(["bar-memory", "bar-redis", "bar-source"]) {
        if share > 0.0 {
            let width = (share / 100.0 * BAR).max(1.5).min(BAR - x);
            out.push_str(&format!(
                "<rect class=\"{class}\" x=\"{x:.1}\" width=\"{:.1}\" height=\"8\"/>",
                (width - 1.0).max(0.5)
            ));
            x += width;
        }
    }
    out + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Locale;

    #[test]
    fn cleared_and_too_large_entries_are_shown_with_the_others() {
        let words = Locale::En.admin_words();
        let mut category =
            CategoryStats { keys: 1_234, bytes: 6 << 20, limit_bytes: 24 << 20, ..CategoryStats::default() };
        category.memory.evictions = 52;
        let cells =
            |category: &CategoryStats| [keys(category), memory(category, words), evicted(category, words)];
        assert_eq!(cells(&category), ["1,234", "6.0 MiB of 24.0 MiB (25.0%)", "52"]);
        (category.cleared_keys, category.cleared_bytes, category.memory.oversized) = (234, 1 << 20, 3);
        let all = ["1,000", "6.0 MiB of 24.0 MiB (25.0%) · 1.0 MiB cleared", "52 · 3 too large"];
        assert_eq!(cells(&category), all);
        // A clear may be counted a moment after the keys.
        category.keys = 100;
        assert_eq!(keys(&category), "0");
    }

    #[test]
    fn reads_that_redis_was_not_asked_and_those_it_did_not_answer_are_told_apart() {
        let mut category = CategoryStats::default();
        let words = Locale::En.admin_words();
        assert_eq!(skipped(&category, words), "0");
        (category.redis.skipped, category.redis.timeouts, category.redis.broken) = (11_471, 62, 7);
        assert_eq!(skipped(&category, words), "11,471 · 62 timed out · 7 broken off");
    }

    #[test]
    fn a_bar_stays_in_its_box_and_shows_the_smallest_share() {
        let empty = bar(Answered::default());
        assert_eq!(empty.matches("<rect").count(), 1);
        let all = bar(Answered { memory: 1_000_000, redis: 1, source: 1 });
        assert_eq!(all.matches("<rect").count(), 4);
        assert!(!all.contains("width=\"-") && !all.contains("NaN"), "{all}");
    }
}
