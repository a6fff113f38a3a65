//! The client of a request: the other end of its connection, or the one that a trusted proxy names.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::LazyLock,
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, header};

use crate::{
    config::{FORWARDED_HEADER, ForwardedHeader, TrustedProxies},
    log_limit::Throttle,
};

/// The other end of the connection; put into every request by [`super::serve()`].
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Our end of the connection; put into every request by [`super::serve()`].
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Listener(pub SocketAddr);

/// Marks the requests of a connection beyond its client's limit: health answers them, and nothing else does. Put into a request
/// by [`super::serve()`].
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct BeyondLimit;

/// What limits count as one client: an IPv4 address, or an IPv6 network of 64 bits, which a client usually has for itself.
///
/// An IPv4 address behind NAT64 (`64:ff9b::/96`, RFC 6052 section 2.1) is that IPv4 address: the network is that of all of them. A
/// link-local address (`fe80::/10`) counts by itself: its network is the whole local one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey(u128);

impl ClientKey {
    pub(crate) fn of(address: IpAddr) -> Self {
        const NAT64: u128 = 0x0064_ff9b << 96;
        match address {
            IpAddr::V4(address) => Self(address.to_ipv6_mapped().to_bits()),
            IpAddr::V6(address) if address.to_bits() >> 32 == NAT64 >> 32 => {
                // The rest is the IPv4 address.
                Self::of(Ipv4Addr::from_bits(address.to_bits() as u32).into())
            }
            IpAddr::V6(address) if address.is_unicast_link_local() => Self(address.to_bits()),
            // Only these keys have 64 zero bits at the end, so no two kinds collide.
            IpAddr::V6(address) => Self(address.to_bits() >> 64 << 64),
        }
    }
}

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Client {
    /// Its address, as far as it can be known.
    pub(in crate::http) address: IpAddr,
    /// Whether it runs on this machine: its connection comes from a loopback address, and that is no proxy's. What a header says
    /// never makes a client local.
    pub(in crate::http) is_local: bool,
}

impl Client {
    /// The client of a request with these headers on a connection from `peer`.
    ///
    /// The peer itself, unless it is a trusted proxy. Then the nearest address in the proxies' list that is not theirs: of the
    /// header that the settings name, otherwise of `X-Forwarded-For` if it is there and of `Forwarded` if not. Most proxies write
    /// the former and pass the latter on as the client sent it, so `Forwarded` does not count beside it. An entry that cannot be
    /// read ends the search: the client is the proxy that was found last.
    pub(in crate::http) fn of(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> Self {
        let peer = peer.to_canonical();
        if proxies.is_empty() || !proxies.contain(peer) {
            return Self { address: peer, is_local: peer.is_loopback() };
        }
        let by_forwarded = || nearest(peer, headers, &header::FORWARDED, forwarded_for, proxies);
        let by_x_forwarded = || nearest(peer, headers, &X_FORWARDED_FOR, address, proxies);
        let address = match proxies.header() {
            ForwardedHeader::Forwarded => by_forwarded(),
            ForwardedHeader::XForwardedFor => by_x_forwarded(),
            ForwardedHeader::Auto if !headers.contains_key(&X_FORWARDED_FOR) => by_forwarded(),
            ForwardedHeader::Auto => {
                let address = by_x_forwarded();
                if headers.contains_key(header::FORWARDED) && by_forwarded() != address {
                    warn_of_two_headers(peer);
                }
                address
            }
        };
        Self { address, is_local: false }
    }

    /// The client of a request that came over a connection; none of one made in a test.
    pub(in crate::http) fn of_request<B>(request: &Request<B>, proxies: &TrustedProxies) -> Option<Self> {
        let Peer(peer) = request.extensions().get::<Peer>()?;
        Some(Self::of(peer.ip(), request.headers(), proxies))
    }

    /// What limits count it by.
    pub(in crate::http) fn key(self) -> ClientKey {
        ClientKey::of(self.address)
    }
}

/// When it is time to say again that a proxy passed on two headers that differ. A client may cause it by a header of its own.
static HEADERS_DIFFER: LazyLock<Throttle> = LazyLock::new(|| Throttle::new(Duration::from_secs(3_600)));

fn warn_of_two_headers(peer: IpAddr) {
    if HEADERS_DIFFER.claim() {
        tracing::warn!(
            %peer,
            "the proxy {peer} passed on X-Forwarded-For and Forwarded, which name two clients; the former counts: set \
             {FORWARDED_HEADER} to the one that the proxy writes, as through one that writes the other clients choose their \
             addresses"
        );
    }
}

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whether the browser's connection is encrypted, as a trusted proxy says: the last entry, which it wrote itself. Where two headers
/// count and are there, both must say so.
pub(in crate::http) fn is_secure(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> bool {
    if proxies.is_empty() || !proxies.contain(peer) {
        return false;
    }
    let says = |counts: bool, name: HeaderName, read: fn(&str) -> bool| {
        let last = headers.get_all(&name).iter().next_back().filter(|_| counts)?;
        Some(entries(last).next().flatten().is_some_and(read))
    };
    let which = proxies.header();
    let is_https = |entry: &str| entry.eq_ignore_ascii_case("https");
    let plain = says(which.reads_x_forwarded(), X_FORWARDED_PROTO, is_https);
    match (plain, says(which.reads_forwarded(), header::FORWARDED, forwarded_https)) {
        (None, None) => false,
        (one, other) => one.unwrap_or(true) && other.unwrap_or(true),
    }
}

/// The names under which a browser may have asked for this server, as a trusted proxy says: the last entry of
/// `X-Forwarded-Host` and of `Forwarded`, as far as they count. None of an untrusted peer.
pub(in crate::http) fn forwarded_hosts<'h>(
    peer: IpAddr,
    headers: &'h HeaderMap,
    proxies: &TrustedProxies,
) -> impl Iterator<Item = &'h str> {
    let trusted = !proxies.is_empty() && proxies.contain(peer);
    let which = proxies.header();
    let last = move |counts: bool, name: &HeaderName| {
        let line = headers.get_all(name).iter().next_back().filter(|_| trusted && counts)?;
        entries(line).next().flatten()
    };
    let forwarded = last(which.reads_forwarded(), &header::FORWARDED);
    let forwarded = forwarded.and_then(|element| pair_of(element, "host"));
    last(which.reads_x_forwarded(), &X_FORWARDED_HOST)
        .into_iter()
        .chain(forwarded)
        .filter(|host| !host.is_empty())
}

