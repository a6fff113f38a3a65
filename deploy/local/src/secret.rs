//! Random passwords and tokens from the operating system.

use std::{fs::File, io::Read};

use crate::{Error, Result};

/// A random password: 32 hexadecimal digits, 128 bits from the system's generator. Safe in a URL as it is.
///
/// # Errors
/// [`Error::Io`] when `/dev/urandom` cannot be read.
pub fn random_secret() -> Result<String> {
    random_hex(16)
}

/// This many random bytes from the system's generator, as hexadecimal digits.
///
/// # Errors
/// [`Error::Io`] when `/dev/urandom` cannot be read.
pub fn random_hex(length: usize) -> Result<String> {
    let mut bytes = vec![0_u8; length];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(Error::io("cannot read /dev/urandom"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn secrets_differ() {
        let (one, two) = (super::random_secret().unwrap(), super::random_secret().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
        assert_eq!(super::random_hex(32).unwrap().len(), 64);
    }
}
