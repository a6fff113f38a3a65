//! Listening, and stopping in peace.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, http::Request};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal,
    sync::Semaphore,
};
use tower::ServiceExt;

use super::{
    ClientKey,
    client::{BeyondLimit, Listener, Peer},
    descriptors,
    shares::{Share, Shares},
    stall::{MinRate, Pace, StallLimit},
};
use crate::{
    config::{EdgeSettings, MAX_CONNECTIONS_PER_CLIENT, TRUSTED_PROXIES, TrustedProxies},
    log_limit::Throttle,
};

/// Longest time to send the head of a request, and to leave a connection idle.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// Connections of one client beyond its limit that are accepted for one request each: so its health checks are answered, and
/// everything else learns why it is refused.
const SPARE_CONNECTIONS: usize = 16;
/// Longest time to send the head of a request on one of those.
const SPARE_HEAD_WITHIN: Duration = Duration::from_secs(2);
/// How long a client is watched that has to take an answer, before it counts as too slow.
const RATE_WINDOW: Duration = Duration::from_secs(10);
/// Largest head of a request, and largest part of an answer that a connection keeps ready, bytes.
const BUFFER: usize = 64 << 10;
/// Bytes of an answer that the system keeps for a connection and has not sent. It bounds the system's memory for slow clients, and
/// the system takes more only after the client has.
const UNSENT_IN_SYSTEM: u32 = 32 << 10;
/// How long open requests may take after a stop is asked for.
const GRACE: Duration = Duration::from_secs(10);
/// Rest after a failed accept, which for lack of descriptors would fail again at once.
const REST: Duration = Duration::from_secs(1);

/// What clients may take up.
#[derive(Clone)]
struct ConnectionLimits {
    connections: usize,
    /// Of one client that is no proxy.
    per_client: usize,
    proxies: TrustedProxies,
    head_within: Duration,
    rate: MinRate,
}

/// Serves until SIGINT or SIGTERM, then lets open requests finish, for at most ten seconds.
pub async fn serve(listener: TcpListener, router: Router, settings: &EdgeSettings) {
    let limits = ConnectionLimits {
        connections: descriptors::for_connections(descriptors::MAX_CONNECTIONS),
        per_client: settings.load.connections_per_client,
        proxies: settings.proxies.clone(),
        head_within: HEAD_WITHIN,
        rate: MinRate {
            bytes: settings.load.min_body_rate.saturating_mul(RATE_WINDOW.as_secs()),
            window: RATE_WINDOW,
        },
    };
    run(listener, router, limits, stop_asked()).await;
}

/// Connections by client.
struct Connections {
    shares: Shares,
    spare: Shares,
    proxies: TrustedProxies,
    refused: Throttle,
}

impl Connections {
    /// Counts one more of this client, and whether it is beyond the limit; none where even those are too many. A proxy's are its
    /// clients', who share it.
    fn take(&self, peer: SocketAddr) -> Option<(Share, bool)> {
        let client = ClientKey::of(peer.ip().to_canonical());
        if self.proxies.contain(peer.ip()) {
            return Some((self.shares.take_anyway(client, 0), false));
        }
        if let Ok(taken) = self.shares.take_one(client) {
            return Some((taken, false));
        }
        if self.refused.claim() {
            let address = peer.ip();
            tracing::warn!(
                %address,
                "{address} has as many connections as {MAX_CONNECTIONS_PER_CLIENT} allows, and more are refused; \
                 if it is a reverse proxy, name it in {TRUSTED_PROXIES}"
            );
        }
        Some((self.spare.take_one(client).ok()?, true))
    }
}

