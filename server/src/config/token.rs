//! The token of the admin API.

use std::{fmt, net::SocketAddr};

use hmac::{Hmac, Mac, digest::Key};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{ConfigError, secret_file, variable};

/// Name of the setting: a file with the token, and nothing else in it.
pub const ADMIN_TOKEN_FILE: &str = "TIDEMARK_ADMIN_TOKEN_FILE";
/// Shorter ones could be guessed.
const SHORTEST: usize = 16;
/// Longer ones do not fit into a header everywhere.
const LONGEST: usize = 4_096;

/// Who knows it may see and clear the cache. It never shows in `Debug`.
#[derive(Clone)]
pub struct AdminToken(String);

impl AdminToken {
    /// The token in the file that `TIDEMARK_ADMIN_TOKEN_FILE` names, if it is set.
    ///
    /// # Errors
    /// As [`AdminToken::read`].
    pub fn from_env() -> Result<Option<Self>, ConfigError> {
        variable(ADMIN_TOKEN_FILE)?.map(|path| Self::read(ADMIN_TOKEN_FILE, &path)).transpose()
    }

    /// Reads a token file; white space around the token does not count. `setting` is who named the file.
    ///
    /// # Errors
    /// The file cannot be read, other users may read or change it, or it holds no token of 16 to 4,096 visible ASCII
    /// characters. The text never repeats what is in the file.
    pub fn read(setting: &str, path: &str) -> Result<Self, ConfigError> {
        let bad = |reason: String| ConfigError::new(setting, format!("{path}: {reason}"));
        let text = secret_file::read(setting, path, LONGEST)?;
        let token = text.trim();
        // No more than a little beyond the limit was read.
        if token.len() > LONGEST {
            return Err(bad(format!(
                "the token has more than {LONGEST} bytes; {SHORTEST} to {LONGEST} are allowed"
            )));
        }
        if token.len() < SHORTEST {
            return Err(bad(format!(
                "the token has {} bytes; {SHORTEST} to {LONGEST} are allowed",
                token.len()
            )));
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(bad("the token must be one word of visible ASCII characters".to_owned()));
        }
        Ok(Self(token.to_owned()))
    }

    /// Whether `given` is this token. Takes the same time whatever is wrong with it, its length included.
    #[must_use]
    pub fn is(&self, given: &[u8]) -> bool {
        Sha256::digest(self.0.as_bytes()).ct_eq(&Sha256::digest(given)).into()
    }

    /// Shows that this token is known, without showing it: the HMAC-SHA-256 (RFC 2104), keyed with the token, of the address at
    /// which the server takes the connection and of `nonce`, in hex. With the address in it, the proof of one server is worth
    /// nothing to a program that listens elsewhere and passes the question on.
    #[must_use]
    pub fn proof(&self, listener: SocketAddr, nonce: &str) -> String {
        let proof = self.mac(listener, nonce).finalize().into_bytes();
        proof.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether `proof` is that of this token. Takes the same time wherever they differ.
    #[must_use]
    pub fn is_proved_by(&self, listener: SocketAddr, nonce: &str, proof: &str) -> bool {
        self.proof(listener, nonce).as_bytes().ct_eq(proof.as_bytes()).into()
    }

    fn mac(&self, listener: SocketAddr, nonce: &str) -> Hmac<Sha256> {
        // A token may be longer than a block; its hash is not, and is padded with zeros as the RFC asks.
        let mut key = Key::<Hmac<Sha256>>::default();
        key[..Sha256::output_size()].copy_from_slice(&Sha256::digest(self.0.as_bytes()));
        let mut mac = Hmac::<Sha256>::new(&key);
        let address = SocketAddr::new(listener.ip().to_canonical(), listener.port());
        mac.update(format!("tidemark server at {address}: {nonce}").as_bytes());
        mac
    }

    /// The token itself, for a request's header only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn read(text: &str, mode: u32) -> Result<AdminToken, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        AdminToken::read("X", path.to_str().unwrap())
    }

    #[test]
    fn the_token_is_trimmed_compared_and_never_shown() {
        assert!(read(&format!("{}\n", "x".repeat(4_096)), 0o600).is_ok());
        let token = read("  0123456789abcdef\n", 0o600).unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for other in [&b""[..], b"0123456789abcde", b"0123456789abcdeg", b"0123456789abcdef "] {
            assert!(!token.is(other));
        }
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn a_proof_is_of_one_token_one_address_and_one_nonce() {
        let (token, other) =
            (read("0123456789abcdef", 0o600).unwrap(), read("0123456789abcdeg", 0o600).unwrap());
        let at: SocketAddr = "127.0.0.1:3000".parse().unwrap();
        let proof = token.proof(at, "aa");
        assert_eq!(proof.len(), 64);
        assert!(token.is_proved_by(at, "aa", &proof));
        assert!(token.is_proved_by("[::ffff:127.0.0.1]:3000".parse().unwrap(), "aa", &proof));
        assert!(!other.is_proved_by(at, "aa", &proof));
        assert!(!token.is_proved_by(at, "ab", &proof));
        assert!(!token.is_proved_by("127.0.0.1:3001".parse().unwrap(), "aa", &proof));
        assert!(!token.is_proved_by(at, "aa", ""));
    }

    #[test]
    fn a_bad_file_is_refused_by_name_and_not_repeated() {
        for (text, mode, named) in [
            ("0123456789abcdef", 0o644, "mode 0644"),
            ("0123456789abcdef", 0o660, "chmod 600"),
            ("0123456789abcde\n", 0o600, "15 bytes"),
            ("", 0o600, "0 bytes"),
            (&"x".repeat(4_097), 0o600, "more than 4096 bytes"),
            (&"x".repeat(5_000), 0o600, "more than 4096 bytes"),
            ("01234567 89abcdef", 0o600, "one word"),
            ("0123456789abcdéé", 0o600, "ASCII"),
        ] {
            let error = read(text, mode).unwrap_err().to_string();
            assert!(error.starts_with("X: ") && error.contains(named), "{error}");
            assert!(text.is_empty() || !error.contains("0123"), "{error}");
        }
        assert!(AdminToken::read("X", "/does/not/exist").is_err());
        assert!(AdminToken::read("X", "/").unwrap_err().to_string().contains("not a file"));
    }

    #[test]
    fn a_pipe_that_nobody_writes_into_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (sender, receiver) = std::sync::mpsc::channel();
        let path = pipe.to_str().unwrap().to_owned();
        std::thread::spawn(move || sender.send(AdminToken::read("X", &path).unwrap_err().to_string()));
        let said = receiver.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
        assert!(said.contains("not a file"), "{said}");
    }
}
