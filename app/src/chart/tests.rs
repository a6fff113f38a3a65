//! The whole chart, as a string.

use model::{Candle, Interval};

use super::*;
use crate::when::Calendar;

const LABELS: Labels<'_> =
    Labels { title: "Ether, 4h", description: "From 1 to 2", empty: "No prices in this range" };
/// What the server writes, in English and UTC.
fn candlestick_svg(
    candles: &[Candle],
    partial: &[i64],
    interval: Interval,
    size: Size,
    labels: &Labels<'_>,
) -> String {
    let plot = Plot::new(candles, partial, interval, 2, size, Calendar::ENGLISH);
    super::candlestick_svg(plot.as_ref(), size, labels)
}

const WIDE: Size = Size { width: 1040, height: 540 };

/// A wave of bars with both directions and every tenth missing.
pub(super) fn wave(count: i64) -> Vec<Candle> {
    (0..count)
        .map(|i| {
            let open = 140.0 + ((i * 37) % 23) as f64 / 2.0;
            let close = 140.0 + ((i * 53 + 7) % 23) as f64 / 2.0;
            Candle {
                open_time: 1_551_744_000_000 + (i + i / 9) * Interval::H4.ms(),
                open,
                high: open.max(close) + (i % 5) as f64,
                low: open.min(close) - (i % 3) as f64,
                close,
                volume: ((i * 91) % 47) as f64,
            }
        })
        .collect()
}

#[test]
fn the_number_of_elements_does_not_grow_with_the_bars() {
    let count = |bars| {
        let candles = wave(bars);
        let partial: Vec<i64> = candles.iter().step_by(7).map(|c| c.open_time).collect();
        candlestick_svg(&candles, &partial, Interval::H4, WIDE, &LABELS).matches("<path").count()
    };
    for bars in [20, 160, 480, 5_000] {
        assert!(count(bars) <= 11, "{} paths for {bars} bars", count(bars));
    }
}

#[test]
fn is_small_and_free_of_inline_style() {
    let svg = candlestick_svg(&wave(160), &[], Interval::H4, WIDE, &LABELS);
    assert!(svg.len() <= 14_000, "{} bytes for 160 bars", svg.len());
    assert!(!svg.contains("style") && !svg.contains("script"));
    // As many as a wide drawing has room for.
    let svg = candlestick_svg(&wave(490), &[], Interval::H4, WIDE, &LABELS);
    assert!(svg.len() <= 32_000, "{} bytes for 490 bars", svg.len());
}

#[test]
fn every_candle_is_drawn_as_it_is() {
    for count in [1, 64, 490, 979, 5_000] {
        let candles = wave(count);
        for width in [240, 366, 1040] {
            let size = Size { width, height: 540 };
            let plot = Plot::new(&candles, &[], Interval::H4, 2, size, Calendar::ENGLISH).unwrap();
            assert_eq!(plot.candles(), candles, "{count} at {width}");
            assert_eq!(plot.index_of(candles[count as usize / 2].open_time), count as usize / 2);
        }
    }
}

#[test]
fn tiny_prices_fill_the_plot() {
    // BABY and PICO of real markets: a meme coin, and one that trades a hundred times lower.
    for (low, high, decimals) in [(1.100e-9, 1.120e-9, 14), (2.300e-11, 2.522e-11, 14)] {
        let candles: Vec<Candle> = (0..24)
            .map(|i| {
                let (a, b) =
                    (low + (high - low) * f64::from(i) / 24.0, low + (high - low) * f64::from(i + 1) / 24.0);
                let open_time = i64::from(i) * Interval::H1.ms();
                Candle { open_time, open: a, high: b, low: a, close: b, volume: 1.0 }
            })
            .collect();
        let plot = Plot::new(&candles, &[], Interval::H1, decimals, WIDE, Calendar::ENGLISH).unwrap();
        assert_eq!((plot.row(high), plot.row(low)), (36, 400));
        let mut labels = plot.labels.clone();
        labels.dedup();
        assert!(labels.len() > 4 && labels.len() == plot.labels.len(), "{:?}", plot.labels);
        assert!(
            labels.iter().all(|label| label.starts_with("0.") && label.contains(['1', '2'])),
            "{labels:?}"
        );
        let spark = sparkline_svg(&[low, high, low], Size { width: 20, height: 16 });
        assert_eq!(spark, sparkline_svg(&[1.0, 3.0, 1.0], Size { width: 20, height: 16 }));
    }
}

