//! Pages whose wasm comes when somebody goes there.

/// Declares a route of which `$page` is the view. With the feature `split` the view's code is a piece of wasm of its own, cut
/// off by a release build (`deploy/site`); without, as in development, it is part of the whole. Both render the same.
macro_rules! lazy_page {
    ($(#[$doc:meta])* $route:ident, $view:ident, $preload:ident, $loaded:ident, $page:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $route;

        impl leptos_router::LazyRoute for $route {
            fn data() -> Self {
                Self
            }

            async fn view(_this: Self) -> leptos::prelude::AnyView {
                let view = $view().await;
                #[cfg(all(feature = "split", target_arch = "wasm32"))]
                $loaded.store(true, std::sync::atomic::Ordering::Relaxed);
                view
            }

            async fn preload() {
                #[cfg(all(feature = "split", target_arch = "wasm32"))]
                if !$loaded.load(std::sync::atomic::Ordering::Relaxed) {
                    $crate::pages::lazy::network().await;
                    $preload().await;
                }
            }
        }

        /// Whether the piece is there: then nothing waits for the network.
        #[cfg(all(feature = "split", target_arch = "wasm32"))]
        static $loaded: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

        // The server names the piece of a page in its head, so that it comes along with the rest.
        #[cfg_attr(any(feature = "ssr", feature = "split"), leptos::lazy)]
        async fn $view() -> leptos::prelude::AnyView {
            $page().into_any()
        }
    };
}

/// Waits until the browser has a network. A piece of wasm that cannot be loaded would end the page's script; so the page that is
/// shown stays, and the next one comes when the network is back.
#[cfg(all(feature = "split", target_arch = "wasm32"))]
pub(super) async fn network() {
    use std::cell::Cell;

    use futures::channel::oneshot;
    use leptos::{leptos_dom::helpers::window_event_listener_untyped, prelude::window};

    while !window().navigator().on_line() {
        let (sender, online) = oneshot::channel();
        let sender = Cell::new(Some(sender));
        let listener = window_event_listener_untyped("online", move |_| {
            if let Some(sender) = sender.take() {
                // Nobody waits any more where the reader has gone elsewhere.
                let _ = sender.send(());
            }
        });
        // The listener, and with it the sender, is there until it is removed below.
        let _ = online.await;
        listener.remove();
    }
}

pub(super) use lazy_page;
