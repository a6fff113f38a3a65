//! Tables of minutes by month, retention, and the migration of what was there before.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod store_support;

use model::Interval;
use store_support::*;
use tidemark::store::Dropped;

/// 2019-01-30T00:00Z, two days before the end of a month.
const START: i64 = 1_548_806_400_000;
const FEBRUARY: i64 = 1_548_979_200_000;
const MINUTES: i64 = 5 * 1_440;

async fn months(url: &str) -> Vec<String> {
    let mut connection = connection(url).await;
    sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'candles_1m'::regclass ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
}

/// Five days of minutes across the end of January, moved to start there.
fn minutes() -> Vec<Line> {
    let mut lines = bars(60_000, 0..MINUTES, 0.5);
    lines.iter_mut().for_each(|line| line.0 += START);
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn minutes_go_to_their_months_which_are_made_when_needed() {
    let (store, url) = database().await;
    let folder = Folder::new();
    import_good(&store, &folder.file("ABC-USD-1m.csv", csv(minutes()))).await;
    assert_eq!(months(&url).await, ["candles_1m_2019_01", "candles_1m_2019_02"]);
    let mut connection = connection(&url).await;
    assert_eq!(count(&mut connection, "SELECT count(*) FROM candles_1m_2019_01").await, 2 * 1_440);
    assert_eq!(count(&mut connection, "SELECT count(*) FROM candles_1m").await, MINUTES);
    // Their roll-ups, and what is no minute, lie together.
    let coarser = "SELECT count(*) FROM candles_coarser";
    assert_eq!(count(&mut connection, coarser).await, 5 * 24 + 5);
    let series = series(&store, "ABC").await;
    assert_eq!((series.first_open, series.last_open), (START, START + (MINUTES - 1) * 60_000));
    // Ahead of time, once.
    assert_eq!(store.make_room(START, FEBRUARY + 40 * 86_400_000).await.unwrap(), 1);
    assert_eq!(store.make_room(START, FEBRUARY + 40 * 86_400_000).await.unwrap(), 0);
    assert_eq!(months(&url).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_need_the_same_month_make_it_once() {
    let (store, url) = database().await;
    // Again and again: they have to meet.
    for round in 0..10 {
        // Four years have the same days each.
        let later = round * 1_461 * 86_400_000;
        let (from, to) = (START + later, FEBRUARY + later);
        let made: Vec<_> = (0..6)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.make_room(from, to).await.unwrap() })
            })
            .collect();
        let mut sum = 0;
        for one in made {
            sum += usize::try_from(one.await.unwrap()).unwrap();
        }
        assert_eq!(sum, 2);
    }
    assert_eq!(months(&url).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_minutes_go_and_the_hours_made_of_them_stay() {
    let (store, url) = database().await;
    let folder = Folder::new();
    let lines = minutes();
    import_good(&store, &folder.file("ABC-USD-1m.csv", csv(lines.clone()))).await;
    import_good(&store, &sample("BTC")).await;
    let before = series(&store, "ABC").await;
    let hours = |store| async move {
        let store: &tidemark::store::Store = store;
        let id = series(store, "ABC").await.id;
        store.candles(id, Interval::H1, None, None, 500).await.unwrap().unwrap().candles
    };
    let all = hours(&store).await;
    // Within a month nothing is cut.
    let none = store.drop_before(Interval::M1, FEBRUARY - 1).await.unwrap();
    assert_eq!(none, Dropped::default());
    let dropped = store.drop_before(Interval::M1, FEBRUARY + 12 * 3_600_000).await.unwrap();
    assert_eq!(dropped, Dropped { months: 1, rows: 0 });
    assert_eq!(months(&url).await, ["candles_1m_2019_02"]);
    let after = series(&store, "ABC").await;
    assert_eq!(after.first_open, FEBRUARY);
    assert!(after.revision > before.revision, "listeners hear of it");
    assert_eq!(hours(&store).await, all);
    let read = store.candles(after.id, Interval::M5, None, None, 5_000).await.unwrap().unwrap();
    assert_eq!(read.candles[0].open_time, FEBRUARY);

    // A part of the old minutes comes again: whole hours and days are not made smaller by it.
    let some: Vec<Line> = lines.iter().filter(|line| line.0 < START + 90 * 60_000).copied().collect();
    import_good(&store, &folder.file("ABC-USD-1m.csv", csv(some))).await;
    assert_eq!(hours(&store).await, all);

    // Other levels, at whole days.
    let btc = series(&store, "BTC").await;
    let day = Interval::D1.bucket(btc.last_open) - 10 * 86_400_000;
    let dropped = store.drop_before(Interval::M30, day + 3_600_000).await.unwrap();
    assert_eq!(dropped.months, 0);
    assert!(dropped.rows > 20_000, "{dropped:?}");
    assert_eq!(series(&store, "BTC").await.first_open, day);
    let days = store.candles(btc.id, Interval::D1, None, None, 5_000).await.unwrap().unwrap();
    assert_eq!(days.candles.len(), 547, "the days stay");
    assert_eq!(store.drop_before(Interval::M30, day).await.unwrap(), Dropped::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_before_there_were_months_is_found_again() {
    let url = empty_database().await;
    let mut connection = connection(&url).await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    for name in ["0001_candles.sql", "0002_feeds.sql"] {
        let sql = std::fs::read_to_string(folder.join(name)).unwrap();
        sqlx::raw_sql(&sql).execute(&mut connection).await.unwrap();
    }
    let rows = format!(
        "INSERT INTO symbols (symbol, name) VALUES ('ABC', 'ABC');
         INSERT INTO series (symbol_id, source_id, finest, revision)
             SELECT y.id, o.id, 60, 7 FROM symbols y, sources o WHERE o.source = 'recorded';
         INSERT INTO candles SELECT s.id, 60, {START} + n * 60000, 1, 1, 2, 1, 2, 3
             FROM series s, generate_series(0, {MINUTES} - 1) n;
         INSERT INTO candles SELECT s.id, 3600, {START} + n * 3600000, 60, 1, 2, 1, 2, 180
             FROM series s, generate_series(0, 119) n;"
    );
    sqlx::raw_sql(&rows).execute(&mut connection).await.unwrap();
    let sql = std::fs::read_to_string(folder.join("0003_partitions.sql")).unwrap();
    sqlx::raw_sql(&sql).execute(&mut connection).await.unwrap();
    assert_eq!(months(&url).await, ["candles_1m_2019_01", "candles_1m_2019_02"]);
    assert_eq!(count(&mut connection, "SELECT count(*) FROM candles_1m").await, MINUTES);
    assert_eq!(count(&mut connection, "SELECT count(*) FROM candles_coarser").await, 120);
    assert_eq!(count(&mut connection, "SELECT count(*) FROM candles").await, MINUTES + 120);
    assert_eq!(count(&mut connection, "SELECT first_open FROM series").await, START);
    assert_eq!(count(&mut connection, "SELECT last_open FROM series").await, START + (MINUTES - 1) * 60_000);
}