#[test]
fn what_cannot_be_drawn_is_counted_and_gives_no_last_price() {
    let mut candles = wave(12);
    candles[3].high = 1e20;
    let plot =
        |candles: &[Candle]| Plot::new(candles, &[], Interval::H4, 2, WIDE, Calendar::ENGLISH).unwrap();
    let some = plot(&candles);
    assert_eq!((some.len(), some.notes(None).undrawn), (11, 1));
    assert!(some.last.is_some());
    candles[11].close = 1e20;
    let last = plot(&candles);
    assert_eq!(last.notes(None).undrawn, 2);
    assert!(last.last.is_none(), "the close before it is not the last price");
}

#[test]
fn notes_count_the_drawn_candles() {
    let candles = wave(30);
    let partial = [candles[4].open_time, candles[5].open_time - 1, candles[29].open_time];
    let plot = |width| {
        let size = Size { width, height: 400 };
        Plot::new(&candles, &partial, Interval::H4, 2, size, Calendar::ENGLISH).unwrap()
    };
    let notes = plot(1040).notes(Some(candles[29].open_time));
    assert_eq!((notes.incomplete, notes.hollow, notes.undrawn), (1, true, 0));
    assert_eq!((notes.gaps, notes.longest_gap_ms), (3, Interval::H4.ms()));
    assert_eq!(plot(1040).notes(None).incomplete, 2);
    assert!(!plot(150).notes(None).hollow);
}

#[test]
fn a_gap_is_marked_and_its_end_labelled() {
    let whole: Vec<Candle> = (0..40)
        .map(|i| Candle { open_time: 1_551_744_000_000 + i * Interval::H4.ms(), ..wave(1)[0] })
        .collect();
    let svg = candlestick_svg(&whole, &[], Interval::H4, WIDE, &LABELS);
    assert!(!svg.contains("c-gap"));
    let cut: Vec<Candle> =
        whole.iter().enumerate().filter(|(i, _)| !(10..17).contains(i)).map(|(_, c)| *c).collect();
    let svg = candlestick_svg(&cut, &[], Interval::H4, WIDE, &LABELS);
    assert!(svg.contains("c-gap") && svg.contains(">07 Mar 20:00</text>"), "{svg}");
}

#[test]
fn long_prices_stay_on_their_tag() {
    let close = 999_999_999_999_999.0;
    let candles = [Candle { open_time: 0, open: close, high: close, low: close / 2.0, close, volume: 1.0 }];
    for (width, decimals) in [(366, 2), (240, 8)] {
        let size = Size { width, height: 400 };
        let plot = Plot::new(&candles, &[], Interval::D1, decimals, size, Calendar::ENGLISH).unwrap();
        let text = text::bold_width(&plot.last.as_ref().unwrap().text, text::FONT_PX) as i32;
        assert!(plot.layout.label_right() - text >= 0, "{width}");
    }
}

#[test]
fn says_what_it_is() {
    let labels = Labels { title: "A & B <c>", ..LABELS };
    let svg = candlestick_svg(&wave(3), &[], Interval::H4, WIDE, &labels);
    assert!(svg.starts_with(
        "<svg class=\"chart\" viewBox=\"0 0 1040 540\" width=\"1040\" height=\"540\" role=\"img\">\
         <title>A &amp; B &lt;c&gt;</title><desc>From 1 to 2</desc>"
    ));
    let empty = candlestick_svg(&[], &[], Interval::H4, WIDE, &labels);
    assert!(empty.contains(">No prices in this range</text>") && !empty.contains("<path"));
}

