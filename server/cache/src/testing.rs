//! What unit tests with a real Redis share.

use std::time::Duration;

use local_servers::RedisServer;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

use crate::codec::{CodecError, Value, from_postcard, to_postcard};

/// Every wait for a condition ends after this.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A small value.
#[derive(Debug)]
pub struct Number(pub u64);

impl Value for Number {
    const SCHEMA: u16 = 1;

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        to_postcard(&self.0)
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        from_postcard(bytes).map(Self)
    }

    fn weight(&self) -> usize {
        size_of::<Self>()
    }
}

pub async fn redis() -> RedisServer {
    let start = tokio::task::spawn_blocking(RedisServer::ephemeral);
    start.await.expect("no panic").expect("Redis starts")
}

/// A plain connection beside the cache.
pub async fn plain(redis: &RedisServer) -> MultiplexedConnection {
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let client = redis::Client::open(redis.url()).expect("a URL");
    client.get_multiplexed_async_connection_with_config(&patient).await.expect("connects")
}
