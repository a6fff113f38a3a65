//! Why a load failed, in a form that waits for readers of any error type.

use std::any::Any;
use std::fmt::Display;
use std::sync::Arc;

use crate::hit::LoadError;
use crate::tags::TagError;

/// A failed load. Shared by all who waited for it, and remembered for a moment.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    kind: Kind,
    pub text: Arc<str>,
}

#[derive(Debug, Clone)]
enum Kind {
    /// The loader's own error, of whatever type it was.
    Source(Arc<dyn Any + Send + Sync>),
    Timeout,
    Overloaded,
    Panicked,
    Tags(TagError),
}

impl Failure {
    pub fn source<E: Display + Send + Sync + 'static>(error: E) -> Self {
        Self { text: error.to_string().into(), kind: Kind::Source(Arc::new(error)) }
    }

    pub fn timeout() -> Self {
        Self::own(Kind::Timeout, &LoadError::Timeout)
    }

    pub fn overloaded() -> Self {
        Self::own(Kind::Overloaded, &LoadError::Overloaded)
    }

    pub fn tags(error: TagError) -> Self {
        Self::own(Kind::Tags(error.clone()), &LoadError::Tags(error))
    }

    pub fn panicked() -> Self {
        Self::own(Kind::Panicked, &LoadError::Panicked)
    }

    fn own(kind: Kind, error: &LoadError<String>) -> Self {
        Self { kind, text: error.to_string().into() }
    }

    /// Whether the key should be left alone for a while. Overload says nothing about the key.
    pub fn is_about_the_key(&self) -> bool {
        !matches!(self.kind, Kind::Overloaded)
    }

    /// As an error of the type that the reader's own loader has; `None` if the failed loader had another.
    pub fn to_error<E: Clone + 'static>(&self) -> Option<LoadError<E>> {
        Some(match &self.kind {
            Kind::Source(error) => LoadError::Source(error.downcast_ref::<E>()?.clone()),
            Kind::Timeout => LoadError::Timeout,
            Kind::Overloaded => LoadError::Overloaded,
            Kind::Panicked => LoadError::Panicked,
            Kind::Tags(error) => LoadError::Tags(error.clone()),
        })
    }
}

/// What is remembered of a key for `retry_after`: asking again would bring nothing yet.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// Loading failed.
    Failed(Failure),
    /// The source had nothing as new as this version, which was asked for.
    OldVersion(u64),
    /// The source has no such thing, and it was removed at this version.
    Absent(u64),
}
