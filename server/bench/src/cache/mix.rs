//! Reads by Zipf's law: the hit ratio beside what theory expects.

use std::sync::Arc;
use std::time::Duration;

use tidemark_cache::{Cache, Policy};

use super::arrivals::{LOAD, Tally, poisson};
use crate::closed_form;
use crate::error::{BenchError, Result};
use crate::report::Row;
use crate::servers::connected;
use crate::value::{Blob, Blobs};
use crate::zipf::Zipf;

/// Memory for about a tenth of the keys of all streams, so that Redis has to answer, too.
const L1_BYTES: u64 = 1_600 << 10;
/// Points by which measurement and theory may differ.
const TOLERANCE: f64 = 2.0;

/// A stream of reads.
#[derive(Debug, Clone, Copy)]
struct Stream {
    category: &'static str,
    exponent: f64,
    /// The hard life in soft lives; 1 is a plain TTL cache.
    hard: u32,
}

const STREAMS: [Stream; 4] = [
    Stream { category: "zipf08", exponent: 0.8, hard: 1 },
    Stream { category: "zipf10", exponent: 1.0, hard: 1 },
    Stream { category: "zipf12", exponent: 1.2, hard: 1 },
    Stream { category: "refresh10", exponent: 1.0, hard: 5 },
];

/// How much to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Keys of each stream.
    pub keys: usize,
    /// Reads a second of each stream.
    pub rate: f64,
    /// The soft life.
    pub life: Duration,
    /// How long to count.
    pub length: Duration,
}

/// A value and its entry are about as large as a quote's.
fn value() -> Blob {
    Blob(vec![1; 200])
}

async fn play(cache: &Cache, stream: Stream, size: Size) -> Result<Tally> {
    let policy = Policy::default()
        .fresh_for(size.life)
        .stale_for(size.life * stream.hard)
        .jitter(0.0)
        .refresh_ahead(0.0)
        .lease_for(Duration::ZERO);
    let blobs: Blobs = cache.category(stream.category, policy).map_err(BenchError::at("a category"))?;
    let zipf = Arc::new(Zipf::new(size.keys, stream.exponent));
    let draw = move |random: &mut fastrand::Rng| (blobs.clone(), format!("SYM{}", zipf.draw(random)));
    let warm_up = size.life * (stream.hard + 1);
    poisson(size.rate, warm_up, size.length, value, draw).await
}

/// Measures all streams at the same time. The tally is of all together.
pub(super) async fn measure(url: &str, size: Size) -> Result<(Vec<Row>, Tally)> {
    let cache = connected(url, |builder| builder.l1_bytes(L1_BYTES)).await?;
    let plays = STREAMS.map(|stream| play(&cache, stream, size));
    let tallies = futures_util::future::try_join_all(plays).await?;
    let (mut rows, mut all) = (Vec::new(), Tally::default());
    for (stream, tally) in STREAMS.into_iter().zip(tallies) {
        all.add(&tally);
        let zipf = Zipf::new(size.keys, stream.exponent);
        let [soft, hard] = [1, stream.hard].map(|lives| (size.life * lives + LOAD).as_secs_f64());
        let plain = 100.0 * closed_form::plain(zipf.probabilities(), size.rate, soft);
        let expected = 100.0 * closed_form::refreshed(zipf.probabilities(), size.rate, soft, hard);
        let found = tally.hit_ratio();
        let how = if stream.hard == 1 { "plain TTL" } else { "refresh-behind" };
        let mut note = tally.tiers();
        if stream.hard > 1 {
            note.push_str(&format!(
                "; a plain TTL cache would have {plain:.2} %: a read past the soft life is answered here and refreshes \
                 the entry behind it, so that only a gap longer than soft and hard life misses"
            ));
        }
        rows.push(
            Row::new(format!("hit ratio, Zipf {:.1}, {how}", stream.exponent), found, "%")
                .beside("% in theory", expected)
                .judged("± 2 points", (found - expected).abs() <= TOLERANCE && tally.failed == 0)
                .note(note),
        );
    }
    Ok((rows, all))
}
