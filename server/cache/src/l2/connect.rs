//! Making a connection.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use tokio::time::timeout;

use super::state::L2Error;

/// A connection attempt, handshake included.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Commands that wait to be written to the socket at most.
const QUEUE: usize = 1_024;

/// Opens a connection of our kind, all within [`CONNECT_TIMEOUT`].
pub(super) async fn open(client: &Client, cluster: bool) -> Result<MultiplexedConnection, L2Error> {
    let config = config();
    let connecting = async {
        let mut conn = client.get_multiplexed_async_connection_with_config(&config).await?;
        if cluster {
            // A master takes no notice of it, so nobody needs to know who is what.
            let () = redis::cmd("READONLY").query_async(&mut conn).await?;
        }
        Ok(conn)
    };
    timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or(Err(L2Error::Timeout))
}

/// Timeouts and queue of our connections. Answers have no limit here: every exchange has its own, and a second timer for
/// each command would cost as much as the first.
pub(super) fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE)
}
