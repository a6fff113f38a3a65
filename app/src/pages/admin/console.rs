//! The page of the cache.

use std::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;
use model::{AdminError, CacheStats};

use super::{
    alarm,
    categories::Categories,
    clear_dialog::ClearDialog,
    clearing::Clearing,
    lists::{Clears, HotKeys},
    nodes::Nodes,
    say,
    sign_in::SignOutForm,
    tiles::Tiles,
    toast::Toast,
    use_admin_words,
};
use crate::{
    components::{Header, LostPill, Retry, RetryButton, every},
    data::{self, CACHE_CONSOLE, ConsoleError, sign_in_path, to_sign_in},
    live,
    prefs::use_prefs,
};

/// How often the figures are read.
const REFRESH: Duration = Duration::from_secs(2);

/// The page at `/admin/cache`. One who is not signed in is led to the sign-in page and back.
#[component]
pub fn ConsolePage() -> impl IntoView {
    let words = use_admin_words();
    let ask = || async {
        let session = data::session().await?;
        let stats = data::cache_stats().await?;
        Ok::<_, ConsoleError>((session.user, stats))
    };
    let read = Resource::new_blocking(|| (), move |()| ask());
    let retry = Retry::by(move || async move {
        let answer = ask().await;
        let later = matches!(
            answer,
            Err(ConsoleError::Transport(_) | ConsoleError::Admin(AdminError::Unavailable { .. }))
        );
        if !later {
            // A page that was left meanwhile takes nothing.
            read.try_set(Some(answer));
        }
    });
    view! {
        <Title text=words.title />
        <Suspense fallback=|| {
            view! { <crate::components::Waiting /> }
        }>
            {move || {
                let retry = retry.clone();
                Suspend::new(async move {
                    match read.await {
                        Ok((user, stats)) => view! { <Console user stats /> }.into_any(),
                        Err(ConsoleError::Admin(AdminError::NotSignedIn)) => {
                            to_sign_in(CACHE_CONSOLE);
                            ().into_any()
                        }
                        Err(error) => view! { <NoFigures error retry /> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
    .into_any()
}

/// What is shown when nothing can be. It tries again by itself.
#[component]
fn NoFigures(error: ConsoleError, retry: Retry) -> impl IntoView {
    let words = use_admin_words();
    let lost = matches!(error, ConsoleError::Transport(_));
    let status = if let ConsoleError::Admin(error) = &error { error.status_code() } else { 503 };
    crate::components::set_status(status);
    view! {
        <Header>{lost.then(|| view! { <LostPill /> })}</Header>
        <main id="content" class="content" tabindex="-1">
            <section class="card problem" role="alert">
                <crate::components::Empty />
                <h1>{words.title}</h1>
                <p>{say(&error, use_prefs().locale)}</p>
                <p class="scripted">{crate::prefs::use_words().retrying}</p>
                <p>
                    <RetryButton retry />
                    <a class="button scriptless" href=CACHE_CONSOLE rel="external">
                        {crate::prefs::use_words().reload}
                    </a>
                </p>
            </section>
        </main>
    }
    .into_any()
}

/// The page once the figures are there.
#[component]
fn Console(user: String, stats: CacheStats) -> impl IntoView {
    let prefs = use_prefs();
    let words = use_admin_words();
    let stats = RwSignal::new(stats);
    let problem = RwSignal::new(None::<ConsoleError>);
    let refresh = move || async move {
        match data::cache_stats().await {
            Ok(newer) => {
                stats.try_set(newer);
                problem.try_set(None);
            }
            Err(error) => {
                problem.try_set(Some(error));
            }
        }
    };
    let lost = move || problem.set(Some(ConsoleError::Transport(String::new())));
    every(REFRESH, refresh, lost);
    let clearing = Clearing::new(stats, prefs.locale);
    let trouble = Signal::derive(move || {
        problem.with(|problem| problem.as_ref().map(|error| say(error, prefs.locale)))
    });
    let over = live::part(move || {
        let over = problem.with(|p| matches!(p, Some(ConsoleError::Admin(AdminError::NotSignedIn))));
        let link = || {
            view! {
                <p class="alarm-link">
                    <a class="button button-main" href=sign_in_path(CACHE_CONSOLE) rel="external">
                        {words.sign_in}
                    </a>
                </p>
            }
        };
        over.then(link).into_any()
    });
    let read_at =
        live::text(move || (words.read_at)(&prefs.calendar().date_time(stats.with(|stats| stats.as_of))));
    view! {
        <Header />
        <main id="content" class="content" tabindex="-1">
            <div class="page-head">
                <h1>{words.title}</h1>
                <p class="page-who">{(words.signed_in_as)(&user)}</p>
                <SignOutForm />
            </div>
            {alarm(trouble)}
            {over}
            <Tiles stats />
            <Nodes stats />
            <Categories stats clearing />
            <div class="console-grid">
                <HotKeys stats />
                <Clears stats clearing />
            </div>
            <p class="page-foot">
                <span>{words.since_start}</span>
                <span>{read_at}</span>
            </p>
            <ClearDialog clearing stats />
            <Toast clearing />
        </main>
    }
    .into_any()
}
