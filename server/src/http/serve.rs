//! Listening, and stopping in peace.

use std::{io, time::Duration};

use axum::{Router, serve::ListenerExt};
use tokio::{net::TcpListener, signal};

use super::Health;

/// How long open requests may take after a stop is asked for.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until SIGINT or SIGTERM, then lets open requests finish, for at most ten seconds.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, router: Router, health: Health) -> io::Result<()> {
    // Without this every streamed page waits for a delayed acknowledgement of its first packet.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
    });
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop_asked().await;
        tracing::info!("stopping: open requests have {} s", GRACE.as_secs());
        health.drain();
        let _ = stopping.send(true);
    });
    tokio::select! {
        result = server => result,
        () = async {
            // An error means that the sender is gone, and with it the server: the other branch is ready.
            let _ = stopped.wait_for(|s| *s).await;
            tokio::time::sleep(GRACE).await;
        } => {
            tracing::warn!("some requests did not finish in time");
            Ok(())
        }
    }
}

/// Waits for a stop signal.
async fn stop_asked() {
    let interrupt = async {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut stream) => {
                stream.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! { () = interrupt => {}, () = terminate => {} }
}
