//! Addresses that nodes announce and that lead nowhere from here, and what to use instead: for nodes behind address
//! translation, such as containers whose ports are published under other numbers.

use std::collections::HashMap;

use super::address::Address;

/// Entries at most.
const MAX_ENTRIES: usize = 1_000;

/// From announced addresses to reachable ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AddressMap {
    nodes: HashMap<Address, Address>,
    /// For every port of a host.
    hosts: HashMap<String, String>,
}

impl AddressMap {
    /// Reads `announced=reachable` between commas: both `host:port`, or both `host`, which keeps the port. IPv6 hosts are in
    /// brackets.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut map = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (announced, reachable) =
                entry.split_once('=').ok_or_else(|| format!("`{entry}` is not announced=reachable"))?;
            let (from_host, from_port) = host_and_port(announced.trim())?;
            let (to_host, to_port) = host_and_port(reachable.trim())?;
            let known = match (from_port, to_port) {
                (Some(from), Some(to)) => {
                    map.nodes.insert(Address::tcp(from_host, from), Address::tcp(to_host, to)).is_some()
                }
                (None, None) => {
                    let [from, to] = [from_host, to_host].map(|host| bare(host).to_owned());
                    map.hosts.insert(from, to).is_some()
                }
                _ => return Err(format!("`{entry}`: a port on both sides, or on none")),
            };
            if known {
                return Err(format!("`{announced}` is there twice"));
            }
        }
        if map.nodes.len() + map.hosts.len() > MAX_ENTRIES {
            return Err(format!("more than {MAX_ENTRIES} addresses"));
        }
        Ok(map)
    }

    /// Where a node that announces an address is reached: that node's entry, otherwise its host's, otherwise the address.
    pub fn reachable(&self, announced: &Address) -> Address {
        if let Some(address) = self.nodes.get(announced) {
            return address.clone();
        }
        match announced {
            Address::Tcp { host, port } => match self.hosts.get(host) {
                Some(host) => Address::tcp(host, *port),
                None => announced.clone(),
            },
            Address::Unix(_) => announced.clone(),
        }
    }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// A host and, if there is one, its port.
fn host_and_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let bad = || format!("`{text}` is not a host or host:port");
    let (host, port) = match text.rsplit_once(':') {
        // A colon within brackets is part of the host.
        Some((host, port)) if !port.contains(']') => (host, Some(port.parse().map_err(|_| bad())?)),
        _ => (text, None),
    };
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || host.contains(['/', '@', ' ', '=']) || (host.contains(':') && !is_bracketed) {
        return Err(bad());
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_come_before_hosts_and_the_rest_stays() {
        let map = AddressMap::parse("10.0.0.1:6379=127.0.0.1:7001, 10.0.0.1=h.example,[fd00::1]:1=[::1]:2");
        let map = map.expect("reads");
        let to = |host, port| map.reachable(&Address::tcp(host, port)).to_string();
        assert_eq!(to("10.0.0.1", 6379), "127.0.0.1:7001");
        assert_eq!(to("10.0.0.1", 6380), "h.example:6380");
        assert_eq!(to("fd00::1", 1), "[::1]:2");
        assert_eq!(to("10.0.0.2", 6379), "10.0.0.2:6379");
        assert_eq!(AddressMap::parse(" ").expect("reads"), AddressMap::default());
    }

    #[test]
    fn nonsense_is_named() {
        for bad in ["a", "a:1=b", "a=b:1", "a:x=b:1", "=b", "a=", "a=b,a=c", "fd00::1=h", "a/b=c"] {
            assert!(AddressMap::parse(bad).is_err(), "{bad}");
        }
    }
}
