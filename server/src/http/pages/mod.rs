//! The pages, their server functions and their files.

mod files;
mod server_functions;
mod to_end;

pub(super) use server_functions::own_address;
pub(super) use to_end::Tasks;

use std::sync::Arc;

use app::{
    App,
    ports::{Accounts, CacheAdmin, MarketData},
    shell,
};
use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
};
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list};
use tower::ServiceBuilder;
use tower_http::set_header::SetResponseHeaderLayer;

use self::files::files;
use super::{AppState, admission::AdmissionLayer, rate::RateLimits, security};
use crate::console::Console;

/// What each rendering finds in its context, and the headers that it answers with.
fn context(state: &AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    let market: Arc<dyn MarketData> = Arc::new(state.market.clone());
    let options = state.options.clone();
    let state = state.clone();
    move || {
        provide_context(Arc::clone(&market));
        if let Some(console) = Console::in_context(&state) {
            let (accounts, cache): (Arc<dyn Accounts>, Arc<dyn CacheAdmin>) =
                (Arc::new(console.clone()), Arc::new(console));
            provide_context(accounts);
            provide_context(cache);
        }
        if let Some(response) = use_context::<ResponseOptions>() {
            // Each rendering has its own nonce and its own figures: nobody may keep it.
            response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
            // Language, theme and watchlist are the reader's own.
            response.append_header(header::VARY, HeaderValue::from_static("accept-language, cookie"));
            let policy = use_nonce().map(|nonce| security::page_policy(&nonce, &options));
            if let Some(policy) = policy.and_then(|p| HeaderValue::from_str(&p).ok()) {
                response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
            }
        }
    }
}

/// Pages, server functions, and files of the site's folder; a page that says so for anything else. `limits` count pages and
/// server functions, and not files.
pub(super) fn routes(state: &AppState, limits: &RateLimits) -> Router<AppState> {
    let options = LeptosOptions::clone(&state.options);
    let root = options.site_root.to_string();
    // Hashed names never change their content.
    let keep = if options.hash_files { "public, max-age=31536000, immutable" } else { "no-cache" };
    // Not on an error: the next server may have the file.
    let keep = SetResponseHeaderLayer::overriding(
        header::CACHE_CONTROL,
        move |response: &axum::response::Response| {
            let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
            Some(HeaderValue::from_static(if found { keep } else { "no-store" }))
        },
    );
    let package = format!("/{}", options.site_pkg_dir);
    let package_files = ServiceBuilder::new().layer(keep).service(files(&format!("{root}{package}"), None));

    let tasks = state.edge.page_tasks();
    let rendered = ServiceBuilder::new()
        .layer(AdmissionLayer(limits.clone()))
        .layer(from_fn_with_state(tasks, to_end::to_end));
    let not_found = leptos_axum::render_app_async_with_context(context(state), {
        let options = options.clone();
        move || shell(options.clone())
    });
    let not_found = axum::routing::any(not_found).layer(rendered.clone());
    Router::new()
        .leptos_routes_with_context(state, generate_route_list(App), context(state), move || {
            shell(options.clone())
        })
        .layer(rendered.layer(from_fn(server_functions::check)))
        .nest_service(&package, package_files)
        // Browsers and feed readers ask for it whatever the page's head says.
        .route(
            "/favicon.ico",
            axum::routing::get(|| async { axum::response::Redirect::permanent("/favicon.svg") }),
        )
        .fallback_service(files(&root, Some(not_found)))
}

#[cfg(test)]
mod tests {
    use app::data::{session, to_sign_in};
    use axum::{body::Body, http::Request, routing::get};
    use http_body_util::BodyExt;
    use tidemark_cache::Cache;
    use tower::ServiceExt;

    use super::*;
    use crate::{
        accounts::{Caller, Password},
        config::{CachePolicies, EdgeSettings, Feed, SessionLimits, site_options},
        http::{Access, Edge, Health, cookie},
        market::Market,
    };

    fn state() -> AppState {
        let cache = Cache::builder().build().unwrap();
        let policies = CachePolicies::default();
        let password = Password::choose("a fine long passphrase").unwrap();
        AppState {
            market: Market::new(&cache, None, Feed::Simulated, Default::default(), &policies).unwrap(),
            health: Health::start(cache.clone(), None, Feed::None, Arc::default()),
            access: Access::new(cache, None),
            accounts: crate::accounts::Accounts::new(None, Some(password), SessionLimits::default()),
            edge: Edge::new(&EdgeSettings::default()),
            options: site_options().unwrap().into(),
        }
    }

    /// A page for those who are signed in.
    #[component]
    fn Guarded() -> impl IntoView {
        let read = Resource::new_blocking(|| (), |()| session());
        view! {
            <Suspense>
                {move || Suspend::new(async move {
                    match read.await {
                        Ok(session) => format!("user {}", session.user),
                        Err(_) => {
                            to_sign_in("/admin/cache?scope=a b");
                            String::new()
                        }
                    }
                })}
            </Suspense>
        }
    }

    #[tokio::test]
    async fn a_guarded_page_sends_a_stranger_to_the_sign_in_page_before_anything_is_shown() {
        let state = state();
        // As at a server's start: it sets leptos' executor up.
        let _ = super::routes(&state, &state.edge.limits());
        let page = leptos_axum::render_app_async_with_context(context(&state), || view! { <Guarded /> });
        let routes = Router::new().route("/guarded", get(page)).with_state(state.clone());
        let ask = |cookie: Option<HeaderValue>| {
            let mut request = Request::get("/guarded").header(header::ACCEPT, "*/*");
            if let Some(cookie) = cookie {
                request = request.header(header::COOKIE, cookie);
            }
            routes.clone().oneshot(request.body(Body::empty()).unwrap())
        };
        let stranger = ask(None).await.unwrap();
        assert_eq!(stranger.status(), StatusCode::SEE_OTHER);
        // A path with a space is no header: it leads to the page of the cache.
        assert_eq!(stranger.headers()[header::LOCATION], "/admin?next=/admin/cache");
        assert_eq!(stranger.headers()[header::CACHE_CONTROL], "no-store");

        let caller = Caller {
            address: [127, 0, 0, 1].into(),
            agent: String::new(),
            session: None,
            secure: false,
            by_itself: false,
        };
        let credentials =
            model::Credentials { user: "admin".to_owned(), password: "a fine long passphrase".to_owned() };
        let (id, _) = state.accounts.sign_in(&caller, credentials).await.unwrap();
        let set = cookie::set(&id, false).unwrap();
        let pair = HeaderValue::from_str(set.to_str().unwrap().split(';').next().unwrap()).unwrap();
        let known = ask(Some(pair)).await.unwrap();
        assert_eq!(known.status(), StatusCode::OK);
        assert_eq!(known.headers()[header::CACHE_CONTROL], "no-store");
        let html = known.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&html).contains("user admin"));
    }
}
