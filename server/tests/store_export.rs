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
