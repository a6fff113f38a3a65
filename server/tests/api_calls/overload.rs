//! Too much at once: what costs much is refused, what costs little goes on.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use local_servers::{PostgresServer, wait_until};

use crate::support::{Holder, SOON, Server, Setup, import_sample};

#[test]
fn when_batches_take_all_their_places_cheap_calls_go_on() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let policies = "[cache.categories.directory]\nfresh_for = \"1h\"\nstale_for = \"2h\"\n\
                    [cache.categories.prices]\nfresh_for = \"1h\"\nstale_for = \"2h\"\n";
    let server = Server::start(&Setup {
        postgres: Some(&postgres.url()),
        feed: Some("none"),
        policies: Some(policies),
        env: &[("TIDEMARK_TRUSTED_PROXIES", "127.0.0.1")],
        ..Setup::default()
    });
    assert_eq!(server.get("/api/latest_prices").status, 200);
    assert_eq!(server.get("/api/chart_data?symbol=BTC&interval=1d").status, 200);
    // Candles cannot be read now: whoever asks for new ones waits.
    let holder = Holder::lock(&postgres.url(), "candles");
    let refused = AtomicUsize::new(0);
    thread::scope(|scope| {
        let batches: Vec<_> = (0..40)
            .map(|n| {
                let path = format!("/api/charts?symbols=BTC,ETH&interval=1h&limit={}", n + 1);
                let (server, refused) = (&server, &refused);
                scope.spawn(move || {
                    let answer =
                        server.get_with(&path, &[("x-forwarded-for", &format!("203.0.113.{}", n / 8))]);
                    if answer.status != 200 {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    answer
                })
            })
            .collect();
        let full = wait_until(SOON, || refused.load(Ordering::Relaxed) > 0);
        assert!(full, "{}", server.log());
        for path in ["/api/latest_prices", "/api/chart_data?symbol=BTC&interval=1d", "/readyz", "/api"] {
            assert_eq!(server.get(path).status, 200, "{path}");
        }
        holder.release();
        let answers: Vec<_> = batches.into_iter().map(|batch| batch.join().unwrap()).collect();
        for refused in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!((refused.status, refused.header("retry-after")), (503, "1"));
            assert!(refused.text().contains("too many batches of charts at once"), "{}", refused.text());
        }
        assert!(answers.iter().any(|answer| answer.status == 200));
    });
    assert_eq!(server.get("/api/charts?symbols=XRP&interval=1h&limit=77").status, 200);
}
