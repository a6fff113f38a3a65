//! The cookie that holds a session's id.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::accounts::SessionId;

/// Over TLS: a browser takes a cookie of this prefix from this host alone, for all its paths, over TLS alone.
const SECURE: &str = "__Host-tidemark";
/// On plain HTTP, where a browser would not keep the other one.
const PLAIN: &str = "tidemark";

const fn name(secure: bool) -> &'static str {
    if secure { SECURE } else { PLAIN }
}

/// The session that the request's cookie names. One that is there twice with different values is not believed: one of them
/// was put there by somebody else.
pub(super) fn read(headers: &HeaderMap, secure: bool) -> Option<SessionId> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut values = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(found, _)| *found == name(secure))
        .map(|(_, value)| value.trim_matches('"'));
    let first = values.next()?;
    if values.any(|other| other != first) {
        return None;
    }
    SessionId::parse(first)
}

/// `Set-Cookie` of a session: kept until the browser is closed, as the server ends it anyway. None of an id always is a
/// header.
pub(crate) fn set(id: &SessionId, secure: bool) -> Option<HeaderValue> {
    header_value(id.expose(), "", secure)
}

/// `Set-Cookie` that removes it.
pub(crate) fn remove(secure: bool) -> Option<HeaderValue> {
    header_value("", "; Max-Age=0", secure)
}

fn header_value(value: &str, more: &str, secure: bool) -> Option<HeaderValue> {
    let only_tls = if secure { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{only_tls}{more}", name(secure));
    let mut header = HeaderValue::try_from(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_has_its_own_cookie_and_a_doubtful_one_is_none() {
        let id = "0123456789abcdef".repeat(4);
        let other = "f".repeat(64);
        let found = |line: &str, secure| {
            let mut headers = HeaderMap::new();
            headers.append(header::COOKIE, line.parse().unwrap());
            read(&headers, secure).map(|id| id.expose().to_owned())
        };
        assert_eq!(found(&format!("a=b; tidemark={id}; c=d"), false), Some(id.clone()));
        assert_eq!(found(&format!("__Host-tidemark={id}"), true), Some(id.clone()));
        assert_eq!(found(&format!("tidemark={id}"), true), None);
        assert_eq!(found(&format!("__Host-tidemark={id}"), false), None);
        assert_eq!(found(&format!("tidemark={id};tidemark=\"{id}\""), false), Some(id.clone()));
        assert_eq!(found(&format!("tidemark={id}; tidemark={other}"), false), None);
        assert_eq!(found("tidemark=x", false), None);
        let parsed = SessionId::parse(&id).unwrap();
        assert_eq!(
            set(&parsed, true).unwrap(),
            format!("__Host-tidemark={id}; Path=/; HttpOnly; SameSite=Strict; Secure").as_str()
        );
        assert_eq!(remove(false).unwrap(), "tidemark=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    }
}
