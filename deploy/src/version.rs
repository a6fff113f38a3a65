//! Version numbers as programs print them.

use std::{fmt, str::FromStr};

/// Up to three numbers, compared in order; a missing one counts as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The first version in what a program said, such as `Redis server v=7.0.15 sha=…`, `v20.11.1`,
    /// `postgres (PostgreSQL) 15.14 (Debian …)`, `wasm-opt version 132 (version_132)` or `rustc 1.95.0 (… 2026-…)`.
    pub fn in_text(text: &str) -> Option<Self> {
        text.split(|c: char| c.is_whitespace() || matches!(c, '=' | '(' | ')' | ','))
            .map(|word| word.strip_prefix('v').unwrap_or(word))
            .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .find_map(|word| word.parse().ok())
    }
}

impl FromStr for Version {
    type Err = ();

    /// Reads `1`, `1.2` or `1.2.3`, and leaves out what follows the numbers (`16beta1`, `1.2.3-rc.1`).
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut numbers = [0; 3];
        for (index, part) in text.splitn(3, '.').enumerate() {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            numbers[index] = part[..end].parse().map_err(|_| ())?;
            if end < part.len() {
                break;
            }
        }
        Ok(Self(numbers[0], numbers[1], numbers[2]))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self(major, 0, 0) => write!(f, "{major}"),
            Self(major, minor, 0) => write!(f, "{major}.{minor}"),
            Self(major, minor, patch) => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let cases = [
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", Version(7, 0, 15)),
            ("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", Version(15, 14, 0)),
            ("postgres (PostgreSQL) 16beta1", Version(16, 0, 0)),
            ("v20.11.1\n", Version(20, 11, 1)),
            ("wasm-opt version 132 (version_132)", Version(132, 0, 0)),
            ("wasm-bindgen 0.2.130", Version(0, 2, 130)),
            ("rustc 1.95.0 (59807616e 2026-04-14)", Version(1, 95, 0)),
            ("rustup 1.28.2 (e4f3ad6f8 2025-04-28)", Version(1, 28, 2)),
            ("cc (Debian 12.2.0-14+deb12u1) 12.2.0", Version(12, 2, 0)),
            ("Chromium 140.0.7339.80 built on Debian GNU/Linux 12", Version(140, 0, 7339)),
        ];
        for (text, version) in cases {
            assert_eq!(Version::in_text(text), Some(version), "{text}");
        }
        assert_eq!(Version::in_text("no number here"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(Version(6, 2, 0) < Version(7, 0, 15));
        assert!(Version(0, 3, 10) > Version(0, 3, 8));
        assert_eq!(Version(6, 2, 0).to_string(), "6.2");
        assert_eq!("9".parse(), Ok(Version(9, 0, 0)));
        assert_eq!("x".parse::<Version>(), Err(()));
    }
}
