//! The markets page: tiles and the table of latest prices.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::{Backdrop, LatestPrices};

use super::{REFRESH, SLOW_REFRESH};
use crate::{
    components::{
        Behind, Board, Empty, Foot, Header, KeptNote, PageData, PriceTable, ReplayNote, Retry, SourcePill,
        TableHead, TableQuery, Tiles, Unread, Waiting, every,
    },
    data, live,
    prefs::{use_prefs, use_words},
};

/// The name under which the page's last data are kept.
const KEPT: &str = "markets";

/// The page at `/`; `?sort=`, `?q=`, `?show=` and `?rows=` say what the table shows.
#[component]
pub fn MarketsPage() -> impl IntoView {
    let words = use_words();
    let read = || async {
        let prices = data::latest_prices(None).await?;
        // A table without its past is still a table.
        let backdrop = data::backdrop().await.unwrap_or_default();
        Ok::<_, data::DataError>((prices, backdrop))
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
                            data::keep(KEPT, &read);
                            let (prices, backdrop) = read.value;
                            view! {
                                <KeptNote kept_at=read.kept_at retry />
                                <Markets prices backdrop />
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
fn Markets(prices: LatestPrices, backdrop: Backdrop) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let query = use_query_map();
    let query = Memo::new(move |_| query.with(TableQuery::from_query));
    let board = Board::new(prices);
    let behind = RwSignal::new(Behind::new(&backdrop));
    let replay = backdrop.replay;
    let refresh = move || async move {
        match data::latest_prices(None).await {
            Ok(prices) => board.apply(prices),
            Err(_) => board.lost.set(true),
        }
    };
    every(REFRESH, refresh, move || board.lost.set(true));
    // What cannot be read stays as it is: it is refreshed again before it is wrong by much.
    let refresh_slowly = move || async move {
        if let Ok(backdrop) = data::backdrop().await {
            behind.try_set(Behind::new(&backdrop));
        }
    };
    every(SLOW_REFRESH, refresh_slowly, || {});
    let newest = live::text(move || {
        let as_of = board.rows.with(|rows| rows.iter().map(|r| r.as_of.get()).max());
        as_of.map(|t| (words.prices_as_of)(&prefs.calendar().date_time(t))).unwrap_or_default()
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
            <SourcePill provenance=board.provenance lost=board.lost replay />
        </Header>
        <main id="content" class="content" tabindex="-1">
            <Tiles board behind />
            <section class="card" aria-labelledby="markets-title">
                <TableHead query />
                <PriceTable board behind query />
                {nothing}
                <p class="card-foot">
                    <span>
                        <Foot provenance=board.provenance lost=board.lost />
                    </span>
                    <span>{newest}</span>
                    <span>{supplies}</span>
                </p>
            </section>
            <ReplayNote replay />
        </main>
    }
    .into_any()
}
