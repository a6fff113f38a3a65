//! Signing in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::UnixMs;

/// Who is signed in, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// The account.
    pub user: String,
    /// End of the session if nothing more is asked for, Unix ms.
    pub expires_at: UnixMs,
    /// End of the session however busy it is, Unix ms.
    pub ends_at: UnixMs,
}

/// What a person types to sign in. The password never shows in `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The account.
    pub user: String,
    /// Its password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}
