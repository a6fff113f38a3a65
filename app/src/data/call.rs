//! The answer to a server function that was called over HTTP: by a script, or by a form where there are no scripts.

#[cfg(feature = "ssr")]
pub(super) use with_server::Call;

#[cfg(feature = "ssr")]
mod with_server {
    use axum::http::{HeaderValue, StatusCode, header, request::Parts};
    use leptos::prelude::use_context;
    use leptos_axum::ResponseOptions;
    use model::AdminError;

    use super::super::{ConsoleError, paths::escaped};

    /// The call that is answered. Taken before the first wait: context is not sure to be there after it.
    pub(in crate::data) struct Call {
        response: Option<ResponseOptions>,
        /// Called over HTTP, and not while a page is rendered, whose status is the page's own matter.
        own: bool,
        /// From a form: the answer is another page.
        form: bool,
    }

    impl Call {
        pub(in crate::data) fn here() -> Self {
            let parts = use_context::<Parts>();
            let own = parts.as_ref().is_some_and(|parts| parts.uri.path().starts_with("/fn/"));
            let accept = parts.as_ref().and_then(|parts| parts.headers.get(header::ACCEPT)?.to_str().ok());
            let form = own && accept.is_some_and(|accept| accept.contains("text/html"));
            Self { response: use_context(), own, form }
        }

        /// Leads on to this page of ours: a form at once, a script by a header that leptos' router follows.
        pub(in crate::data) fn lead_to(&self, path: &str) {
            let (Some(response), Ok(path)) = (&self.response, HeaderValue::from_str(path)) else { return };
            response.insert_header(header::LOCATION, path);
            if self.form {
                response.set_status(StatusCode::SEE_OTHER);
            } else if self.own {
                let name = leptos::server_fn::redirect::REDIRECT_HEADER;
                response.insert_header(header::HeaderName::from_static(name), HeaderValue::from_static(""));
            }
        }

        /// The error, with its status.
        pub(in crate::data) fn failed(&self, error: AdminError) -> ConsoleError {
            if let (Some(response), true) = (&self.response, self.own) {
                if let AdminError::TooManyGuesses { retry_after_s } = error {
                    response.insert_header(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
                }
                if let Ok(status) = StatusCode::from_u16(error.status_code()) {
                    response.set_status(status);
                }
            }
            error.into()
        }

        /// The same; a form is led back to this page of ours, with the error's code in the query and `next` beside it.
        pub(in crate::data) fn failed_form(
            &self,
            error: AdminError,
            page: &str,
            next: Option<&str>,
        ) -> ConsoleError {
            let failed = self.failed(error.clone());
            if self.form {
                let mut path = format!("{page}?error={}", error.code());
                if let AdminError::TooManyGuesses { retry_after_s } = error {
                    path.push_str(&format!("&retry_after_s={retry_after_s}"));
                }
                if let Some(next) = next {
                    path.push_str(&format!("&next={}", escaped(next)));
                }
                self.lead_to(&path);
            }
            failed
        }
    }
}