async fn run(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()>,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let connections = Connections {
        shares: Shares::new(usize::MAX, limits.per_client),
        spare: Shares::new(usize::MAX, SPARE_CONNECTIONS),
        proxies: limits.proxies,
        refused: Throttle::new(Duration::from_secs(60)),
    };
    let open = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_within).max_buf_size(BUFFER);
    let mut once = http.clone();
    once.keep_alive(false).header_read_timeout(limits.head_within.min(SPARE_HEAD_WITHIN));
    let mut stop = pin!(stop);
    loop {
        // The permit comes first: a connection that is not accepted costs no descriptor.
        let accepting = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, accept(&listener).await)
        };
        let (permit, (stream, peer)) = tokio::select! {
            accepted = accepting => accepted,
            () = &mut stop => break,
        };
        let Some((own, beyond)) = connections.take(peer) else {
            continue;
        };
        // What limits count by, and how fast the client has to read.
        let pace = Pace::new(limits.rate);
        let listener = stream.local_addr().ok().map(Listener);
        let stream = TokioIo::new(StallLimit::new(stream, pace.clone()));
        let service = router.clone().map_request(move |mut request: Request<_>| {
            pace.reset();
            request.extensions_mut().insert(pace.clone());
            request.extensions_mut().insert(Peer(peer));
            if let Some(listener) = listener {
                request.extensions_mut().insert(listener);
            }
            if beyond {
                request.extensions_mut().insert(BeyondLimit);
            }
            request
        });
        let http = if beyond { &once } else { &http };
        let connection = open.watch(http.serve_connection(stream, TowerToHyperService::new(service)));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
            drop((permit, own));
        });
    }
    drop(listener);
    tracing::info!("stopping: open requests have {} s", GRACE.as_secs());
    if tokio::time::timeout(GRACE, open.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

/// The next connection. Failures are of that connection, or pass: the listener stays.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Without this every streamed page waits for a delayed acknowledgement of its first packet.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY cannot be set");
                }
                #[cfg(any(target_os = "linux", target_os = "macos"))]
                if let Err(error) = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_IN_SYSTEM) {
                    tracing::debug!(%error, "TCP_NOTSENT_LOWAT cannot be set");
                }
                return (stream, peer);
            }
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted: {error}");
                tokio::time::sleep(REST).await;
            }
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

