//! The markets page: tiles and the table of latest prices.

use std::{collections::HashSet, time::Duration};

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::{Backdrop, LatestPrices, PriceChanges, Source, Symbol, UnixMs};

use super::REFRESH;
use crate::{
    components::{
        Behind, BehindSignal, Board, Empty, Foot, Header, KeptNote, PageData, PriceTable, ReplayNote, Retry,
        SourcePill, TableHead, TableQuery, Tiles, Totals, Unread, Waiting, every, is_of_same_time, now_ms,
        rows_in_view,
    },
    data::{self, FetchError, fetch},
    live,
    prefs::{use_prefs, use_words},
    when,
};

/// The name under which the page's last data are kept.
const KEPT: &str = "markets";

/// How often the whole table is read. In between, only the rows in view are.
const WHOLE_TABLE: Duration = Duration::from_secs(120);
/// The same of a table of few rows.
const SMALL_TABLE: Duration = Duration::from_secs(20);
/// Rows of a small table at most.
const FEW_ROWS: usize = 50;
/// A table older than this is read again before the reader sees it in another order.
const REORDERED: Duration = Duration::from_secs(10);
/// How often lines of seven days, supplies and what is replayed are read again, ms.
const LINES_PACE_MS: f64 = 600_000.0;
/// The same of a replay of which the server could not say what is played, ms.
const UNKNOWN_REPLAY_MS: f64 = 10_000.0;