#[test]
fn partial_bars_are_hollow_and_faded_when_narrow() {
    let candles = wave(60);
    let partial = [candles[58].open_time, candles[59].open_time];
    let svg = candlestick_svg(&candles, &partial, Interval::H4, WIDE, &LABELS);
    assert!(svg.contains("c-hollow-"));
    let svg = candlestick_svg(&candles, &[], Interval::H4, WIDE, &LABELS);
    assert!(!svg.contains("c-hollow-"));
    let narrow = Size { width: 240, height: 200 };
    let svg = candlestick_svg(&candles, &partial, Interval::H4, narrow, &LABELS);
    assert!(!svg.contains("c-hollow-"));
}

/// The file holds what was drawn when somebody last looked at it and found it good. To renew it after a wanted
/// change, run this test with `UPDATE_SNAPSHOTS=1` and look at the difference.
#[test]
fn writes_what_it_wrote_before() {
    let candles = wave(12);
    let svg = candlestick_svg(
        &candles,
        &[candles[11].open_time],
        Interval::H4,
        Size { width: 320, height: 200 },
        &LABELS,
    )
    .replace("><", ">\n<");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/chart/snapshot.svg");
        std::fs::write(file, &svg).unwrap();
    }
    assert_eq!(svg, include_str!("snapshot.svg"));
}

/// SplitMix64 (Steele et al. 2014): a fixed stream, so that a failure can be repeated.
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// An ordinary price, or anything that fits in an `f64`.
    fn number(&mut self, wild: bool) -> f64 {
        const ODD: [f64; 12] = [
            0.0,
            -0.0,
            1e-300,
            5e-324,
            1e15,
            -1e15,
            1e16,
            f64::MAX,
            f64::MIN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ];
        match self.below(4) {
            0 if wild => ODD[self.below(ODD.len() as u64) as usize],
            1 if wild => f64::from_bits(self.next()),
            _ => 1.0 + self.below(1_000_000) as f64 / 1e4,
        }
    }
}

#[test]
fn draws_anything_without_a_panic_and_without_nonsense() {
    let mut stream = Stream(7);
    for round in 0..400 {
        let wild = round % 2 == 1;
        let count = [0, 1, 2, 3, 17, 400][stream.below(6) as usize];
        let flat = stream.below(5) == 0;
        let base = stream.number(wild);
        let candles: Vec<Candle> = (0..count)
            .map(|i| Candle {
                open_time: if wild { stream.next() as i64 } else { i * Interval::D1.ms() },
                open: if flat { base } else { stream.number(wild) },
                high: if flat { base } else { stream.number(wild) },
                low: if flat { base } else { stream.number(wild) },
                close: if flat { base } else { stream.number(wild) },
                volume: if flat { 0.0 } else { stream.number(wild) },
            })
            .collect();
        let partial: Vec<i64> =
            candles.iter().filter(|c| c.open_time % 3 == 0).map(|c| c.open_time).collect();
        let size = Size {
            width: [0, 1, 120, 366, 1040, u32::MAX][stream.below(6) as usize],
            height: [0, 100, 420, 540, 9_000, u32::MAX][stream.below(6) as usize],
        };
        let interval = Interval::ALL[stream.below(8) as usize];
        let svg = candlestick_svg(&candles, &partial, interval, size, &LABELS);
        assert!(svg.ends_with("</svg>"), "round {round}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "round {round}: {svg}");
        assert!(svg.len() < 200_000, "round {round}: {} bytes", svg.len());
        let closes: Vec<f64> = candles.iter().map(|c| c.close).collect();
        let spark = sparkline_svg(&closes, size);
        assert!(spark.ends_with("</svg>") && !spark.contains("NaN"), "round {round}: {spark}");
    }
}
