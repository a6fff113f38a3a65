//! A proxy in front of Postgres whose open connections can fall silent.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Passes bytes on between its own port and a server's.
pub struct Proxy {
    address: SocketAddr,
    silence: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// In front of the server of this URL.
    pub async fn start(url: &str) -> Self {
        let server = format!("127.0.0.1:{}", port(url));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let silence = watch::Sender::new(());
        let heard = silence.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (server, mut silent) = (server.clone(), heard.subscribe());
                tokio::spawn(async move {
                    let Ok(mut server) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        // Both sockets stay open, and nothing passes.
                        _ = silent.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, silence, accepting }
    }

    /// The server's URL, by way of this proxy.
    pub fn url(&self, url: &str) -> String {
        url.replace(&format!(":{}/", port(url)), &format!(":{}/", self.address.port()))
    }

    /// From now on nothing passes through the connections that are open; new ones work.
    pub fn silence_open_connections(&self) {
        self.silence.send(()).unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn port(url: &str) -> &str {
    url.rsplit_once('/').unwrap().0.rsplit_once(':').unwrap().1
}
