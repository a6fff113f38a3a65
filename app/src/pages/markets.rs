//! The markets page: tiles and the table of latest prices.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::{LatestPrices, Sparkline};

use super::REFRESH;
use crate::{
    components::{Board, Foot, Header, PriceTable, Problem, Sort, SourcePill, Tiles, every},
    data, when,
};

/// The page at `/`.
#[component]
pub fn MarketsPage() -> impl IntoView {
    let page = Resource::new_blocking(
        || (),
        |()| async {
            let prices = data::latest_prices(None).await?;
            // A table without its small lines is still a table.
            let sparklines = data::sparklines().await.unwrap_or_default();
            Ok::<_, data::DataError>((prices, sparklines))
        },
    );
    view! {
        <Title text="Markets" />
        <Suspense fallback=|| {
            view! {
                <Header />
                <main id="content" class="content" tabindex="-1" aria-busy="true">
                    <p class="waiting">"Reading prices …"</p>
                </main>
            }
        }>
            {move || Suspend::new(async move {
                match page.await {
                    Ok((prices, sparklines)) => view! { <Markets prices sparklines /> }.into_any(),
                    Err(error) => {
                        view! {
                            <Header />
                            <main id="content" class="content" tabindex="-1">
                                <Problem error />
                            </main>
                        }
                            .into_any()
                    }
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// The page once its prices are there.
#[component]
fn Markets(prices: LatestPrices, sparklines: Vec<Sparkline>) -> impl IntoView {
    let query = use_query_map();
    let sort = Memo::new(move |_| query.with(Sort::from_query));
    let board = Board::new(prices);
    let refresh = move || async move {
        match data::latest_prices(None).await {
            Ok(prices) => board.apply(prices),
            Err(_) => board.lost.set(true),
        }
    };
    every(REFRESH, refresh, move || board.lost.set(true));
    let newest = move || {
        let as_of = board.rows.with(|rows| rows.iter().map(|r| r.as_of.get()).max());
        as_of.map(|t| format!("Prices as of {}", when::date_time(t)))
    };
    view! {
        <Header>
            <SourcePill provenance=board.provenance lost=board.lost />
        </Header>
        <main id="content" class="content" tabindex="-1">
            <Tiles board />
            <section class="card" aria-labelledby="markets-title">
                <div class="card-head">
                    <h1 id="markets-title">"Markets"</h1>
                </div>
                <PriceTable board sparklines sort />
                <Show when=move || board.rows.with(Vec::is_empty)>
                    <p class="empty">
                        "No prices are stored yet. " <code>"tidemark import FILE"</code> " brings them in."
                    </p>
                </Show>
                <p class="card-foot">
                    <span>
                        <Foot provenance=board.provenance lost=board.lost />
                    </span>
                    <span>{newest}</span>
                </p>
            </section>
        </main>
    }
    .into_any()
}