/// The page at `/`; `?sort=`, `?q=`, `?show=` and `?rows=` say what the table shows.
#[component]
pub fn MarketsPage() -> impl IntoView {
    let words = use_words();
    let (first, watch) = (use_query_map(), use_prefs().watch());
    let read = move || {
        let query = first.with_untracked(TableQuery::from_query);
        let watch = watch.with_untracked(|watch| watch.to_text());
        async move {
            let TableQuery { sort, text, shown, every } = query;
            let rows = if every { "all" } else { "" }.to_owned();
            data::markets(sort.to_text(), text, shown.as_str().to_owned(), rows, watch).await
        }
    };
    let page: PageData<_> = Resource::new_blocking(|| (), move |()| data::or_kept(KEPT, read()));
    let retry = Retry::new(page, read);
    view! {
        <Title text=words.markets />
        <Suspense fallback=|| view! { <Waiting /> }>
            {move || {
                let retry = retry.clone();
                Suspend::new(async move {
                    match page.await {
                        Ok(read) => {
                            let received_at = read.kept_at.unwrap_or_else(when::now);
                            data::keep(KEPT, || read.value.clone(), received_at);
                            let (prices, backdrop) = read.value;
                            view! {
                                <KeptNote kept_at=read.kept_at retry />
                                <Markets prices backdrop received_at />
                            }
                                .into_any()
                        }
                        Err(error) => view! { <Unread error retry /> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
    .into_any()
}

/// The page once its prices are there.
#[component]
fn Markets(
    /// The quotes.
    prices: LatestPrices,
    /// What stands beside them.
    backdrop: Backdrop,
    /// When both were received, Unix ms.
    received_at: UnixMs,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let query = use_query_map();
    let query = Memo::new(move |_| query.with(TableQuery::from_query));
    let board = Board::new(prices, received_at);
    let behind = RwSignal::new(Behind::new(&backdrop));
    let replay = RwSignal::new(backdrop.replay);
    // If the server cannot be reached on the next visit, that visit shows the last data received here.
    let kept_backdrop = StoredValue::new(backdrop);
    on_cleanup(move || {
        if let Some((received, backdrop)) = board.received().zip(kept_backdrop.try_get_value()) {
            let (prices, at) = received;
            data::keep(KEPT, || (prices, backdrop), at);
        }
    });
    let take_backdrop = move |mut backdrop: Backdrop| {
        // Of a replay the server may not know at once what is played: it is asked again soon.
        if backdrop.replay.is_none() && board.is_of(&Source::REPLAY) {
            backdrop.replay = replay.try_get_untracked().flatten();
        }
        replay.try_set(backdrop.replay);
        behind.try_update(|behind| behind.update(&backdrop));
        kept_backdrop.try_update_value(|kept| kept.update(backdrop));
    };
    let busy = Signal::derive(move || board.refused.get().is_some());
    let read = StoredValue::new(Read::default());
    every(REFRESH, move || refresh(board, read), move || board.failed(None));
    every(REFRESH, move || refresh_lines(board, behind, read, take_backdrop), || {});
    // Another order is one of figures of now.
    let order = Memo::new(move |_| query.with(|query| (query.sort, query.shown)));
    let shown_order = StoredValue::new(order.get_untracked());
    live::effect(move || {
        let order = order.get();
        if shown_order.get_value() != order {
            shown_order.set_value(order);
            read.update_value(|read| read.is_reordered = true);
        }
    });
    let totals = Memo::new(move |_| {
        board.answers.track();
        behind.with(|behind| board.rows.with(|rows| Totals::of(rows, behind)))
    });
    let times = Memo::new(move |_| totals.with(|totals| totals.times));
    let newest = live::text(move || {
        let Some((oldest, newest)) = times.get() else { return String::new() };
        let time = |time| prefs.calendar().date_time(time);
        if is_of_same_time(oldest, newest) {
            (words.prices_as_of)(&time(newest))
        } else {
            (words.prices_between)(&time(oldest), &time(newest))
        }
    });
    let supplies = live::text(move || {
        let note = behind.with(|behind| {
            board
                .rows
                .with(|rows| behind.supply_note(rows.iter().map(|row| &row.symbol), words, prefs.calendar()))
        });
        note.unwrap_or_default()
    });
    let nothing = live::part(move || {
        let hint = || {
            view! {
                <div class="empty">
                    <Empty />
                    <p>
                        {words.no_prices_yet} " " <code>"tidemark import FILE"</code> " " {words.no_prices_yet_end}
                    </p>
                </div>
            }
        };
        board.rows.with(Vec::is_empty).then(hint).into_any()
    });
    view! {
        <Header>
            <SourcePill provenance=board.provenance lost=board.lost busy replay />
        </Header>
        <main id="content" class="content" tabindex="-1">
            <Tiles totals />
            <section class="card" aria-labelledby="markets-title">
                <TableHead query />
                <PriceTable board behind query />
                {nothing}
                <p class="card-foot">
                    <span>
                        <Foot provenance=board.provenance lost=board.lost refused=board.refused />
                    </span>
                    <span>{newest}</span>
                    <span>{supplies}</span>
                </p>
            </section>
            <ReplayNote replay provenance=board.provenance />
        </main>
    }
    .into_any()
}

/// What the open page has read, and when.
#[derive(Default)]
struct Read {
    /// When the last whole table came, by the reader's clock; none but the one that the page began with.
    table_at: Option<f64>,
    /// Whether the rows were put in another order since.
    is_reordered: bool,
    /// Entity tag of the last answer of changes.
    tag: Option<String>,
    /// When lines were last read of all rows in view.
    lines_at: Option<f64>,
    /// Coins whose line was asked for since; those that have none are not asked again.
    lines: HashSet<Symbol>,
    /// Whose prices these lines are.
    lines_of: Option<Source>,
}

impl Read {
    /// Whether the whole table is to be read now.
    fn wants_table(&self, rows: usize, now: f64) -> bool {
        let pace = if rows > FEW_ROWS { WHOLE_TABLE } else { SMALL_TABLE };
        let age = now - self.table_at.unwrap_or(now);
        let is_older = |than: Duration| age >= than.as_secs_f64() * 1_000.0;
        // A clock that was set back says nothing of an age.
        rows == 0 || age < 0.0 || is_older(pace) || (self.is_reordered && is_older(REORDERED))
    }
}

fn comma_separated(symbols: &[Symbol]) -> String {
    symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(",")
}

/// Reads what changed in the rows in view, and now and then the whole table.
async fn refresh(board: Board, read: StoredValue<Read>) {
    let now = now_ms();
    let Some(count) = board.rows.try_with_untracked(Vec::len) else { return };
    let Some(is_whole) = read.try_update_value(|read| {
        read.table_at.get_or_insert(now);
        read.wants_table(count, now)
    }) else {
        return;
    };
    let asked = rows_in_view();
    if !is_whole {
        match refresh_rows(board, read, &asked).await {
            // The table has other coins by now, or other prices.
            Ok(false) | Err(FetchError::Refused(404)) => {}
            Ok(true) => return,
            Err(error) => return board.failed(error.status()),
        }
    }
    match fetch::<LatestPrices>("/api/latest_prices", None).await {
        Ok(Some(answer)) => {
            board.apply(answer.value, &asked.into_iter().collect());
            read.try_update_value(|read| {
                read.table_at = Some(now_ms());
                read.is_reordered = false;
                // It was of rows that may be others by now.
                read.tag = None;
            });
        }
        Ok(None) => board.unchanged(),
        Err(error) => board.failed(error.status()),
    }
}

/// Reads what changed in these rows. Not so if the answer is of another source: then the whole table is another one.
async fn refresh_rows(board: Board, read: StoredValue<Read>, asked: &[Symbol]) -> Result<bool, FetchError> {
    // Where none is in view, one row tells whether the server answers.
    let one: Vec<Symbol>;
    let asked = if asked.is_empty() {
        let first = board.rows.try_with_untracked(|rows| rows.first().map(|row| row.symbol.clone()));
        one = first.flatten().into_iter().collect();
        &one
    } else {
        asked
    };
    let mut path = format!("/api/price_changes?symbols={}", comma_separated(asked));
    if let Some(version) = board.known_version(asked) {
        path.push_str(&format!("&since={version}"));
    }
    let tag = read.try_with_value(|read| read.tag.clone()).flatten();
    let Some(answer) = fetch::<PriceChanges>(&path, tag.as_deref()).await? else {
        board.unchanged();
        return Ok(true);
    };
    let source = &answer.value.provenance.source;
    let is_same = board.provenance.try_with_untracked(|shown| shown.source == *source);
    match is_same {
        // The page was left.
        None => Ok(true),
        Some(false) => Ok(false),
        Some(true) => {
            read.try_update_value(|read| read.tag = answer.tag);
            board.apply_changes(answer.value, asked);
            Ok(true)
        }
    }
}

/// Reads the lines of rows that came into view without one; now and then those of all rows in view, and what comes with them:
/// the supplies and what is replayed.
async fn refresh_lines(
    board: Board,
    behind: BehindSignal,
    read: StoredValue<Read>,
    take: impl FnOnce(Backdrop),
) {
    let now = now_ms();
    let Some(source) = board.provenance.try_with_untracked(|shown| shown.source.clone()) else { return };
    let mut asked = rows_in_view();
    let started = read.try_update_value(|read| {
        // Lines of another source are no lines of these prices.
        if read.lines_of.replace(source.clone()).is_some_and(|before| before != source) {
            read.lines.clear();
        }
        let age = now - *read.lines_at.get_or_insert(now);
        if !(0.0..LINES_PACE_MS).contains(&age) {
            read.lines_at = Some(now);
            read.lines.clear();
            return;
        }
        let is_missing = |symbol: &Symbol| {
            let is_beside =
                |behind: &Behind| behind.past(symbol).is_some_and(|past| past.line_beside(&source).is_some());
            !read.lines.contains(symbol) && behind.try_with_untracked(is_beside) == Some(false)
        };
        asked.retain(is_missing);
    });
    if started.is_none() || asked.is_empty() || board.rows.try_with_untracked(Vec::is_empty) != Some(false) {
        return;
    }
    // What cannot be read stays as it is: it is asked for again later.
    if let Ok(backdrop) = data::backdrop(Some(comma_separated(&asked))).await {
        // Without any line the server is still reading them.
        if !backdrop.weeks.is_empty() {
            read.try_update_value(|read| read.lines.extend(asked));
        }
        if backdrop.replay.is_none() && source == Source::REPLAY {
            read.try_update_value(|read| read.lines_at = Some(now - LINES_PACE_MS + UNKNOWN_REPLAY_MS));
        }
        take(backdrop);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_read_now_and_then_and_in_another_order_sooner() {
        let read = |is_reordered| Read { table_at: Some(1_000.0), is_reordered, ..Read::default() };
        for (rows, age, is_reordered, wanted) in [
            (300, 2_000.0, false, false),
            (300, 119_000.0, false, false),
            (300, 120_000.0, false, true),
            (50, 19_000.0, false, false),
            (50, 20_000.0, false, true),
            (300, 2_000.0, true, false),
            (300, 10_000.0, true, true),
            // Nothing is stored yet; the clock was set back.
            (0, 0.0, false, true),
            (300, -5_000.0, false, true),
        ] {
            assert_eq!(
                read(is_reordered).wants_table(rows, 1_000.0 + age),
                wanted,
                "{rows} {age} {is_reordered}"
            );
        }
    }
}
