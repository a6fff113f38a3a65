//! Which recordings are played.

use model::Source;

use crate::store::SeriesInfo;

/// Of each symbol the recorded series with most to play: the one that is longest, counted in its own bars. By symbol.
pub(super) fn choose(series: &[SeriesInfo]) -> Vec<&SeriesInfo> {
    let bars = |it: &SeriesInfo| (it.last_open - it.first_open) / it.finest.ms() + 1;
    let mut chosen: Vec<&SeriesInfo> = Vec::new();
    // They come by symbol, and the finest first: that one stays if another is as long.
    for it in series.iter().filter(|it| it.source == Source::RECORDED) {
        match chosen.last_mut() {
            Some(before) if before.symbol == it.symbol => {
                if bars(it) > bars(before) {
                    *before = it;
                }
            }
            _ => chosen.push(it),
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use model::Interval;

    use super::*;

    fn series(id: i64, symbol: &str, source: &Source, finest: Interval, bars: i64) -> SeriesInfo {
        SeriesInfo {
            id,
            symbol: symbol.parse().unwrap(),
            name: symbol.to_owned(),
            source: source.clone(),
            finest,
            revision: 1,
            first_open: 0,
            last_open: (bars - 1) * finest.ms(),
            price_decimals: 2,
        }
    }

    #[test]
    fn the_one_with_most_bars_of_each_symbol() {
        let other = Source::new("coinbase");
        let all = [
            series(1, "BTC", &other, Interval::M1, 900_000),
            series(2, "BTC", &Source::RECORDED, Interval::M1, 1_440),
            series(3, "BTC", &Source::RECORDED, Interval::M30, 26_000),
            series(4, "BTC", &Source::RECORDED, Interval::D1, 1_800),
            series(5, "BTC", &Source::REPLAY, Interval::M30, 90_000),
            series(6, "ETH", &Source::RECORDED, Interval::M5, 10),
            series(7, "ETH", &Source::RECORDED, Interval::D1, 10),
            series(8, "LTC", &Source::REPLAY, Interval::M5, 10),
        ];
        assert_eq!(choose(&all).iter().map(|it| it.id).collect::<Vec<_>>(), [3, 6]);
        assert!(choose(&[]).is_empty());
    }
}
