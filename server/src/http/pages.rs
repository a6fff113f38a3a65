//! The pages, their server functions and their files.

use std::sync::Arc;

use app::{
    App,
    ports::{Accounts, CacheAdmin, MarketData},
    shell,
};
use axum::{
    Router,
    http::{HeaderValue, Response, StatusCode, header},
};
use leptos::{config::LeptosOptions, nonce::use_nonce, prelude::*};
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list};
use tower::ServiceBuilder;
use tower_http::{
    services::{ServeDir, fs::ServeFileSystemResponseBody},
    set_header::SetResponseHeaderLayer,
};

use super::{AppState, security};
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
            let policy = use_nonce().map(|nonce| security::page_policy(&nonce, &options));
            if let Some(policy) = policy.and_then(|p| HeaderValue::from_str(&p).ok()) {
                response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
            }
        }
    }
}

/// Pages, server functions, and files of the site's folder; a page that says so for anything else.
pub fn routes(state: &AppState) -> Router<AppState> {
    let options = LeptosOptions::clone(&state.options);
    let root = options.site_root.to_string();
    let files = || ServeDir::new(&root).precompressed_br().precompressed_gzip();
    // Hashed names never change their content.
    let keep = if options.hash_files { "public, max-age=31536000, immutable" } else { "no-cache" };
    // Not on an error: the next server may have the file.
    let keep = SetResponseHeaderLayer::overriding(
        header::CACHE_CONTROL,
        move |response: &Response<ServeFileSystemResponseBody>| {
            let found = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
            Some(HeaderValue::from_static(if found { keep } else { "no-store" }))
        },
    );
    let package = format!("/{}", options.site_pkg_dir);
    let package_files = ServiceBuilder::new()
        .layer(keep)
        .service(ServeDir::new(format!("{root}{package}")).precompressed_br().precompressed_gzip());

    let not_found = leptos_axum::render_app_async_with_context(context(state), {
        let options = options.clone();
        move || shell(options.clone())
    });
    let not_found = axum::routing::any(not_found);
    Router::new()
        .leptos_routes_with_context(state, generate_route_list(App), context(state), move || {
            shell(options.clone())
        })
        .nest_service(&package, package_files)
        .fallback_service(files().fallback(not_found))
}
