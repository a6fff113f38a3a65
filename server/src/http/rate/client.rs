//! Who calls: the other end of the connection, or whom a trusted proxy names.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};

use crate::config::TrustedProxies;

/// The other end of the connection; put into every request by [`super::super::serve()`].
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// What is counted together: an IPv4 address, or the network of 64 bits that an IPv6 caller has for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey(u64);

impl ClientKey {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            // A prefix that no IPv6 network in use has.
            IpAddr::V4(address) => Self(0xffff_ffff_0000_0000 | u64::from(address.to_bits())),
            IpAddr::V6(address) => Self((address.to_bits() >> 64) as u64),
        }
    }
}

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The caller's address: that of the connection, unless it is a trusted proxy's; then the nearest one that the proxies
/// name and that is not theirs. Where both headers are there and differ, one of them comes from the caller: then neither
/// is believed.
pub(in crate::http) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> IpAddr {
    let peer = peer.to_canonical();
    if proxies.is_empty() || !proxies.contain(peer) {
        return peer;
    }
    let named = |name: HeaderName, read: fn(&str) -> Option<IpAddr>| {
        headers.contains_key(&name).then(|| nearest(peer, headers, &name, read, proxies))
    };
    match (named(X_FORWARDED_FOR, address), named(header::FORWARDED, forwarded_for)) {
        (Some(one), Some(other)) if one != other => peer,
        (Some(one), _) | (None, Some(one)) => one,
        (None, None) => peer,
    }
}

/// Whether the browser's connection is encrypted, as a trusted proxy says: the nearest entry, which it wrote itself. Where both
/// headers are there, both must say so.
pub(in crate::http) fn is_secure(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> bool {
    if proxies.is_empty() || !proxies.contain(peer) {
        return false;
    }
    let says = |name: HeaderName, read: fn(&str) -> bool| {
        let last = headers.get_all(&name).iter().next_back()?;
        Some(last.to_str().is_ok_and(|line| line.rsplit(',').next().is_some_and(|entry| read(entry.trim()))))
    };
    let plain = says(X_FORWARDED_PROTO, |entry| entry.eq_ignore_ascii_case("https"));
    match (plain, says(header::FORWARDED, forwarded_https)) {
        (None, None) => false,
        (one, other) => one.unwrap_or(true) && other.unwrap_or(true),
    }
}

/// The `proto` of one element of `Forwarded` (RFC 7239).
fn forwarded_https(element: &str) -> bool {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let proto = pairs.find(|(name, _)| name.eq_ignore_ascii_case("proto"));
    proto.is_some_and(|(_, value)| value.trim_matches('"').eq_ignore_ascii_case("https"))
}

/// Goes through the list from the end, which the nearest proxy wrote, to the first address that is no proxy's. What
/// cannot be read ends the way: the caller is whoever was found last.
fn nearest(
    peer: IpAddr,
    headers: &HeaderMap,
    name: &HeaderName,
    read: fn(&str) -> Option<IpAddr>,
    proxies: &TrustedProxies,
) -> IpAddr {
    let mut found = peer;
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    for line in lines.into_iter().rev() {
        let Ok(line) = line.to_str() else { return found };
        for entry in line.rsplit(',') {
            let Some(address) = read(entry.trim()) else { return found };
            found = address.to_canonical();
            if !proxies.contain(found) {
                return found;
            }
        }
    }
    found
}

/// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:5`, `2001:db8::1`, `[2001:db8::1]:5`.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// The `for` of one element of `Forwarded` (RFC 7239): `for="[2001:db8::1]:5";proto=https`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    address(value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let proxies = "10.0.0.0/8,::1".parse().unwrap();
        client(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_added() {
        const XFF: &str = "x-forwarded-for";
        assert_eq!(found("9.9.9.9", &[(XFF, "1.1.1.1")]), "9.9.9.9");
        assert_eq!(found("10.0.0.1", &[(XFF, "1.1.1.1")]), "1.1.1.1");
        // What the caller sent itself is further left.
        assert_eq!(found("10.0.0.1", &[(XFF, "1.1.1.1, 2.2.2.2")]), "2.2.2.2");
        assert_eq!(found("10.0.0.1", &[(XFF, "1.1.1.1"), (XFF, "2.2.2.2, 10.0.0.7")]), "2.2.2.2");
        assert_eq!(found("::ffff:10.0.0.1", &[(XFF, "2.2.2.2:80")]), "2.2.2.2");
        assert_eq!(found("10.0.0.1", &[(XFF, "1.1.1.1, nonsense")]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &[(XFF, "1.1.1.1, nonsense, 10.0.0.3")]), "10.0.0.3");
        assert_eq!(found("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_and_a_contradiction_is_not_believed() {
        const FORWARDED: &str = "forwarded";
        let quoted = "for=1.1.1.1, for=\"[2001:db8::7]:4711\";proto=https";
        assert_eq!(found("::1", &[(FORWARDED, quoted)]), "2001:db8::7");
        assert_eq!(found("::1", &[(FORWARDED, "proto=http; For=2.2.2.2")]), "2.2.2.2");
        assert_eq!(found("::1", &[(FORWARDED, "for=_hidden")]), "::1");
        let both = |xff| found("::1", &[(FORWARDED, "for=2.2.2.2"), ("x-forwarded-for", xff)]);
        assert_eq!(both("2.2.2.2"), "2.2.2.2");
        assert_eq!(both("3.3.3.3"), "::1");
    }

    #[test]
    fn only_a_trusted_proxy_says_that_the_connection_is_encrypted() {
        let secure = |peer: &str, lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            is_secure(peer.parse().unwrap(), &headers, &"10.0.0.0/8".parse().unwrap())
        };
        const XFP: &str = "x-forwarded-proto";
        const FORWARDED: &str = "forwarded";
        for lines in [
            &[(XFP, "https")][..],
            &[(XFP, "http, HTTPS")],
            &[(FORWARDED, "for=1.1.1.1;proto=https")],
            &[(XFP, "https"), (FORWARDED, "for=1.1.1.1;proto=\"https\"")],
        ] {
            assert!(secure("10.0.0.1", lines), "{lines:?}");
            assert!(!secure("9.9.9.9", lines), "{lines:?}");
        }
        for lines in [
            &[][..],
            &[(XFP, "http")],
            &[(XFP, "https, http")],
            &[(FORWARDED, "for=1.1.1.1")],
            &[(XFP, "https"), (FORWARDED, "proto=http")],
        ] {
            assert!(!secure("10.0.0.1", lines), "{lines:?}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let key = |text: &str| ClientKey::of(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("1.1.1.1"), key("1.1.1.2"));
    }
}
