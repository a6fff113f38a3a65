//! The URL of Redis: one node, or the seeds of a cluster.

use std::time::Duration;

use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    TlsCertificates,
};

use super::address::Address;
use super::announced::AddressMap;

/// What may be written, for error messages. They never repeat the URL: it may hold a password.
const FORMS: &str =
    "redis://[user:password@]host:port[/db] or redis-cluster://[user:password@]host:port,host:port,…";
/// What helps against a URL that cannot be read, most of the time.
const ENCODE: &str =
    "in user and password every character but letters, digits, -, ., _ and ~ has to be percent-encoded";
/// Seeds at most; more are of no use.
const MAX_SEEDS: usize = 64;

/// Where Redis is and how to get there. Its `Debug` shows no credentials.
#[derive(Clone)]
pub(crate) struct Redis {
    /// Credentials, TLS, socket settings: the same for every node.
    template: ConnectionInfo,
    seeds: Vec<Address>,
    cluster: bool,
    announced: AddressMap,
}

/// A certificate that is shown to Redis, and its key. Its `Debug` shows neither.
#[derive(Clone)]
pub(crate) struct ClientCertificate {
    /// PEM, the certificate first, then those that lead to an authority.
    pub chain: Vec<u8>,
    /// PEM.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientCertificate")
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Redis").field(&self.address()).finish()
    }
}

