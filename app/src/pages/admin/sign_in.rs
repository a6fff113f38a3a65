//! The sign-in page. A plain form: it works without scripts, and a password is in no script's hands.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::use_admin_words;
use crate::{
    components::{
        Header,
        icons::{MARK, icon},
    },
    data::{self, CACHE_CONSOLE, local_path},
    prefs::use_prefs,
    when,
};

/// The page at `/admin`; `?next=` is where signing in leads, `?error=` what went wrong.
#[component]
pub fn SignInPage() -> impl IntoView {
    let words = use_admin_words();
    let session = Resource::new_blocking(|| (), |()| data::session());
    view! {
        <Title text=words.sign_in />
        <Header />
        <main id="content" class="content" tabindex="-1">
            <Suspense>
                {move || Suspend::new(async move {
                    let user = session.await.ok().map(|session| session.user);
                    view! { <SignInCard user /> }
                })}
            </Suspense>
        </main>
    }
    .into_any()
}

/// The form; for one who is signed in, the ways on and out.
#[component]
fn SignInCard(user: Option<String>) -> impl IntoView {
    let prefs = use_prefs();
    let words = use_admin_words();
    let query = use_query_map().get_untracked();
    let wait = query.get_str("retry_after_s").and_then(|text| text.parse().ok()).unwrap_or(0_u32);
    let wait = when::wait(wait, prefs.locale);
    let error = query.get_str("error").and_then(|code| words.of_code(code, &wait));
    let next = query.get_str("next").and_then(local_path).unwrap_or(CACHE_CONSOLE).to_owned();
    if let Some(user) = user {
        return view! {
            <section class="card sign-in">
                {icon(MARK)}
                <h1>{(words.signed_in_as)(&user)}</h1>
                <p>
                    <a class="button button-main" href=prefs.link(CACHE_CONSOLE)>
                        {words.title}
                    </a>
                </p>
                <SignOutForm />
            </section>
        }
        .into_any();
    }
    view! {
        <section class="card sign-in" aria-labelledby="sign-in-title">
            {icon(MARK)}
            <h1 id="sign-in-title">{words.sign_in}</h1>
            <p class="sign-in-why">{words.sign_in_why}</p>
            <div role="alert">{error.map(|error| view! { <p class="alarm">{error}</p> })}</div>
            <form method="post" action="/fn/sign_in">
                <input type="hidden" name="next" value=next />
                <label class="labelled">
                    <span>{words.user}</span>
                    <input class="field" name="user" value="admin" autocomplete="username" required />
                </label>
                <label class="labelled">
                    <span>{words.password}</span>
                    <input
                        class="field"
                        type="password"
                        name="password"
                        autocomplete="current-password"
                        required
                        autofocus
                    />
                </label>
                <button type="submit" class="button button-main">
                    {words.sign_in}
                </button>
            </form>
            <p class="sign-in-hint">{words.password_hint}</p>
        </section>
    }
    .into_any()
}

/// Ends the session.
#[component]
pub fn SignOutForm() -> impl IntoView {
    let words = use_admin_words();
    view! {
        <form method="post" action="/fn/sign_out" class="sign-out">
            <button type="submit" class="button">
                {words.sign_out}
            </button>
        </form>
    }
    .into_any()
}
