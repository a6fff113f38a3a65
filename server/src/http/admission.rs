//! Layers that refuse some requests, and see the answers to the others.

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

/// What such a layer does.
pub(super) trait Admission: Clone {
    /// What is kept of a request for its answer.
    type Admitted;

    /// What to keep of this request, or the answer that refuses it.
    fn admit<B>(&self, request: &Request<B>) -> Result<Self::Admitted, Box<Response>>;

    /// The answer as it is sent.
    fn finish(admitted: Self::Admitted, response: Response) -> Response;
}

/// The layer.
#[derive(Clone)]
pub(super) struct AdmissionLayer<A>(pub(super) A);

impl<A: Admission, S> Layer<S> for AdmissionLayer<A> {
    type Service = AdmissionService<A, S>;

    fn layer(&self, inner: S) -> Self::Service {
        AdmissionService { admission: self.0.clone(), inner }
    }
}

/// A service that some requests do not reach.
#[derive(Clone)]
pub(super) struct AdmissionService<A, S> {
    admission: A,
    inner: S,
}

impl<A, S, B> Service<Request<B>> for AdmissionService<A, S>
where
    A: Admission,
    S: Service<Request<B>, Error = Infallible>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = Infallible;
    type Future = AdmissionFuture<A, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.admission.admit(&request) {
            Ok(admitted) => {
                AdmissionFuture::Admitted { answer: self.inner.call(request), admitted: Some(admitted) }
            }
            Err(refusal) => AdmissionFuture::Refused { refusal: Some(refusal) },
        }
    }
}

pin_project! {
    /// The answer, or the refusal. Polled after completion it stays pending.
    #[project = Projected]
    pub(super) enum AdmissionFuture<A: Admission, F> {
        Admitted { #[pin] answer: F, admitted: Option<A::Admitted> },
        Refused { refusal: Option<Box<Response>> },
    }
}

impl<A, F, R> Future for AdmissionFuture<A, F>
where
    A: Admission,
    F: Future<Output = Result<R, Infallible>>,
    R: IntoResponse,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match self.project() {
            Projected::Admitted { answer, admitted } => {
                let Ok(response) = ready!(answer.poll(cx));
                admitted.take().map(|admitted| A::finish(admitted, response.into_response()))
            }
            Projected::Refused { refusal } => refusal.take().map(|refusal| *refusal),
        };
        response.map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
    }
}
