//! `TIDEMARK_TRUSTED_PROXIES`: whose word about the client's address is taken.

use std::{net::IpAddr, str::FromStr};

use super::{ConfigError, ForwardedHeader, variable};

/// Name of the setting.
pub const TRUSTED_PROXIES: &str = "TIDEMARK_TRUSTED_PROXIES";
/// Most entries; each is compared at every call that comes through a proxy.
const MOST: usize = 64;

/// Addresses, such as `10.0.0.0/8` or `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The networks of the proxies in front of this server, usually none, and by which header they name the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    header: ForwardedHeader,
}

impl TrustedProxies {
    /// The settings: addresses and networks, between commas, and the header.
    ///
    /// # Errors
    /// Names the first entry that cannot be read.
    pub fn from_env() -> Result<Self, ConfigError> {
        let header = ForwardedHeader::from_env()?;
        let Some(text) = variable(TRUSTED_PROXIES)? else { return Ok(Self::default()) };
        let proxies: Self =
            text.parse().map_err(|reason: String| ConfigError::new(TRUSTED_PROXIES, reason))?;
        Ok(proxies.by(header))
    }

    /// The same, which name the client by this header.
    #[must_use]
    pub fn by(self, header: ForwardedHeader) -> Self {
        Self { header, ..self }
    }

    /// The header by which they name the client.
    #[must_use]
    pub const fn header(&self) -> ForwardedHeader {
        self.header
    }

    /// Whether no proxy is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// Whether this address is one of them. An IPv4 address mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(address))
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix);
                (u64::from(own.to_bits()) >> shift) == (u64::from(other.to_bits()) >> shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| ())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(most);
        // A network written as IPv4 in IPv6 would never match: callers' addresses are made plain first.
        if prefix > most || address != address.to_canonical() {
            return Err(());
        }
        Ok(Self { address, prefix })
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let networks = entries.map(|entry| {
            entry.parse().map_err(|()| {
                let shown: String = entry.chars().take(60).collect();
                format!("{shown:?} is no address and no network such as 10.0.0.0/8")
            })
        });
        let networks: Vec<Network> = networks.collect::<Result<_, String>>()?;
        if let Some(Network { address, .. }) = networks.iter().find(|network| network.prefix == 0) {
            // Each client could then write its own address: the search for it would never end at one.
            return Err(format!(
                "{address}/0 would trust every client as a proxy; name the proxies' own networks"
            ));
        }
        if networks.len() > MOST {
            return Err(format!("{} entries; {MOST} are allowed", networks.len()));
        }
        Ok(Self { networks, header: ForwardedHeader::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let proxies: TrustedProxies = "127.0.0.1, 10.0.0.0/8,2001:db8::/32,0.0.0.0/32".parse().unwrap();
        for inside in ["127.0.0.1", "10.255.0.1", "2001:db8:1::2", "::ffff:10.1.2.3", "0.0.0.0"] {
            assert!(proxies.contain(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["127.0.0.2", "11.0.0.1", "2001:db9::1", "::1", "0.0.0.1"] {
            assert!(!proxies.contain(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for bad in
            ["10.0.0.0/33", "::/129", "proxy", "10.0.0.1:80", "::ffff:10.0.0.0/104", "0.0.0.0/0", "::/0"]
        {
            let error = bad.parse::<TrustedProxies>().unwrap_err();
            assert!(error.contains(bad), "{error}");
        }
        assert!(vec!["10.0.0.1"; 65].join(",").parse::<TrustedProxies>().is_err());
    }
}
