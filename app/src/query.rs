//! Query strings, written alike on the server and in the browser: their own encoders keep different characters.

use std::fmt::Write;

/// `?a=1&b=2`, or nothing without parameters. All but unreserved characters are percent-encoded (RFC 3986, section 2.3).
#[must_use]
pub fn query_string<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in parameters {
        out.push(if out.is_empty() { '?' } else { '&' });
        encode(&mut out, name);
        out.push('=');
        encode(&mut out, value);
    }
    out
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_an_address_is_encoded() {
        assert_eq!(query_string([]), "");
        assert_eq!(query_string([("sort", "-cap"), ("q", "a&b=c 币")]), "?sort=-cap&q=a%26b%3Dc%20%E5%B8%81");
    }
}
