//! What the tests share.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod cluster;
pub mod place;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use local_servers::RedisServer;
use tidemark_cache::{Cache, Category, CodecError, Hit, LoadError, Loaded, Policy, Value, Want, codec};

/// Every wait for a condition ends after this.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A value of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Value for Text {
    const SCHEMA: u16 = 1;

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        codec::to_postcard(&self.0)
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::from_postcard(bytes).map(Self)
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + self.0.capacity()
    }
}

/// The error of the tests' source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Down(pub &'static str);

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

pub type Texts = Category<String, Text>;
pub type Answer = Result<Hit<Text>, LoadError<Down>>;

/// A policy without chance in it: nothing expires unless the test says so.
pub fn steady() -> Policy {
    Policy::default()
        .fresh_for(Duration::from_secs(1_000))
        .stale_for(Duration::from_secs(10_000))
        .jitter(0.0)
        .retry_after(Duration::ZERO)
}

/// A policy whose values are past their soft life at once.
pub fn soft() -> Policy {
    steady().fresh_for(Duration::from_millis(1))
}

pub async fn redis() -> Arc<RedisServer> {
    let start = tokio::task::spawn_blocking(RedisServer::ephemeral);
    Arc::new(start.await.expect("no panic").expect("Redis starts"))
}

/// Runs something that blocks, such as a kill and its wait.
pub async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

/// A cache on that Redis, connected.
pub async fn cache_on(redis: &RedisServer) -> Cache {
    let cache = Cache::builder()
        .redis(Some(redis.url()))
        // A busy machine must not turn a hit into a miss.
        .l2_timeout(Duration::from_secs(1))
        .build()
        .expect("builds");
    assert!(cache.wait_for_l2(PATIENCE).await, "connects: {:?}", cache.l2_state());
    cache
}

pub fn memory_only() -> Cache {
    Cache::builder().build().expect("builds")
}

pub fn texts(cache: &Cache, policy: Policy) -> Texts {
    cache.category("texts", policy).expect("a category")
}

pub fn key(text: &str) -> String {
    text.to_owned()
}

/// Loads `text` as `version`.
pub async fn load(texts: &Texts, name: &str, text: &str, version: u64) -> Answer {
    load_wanting(texts, name, Want::any(), text, version).await
}

pub async fn load_wanting(texts: &Texts, name: &str, want: Want, text: &str, version: u64) -> Answer {
    let text = Text(text.to_owned());
    texts.get_or_load(&key(name), want, move || async move { Ok(Loaded::new(text, version)) }).await
}

/// Reads with a source that is down.
pub async fn load_failing(texts: &Texts, name: &str) -> Answer {
    texts.get_or_load(&key(name), Want::any(), || async { Err(Down("source is down")) }).await
}

/// Waits for a condition.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a condition that takes asking.
pub async fn until_async<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until all writes to Redis that were begun have ended.
pub async fn written(cache: &Cache, name: &str, writes: u64) {
    until(&format!("{writes} writes have ended: {:?}", cache.stats()), || {
        let l2 = cache.stats().categories[name].l2;
        l2.writes + l2.refused + l2.write_errors >= writes
    })
    .await;
}

/// Counts calls.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<AtomicU64>);

impl Calls {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A plain connection beside the cache, to look and to meddle.
pub async fn plain(redis: &RedisServer) -> redis::aio::MultiplexedConnection {
    plain_at(&redis.url()).await
}

/// As [`plain`], at that URL. A busy machine has its time: the library's own limit is half a second.
pub async fn plain_at(url: &str) -> redis::aio::MultiplexedConnection {
    let patient = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let client = redis::Client::open(url).expect("a URL");
    client.get_multiplexed_async_connection_with_config(&patient).await.expect("connects")
}

/// Settings of a cache whose way to Redis is to be disturbed, at that URL.
pub fn builder_at(url: String) -> tidemark_cache::Builder {
    Cache::builder().redis(Some(url))
}

/// Builds, and waits until it is connected.
pub async fn connected(builder: tidemark_cache::Builder) -> Cache {
    let cache = builder.build().expect("builds");
    assert!(cache.wait_for_l2(PATIENCE).await, "connects: {:?}", cache.l2_state());
    cache
}

/// A proxy before that Redis, and the URL through it.
pub async fn proxy_before(redis: &RedisServer) -> (Arc<local_servers::FaultProxy>, String) {
    let port = redis.port();
    let proxy = blocking(move || local_servers::FaultProxy::before(port)).await.expect("a proxy");
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    (Arc::new(proxy), url)
}

/// Does something with a server or proxy that may block.
pub async fn on<T: Send + Sync + 'static>(
    thing: &Arc<T>,
    act: impl FnOnce(&T) -> local_servers::Result<()> + Send + 'static,
) {
    let thing = Arc::clone(thing);
    blocking(move || act(&thing)).await.expect("it does as told");
}

/// Bytes of an entry as another process would have written it: the same, of another version.
pub fn with_version(entry: &[u8], version: u64) -> Vec<u8> {
    let mut bytes = entry.to_vec();
    bytes[48..56].copy_from_slice(&version.to_be_bytes());
    let mut summed = bytes[..72].to_vec();
    summed.extend_from_slice(&bytes[80..]);
    bytes[72..80].copy_from_slice(&xxhash_rust::xxh3::xxh3_64(&summed).to_be_bytes());
    bytes
}

/// The version and the flags of the entry of that name in Redis.
pub async fn in_redis(plain: &mut redis::aio::MultiplexedConnection, name: &str) -> Option<(u64, u8)> {
    let key = format!("tm:e:texts:{{{name}}}");
    let bytes: Vec<u8> =
        redis::cmd("GETRANGE").arg(key).arg(0).arg(79).query_async(plain).await.expect("answers");
    let version = bytes.get(48..56)?.try_into().ok().map(u64::from_be_bytes)?;
    Some((version, *bytes.get(9)?))
}

/// Waits until these caches, all that are on their Redis, have heard each other and themselves: then nothing is compared
/// with Redis without a cause.
pub async fn settled(caches: &[&Cache]) {
    for cache in caches {
        until("it hears the others", || {
            let heard = cache.stats().coherence;
            heard.trusted && heard.publishers == caches.len() as u64 - 1
        })
        .await;
    }
}

/// Waits until a read without a load answers so, not marked stale.
pub async fn until_version(texts: &Texts, name: &str, version: u64) {
    until_async(&format!("{name} is version {version}"), || async {
        texts.get(&key(name)).await.is_some_and(|hit| hit.version == version && hit.stale.is_none())
    })
    .await;
}
