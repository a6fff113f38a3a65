//! The operator's password in a file.

use super::{ConfigError, secret_file, variable};
use crate::accounts::{LONGEST_PASSWORD, Password};

/// Name of the setting: a file with the password of the account `admin`, and nothing else in it.
pub const ADMIN_PASSWORD_FILE: &str = "TIDEMARK_ADMIN_PASSWORD_FILE";

/// The password in the file that `TIDEMARK_ADMIN_PASSWORD_FILE` names, if it is set. White space around it does not count.
///
/// # Errors
/// The file cannot be read, other users may read or change it, or the password is too short, too long or too common. The
/// text never repeats what is in the file.
pub fn admin_password() -> Result<Option<Password>, ConfigError> {
    let Some(path) = variable(ADMIN_PASSWORD_FILE)? else { return Ok(None) };
    let text = secret_file::read(ADMIN_PASSWORD_FILE, &path, LONGEST_PASSWORD)?;
    let password = Password::choose(text.trim());
    let password = password
        .map_err(|why| ConfigError::new(ADMIN_PASSWORD_FILE, format!("{path}: the password {why}")))?;
    Ok(Some(password))
}
