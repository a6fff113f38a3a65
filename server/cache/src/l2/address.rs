//! Where a node is.

use std::fmt;
use std::path::PathBuf;

use redis::ConnectionAddr;

/// The address of a node, without credentials. IPv6 hosts are kept without brackets and shown with them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Address {
    pub fn tcp(host: &str, port: u16) -> Self {
        Self::Tcp { host: host.trim_start_matches('[').trim_end_matches(']').to_owned(), port }
    }

    /// Reads `host:port` as a node writes it: no brackets about IPv6, and no host for the host that was asked. None for
    /// nonsense, and for `?`: the node does not know the host, see <https://redis.io/docs/latest/commands/cluster-slots/>.
    pub fn from_redirect(text: &str, asked: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        asked.neighbour(host, port.parse().ok()?)
    }

    /// A node at `port` of `host`, as this one tells. No host stands for its own, `?` for an unknown one.
    pub fn neighbour(&self, host: &str, port: u16) -> Option<Self> {
        match self {
            _ if host == "?" => None,
            Self::Tcp { host: own, .. } if host.is_empty() => Some(Self::tcp(own, port)),
            _ => Some(Self::tcp(host, port)),
        }
    }

    pub fn of(addr: &ConnectionAddr) -> Self {
        match addr {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Self::tcp(host, *port)
            }
            ConnectionAddr::Unix(path) => Self::Unix(path.clone()),
            _ => Self::tcp("", 0),
        }
    }

    /// The same kind of address (TLS or not) as `like`, at this place.
    pub fn as_addr(&self, like: &ConnectionAddr) -> ConnectionAddr {
        match (self, like) {
            (Self::Tcp { host, port }, ConnectionAddr::TcpTls { insecure, tls_params, .. }) => {
                ConnectionAddr::TcpTls {
                    host: host.clone(),
                    port: *port,
                    insecure: *insecure,
                    tls_params: tls_params.clone(),
                }
            }
            (Self::Tcp { host, port }, _) => ConnectionAddr::Tcp(host.clone(), *port),
            (Self::Unix(path), _) => ConnectionAddr::Unix(path.clone()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_name_hosts_of_every_kind() {
        let asked = Address::tcp("10.0.0.1", 7000);
        let read = |text| Address::from_redirect(text, &asked).map(|a| a.to_string());
        assert_eq!(read("10.0.0.2:7001").as_deref(), Some("10.0.0.2:7001"));
        assert_eq!(read("node.example:7001").as_deref(), Some("node.example:7001"));
        assert_eq!(read("2001:db8::1:7001").as_deref(), Some("[2001:db8::1]:7001"));
        assert_eq!(read(":7001").as_deref(), Some("10.0.0.1:7001"));
        assert_eq!(read("?:7001"), None, "unknown is not the host that was asked");
        assert_eq!((read("nonsense"), read("host:99999")), (None, None));
    }
}
