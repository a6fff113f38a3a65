//! A coin's page: price, chart, key figures.

mod chart_card;
mod chart_state;
mod choice;
mod figures;
mod live_chart;

use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use model::{Coin, LatestPrices, Provenance, Quote, ReplayInfo, Source, UnixMs};

use self::{chart_card::ChartCard, figures::KeyFigures};
use super::{REFRESH, lazy::lazy_page};
use crate::{
    components::{
        Badge, Change, Foot, Header, KeptNote, LiveQuote, PageData, ReplayNote, Retry, SourcePill, Unread,
        Waiting, WatchButton, every, now_ms,
    },
    data::{self, fetch},
    format, live,
    prefs::{use_prefs, use_words},
    when,
};

lazy_page!(
    /// The route of a coin's page.
    CoinRoute,
    coin_view,
    __preload_coin_view,
    COIN_LOADED,
    CoinPage
);

/// The page at `/coin/:symbol`; `?interval=` and `?range=` choose the candles.
#[component]
pub fn CoinPage() -> impl IntoView {
    let words = use_words();
    let params = use_params_map();
    let symbol =
        Memo::new(move |_| params.with(|p| p.get_str("symbol").unwrap_or_default().to_ascii_uppercase()));
    let coin: PageData<Coin> = Resource::new_blocking(
        move || symbol.get(),
        |symbol| async move { data::or_kept(&kept(&symbol), data::coin(symbol.clone())).await },
    );
    let retry = Retry::new(coin, move || async move {
        let asked = symbol.get_untracked();
        let answer = data::coin(asked.clone()).await;
        // Of a coin that was left meanwhile nothing is shown.
        if symbol.try_get_untracked() == Some(asked) {
            answer
        } else {
            Err(data::DataError::Transport(String::new()))
        }
    });
    view! {
        <Suspense fallback=|| view! { <Waiting /> }>
            {move || {
                let retry = retry.clone();
                Suspend::new(async move {
                    match coin.await {
                        Ok(read) => {
                            let key = kept(read.value.quote.symbol.as_str());
                            let received_at = read.kept_at.unwrap_or_else(when::now);
                            data::keep(&key, || read.value.clone(), received_at);
                            view! {
                                <KeptNote kept_at=read.kept_at retry />
                                <CoinView coin=read.value />
                            }
                                .into_any()
                        }
                        Err(error) => {
                            view! {
                                <Title text=words.no_prices_title />
                                <Unread error retry />
                            }
                                .into_any()
                        }
                    }
                })
            }}
        </Suspense>
    }
    .into_any()
}

/// How often a page looks whether it knows what is replayed.
const REPLAY_CHECK: Duration = Duration::from_secs(10);
/// How often what is replayed is read again, ms: the day that plays changes.
const REPLAY_PACE_MS: f64 = 600_000.0;

/// The name under which a coin's last data are kept.
fn kept(symbol: &str) -> String {
    format!("coin {symbol}")
}

/// Where the prices of a coin come from: since when, and of which recording. Another source may begin elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DataOrigin {
    /// Open time of the first stored candle, Unix ms; `None` for simulated prices.
    first_open: Option<UnixMs>,
    /// What is replayed, if the prices are a replay.
    replay: Option<ReplayInfo>,
}

