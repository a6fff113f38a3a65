//! How the cache is reached: through a running server, or in Redis itself.

use form_urlencoded::byte_serialize;
use serde_json::{Value, json};

use super::{client::Client, direct::Direct, target::Target};
use crate::config::{ADMIN_TOKEN_FILE, AdminToken, site_options};

/// How the cache is reached.
pub(super) enum Via {
    /// A server's API: knows its memory.
    Server(Client),
    /// Redis alone.
    Redis(Direct),
}

impl Via {
    /// The server at `url` if there is one; otherwise the one at `LEPTOS_SITE_ADDR` if there is a token and it answers;
    /// otherwise Redis, unless only a server knows what is asked for.
    pub(super) async fn find(
        url: Option<&str>,
        token_file: Option<&str>,
        server_only: bool,
    ) -> Result<Self, String> {
        let token = match token_file {
            Some(path) => AdminToken::read("--token-file", path).map(Some),
            None => AdminToken::from_env(),
        };
        let token = token.map_err(|e| e.to_string())?;
        let needed = format!("a server's token is needed: --token-file, or {ADMIN_TOKEN_FILE}");
        if let Some(url) = url {
            return Client::new(url, token.ok_or(needed)?).map(Self::Server);
        }
        let Some(token) = token else {
            return if server_only { Err(needed) } else { Ok(Self::Redis(Direct::open().await?)) };
        };
        let client = Client::new(&local_url()?, token)?;
        if client.answers().await {
            client.check_server().await?;
            return Ok(Self::Server(client));
        }
        if server_only {
            return Err(format!("no server answers at http://{}; name it with --url", client.authority()));
        }
        Ok(Self::Redis(Direct::open().await?))
    }

    pub(super) async fn stats(&self) -> Result<Value, String> {
        match self {
            Self::Server(client) => client.get("/api/cache/stats").await,
            Self::Redis(_) => Err("only a server has statistics: name it with --url".to_owned()),
        }
    }

    pub(super) async fn nodes(&self) -> Result<Value, String> {
        match self {
            Self::Server(client) => {
                let stats = client.get("/api/cache/stats").await?;
                Ok(json!({ "nodes": stats["nodes"], "failovers": stats["failovers"] }))
            }
            Self::Redis(direct) => direct.nodes().await,
        }
    }

    pub(super) async fn inspect(&self, key: &str) -> Result<Value, String> {
        match self {
            Self::Server(client) => {
                let key: String = byte_serialize(key.as_bytes()).collect();
                client.get(&format!("/api/cache/inspect?key={key}")).await
            }
            Self::Redis(direct) => direct.inspect(key).await,
        }
    }

    pub(super) async fn clear(&self, target: &Target, dry_run: bool) -> Result<Value, String> {
        match self {
            Self::Server(client) => {
                let body = json!({ "scope": target.body(), "dry_run": dry_run });
                client.post("/api/cache/clear", &body).await
            }
            Self::Redis(direct) => direct.clear(target, dry_run).await,
        }
    }

    pub(super) async fn undo(&self, handle: u64) -> Result<Value, String> {
        match self {
            Self::Server(client) => client.post("/api/cache/undo", &json!({ "handle": handle })).await,
            Self::Redis(direct) => direct.undo(handle).await,
        }
    }

    /// Lets the others hear of what was done.
    pub(super) async fn close(&self) {
        if let Self::Redis(direct) = self {
            direct.close().await;
        }
    }
}

/// Where the server of this machine listens.
fn local_url() -> Result<String, String> {
    let mut addr = site_options().map_err(|e| e.to_string())?.site_addr;
    // A server that listens everywhere is reached here.
    if addr.ip().is_unspecified() {
        addr.set_ip(if addr.is_ipv4() {
            [127, 0, 0, 1].into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    Ok(format!("http://{addr}"))
}
