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

use super::{Allowed, RateLimits};

/// A layer that refuses clients that call too often.
#[derive(Clone)]
pub(in crate::http) struct Limited(RateLimits);

impl Limited {
    pub(in crate::http) fn new(limits: RateLimits) -> Self {
        Self(limits)
    }
}

impl<S> Layer<S> for Limited {
    type Service = LimitedService<S>;

    fn layer(&self, inner: S) -> LimitedService<S> {
        LimitedService { inner, limits: self.0.clone() }
    }
}

/// A service that clients cannot call too often.
#[derive(Clone)]
pub(in crate::http) struct LimitedService<S> {
    inner: S,
    limits: RateLimits,
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
        match self.limits.check(&request) {
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
