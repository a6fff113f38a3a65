//! Directory, latest prices, errors, and the word of changes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod store_support;

use std::time::Duration;

use local_servers::PostgresServer;
use model::{Interval, Source};
use rust_decimal::Decimal;
use store_support::{proxy::Proxy, *};
use tidemark::{
    import::Options,
    store::{Store, StoreError},
};
use tokio::sync::mpsc;

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_lists_what_has_candles() {
    let (store, _) = database().await;
    assert_eq!(store.directory().await.unwrap().version, 0);
    let folder = Folder::new();
    let hours = folder.file("ZZZ-USD-1h.csv", csv(bars(3_600_000, [5, 6, 9], 1.0)));
    let days = folder.file("ZZZ-USD-1d.csv", csv(bars(86_400_000, [1], 1.0)));
    import_good(&store, &sample("BTC")).await;
    import_good(&store, &days).await;
    let newest = import_good(&store, &hours).await.revision.unwrap();
    let directory = store.directory().await.unwrap();
    assert_eq!(directory.version, newest);
    let listed: Vec<_> = directory
        .series
        .iter()
        .map(|s| (s.symbol.as_str(), s.name.as_str(), s.source.as_str(), s.finest, s.first_open, s.last_open))
        .collect();
    assert_eq!(
        listed,
        [
            ("BTC", "Bitcoin", "recorded", Interval::M30, 1_506_816_000_000, 1_554_075_000_000),
            ("ZZZ", "ZZZ", "recorded", Interval::H1, 5 * 3_600_000, 9 * 3_600_000),
            ("ZZZ", "ZZZ", "recorded", Interval::D1, 86_400_000, 86_400_000),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_prices_are_the_last_24_hours_of_the_files() {
    let (store, _) = database().await;
    for symbol in SAMPLE {
        import_good(&store, &sample(symbol)).await;
    }
    let latest = store.latest(&Source::RECORDED).await.unwrap();
    assert_eq!(latest.version, store.directory().await.unwrap().version);
    let symbols: Vec<_> = latest.quotes.iter().map(|q| q.symbol.as_str()).collect();
    assert_eq!(symbols, SAMPLE);
    for quote in &latest.quotes {
        let lines = read_sample(quote.symbol.as_str());
        let as_of = lines.last().unwrap().0 + 1_800_000;
        let day: Vec<_> = lines.iter().filter(|line| line.0 >= as_of - 86_400_000).collect();
        let decimal = |number: f64| number.to_string().parse::<Decimal>().unwrap();
        assert_eq!(quote.as_of, as_of);
        assert_eq!(quote.price, decimal(lines.last().unwrap().4));
        assert_eq!(quote.open_24h, Some(decimal(day[0].1)));
        assert_eq!(quote.high_24h, day.iter().map(|line| decimal(line.2)).max());
        assert_eq!(quote.low_24h, day.iter().map(|line| decimal(line.3)).min());
        assert_eq!(quote.volume_24h, Some(day.iter().map(|line| decimal(line.5)).sum::<Decimal>()));
        let change = (lines.last().unwrap().4 / day[0].1 - 1.0) * 100.0;
        assert!((quote.change_24h_pct.unwrap() - change).abs() < 1e-9, "{quote:?} {change}");
    }
    // From the shipped file, by hand.
    assert_eq!(latest.quotes[0].price.to_string(), "4167.5");
    assert_eq!(store.latest(&Source::new("binance")).await.unwrap().quotes, []);
    assert_eq!(store.latest(&Source::new("nobody")).await.unwrap().version, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_prices_hold_the_smallest_and_the_largest_numbers() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let days = "open_time,open,high,low,close,volume\n345600000,1e-9,1e20,1.5e-12,2.5e-10,1e20\n";
    import_good(&store, &folder.file("ODD-USD-1d.csv", days)).await;
    let quote = store.latest(&Source::RECORDED).await.unwrap().quotes.remove(0);
    assert_eq!(quote.price.to_string(), "0.00000000025");
    assert_eq!(quote.low_24h.unwrap().to_string(), "0.0000000000015");
    assert_eq!(quote.high_24h.unwrap().to_string(), "100000000000000000000");
    assert_eq!(quote.volume_24h.unwrap().to_string(), "100000000000000000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_and_intervals_do_not_mix() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let hours = folder.file("MIX-USD-1h.csv", csv(bars(3_600_000, 0..48, 1.0)));
    let days = folder.file("MIX-USD-1d.csv", csv(bars(86_400_000, 0..2, 7.0)));
    import_good(&store, &hours).await;
    import_good(&store, &days).await;
    let other = Options { source: Some(Source::new("other")), ..recorded() };
    import(&store, &days, &other).await.0.unwrap();
    let directory = store.directory().await.unwrap();
    let series = directory.series;
    assert_eq!(series.len(), 3);
    let of_recorded = series.iter().filter(|s| s.source == Source::RECORDED).map(|s| s.revision).max();
    assert_eq!(Some(store.latest(&Source::RECORDED).await.unwrap().version), of_recorded);
    // The daily bar rolled up from hours stays what the hours say.
    let hourly = series.iter().find(|s| s.finest == Interval::H1).unwrap();
    let day = store.candles(hourly.id, Interval::D1, None, None, 1).await.unwrap().unwrap();
    assert_eq!(day.candles[0].volume, 24.0);
    assert_eq!(store.latest(&Source::new("other")).await.unwrap().quotes.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_price_is_of_the_series_that_goes_on_longest() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let hours = bars(3_600_000, 0..48, 1.0);
    import_good(&store, &folder.file("OLD-USD-1h.csv", csv(hours.clone()))).await;
    import_good(&store, &folder.file("OLD-USD-1m.csv", csv(bars(60_000, 0..10, 9.0)))).await;
    let quote = async || store.latest(&Source::RECORDED).await.unwrap().quotes.remove(0);
    let old = quote().await;
    assert_eq!(old.as_of, 48 * 3_600_000);
    assert_eq!(old.price, hours[47].4.to_string().parse::<Decimal>().unwrap());
    // A bar of the second day, though it ends with the hours: it may still run.
    import_good(&store, &folder.file("OLD-USD-1d.csv", csv(bars(86_400_000, 0..2, 1.0)))).await;
    assert_eq!(quote().await, old);
    let days = bars(86_400_000, 0..3, 1.0);
    import_good(&store, &folder.file("OLD-USD-1d.csv", csv(days.clone()))).await;
    assert_eq!(quote().await.as_of, 3 * 86_400_000);
    assert_eq!(quote().await.price, days[2].4.to_string().parse::<Decimal>().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_and_a_newer_schema_are_told_apart_from_an_absent_server() {
    let url = empty_database().await;
    let store = Store::connect_lazy(&url).unwrap();
    for error in [store.ping().await.unwrap_err(), store.directory().await.unwrap_err()] {
        assert!(matches!(error, StoreError::Schema { .. }), "{error}");
        assert!(error.to_string().contains("tidemark migrate"), "{error}");
    }
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    store.ping().await.unwrap();
    let mut connection = connection(&url).await;
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (9999, 'later', now(), true, '\\x00', 1)")
        .execute(&mut connection)
        .await
        .unwrap();
    for error in [store.ping().await.unwrap_err(), store.migrate().await.unwrap_err()] {
        assert!(matches!(&error, StoreError::Schema { reason } if reason.contains("9999")), "{error}");
    }
    let wrong = url.rsplit_once('/').unwrap().0.to_owned() + "/nowhere";
    let error = Store::connect_lazy(&wrong).unwrap().ping().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unavailable { reason, .. } if reason.contains("nowhere")),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_migrations_do_no_harm() {
    let url = empty_database().await;
    let store = Store::connect_lazy(&url).unwrap();
    let others = [(); 4].map(|()| {
        let store = Store::connect_lazy(&url).unwrap();
        tokio::spawn(async move { store.migrate().await })
    });
    for other in others {
        other.await.unwrap().unwrap();
    }
    store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_one_snapshot_with_its_revision() {
    let (store, _) = database().await;
    let folder = Folder::new();
    let file = folder.path("SNP-USD-1h.csv");
    let write = |volume: f64| std::fs::write(&file, csv(bars(3_600_000, 0..480, volume))).unwrap();
    write(1.0);
    import_good(&store, &file).await;
    let id = series(&store, "SNP").await.id;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reader = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            let (mut last, mut reads) = ((0, 0.0), 0);
            while !stop.load(std::sync::atomic::Ordering::Relaxed) || reads < 10 {
                for (interval, hours) in [(Interval::H1, 1.0), (Interval::H4, 4.0), (Interval::D1, 24.0)] {
                    let bars = store.candles(id, interval, None, None, 5_000).await.unwrap().unwrap();
                    let volume = bars.candles[0].volume / hours;
                    assert!(bars.candles.iter().all(|c| c.volume == volume * hours), "a torn read");
                    assert!(bars.revision >= last.0, "the revision went back");
                    assert_eq!(bars.revision == last.0, volume == last.1, "revision and data disagree");
                    last = (bars.revision, volume);
                    reads += 1;
                }
            }
        }
    });
    for volume in 2..20 {
        write(f64::from(volume));
        assert_eq!(import_good(&store, &file).await.updated, 480);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    reader.await.unwrap();
}

/// Waits for a revision of at least `wanted`.
async fn hear(heard: &mut mpsc::UnboundedReceiver<u64>, wanted: u64) {
    let hearing = async { while heard.recv().await.unwrap() < wanted {} };
    tokio::time::timeout(Duration::from_secs(30), hearing).await.expect("no word of the change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_hears_of_imports_also_after_a_restart() {
    let server = tokio::task::spawn_blocking(|| PostgresServer::ephemeral().unwrap()).await.unwrap();
    let store = Store::connect_lazy(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let folder = Folder::new();
    let (sender, mut heard) = mpsc::unbounded_channel();
    let watching = tokio::spawn(store.clone().watch(move |revision| sender.send(revision).unwrap()));
    assert_eq!(tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.unwrap(), Some(0));

    let mut last = 0;
    for day in 1..4 {
        let file = folder.file("HRK-USD-1d.csv", csv(bars(86_400_000, 0..day, 1.0)));
        let revision = import_good(&store, &file).await.revision.unwrap();
        assert!(revision > last);
        hear(&mut heard, revision).await;
        last = revision;
    }
    server.kill().unwrap();
    assert!(matches!(store.directory().await, Err(StoreError::Unavailable { .. })));
    server.start().unwrap();
    until("Postgres is back", || async { store.ping().await.is_ok() }).await;
    let file = folder.file("HRK-USD-1d.csv", csv(bars(86_400_000, 0..9, 1.0)));
    let revision = import_good(&store, &file).await.revision.unwrap();
    hear(&mut heard, revision).await;
    watching.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_sends_its_revision_and_one_that_changes_nothing_is_silent() {
    let (store, url) = database().await;
    let folder = Folder::new();
    // Not the watcher, which would find the change by asking, too.
    let mut listener = sqlx::postgres::PgListener::connect(&url).await.unwrap();
    listener.listen("tidemark_series").await.unwrap();
    let first = folder.file("NOT-USD-1h.csv", csv(bars(3_600_000, 0..3, 1.0)));
    let second = folder.file("NOU-USD-1h.csv", csv(bars(3_600_000, 0..3, 1.0)));
    for file in [&first, &first, &second] {
        let report = import_good(&store, file).await;
        let Some(revision) = report.revision else { continue };
        let id = series(&store, report.symbol.as_str()).await.id;
        // The unchanged import in between sent nothing: the next message is that of the second file.
        let heard = tokio::time::timeout(Duration::from_secs(30), listener.recv()).await;
        assert_eq!(heard.expect("no message").unwrap().payload(), format!("{id}:{revision}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_replaces_a_connection_that_fell_silent() {
    let (direct, url) = database().await;
    let proxy = Proxy::start(&url).await;
    let store = Store::connect_lazy(&proxy.url(&url)).unwrap();
    let (sender, mut heard) = mpsc::unbounded_channel();
    let watching = tokio::spawn(store.watch(move |revision| sender.send(revision).unwrap()));
    hear(&mut heard, 0).await;
    proxy.silence_open_connections();
    let folder = Folder::new();
    let file = folder.file("SIL-USD-1h.csv", csv(bars(3_600_000, 0..3, 1.0)));
    let revision = import_good(&direct, &file).await.revision.unwrap();
    hear(&mut heard, revision).await;
    watching.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_get_new_connections_for_those_that_fell_silent() {
    let (_, url) = database().await;
    let proxy = Proxy::start(&url).await;
    let store = Store::connect_lazy(&proxy.url(&url)).unwrap();
    // Every connection of the pool is in the middle of a query when it falls silent.
    let mut holder = connection(&url).await;
    sqlx::query("BEGIN").execute(&mut holder).await.unwrap();
    sqlx::query("LOCK TABLE series IN ACCESS EXCLUSIVE MODE").execute(&mut holder).await.unwrap();
    let reads = [(); 8].map(|()| {
        let store = store.clone();
        tokio::spawn(async move { store.directory().await })
    });
    // Not pg_stat_activity, which stays the same within a transaction.
    let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'series'::regclass AND NOT granted \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while count(&mut holder, waiting).await < 8 {
        assert!(std::time::Instant::now() < deadline, "the reads do not wait for the lock");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    proxy.silence_open_connections();
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    for read in reads {
        let read = tokio::time::timeout(Duration::from_secs(60), read).await.expect("a read without end");
        assert!(matches!(read.unwrap(), Err(StoreError::Unavailable { .. })));
    }
    until("reads are back", || async { store.directory().await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_is_given_up() {
    let server = tokio::task::spawn_blocking(|| PostgresServer::ephemeral().unwrap()).await.unwrap();
    let store = Store::connect_lazy(&server.url()).unwrap();
    store.migrate().await.unwrap();
    store.ping().await.unwrap();
    server.pause().unwrap();
    let bounded = tokio::time::timeout(Duration::from_secs(60), store.directory()).await;
    assert!(matches!(bounded.expect("a read without end"), Err(StoreError::Unavailable { .. })));
    server.resume().unwrap();
    until("reads are back", || async { store.directory().await.is_ok() }).await;
}