impl Redis {
    /// Reads a URL. The error never repeats it: it may hold a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(format!("expected {FORMS}"));
        };
        match scheme {
            "redis" | "rediss" | "redis+unix" | "unix" => Self::one(url),
            "redis-cluster" => Self::cluster("redis", rest),
            "rediss-cluster" => Self::cluster("rediss", rest),
            _ => Err(format!("scheme `{scheme}` is not supported, expected {FORMS}")),
        }
    }

    fn one(url: &str) -> Result<Self, String> {
        let template = read(url)?;
        let announced = AddressMap::default();
        Ok(Self { seeds: vec![Address::of(template.addr())], template, cluster: false, announced })
    }

    fn cluster(scheme: &str, rest: &str) -> Result<Self, String> {
        let (credentials, rest) = rest.rsplit_once('@').map_or(("", rest), |(c, rest)| (c, rest));
        let hosts = rest.strip_suffix("/0").or_else(|| rest.strip_suffix('/')).unwrap_or(rest);
        if hosts.contains(['/', '?', '#']) {
            return Err("a cluster has database 0 only, and takes no parameters".into());
        }
        let at = if credentials.is_empty() { "" } else { "@" };
        let nodes = hosts
            .split(',')
            .map(|host| match host.trim() {
                "" => Err(format!("a host is missing, expected {FORMS}")),
                host => read(&format!("{scheme}://{credentials}{at}{host}")),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if nodes.len() > MAX_SEEDS {
            return Err(format!("{} nodes are named, {MAX_SEEDS} are enough", nodes.len()));
        }
        let mut seeds: Vec<_> = nodes.iter().map(|info| Address::of(info.addr())).collect();
        seeds.sort();
        seeds.dedup();
        let template = nodes.into_iter().next().ok_or_else(|| format!("expected {FORMS}"))?;
        Ok(Self { template, seeds, cluster: true, announced: AddressMap::default() })
    }

    /// With a certificate to show. The error says what is wrong with it, and repeats nothing of it.
    pub fn with_certificate(mut self, certificate: &ClientCertificate) -> Result<Self, String> {
        if !matches!(self.template.addr(), ConnectionAddr::TcpTls { .. }) {
            return Err("a client's certificate is of use by TLS only: the URL must begin with rediss".into());
        }
        let client_tls =
            ClientTlsConfig { client_cert: certificate.chain.clone(), client_key: certificate.key.clone() };
        let certificates = TlsCertificates { client_tls: Some(client_tls), root_cert: None };
        let client = Client::build_with_tls(self.template.clone(), certificates).map_err(|error| {
            format!("the client's certificate or its key cannot be used: {}", error.category())
        })?;
        self.template = with_tcp_settings(client.get_connection_info().clone());
        Ok(self)
    }

    /// With other addresses for those that nodes announce.
    pub fn with_address_map(mut self, announced: AddressMap) -> Self {
        self.announced = announced;
        self
    }

    /// Where a node that announces an address is reached.
    pub fn reachable(&self, announced: &Address) -> Address {
        self.announced.reachable(announced)
    }

    /// The number of the database; 0 on a cluster.
    pub fn database(&self) -> i64 {
        self.template.redis_settings().db()
    }

    /// Whether it names a cluster.
    pub fn is_cluster(&self) -> bool {
        self.cluster
    }

    pub fn seeds(&self) -> &[Address] {
        &self.seeds
    }

    /// The address as configured, without credentials.
    pub fn address(&self) -> String {
        self.seeds.iter().map(Address::to_string).collect::<Vec<_>>().join(",")
    }

    /// How to get to one node. Opens no connection.
    pub fn client(&self, address: &Address) -> redis::RedisResult<Client> {
        Client::open(self.info(address))
    }

    /// As [`client`](Self::client), by RESP3, which can carry messages.
    pub fn client_for_messages(&self, address: &Address) -> redis::RedisResult<Client> {
        let info = self.info(address);
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        Client::open(info.set_redis_settings(settings))
    }

    fn info(&self, address: &Address) -> ConnectionInfo {
        let addr = address.as_addr(self.template.addr());
        self.template.clone().set_addr(addr)
    }
}

fn read(url: &str) -> Result<ConnectionInfo, String> {
    let info =
        url.into_connection_info().map_err(|_| format!("does not parse, expected {FORMS}; {ENCODE}"))?;
    if let ConnectionAddr::TcpTls { insecure, .. } = info.addr() {
        if *insecure {
            return Err("TLS without checking certificates is not supported".into());
        }
        // Which one is otherwise unclear when another crate brings a second. An error means that one is chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let info = with_tcp_settings(info);
    // Some mistakes show only here.
    Client::open(info.clone()).map_err(|error| format!("cannot be used: {}", error.category()))?;
    Ok(info)
}

/// A socket that notices a dead peer even when nothing is asked of it.
fn with_tcp_settings(info: ConnectionInfo) -> ConnectionInfo {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(3))
        .with_retries(3);
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let settings = settings.set_user_timeout(Duration::from_secs(5));
    info.set_tcp_settings(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_and_clusters_are_read() {
        let one = Redis::parse("redis://u:p@localhost:7000/3").expect("reads");
        assert_eq!((one.is_cluster(), one.address().as_str()), (false, "localhost:7000"));
        let text = "redis-cluster://user:p%40ss@a.example:7001,10.0.0.1,[::1]:7003,a.example:7001/";
        let many = Redis::parse(text).expect("reads");
        assert!(many.is_cluster());
        assert_eq!(many.address(), "10.0.0.1:6379,[::1]:7003,a.example:7001");
        for seed in many.seeds() {
            let client = many.client(seed).expect("a client");
            let settings = client.get_connection_info().redis_settings();
            assert_eq!((settings.username(), settings.password()), (Some("user"), Some("p@ss")));
            assert_eq!(&Address::of(client.get_connection_info().addr()), seed);
        }
        assert_eq!(format!("{many:?}"), "Redis(\"10.0.0.1:6379,[::1]:7003,a.example:7001\")");
    }

    #[test]
    fn tls_is_for_every_node() {
        let many = Redis::parse("rediss-cluster://:p@a.example:7001,b.example:7002").expect("reads");
        for address in [&many.seeds()[0], &many.seeds()[1], &Address::tcp("10.0.0.1", 7003)] {
            let client = many.client(address).expect("a client");
            let info = client.get_connection_info();
            assert!(matches!(info.addr(), ConnectionAddr::TcpTls { insecure: false, .. }), "{address}");
            assert_eq!((&Address::of(info.addr()), info.redis_settings().password()), (address, Some("p")));
        }
    }

    #[test]
    fn errors_never_repeat_the_url() {
        for url in [
            "redis://u:s3cret@",
            "http://u:s3cret@h",
            "s3cret",
            "redis-cluster://:s3cret@",
            "redis-cluster://:s3cret@h:1,,h:2",
            "redis-cluster://:s3cret@h:1/5",
            "redis-cluster://:s3cret@h:x",
            "rediss://:s3cret@h:1#insecure",
        ] {
            let error = Redis::parse(url).expect_err(url);
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
