//! One node of a cluster that this process started.

use crate::{ClusterAdmin, FaultProxy, RedisServer, Result};

/// The proxies before a node.
#[derive(Debug)]
pub(super) struct Proxies {
    pub client: FaultProxy,
    pub bus: FaultProxy,
}

/// A node of a [`crate::RedisCluster`].
#[derive(Debug)]
pub struct ClusterNode {
    pub(super) index: usize,
    pub(super) server: RedisServer,
    pub(super) proxies: Option<Proxies>,
    /// The port with TLS, if there is one.
    pub(super) tls_port: Option<u16>,
    pub(super) admin: ClusterAdmin,
}

impl ClusterNode {
    /// Its position, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The port that clients are told: the proxy's, if there is one.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.proxies.as_ref().map_or_else(|| self.server.port(), |it| it.client.port())
    }

    /// The server itself, at its own port.
    #[must_use]
    pub fn server(&self) -> &RedisServer {
        &self.server
    }

    /// The proxy before its client port, through which replicas copy too.
    #[must_use]
    pub fn client_proxy(&self) -> Option<&FaultProxy> {
        self.proxies.as_ref().map(|it| &it.client)
    }

    /// The proxy before its bus port, on which the other nodes reach it. It reaches them through theirs: to the others it
    /// stays alive while its own messages get through.
    #[must_use]
    pub fn bus_proxy(&self) -> Option<&FaultProxy> {
        self.proxies.as_ref().map(|it| &it.bus)
    }

    /// SIGKILL, and waits for the end. An ephemeral master forgets its keys by that: started again before a replica took its
    /// place, it is empty, and so are its replicas then.
    ///
    /// # Errors
    /// As [`RedisServer::kill`].
    pub fn kill(&self) -> Result<()> {
        self.server.kill()
    }

    /// Starts it again on the same port and folder: it is the same node to the others.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn start(&self) -> Result<()> {
        self.server.start()
    }

    /// SIGSTOP: connections stay open and nothing answers. Past the node timeout the others take it for failed.
    ///
    /// # Errors
    /// As [`RedisServer::pause`].
    pub fn pause(&self) -> Result<()> {
        self.server.pause()
    }

    /// SIGCONT: undoes [`ClusterNode::pause`].
    ///
    /// # Errors
    /// As [`RedisServer::pause`].
    pub fn resume(&self) -> Result<()> {
        self.server.resume()
    }

    /// Sends a command to this very node, its name first, past any proxy; the answer as `redis-cli` prints it.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] with the node's own error, such as `MOVED …`; [`crate::Error::Io`] when it does not answer
    /// within 2 s.
    pub fn command(&self, command: &[&str]) -> Result<String> {
        self.admin.command(self.index, command).map(|reply| reply.to_string())
    }
}