#[cfg(test)]
mod tests {
    use axum::{Extension, routing::get};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::oneshot,
        task::JoinHandle,
        time::timeout,
    };

    use super::*;
    use crate::http::guard;

    const SOON: Duration = Duration::from_secs(20);
    /// Everything is allowed.
    fn limits() -> ConnectionLimits {
        ConnectionLimits {
            connections: 8,
            per_client: 8,
            proxies: TrustedProxies::default(),
            head_within: Duration::from_secs(3_600),
            rate: MinRate { bytes: 0, window: SOON },
        }
    }

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

    async fn start(limits: ConnectionLimits) -> (std::net::SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let endless = || async {
            let chunk = bytes::Bytes::from(vec![0; 64 << 10]);
            let chunks = futures::stream::repeat_with(move || Ok::<_, io::Error>(chunk.clone()));
            axum::body::Body::from_stream(chunks)
        };
        let patient = move |Extension(pace): Extension<Pace>| {
            pace.set(MinRate { bytes: 1, window: 10 * SOON }, tokio::time::Instant::now() + 20 * SOON);
            endless()
        };
        let strict = move |Extension(pace): Extension<Pace>| {
            let window = Duration::from_millis(300);
            pace.set(MinRate { bytes: 1, window }, tokio::time::Instant::now() + SOON);
            endless()
        };
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/endless", get(endless))
            .route("/strict", get(strict))
            .route("/patient", get(patient));
        let router = guard(router).route("/healthz", get(|| async { "here" }));
        let stopped = async move {
            let _ = stopped.await;
        };
        (address, stop, tokio::spawn(run(listener, router, limits, stopped)))
    }

    /// Sends this, and reads up to the body of the answer or the end of the connection.
    async fn ask(stream: &mut TcpStream, bytes: &[u8]) -> String {
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"here") && stream.read_buf(&mut answer).await.unwrap() > 0 {}
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn half_a_head_and_an_idle_connection_are_closed_in_time() {
        let limits = ConnectionLimits { head_within: Duration::from_millis(200), ..limits() };
        let (address, _stop, _server) = start(limits).await;
        for (bytes, expected) in [(&b""[..], ""), (&REQUEST[..20], ""), (REQUEST, "here")] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let answer = timeout(SOON, ask(&mut stream, bytes)).await.expect("still open");
            assert!(answer.ends_with(expected), "{answer}");
            let rest = timeout(SOON, stream.read_to_end(&mut Vec::new())).await.expect("still open");
            assert!(rest.is_ok());
        }
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_for_a_place() {
        let limits = ConnectionLimits { connections: 2, ..limits() };
        let (address, _stop, _server) = start(limits).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        // Both are surely accepted: they were answered, and stay open.
        for stream in [&mut first, &mut second] {
            assert!(timeout(SOON, ask(stream, REQUEST)).await.unwrap().ends_with("here"));
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        // That nothing comes can only be seen for a while.
        assert!(timeout(Duration::from_millis(500), ask(&mut third, REQUEST)).await.is_err());
        drop(first);
        assert!(timeout(SOON, ask(&mut third, b"")).await.unwrap().ends_with("here"));
    }

    #[tokio::test]
    async fn beyond_its_share_of_connections_a_client_is_refused_and_asks_for_health_again_and_again() {
        let (address, _stop, _server) = start(ConnectionLimits { per_client: 1, ..limits() }).await;
        let mut own = TcpStream::connect(address).await.unwrap();
        assert!(timeout(SOON, ask(&mut own, REQUEST)).await.unwrap().ends_with("here"));
        // It is answered after its request was read, so that the end of the connection does not overtake the answer.
        let mut beyond = TcpStream::connect(address).await.unwrap();
        let refused = timeout(SOON, ask(&mut beyond, REQUEST)).await.unwrap();
        let (head, body) = refused.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        // Each of these connections ends after its answer, or there would soon be none left.
        for _ in 0..2 * SPARE_CONNECTIONS {
            let mut probe = TcpStream::connect(address).await.unwrap();
            let health = timeout(SOON, ask(&mut probe, HEALTH)).await.unwrap();
            assert!(health.starts_with("HTTP/1.1 200 ") && health.ends_with("here"), "{health}");
            assert!(timeout(SOON, probe.read_to_end(&mut Vec::new())).await.is_ok());
        }
    }

    #[tokio::test]
    async fn a_proxy_has_as_many_connections_as_it_wants() {
        let limits = ConnectionLimits { per_client: 2, proxies: "127.0.0.1".parse().unwrap(), ..limits() };
        let (address, _stop, _server) = start(limits).await;
        let mut streams = Vec::new();
        for _ in 0..4 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            assert!(timeout(SOON, ask(&mut stream, REQUEST)).await.unwrap().ends_with("here"));
            streams.push(stream);
        }
    }

    #[tokio::test]
    async fn a_stop_closes_idle_connections_and_the_listener() {
        let (address, stop, server) = start(limits()).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        assert!(timeout(SOON, ask(&mut idle, REQUEST)).await.unwrap().ends_with("here"));
        stop.send(()).unwrap();
        timeout(SOON, server).await.expect("does not stop").unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn an_answer_may_ask_less_of_its_client_than_is_usual() {
        // More than anybody can take.
        let rate = MinRate { bytes: u64::MAX, window: Duration::from_millis(300) };
        let (address, _stop, _server) = start(ConnectionLimits { rate, ..limits() }).await;
        let mut patient = TcpStream::connect(address).await.unwrap();
        let mut usual = TcpStream::connect(address).await.unwrap();
        patient.write_all(b"GET /patient HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut start = [0; 12];
        patient.read_exact(&mut start).await.unwrap();
        // It rests for as long as it takes to cut another one off, twice.
        for _ in 0..2 {
            usual.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let mut buffer = [0; 1_000];
            let cut_off = async { while usual.read(&mut buffer).await.is_ok_and(|length| length > 0) {} };
            timeout(SOON, cut_off).await.expect("still open");
            usual = TcpStream::connect(address).await.unwrap();
        }
        let mut read = 0;
        let mut buffer = vec![0; 1 << 20];
        // More than the system keeps for a connection.
        while read < 64 << 20 {
            let length = timeout(SOON, patient.read(&mut buffer)).await.unwrap().unwrap();
            assert!(length > 0, "cut off after {read} bytes");
            read += length;
        }
    }

    #[tokio::test]
    async fn an_answer_may_ask_more_of_its_client_than_is_usual() {
        // Usually nothing is asked.
        let (address, _stop, _server) = start(limits()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /strict HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        // It rests until the server is seen to have closed the connection.
        let closed = async {
            while stream.write(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await
            }
        };
        timeout(SOON / 2, closed).await.expect("still open");
    }

    #[tokio::test]
    async fn who_takes_nothing_of_an_answer_is_cut_off_and_who_reads_is_not() {
        let window = Duration::from_millis(500);
        let limits = ConnectionLimits { rate: MinRate { bytes: 1, window }, ..limits() };
        let (address, _stop, _server) = start(limits).await;
        let request = b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n";
        let mut reader = TcpStream::connect(address).await.unwrap();
        let mut idle = TcpStream::connect(address).await.unwrap();
        reader.write_all(request).await.unwrap();
        idle.write_all(request).await.unwrap();
        // It reads all the time, for longer than the other may rest.
        let until = tokio::time::Instant::now() + 4 * window;
        let mut buffer = vec![0; 1 << 20];
        while tokio::time::Instant::now() < until {
            assert!(timeout(SOON, reader.read(&mut buffer)).await.unwrap().unwrap() > 0);
        }
        // What was sent before may still be there; then comes the end, however it looks.
        let rest = async { while idle.read(&mut buffer).await.is_ok_and(|length| length > 0) {} };
        timeout(SOON, rest).await.expect("still open");
    }
}
