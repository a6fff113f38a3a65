//! What a writer does with incomplete candles, and when the server is gone.

use local_servers::PostgresServer;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_given_up() {
    let server = tokio::task::spawn_blocking(|| PostgresServer::ephemeral().unwrap()).await.unwrap();
    let store = Store::connect_lazy(&server.url()).unwrap();
    store.migrate().await.unwrap();
    let candle = |hour: i64| Candle {
        open_time: hour * 3_600_000,
        open: 1.0,
        high: 1.0,
        low: 1.0,
        close: 1.0,
        volume: 1.0,
    };
    // Silent in the middle, and at the end.
    for at_the_end in [false, true] {
        let mut connection = connect(&store).await.unwrap();
        let mut writer =
            SeriesWriter::begin(&mut connection, &"SIL".parse().unwrap(), &Source::RECORDED, Interval::H1)
                .await
                .unwrap();
        writer.put(&[candle(0)]).await.unwrap();
        writer.patience = Duration::from_millis(300);
        server.pause().unwrap();
        let error = async {
            if !at_the_end {
                writer.put(&[candle(1)]).await?;
            }
            writer.commit().await
        };
        let error = tokio::time::timeout(Duration::from_secs(30), error).await.expect("waits for ever");
        assert!(matches!(error, Err(StoreError::Unavailable { .. })), "{error:?}");
        server.resume().unwrap();
    }
}

const HOUR: i64 = 3_600_000;
/// 2024-03-01T00:00Z, the start of a day.
const DAY: i64 = 1_709_251_200_000;

/// The candle of an hour of that day.
fn hour(hour: i64, close: f64, incomplete: bool) -> MarkedCandle {
    let candle =
        Candle { open_time: DAY + hour * HOUR, open: 10.0, high: 20.0, low: 5.0, close, volume: 1.0 };
    MarkedCandle { candle, incomplete }
}

struct Database {
    _server: PostgresServer,
    store: Store,
    connection: PgConnection,
}

impl Database {
    async fn new() -> Self {
        let server = tokio::task::spawn_blocking(|| PostgresServer::ephemeral().unwrap()).await.unwrap();
        let store = Store::connect_lazy(&server.url()).unwrap();
        store.migrate().await.unwrap();
        let connection = connect(&store).await.unwrap();
        Self { _server: server, store, connection }
    }

    /// Writes candles at a time of the wall clock.
    async fn write_at(&mut self, now: UnixMs, candles: &[MarkedCandle]) -> Written {
        let symbol = "INC".parse().unwrap();
        let mut writer = SeriesWriter::begin(&mut self.connection, &symbol, &Source::RECORDED, Interval::H1)
            .await
            .unwrap();
        writer.now = now;
        writer.put_marked(candles).await.unwrap();
        writer.commit().await.unwrap()
    }

    /// Inserted and updated candles of a write a month later.
    async fn write(&mut self, candles: &[MarkedCandle]) -> (u64, u64) {
        let written = self.write_at(DAY + 720 * HOUR, candles).await;
        (written.inserted, written.updated)
    }

    /// Hours of that day at which incomplete bars of an interval open, and the last close.
    async fn partial(&self, interval: Interval) -> (Vec<i64>, f64) {
        let id = self.store.directory().await.unwrap().series[0].id;
        let bars = self.store.candles(id, interval, None, None, 100).await.unwrap().unwrap();
        let hours = bars.partial.iter().map(|time| (time - DAY) / HOUR).collect();
        (hours, bars.candles.last().unwrap().close)
    }