/// The value of this name in one element of `Forwarded` (RFC 7239).
fn pair_of<'e>(element: &'e str, name: &str) -> Option<&'e str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
    Some(value.trim_matches('"'))
}

/// Whether the `proto` of one element of `Forwarded` is `https`.
fn forwarded_https(element: &str) -> bool {
    pair_of(element, "proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
}

/// The entries of a line from its end; `None` for an entry that is not UTF-8. A proxy appends its own to what the client sent, which may be any
/// bytes: they must not hide it.
fn entries(line: &HeaderValue) -> impl Iterator<Item = Option<&str>> {
    line.as_bytes().rsplit(|byte| *byte == b',').map(|entry| str::from_utf8(entry).ok().map(str::trim))
}

/// Goes through the list from its end, which the nearest proxy wrote, to the first address that is no proxy's. An entry that
/// cannot be read ends the search.
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
        for entry in entries(line) {
            let Some(address) = entry.and_then(read) else { return found };
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
    address(pair_of(element, "for")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `?` stands for a byte that is no text.
    fn header_map(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let bytes: Vec<u8> = value.bytes().map(|byte| if byte == b'?' { 0xff } else { byte }).collect();
            headers.append(*name, HeaderValue::from_bytes(&bytes).unwrap());
        }
        headers
    }

    fn found(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let headers = header_map(lines);
        let proxies = "10.0.0.0/8,::1".parse().unwrap();
        let client = Client::of(peer.parse().unwrap(), &headers, &proxies);
        assert_eq!(client.is_local, peer == "127.0.0.1", "{lines:?}");
        client.address.to_string()
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
        // Whatever bytes the caller sent.
        assert_eq!(found("10.0.0.1", &[(XFF, "?, 3.3.3.3")]), "3.3.3.3");
        assert_eq!(found("10.0.0.1", &[(XFF, "?"), (XFF, "3.3.3.3, 10.0.0.7")]), "3.3.3.3");
        assert_eq!(found("10.0.0.1", &[(XFF, "3.3.3.3, ?")]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &[("forwarded", "for=?, for=3.3.3.3")]), "3.3.3.3");
        assert_eq!(found("10.0.0.1", &[("forwarded", "for=\"a,b\", for=3.3.3.3")]), "3.3.3.3");
        // A list that claims this machine makes nobody local: `found` asserts it.
        assert_eq!(found("10.0.0.1", &[(XFF, "127.0.0.1")]), "127.0.0.1");
        assert_eq!(found("127.0.0.1", &[(XFF, "1.1.1.1")]), "127.0.0.1");
    }

    #[test]
    fn forwarded_counts_only_where_there_is_no_x_forwarded_for() {
        const FORWARDED: &str = "forwarded";
        let quoted = "for=1.1.1.1, for=\"[2001:db8::7]:4711\";proto=https";
        assert_eq!(found("::1", &[(FORWARDED, quoted)]), "2001:db8::7");
        assert_eq!(found("::1", &[(FORWARDED, "proto=http; For=2.2.2.2")]), "2.2.2.2");
        assert_eq!(found("::1", &[(FORWARDED, "for=_hidden")]), "::1");
        // What a client adds to escape the count: the proxy's own entry stays.
        for forged in ["for=2.2.2.2", "for=x", "proto=http", "", "for=127.0.0.1", "for=10.0.0.7"] {
            let lines = [(FORWARDED, forged), ("x-forwarded-for", "9.9.9.9, 3.3.3.3")];
            assert_eq!(found("::1", &lines), "3.3.3.3", "{forged}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_that_the_connection_is_encrypted() {
        let secure = |peer: &str, lines: &[(&'static str, &str)]| {
            let headers = header_map(lines);
            is_secure(peer.parse().unwrap(), &headers, &"10.0.0.0/8".parse().unwrap())
        };
        const XFP: &str = "x-forwarded-proto";
        const FORWARDED: &str = "forwarded";
        for lines in [
            &[(XFP, "https")][..],
            &[(XFP, "http, HTTPS")],
            &[(XFP, "?, https")],
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
            &[(XFP, "https, ?")],
            &[(FORWARDED, "for=1.1.1.1")],
            &[(XFP, "https"), (FORWARDED, "proto=http")],
        ] {
            assert!(!secure("10.0.0.1", lines), "{lines:?}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_names_the_host_and_only_by_its_last_entry() {
        let hosts = |peer: &str, lines: &[(&'static str, &str)]| {
            let headers = header_map(lines);
            let proxies = "10.0.0.0/8".parse().unwrap();
            forwarded_hosts(peer.parse().unwrap(), &headers, &proxies).collect::<Vec<_>>().join(" ")
        };
        let lines =
            [("x-forwarded-host", "a.example, b.example:8080"), ("forwarded", "for=x;host=\"c.example:1\"")];
        assert_eq!(hosts("10.0.0.1", &lines), "b.example:8080 c.example:1");
        assert_eq!(hosts("9.9.9.9", &lines), "");
        assert_eq!(hosts("10.0.0.1", &[("x-forwarded-host", "")]), "");
    }

    #[test]
    fn a_header_that_does_not_count_says_nothing() {
        let told = |header: ForwardedHeader, lines: &[(&'static str, &str)]| {
            let (headers, peer) = (header_map(lines), "10.0.0.1".parse().unwrap());
            let proxies = "10.0.0.0/8".parse::<TrustedProxies>().unwrap().by(header);
            let address = Client::of(peer, &headers, &proxies).address.to_string();
            let hosts = forwarded_hosts(peer, &headers, &proxies).collect::<Vec<_>>().join(" ");
            (address, is_secure(peer, &headers, &proxies), hosts)
        };
        let own = |address: &str, secure, hosts: &str| (address.to_owned(), secure, hosts.to_owned());
        let x = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "x.example"),
        ];
        let forwarded = [("forwarded", "for=2.2.2.2;proto=https;host=f.example")];
        let plain = [("forwarded", "for=2.2.2.2;proto=http;host=f.example")];
        let both = [&x[..], &plain].concat();
        use ForwardedHeader::{Auto, Forwarded, XForwardedFor};
        for (header, lines, expected) in [
            (Auto, &x[..], own("1.1.1.1", true, "x.example")),
            (Auto, &forwarded, own("2.2.2.2", true, "f.example")),
            (Auto, &both, own("1.1.1.1", false, "x.example f.example")),
            (Forwarded, &x, own("10.0.0.1", false, "")),
            (Forwarded, &forwarded, own("2.2.2.2", true, "f.example")),
            (Forwarded, &both, own("2.2.2.2", false, "f.example")),
            (XForwardedFor, &x, own("1.1.1.1", true, "x.example")),
            (XForwardedFor, &forwarded, own("10.0.0.1", false, "")),
            (XForwardedFor, &both, own("1.1.1.1", true, "x.example")),
        ] {
            assert_eq!(told(header, lines), expected, "{header:?} {lines:?}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let key = |text: &str| ClientKey::of(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("1.1.1.1"), key("1.1.1.2"));
        assert_eq!(key("64:ff9b::1.1.1.1"), key("1.1.1.1"));
        assert_ne!(key("64:ff9b::1.1.1.1"), key("64:ff9b::1.1.1.2"));
        assert_ne!(key("fe80::1"), key("fe80::2"));
    }
}
