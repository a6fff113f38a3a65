//! Pages whose wasm comes when somebody goes there.

/// Declares a route of which `$page` is the view. With the feature `split` the view's code is a piece of wasm of its own, cut
/// off by `cargo leptos build --split`; without, as in development, it is part of the whole. Both render the same.
macro_rules! lazy_page {
    ($(#[$doc:meta])* $route:ident, $view:ident, $preload:ident, $page:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $route;

        impl leptos_router::LazyRoute for $route {
            fn data() -> Self {
                Self
            }

            async fn view(_this: Self) -> leptos::prelude::AnyView {
                $view().await
            }

            async fn preload() {
                #[cfg(all(feature = "split", target_arch = "wasm32"))]
                $preload().await;
            }
        }

        // The server names the piece of a page in its head, so that it comes along with the rest.
        #[cfg_attr(any(feature = "ssr", feature = "split"), leptos::lazy)]
        async fn $view() -> leptos::prelude::AnyView {
            $page().into_any()
        }
    };
}

pub(super) use lazy_page;
