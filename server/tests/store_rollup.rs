//! Roll-ups and ranges, against a computation of the tests' own.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod store_support;

use std::{collections::BTreeMap, io::Read};

use flate2::read::GzDecoder;
use model::{Interval, MAX_LIMIT};
use rust_decimal::Decimal;
use store_support::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_interval_of_the_sample_is_what_the_files_say() {
    let (store, _) = database().await;
    for symbol in SAMPLE {
        import_good(&store, &sample(symbol)).await;
        let lines = read_sample(symbol);
        let series = series(&store, symbol).await;
        for interval in Interval::ALL.into_iter().filter(|i| *i >= Interval::M30) {
            let expected = roll_up(&lines, interval);
            let whole = interval.ms() / Interval::M30.ms();
            // In pages, forward; the last page also backward.
            let mut from = 0;
            for page in expected.chunks(MAX_LIMIT as usize) {
                let read =
                    store.candles(series.id, interval, Some(from), None, MAX_LIMIT).await.unwrap().unwrap();
                assert_bars(&read, page, whole, &format!("{symbol} {interval} from {from}"));
                from = page.last().unwrap().bar.0 + 1;
            }
            let read = store.candles(series.id, interval, None, None, MAX_LIMIT).await.unwrap().unwrap();
            let last = &expected[expected.len().saturating_sub(MAX_LIMIT as usize)..];
            assert_bars(&read, last, whole, &format!("{symbol} {interval} last"));
            assert!(interval == Interval::M30 || !read.partial.is_empty(), "the sample has gaps");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn minutes_with_gaps_roll_up_at_every_level() {
    let (store, _) = database().await;
    let folder = Folder::new();
    // Three weeks and a bit of minutes: some single ones missing, an hour, a day and a week missing.
    let present = (0..30_000_i64)
        .filter(|i| i % 977 != 5 && !(600..660).contains(i) && !(4_320..5_760).contains(i))
        .filter(|i| !(12_000..22_080).contains(i));
    let lines = bars(60_000, present, 0.3);
    import_good(&store, &folder.file("ABC-USD-1m.csv", csv(lines.clone()))).await;
    let series = series(&store, "ABC").await;
    for interval in Interval::ALL {
        let expected = roll_up(&lines, interval);
        let last = &expected[expected.len().saturating_sub(5_000)..];
        let read = store.candles(series.id, interval, None, None, 5_000).await.unwrap().unwrap();
        assert_bars(&read, last, interval.ms() / 60_000, &interval.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_select_whole_bars_by_their_own_open_time() {
    let (store, _) = database().await;
    import_good(&store, &sample("BTC")).await;
    let lines = read_sample("BTC");
    let series = series(&store, "BTC").await;
    let (first, last) = (series.first_open, series.last_open);
    // A fixed walk over ranges (Knuth's MMIX generator).
    let mut state = 42_u64;
    let mut random = |bound: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64 % bound
    };
    let rolled_up = Interval::ALL.map(|interval| roll_up(&lines, interval));
    for round in 0..150 {
        let index = 3 + random(5) as usize;
        let (interval, expected) = (Interval::ALL[index], rolled_up[index].iter().copied());
        let from = (random(2) == 0).then(|| first - 86_400_000 + random(last - first));
        let to = (random(2) == 0).then(|| from.unwrap_or(first) + random(last - first));
        let limit = 1 + random(200) as usize;
        let within: Vec<_> = expected
            .filter(|e| from.is_none_or(|from| e.bar.0 >= from) && to.is_none_or(|to| e.bar.0 <= to))
            .collect();
        let wanted = if from.is_some() {
            &within[..limit.min(within.len())]
        } else {
            &within[within.len().saturating_sub(limit)..]
        };
        let read = store.candles(series.id, interval, from, to, limit as u32).await.unwrap().unwrap();
        let what = format!("round {round}: {interval} {from:?} {to:?} {limit}");
        assert_bars(&read, wanted, interval.ms() / Interval::M30.ms(), &what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_without_bars_is_empty_at_the_current_revision() {
    let (store, _) = database().await;
    import_good(&store, &sample("LTC")).await;
    let series = series(&store, "LTC").await;
    let read = store.candles(series.id, Interval::D1, Some(0), Some(1), 10).await.unwrap().unwrap();
    assert_eq!((read.revision, read.candles.len()), (series.revision, 0));
    assert_eq!(store.candles(series.id + 1, Interval::D1, None, None, 10).await.unwrap(), None);
    let finer = store.candles(series.id, Interval::M15, None, None, 10).await.unwrap_err();
    assert!(finer.to_string().contains("finer than 30m"), "{finer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_are_the_decimal_sums_of_the_files() {
    let (store, _) = database().await;
    for symbol in SAMPLE {
        import_good(&store, &sample(symbol)).await;
        let texts = volume_texts(symbol);
        let series = series(&store, symbol).await;
        for interval in Interval::ALL.into_iter().filter(|i| *i >= Interval::M30) {
            let mut parts: BTreeMap<i64, Vec<Decimal>> = BTreeMap::new();
            for (time, volume) in &texts {
                parts.entry(bar_start(interval, *time)).or_default().push(*volume);
            }
            let mut export = store.export(series.id, interval, None, None).await.unwrap().unwrap();
            let mut found = Vec::new();
            loop {
                let page = export.next_page().await.unwrap();
                if page.is_empty() {
                    break;
                }
                found.extend(page);
            }
            assert_eq!(found.len(), parts.len());
            for candle in found {
                let (what, volume) = (format!("{symbol} {interval} {}", candle.open_time), candle.volume);
                let float = |sum: Decimal| sum.normalize().to_string().parse::<f64>().unwrap();
                // Some lines have noise of their own, as 361.70043241999997: exchanges give eight decimals. A candle of one
                // line is what the line says.
                let (exact, rounded) = match &parts[&candle.open_time][..] {
                    [one] => (float(*one), float(*one)),
                    several => (
                        float(several.iter().sum()),
                        float(several.iter().map(|part| part.round_dp(8)).sum()),
                    ),
                };
                // Above 33 million, floats are hardly nearer to each other than two such decimals.
                let is_large =
                    rounded * 1e8 >= 3.3e15 && (volume - rounded).abs() <= 2.0 * rounded * f64::EPSILON;
                assert!(volume == exact || volume == rounded || is_large, "{what}: {volume}, not {rounded}");
            }
        }
    }
    // The first day of 2019, from the shipped file.
    let id = series(&store, "BTC").await.id;
    let from = Some(1_546_300_800_000);
    let day = store.candles(id, Interval::D1, from, from, 1).await.unwrap().unwrap().candles[0];
    assert_eq!((day.open, day.high, day.low, day.close), (3832.6286242, 3987.0, 3788.1, 3963.1));
    assert_eq!(day.volume.to_string(), "13848.34675163");
}

/// Open time and volume of each line of a file of the sample, as it is written there.
fn volume_texts(symbol: &str) -> Vec<(i64, Decimal)> {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(sample(symbol)).unwrap()).read_to_string(&mut text).unwrap();
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        (fields[0].parse().unwrap(), fields[5].parse::<Decimal>().unwrap())
    };
    text.lines().skip(1).map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn minutes_through_hours_to_days_and_weeks_sum_up_as_decimals() {
    let (store, _) = database().await;
    let folder = Folder::new();
    for (symbol, volume) in [("TIN", 0.1), ("MID", 1_234.567_891_23), ("BIG", 87_654.32)] {
        let lines: Vec<_> = bars(60_000, 345_600_000 / 60_000..345_600_000 / 60_000 + 10_080, 0.0)
            .into_iter()
            .enumerate()
            .map(|(i, line)| {
                (line.0, line.1, line.2, line.3, line.4, (volume * (i % 10) as f64 * 1e8).round() / 1e8)
            })
            .collect();
        import_good(&store, &folder.file(&format!("{symbol}-USD-1m.csv"), csv(lines.clone()))).await;
        let id = series(&store, symbol).await.id;
        for interval in [Interval::M5, Interval::H1, Interval::D1, Interval::W1] {
            let mut sums: BTreeMap<i64, Decimal> = BTreeMap::new();
            for line in &lines {
                let volume: Decimal = line.5.to_string().parse().unwrap();
                *sums.entry(bar_start(interval, line.0)).or_default() += volume;
            }
            let read = store.candles(id, interval, None, None, 5_000).await.unwrap().unwrap();
            for candle in read.candles {
                let expected: f64 = sums[&candle.open_time].round_dp(8).to_string().parse().unwrap();
                assert_eq!(candle.volume, expected, "{symbol} {interval} {}", candle.open_time);
            }
        }
    }
}
