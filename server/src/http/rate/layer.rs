//! The limit around routes.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    http::Request,
    response::{IntoResponse, Response},
};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use super::{Allowed, Peer, RateLimits};

/// Which calls of a router are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Counted {
    /// All.
    All,
    /// Those to server functions; pages and files are not.
    ServerFunctions,
}

/// A layer that refuses callers who call too often.
#[derive(Clone)]
pub(in crate::http) struct Limited {
    limits: RateLimits,
    counted: Counted,
}

impl Limited {
    /// For a router all of whose calls count.
    pub(in crate::http) fn all(limits: RateLimits) -> Self {
        Self { limits, counted: Counted::All }
    }

    /// For the router of the pages.
    pub(in crate::http) fn server_functions(limits: RateLimits) -> Self {
        Self { limits, counted: Counted::ServerFunctions }
    }
}

impl<S> Layer<S> for Limited {
    type Service = LimitedService<S>;

    fn layer(&self, inner: S) -> LimitedService<S> {
        LimitedService { inner, limited: self.clone() }
    }
}

/// A service that is not asked by callers who call too often.
#[derive(Clone)]
pub(in crate::http) struct LimitedService<S> {
    inner: S,
    limited: Limited,
}

impl<S, B> Service<Request<B>> for LimitedService<S>
where
    S: Service<Request<B>, Error = Infallible>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = Infallible;
    type Future = LimitedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let counts = self.limited.counted == Counted::All || request.uri().path().starts_with("/fn/");
        let peer = request.extensions().get::<Peer>().copied().filter(|_| counts);
        match self.limited.limits.check(peer, request.headers()) {
            Ok(allowed) => LimitedFuture::Asked { answer: self.inner.call(request), allowed },
            Err(problem) => LimitedFuture::Refused { answer: Some(problem.into_response()) },
        }
    }
}

pin_project! {
    /// The answer, or the refusal.
    #[project = Projected]
    pub(in crate::http) enum LimitedFuture<F> {
        Asked { #[pin] answer: F, allowed: Option<Allowed> },
        Refused { answer: Option<Response> },
    }
}

impl<F, R> Future for LimitedFuture<F>
where
    F: Future<Output = Result<R, Infallible>>,
    R: IntoResponse,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Asked { answer, allowed } => {
                let mut response = match ready!(answer.poll(cx)) {
                    Ok(response) => response.into_response(),
                    Err(never) => match never {},
                };
                if let Some(Allowed { left, policy }) = allowed.take() {
                    response.headers_mut().insert("ratelimit", left);
                    response.headers_mut().insert("ratelimit-policy", policy);
                }
                Poll::Ready(Ok(response))
            }
            // Polled again after its end, a future may do anything but lie: it never ends.
            Projected::Refused { answer } => {
                answer.take().map_or(Poll::Pending, |answer| Poll::Ready(Ok(answer)))
            }
        }
    }
}
