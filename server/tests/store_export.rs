//! Reading a whole series page by page, held against ranges of the same.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod store_support;

use model::{Candle, Interval};
use store_support::*;
use tidemark::store::{Export, Store};

async fn begin(
    store: &Store,
    id: i64,
    interval: Interval,
    range: (Option<i64>, Option<i64>),
) -> Option<Export> {
    store.export(id, interval, range.0, range.1).await.unwrap()
}

async fn all(mut export: Export) -> Vec<Candle> {
    let mut all = Vec::new();
    loop {
        let page = export.next_page().await.unwrap();
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    assert!(export.next_page().await.unwrap().is_empty(), "the end stays the end");
    export.close().await;
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_make_up_the_whole() {
    let (store, _) = database().await;
    import_good(&store, &sample("BTC")).await;
    let series = series(&store, "BTC").await;
    let lines = read_sample("BTC");
    for interval in Interval::ALL.into_iter().filter(|i| *i >= Interval::M30) {
        let expected: Vec<_> = roll_up(&lines, interval).iter().map(|e| e.bar.0).collect();
        let exported = all(begin(&store, series.id, interval, (None, None)).await.unwrap()).await;
        assert_eq!(exported.iter().map(|c| c.open_time).collect::<Vec<_>>(), expected, "{interval}");
        let last = store.candles(series.id, interval, None, None, 500).await.unwrap().unwrap();
        assert!(exported.ends_with(&last.candles), "{interval}: the same values as a range has");
        // A part, by bars of its own.
        let (from, to) = (exported[3].open_time, exported[9].open_time);
        let part = all(begin(&store, series.id, interval, (Some(from), Some(to))).await.unwrap()).await;
        assert_eq!(part, exported[3..=9], "{interval}");
    }
    assert!(begin(&store, series.id + 1, Interval::D1, (None, None)).await.is_none());
    assert!(store.export(series.id, Interval::M1, None, None).await.is_err(), "finer than stored");
    let none = all(begin(&store, series.id, Interval::D1, (Some(5), Some(4))).await.unwrap()).await;
    assert!(none.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_meanwhile_is_not_in_it() {
    let (store, _) = database().await;
    let folder = Folder::new();
    import_good(&store, &folder.file("ABC-USD-1m.csv", csv(bars(60_000, 0..25_000, 1.0)))).await;
    let series = series(&store, "ABC").await;
    let mut export = begin(&store, series.id, Interval::M1, (None, None)).await.unwrap();
    let first = export.next_page().await.unwrap();
    assert!(!first.is_empty() && first.len() < 25_000, "more than a page");
    import_good(&store, &folder.file("ABC-USD-1m.csv", csv(bars(60_000, 0..30_000, 7.0)))).await;
    assert_eq!(export.revision(), series.revision);
    let rest = all(export).await;
    assert_eq!(first.len() + rest.len(), 25_000);
    assert!(rest.iter().all(|candle| candle.volume == 1.0), "a snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_candle_is_found_wherever_it_is() {
    let (store, url) = database().await;
    let folder = Folder::new();
    // Whole weeks, so that every bar of every interval is complete; longer than one statement looks through.
    let first = 345_600_000 / 60_000;
    let lines = bars(60_000, first..first + 22 * 10_080, 1.0);
    import_good(&store, &folder.file("ABC-USD-1m.csv", csv(lines))).await;
    let series = series(&store, "ABC").await;
    let mut connection = connection(&url).await;
    let found = async |range| {
        let mut found = Vec::new();
        for interval in Interval::ALL {
            let mut export = begin(&store, series.id, interval, range).await.unwrap();
            found.push(export.has_incomplete().await.unwrap());
        }
        found
    };
    assert_eq!(found((None, None)).await, [false; 8]);
    for minute in [first, first + 123_456, first + 22 * 10_080 - 1] {
        let time = minute * 60_000;
        // As a writer does, at every stored level.
        let change = |to: &str| {
            format!(
                "UPDATE candles SET bars = bars {to} WHERE \"interval\" IN (60, 3600, 86400)
                 AND open_time = {time} / (\"interval\" * 1000) * (\"interval\" * 1000::bigint)"
            )
        };
        sqlx::query(&change("- 1")).execute(&mut connection).await.unwrap();
        assert_eq!(found((None, None)).await, [true; 8], "{minute}");
        // Outside the range it does not count: the week before, the week after.
        let week = Interval::W1.bucket(time);
        assert_eq!(found((None, Some(week - 1))).await, [false; 8], "{minute}");
        assert_eq!(found((Some(week + Interval::W1.ms()), None)).await, [false; 8], "{minute}");
        sqlx::query(&change("+ 1")).execute(&mut connection).await.unwrap();
    }
    let mut none = begin(&store, series.id, Interval::H1, (Some(5), Some(4))).await.unwrap();
    assert!(!none.has_incomplete().await.unwrap());
}