/// The page once the coin's figures are there.
#[component]
fn CoinView(mut coin: Coin) -> impl IntoView {
    let prefs = use_prefs();
    let received = coin.clone();
    coin.quote.name = prefs.locale.coin_name(&coin.quote.symbol, &coin.quote.name).to_owned();
    let symbol = coin.quote.symbol.clone();
    let name = coin.quote.name.clone();
    let quote = LiveQuote::new(coin.quote.clone());
    let provenance = RwSignal::new(coin.provenance.clone());
    let lost = RwSignal::new(false);
    let refused = RwSignal::new(None::<u16>);
    let origin = RwSignal::new(DataOrigin { first_open: coin.first_open, replay: coin.replay });
    let replay = Signal::derive(move || origin.get().replay);
    let answered_at = StoredValue::new(None);
    {
        // If the server cannot be reached on the next visit, that visit shows the last data received here.
        let quote = quote.clone();
        on_cleanup(move || {
            let Some(at) = answered_at.try_get_value().flatten() else { return };
            let Some(provenance) = provenance.try_get_untracked() else { return };
            let quote = Quote { name: received.quote.name.clone(), ..quote.to_quote() };
            let Some(DataOrigin { first_open, replay }) = origin.try_get_untracked() else { return };
            let key = kept(quote.symbol.as_str());
            data::keep(&key, || Coin { quote, first_open, replay, provenance, ..received }, at);
        });
    }
    {
        let (symbol, quote) = (symbol.to_string(), quote.clone());
        let refresh = move || {
            let (symbol, quote) = (symbol.clone(), quote.clone());
            async move {
                let path = format!("/api/latest_prices?symbols={symbol}");
                match fetch::<LatestPrices>(&path, None).await {
                    Ok(Some(answer)) => {
                        for newer in &answer.value.prices {
                            quote.apply(newer);
                        }
                        provenance.try_set(answer.value.provenance);
                        answered_at.try_set_value(Some(when::now()));
                        lost.try_set(false);
                        refused.try_set(None);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        refused.try_set(error.status());
                        lost.try_set(error.status().is_none());
                    }
                }
            }
        };
        every(REFRESH, refresh, move || {
            lost.try_set(true);
        });
    }
    keep_origin_current(symbol.to_string(), provenance, origin);
    let busy = Signal::derive(move || refused.get().is_some());
    let price = quote.price.clone();
    let decimals = quote.decimals.clone();
    let change = quote.change_pct.clone();
    let wash = quote.wash.clone();
    let wash_ended = {
        let wash = quote.wash.clone();
        move |_| wash.update(|wash| *wash = wash.ended())
    };
    view! {
        <Title text=name.clone() />
        <Header>
            <SourcePill provenance lost busy replay />
        </Header>
        <main id="content" class="content" tabindex="-1">
            <div class="coin-head">
                <Badge symbol=symbol.clone() large=true />
                <div class="coin-title">
                    <h1>{name.clone()} " " <small>{symbol.to_string()} " / USD"</small></h1>
                    <p class="coin-price">
                        <span
                            class=live::word(move || wash.get().big_class())
                            on:animationend=wash_ended
                        >
                            {live::text(move || format::price_exact(price.get(), decimals.get()))}
                        </span>
                        <Change pct=change />
                        <small>{prefs.words().col_24h}</small>
                    </p>
                </div>
                <div class="coin-actions">
                    <WatchButton symbol name />
                </div>
            </div>
            <div class="coin-grid">
                <ChartCard coin=coin.clone() quote=quote.clone() provenance />
                <aside>
                    <KeyFigures coin quote origin />
                    <p class="aside-foot">
                        <Foot provenance lost refused />
                    </p>
                </aside>
            </div>
            <ReplayNote replay provenance />
        </main>
    }
    .into_any()
}

/// Reads the data origin of a coin every ten minutes, and soon after the source of its prices has changed.
fn keep_origin_current(symbol: String, provenance: RwSignal<Provenance>, origin: RwSignal<DataOrigin>) {
    // By the reader's clock, ms.
    let read_at = StoredValue::new(now_ms());
    let refresh = move || {
        let symbol = symbol.clone();
        async move {
            let Some(is_replay) = provenance.try_with_untracked(|shown| shown.source == Source::REPLAY)
            else {
                return;
            };
            let knows_replay = origin.with_untracked(|origin| origin.replay.is_some());
            let age = now_ms() - read_at.get_value();
            // A clock that was set back says nothing of an age.
            if is_replay == knows_replay && (0.0..REPLAY_PACE_MS).contains(&age) {
                return;
            }
            // What cannot be read stays: it is read again at the next look. So does a replay that the server cannot name now.
            let Ok(coin) = data::coin(symbol).await else { return };
            if coin.replay.is_some() || coin.provenance.source != Source::REPLAY {
                origin.try_set(DataOrigin { first_open: coin.first_open, replay: coin.replay });
                read_at.try_set_value(now_ms());
            }
        }
    };
    every(REPLAY_CHECK, refresh, || {});
}