    async fn running(&mut self) -> Option<UnixMs> {
        sqlx::query_scalar("SELECT running FROM series").fetch_one(&mut self.connection).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_candle_replaces_an_incomplete_one_and_never_the_other_way_round() {
    let mut database = Database::new().await;
    let mut day: Vec<_> = (0..24).map(|at| hour(at, 11.0, at == 23)).collect();
    assert_eq!(database.write(&day).await, (24, 0));
    assert_eq!(database.partial(Interval::H1).await, (vec![23], 11.0));
    assert_eq!(database.partial(Interval::H4).await, (vec![20], 11.0));
    assert_eq!(database.partial(Interval::D1).await, (vec![0], 11.0));
    assert_eq!(database.write(&day).await, (0, 0), "the same again");

    // Another incomplete one, which knows more.
    day[23] = hour(23, 12.0, true);
    assert_eq!(database.write(&day).await, (0, 1));
    assert_eq!(database.partial(Interval::D1).await, (vec![0], 12.0));
    // The same figures, complete now.
    day[23] = hour(23, 12.0, false);
    assert_eq!(database.write(&day).await, (0, 1));
    assert_eq!(database.write(&day).await, (0, 0));
    for interval in [Interval::H1, Interval::H4, Interval::D1] {
        assert_eq!(database.partial(interval).await, (vec![], 12.0), "{interval}");
    }

    // A file from the middle of that hour, or of the day, comes late: it knows less.
    assert_eq!(database.write(&[hour(5, 19.0, true), hour(23, 15.0, true)]).await, (0, 0));
    assert_eq!(database.partial(Interval::D1).await, (vec![], 12.0));
    // A correction of a complete one goes in, and up to the day.
    assert_eq!(database.write(&[hour(23, 16.0, false)]).await, (0, 1));
    assert_eq!(database.partial(Interval::D1).await, (vec![], 16.0));
    // Both kinds beside what is there.
    assert_eq!(
        database.write(&[hour(23, 17.0, true), hour(24, 13.0, true), hour(25, 14.0, false)]).await,
        (2, 0)
    );
    assert_eq!(database.partial(Interval::H1).await, (vec![24], 14.0));

    // Who is told to replaces it.
    let symbol = "INC".parse().unwrap();
    let begun = SeriesWriter::begin(&mut database.connection, &symbol, &Source::RECORDED, Interval::H1).await;
    let mut writer = begun.unwrap().replacing();
    writer.put_marked(&[hour(5, 19.0, true)]).await.unwrap();
    assert_eq!(writer.commit().await.unwrap().updated, 1);
    assert_eq!(database.partial(Interval::H1).await, (vec![5, 24], 14.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candle_whose_end_lies_ahead_is_incomplete_and_runs() {
    let mut database = Database::new().await;
    // Half past two: the candle of two o'clock has not ended, whatever its mark.
    let now = DAY + 2 * HOUR + HOUR / 2;
    let hours: Vec<_> = (0..3).map(|at| hour(at, 11.0, false)).collect();
    let written = database.write_at(now, &hours).await;
    assert_eq!(written.inserted, 3);
    assert_eq!(database.running().await, Some(DAY + 2 * HOUR));
    assert_eq!(database.partial(Interval::H1).await.0, [2]);
    // Older ones change nothing about it.
    database.write_at(now, &[hour(1, 12.0, false)]).await;
    assert_eq!(database.running().await, Some(DAY + 2 * HOUR));
    // Its last word, after its end.
    let written = database.write_at(DAY + 3 * HOUR, &[hour(2, 11.0, false)]).await;
    assert_eq!((written.inserted, written.updated), (0, 1));
    assert_eq!(database.running().await, None);
    assert_eq!(database.partial(Interval::H1).await.0, Vec::<i64>::new());
    // One that runs is over as soon as later ones come, and stays incomplete.
    database.write_at(DAY + 3 * HOUR + 1, &[hour(3, 11.0, false)]).await;
    assert_eq!(database.running().await, Some(DAY + 3 * HOUR));
    database.write_at(DAY + 9 * HOUR, &[hour(4, 11.0, false)]).await;
    assert_eq!(database.running().await, None);
    assert_eq!(database.partial(Interval::H1).await.0, [3]);
}
