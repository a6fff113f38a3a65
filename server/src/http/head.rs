//! HEAD as GET without the body, whatever answers.

use axum::http::{Method, Request};

/// Marks a request that came as HEAD.
#[derive(Clone, Copy)]
pub(super) struct AskedByHead;

/// Asks for HEAD as for GET. This stands outside the compression, which else would take a missing body for a short one and
/// answer with other headers than for GET. The router has seen the method before, and drops the body behind all layers.
pub(super) fn as_get<B>(mut request: Request<B>) -> Request<B> {
    if *request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
        request.extensions_mut().insert(AskedByHead);
    }
    request
}
