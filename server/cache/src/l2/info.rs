//! `INFO` and `CLUSTER NODES`, as far as health needs them.

/// The answer of `INFO`.
pub(super) struct Info<'a>(pub &'a str);

impl<'a> Info<'a> {
    /// The text of a field.
    pub fn text(&self, field: &str) -> Option<&'a str> {
        self.0.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(str::trim_end)
    }

    /// The number in a field.
    pub fn number(&self, field: &str) -> Option<u64> {
        self.text(field)?.parse().ok()
    }

    /// Keys of all databases, from lines such as `db0:keys=5,expires=1,avg_ttl=0`.
    pub fn keys(&self) -> u64 {
        let of_line = |line: &str| -> Option<u64> {
            let (name, fields) = line.split_once(':')?;
            name.strip_prefix("db")?.parse::<u32>().ok()?;
            fields.split(',').find_map(|field| field.strip_prefix("keys="))?.parse().ok()
        };
        self.0.lines().filter_map(of_line).sum()
    }

    /// Of a master: its replicas as (offset, seconds since the last word), from `slave0:ip=…,offset=5,lag=1`.
    pub fn replicas(&self) -> Vec<(u64, u64)> {
        let field = |line: &str, name: &str| -> Option<u64> {
            line.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))?.trim().parse().ok()
        };
        let of_line = |line: &str| -> Option<(u64, u64)> {
            let (name, fields) = line.split_once(':')?;
            name.strip_prefix("slave")?.parse::<u32>().ok()?;
            Some((field(fields, "offset")?, field(fields, "lag")?))
        };
        self.0.lines().filter_map(of_line).collect()
    }
}

/// A node as `CLUSTER NODES` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClusterNode {
    pub id: String,
    /// `host:port` as written, without bus port and host name; the host may be missing.
    pub address: String,
    pub host_name: Option<String>,
    pub master: bool,
    /// The others think it has failed, or are about to.
    pub failed: bool,
    /// The one that answered.
    pub myself: bool,
    pub slots: Vec<(u16, u16)>,
    /// Slots on their way to or from it.
    pub moving: u64,
}

/// Reads `CLUSTER NODES`: `id ip:port@bus[,name] flags master ping pong epoch link slot…` a line. What is malformed is
/// left out.
pub(super) fn cluster_nodes(text: &str) -> Vec<ClusterNode> {
    text.lines().filter_map(cluster_node).collect()
}

fn cluster_node(line: &str) -> Option<ClusterNode> {
    let mut fields = line.split_ascii_whitespace();
    let (id, place, flags) = (fields.next()?, fields.next()?, fields.next()?);
    let (address, rest) = place.split_once('@').unwrap_or((place, ""));
    let has = |flag| flags.split(',').any(|f| f == flag);
    let mut node = ClusterNode {
        id: id.to_owned(),
        address: address.to_owned(),
        host_name: rest.split(',').nth(1).filter(|name| !name.is_empty()).map(str::to_owned),
        master: has("master"),
        failed: has("fail") || has("fail?"),
        myself: has("myself"),
        slots: Vec::new(),
        moving: 0,
    };
    for slots in fields.skip(5) {
        if slots.starts_with('[') {
            node.moving += 1;
            continue;
        }
        let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
        node.slots.push((first.parse().ok()?, last.parse().ok()?));
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_is_read() {
        let info = Info(
            "# Memory\r\nused_memory:1024\r\nused_memory_human:1K\r\nrole:master\r\n\
             slave0:ip=127.0.0.1,port=7004,state=online,offset=90,lag=2\r\n\
             db0:keys=5,expires=1,avg_ttl=0\r\ndb3:keys=2,expires=0,avg_ttl=0\r\n",
        );
        assert_eq!((info.number("used_memory"), info.text("role")), (Some(1_024), Some("master")));
        assert_eq!((info.keys(), info.replicas(), info.number("absent")), (7, vec![(90, 2)], None));
    }

    #[test]
    fn nodes_are_read() {
        let nodes = cluster_nodes(
            "aa 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-5460 5462 [5461->-bb]\n\
             bb 127.0.0.1:7002@17002,redis.example slave,fail aa 0 0 1 disconnected\n\
             cc :0@0 master,noaddr - 0 0 1 disconnected\n\
             nonsense\n",
        );
        assert_eq!(nodes.len(), 3);
        assert_eq!(
            (nodes[0].slots.as_slice(), nodes[0].moving),
            ([(0, 5_460), (5_462, 5_462)].as_slice(), 1)
        );
        assert!(nodes[0].master && nodes[0].myself && !nodes[0].failed);
        assert!(!nodes[1].master && nodes[1].failed);
        assert_eq!(nodes[1].host_name.as_deref(), Some("redis.example"));
    }
}
