//! Live parts of a view, each kind of one type.
//!
//! A closure in a `view!` has a type of its own, and everything that hydrates, tracks and rebuilds it is compiled once more
//! for it: some 7 kB each before compression, which made two thirds of the browser's half. A derived signal hides its
//! closure behind a pointer, so that all live texts share one code.

use std::sync::Arc;

use leptos::prelude::*;

/// A live text, or the value of an attribute.
pub fn text(value: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    Signal::derive(value)
}

/// A live choice of fixed texts.
pub fn word(value: impl Fn() -> &'static str + Send + Sync + 'static) -> Signal<&'static str> {
    Signal::derive(value)
}

/// An attribute that is there at times.
pub fn maybe(
    value: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
) -> Signal<Option<&'static str>> {
    Signal::derive(value)
}

/// Something that is so at times.
pub fn flag(value: impl Fn() -> bool + Send + Sync + 'static) -> Signal<bool> {
    Signal::derive(value)
}

/// A piece of the view that is made anew when what it reads changes.
pub fn part(view: impl Fn() -> AnyView + Send + Sync + 'static) -> AnyView {
    fn erased(view: Arc<dyn Fn() -> AnyView + Send + Sync>) -> AnyView {
        (move || view()).into_any()
    }
    erased(Arc::new(view))
}

/// Runs in the browser once the page is there, and again when what it reads has changed.
pub fn effect(run: impl Fn() + 'static) {
    fn erased(run: Box<dyn Fn()>) {
        Effect::new(move |_: Option<()>| run());
    }
    erased(Box::new(run));
}
