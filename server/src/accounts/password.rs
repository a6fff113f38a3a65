//! Passwords that may be chosen.

use std::fmt;

/// Fewer characters are refused.
const SHORTEST: usize = 12;
/// More bytes are refused: hashing them would only take longer.
pub const LONGEST_PASSWORD: usize = 1_024;

/// Passwords of 12 characters and more that lists of stolen ones begin with, in lower case.
const COMMON: [&str; 32] = [
    "000000000000",
    "111111111111",
    "123123123123",
    "123456123456",
    "1234567890123",
    "123456789012",
    "12345678910",
    "123456789abc",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "abc123abc123",
    "administrator",
    "administrator1",
    "adminadminadmin",
    "admin1234567",
    "admin@123456",
    "changeme1234",
    "changemechangeme",
    "correcthorsebatterystaple",
    "iloveyou1234",
    "iloveyouiloveyou",
    "letmeinletmein",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "p@ssw0rd1234",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiop123",
    "qwertyuiopasdfghjkl",
    "tidemarktidemark",
];

/// A password that may be chosen. It never shows in `Debug`.
#[derive(Clone)]
pub struct Password(String);

/// Why a password may not be chosen, in a clause that follows "the password".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Fewer than 12 characters.
    #[error("has fewer than {SHORTEST} characters")]
    TooShort,
    /// More than 1,024 bytes.
    #[error("has more than {LONGEST_PASSWORD} bytes")]
    TooLong,
    /// Among the first that are tried.
    #[error("is a common one, or one character or pattern over and over")]
    Common,
    /// It holds a line break or another control character, which no form can send.
    #[error("has control characters")]
    Control,
}

impl Password {
    /// Checks a new password.
    ///
    /// # Errors
    /// Why it may not be chosen.
    pub fn choose(text: &str) -> Result<Self, BadPassword> {
        if text.len() > LONGEST_PASSWORD {
            return Err(BadPassword::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(BadPassword::Control);
        }
        let characters: Vec<char> = text.to_lowercase().chars().collect();
        if text.chars().count() < SHORTEST {
            return Err(BadPassword::TooShort);
        }
        let lower: String = characters.iter().collect();
        // A period of up to three characters: "aaaaaaaaaaaa", "abababababab", "abcabcabcabc".
        let repeats = (1..=3).any(|period| {
            characters.iter().skip(period).eq(characters.iter().take(characters.len() - period))
        });
        if repeats || COMMON.contains(&lower.as_str()) {
            return Err(BadPassword::Common);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text, to be hashed only.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_ones_are_refused_for_their_reason_and_never_shown() {
        for (text, why) in [
            ("", BadPassword::TooShort),
            ("elevenchars", BadPassword::TooShort),
            // Eleven characters, though more bytes.
            ("ééééééééééü", BadPassword::TooShort),
            ("Password1234", BadPassword::Common),
            ("aaaaaaaaaaaaaaaa", BadPassword::Common),
            ("xYxyxYxyxYxyxYxy", BadPassword::Common),
            ("two lines\nof text", BadPassword::Control),
        ] {
            assert_eq!(Password::choose(text).unwrap_err(), why, "{text}");
        }
        assert_eq!(Password::choose(&"long ".repeat(300)).unwrap_err(), BadPassword::TooLong);
        let good = Password::choose("twelve chars").unwrap();
        assert_eq!(format!("{good:?}"), "Password(…)");
        assert!(Password::choose("一二三四五六七八九十十二").is_ok());
    }
}
