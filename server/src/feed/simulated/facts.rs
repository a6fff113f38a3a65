//! Whether the simulated prices behave as real ones do: the stylised facts of 30-minute returns, measured as on the
//! recorded prices. The bounds are those of the recorded coins, widened for the luck of one path.

use model::{Interval, Symbol};

use super::Simulation;

/// 18 months of 30-minute bars, as many as the recorded sample has, from 2023-01-01.
const BARS: usize = 26_240;
const START: i64 = 1_672_531_200_000;

fn returns(symbol: &Symbol) -> Vec<f64> {
    let simulation = Simulation::default();
    let mut closes = Vec::with_capacity(BARS);
    let mut from = START;
    while closes.len() < BARS {
        let (bars, _) =
            simulation.candles(symbol, Interval::M30, Some(from), None, 5_000, START * 2).unwrap();
        from += bars.len() as i64 * Interval::M30.ms();
        closes.extend(bars.iter().map(|bar| bar.close.ln()));
    }
    closes.truncate(BARS);
    closes.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (ma, mb) = (mean(a), mean(b));
    let covariance: f64 = a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum();
    let variances = |v: &[f64], m: f64| v.iter().map(|x| (x - m).powi(2)).sum::<f64>();
    covariance / (variances(a, ma) * variances(b, mb)).sqrt()
}

fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    correlation(&values[lag..], &values[..values.len() - lag])
}

fn excess_kurtosis(values: &[f64]) -> f64 {
    let m = mean(values);
    let moment = |n| values.iter().map(|x| (x - m).powi(n)).sum::<f64>() / values.len() as f64;
    moment(4) / moment(2).powi(2) - 3.0
}

/// Hill's estimator of the tail index over the largest 2 % of absolute returns.
fn hill(absolute: &[f64]) -> f64 {
    let mut sorted = absolute.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let k = sorted.len() / 50;
    let threshold = sorted[k];
    1.0 / (sorted[..k].iter().map(|x| (x / threshold).ln()).sum::<f64>() / k as f64)
}

#[test]
fn returns_have_the_stylised_facts_of_real_ones() {
    let simulation = Simulation::default();
    let all: Vec<Vec<f64>> = simulation.symbols().iter().map(returns).collect();
    let mut sums = [0.0; 5];
    for (symbol, r) in simulation.symbols().iter().zip(&all) {
        let absolute: Vec<f64> = r.iter().map(|x| x.abs()).collect();
        let m = mean(r);
        let variance = r.iter().map(|x| (x - m).powi(2)).sum::<f64>() / r.len() as f64;
        let volatility = (variance * 48.0 * 365.0).sqrt();
        let facts = [
            volatility,
            excess_kurtosis(r),
            autocorrelation(&absolute, 1),
            autocorrelation(&absolute, 7 * 48),
            hill(&absolute),
        ];
        println!("{symbol} {facts:.3?} {:.3}", autocorrelation(r, 1));
        for (sum, fact) in sums.iter_mut().zip(facts) {
            *sum += fact / all.len() as f64;
        }
        assert!(autocorrelation(r, 1).abs() < 0.1, "{symbol}");
        assert!((0.7..2.0).contains(&volatility), "{symbol} {volatility}");
        assert!((8.0..400.0).contains(&facts[1]), "{symbol} {}", facts[1]);
    }
    println!("mean {sums:.3?}");
    let [volatility, kurtosis, lag_one, week, tail] = sums;
    assert!((0.9..1.6).contains(&volatility), "{volatility}");
    assert!((20.0..140.0).contains(&kurtosis), "{kurtosis}");
    assert!((0.28..0.48).contains(&lag_one), "{lag_one}");
    assert!((0.06..0.18).contains(&week), "{week}");
    assert!((1.9..2.9).contains(&tail), "{tail}");

    let mut pairs = Vec::new();
    for (i, a) in all.iter().enumerate() {
        pairs.extend(all[i + 1..].iter().map(|b| correlation(a, b)));
    }
    println!("correlation {:.3} {:.3?}", mean(&pairs), pairs);
    assert!((0.55..0.75).contains(&mean(&pairs)), "{}", mean(&pairs));
}
