//! Zipf's law: the key of rank k is asked for in proportion to 1 / k^s.

/// Draws ranks from 0 up by Zipf's law.
#[derive(Debug, Clone)]
pub(crate) struct Zipf {
    /// Sum of the probabilities up to and with each rank; the last is 1.
    cumulative: Vec<f64>,
}

impl Zipf {
    /// Of `count` ranks, at least one.
    pub fn new(count: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (1..=count.max(1))
            .map(|rank| {
                sum += (rank as f64).powf(-exponent);
                sum
            })
            .collect();
        for part in &mut cumulative {
            *part /= sum;
        }
        Self { cumulative }
    }

    /// A rank, 0 the likeliest.
    pub fn draw(&self, random: &mut fastrand::Rng) -> usize {
        let at = random.f64();
        self.cumulative.partition_point(|part| *part <= at).min(self.cumulative.len() - 1)
    }

    /// The probability of each rank.
    pub fn probabilities(&self) -> impl Iterator<Item = f64> {
        let before = std::iter::once(0.0).chain(self.cumulative.iter().copied());
        self.cumulative.iter().zip(before).map(|(with, before)| with - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_follow_the_law() {
        for exponent in [0.8, 1.0, 1.2] {
            let parts: Vec<f64> = Zipf::new(1_000, exponent).probabilities().collect();
            assert!((parts.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let ratio = parts[0] / parts[9];
            assert!((ratio - 10f64.powf(exponent)).abs() < 1e-6, "{exponent}: {ratio}");
        }
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let zipf = Zipf::new(50, 1.0);
        let mut random = fastrand::Rng::with_seed(7);
        let draws = 200_000;
        let mut seen = [0u32; 50];
        for _ in 0..draws {
            seen[zipf.draw(&mut random)] += 1;
        }
        for (rank, part) in zipf.probabilities().enumerate() {
            let expected = part * f64::from(draws);
            let off = (f64::from(seen[rank]) - expected).abs();
            assert!(off < 6.0 * expected.sqrt(), "rank {rank}: {} for {expected}", seen[rank]);
        }
        assert_eq!(Zipf::new(1, 1.0).draw(&mut random), 0);
    }
}
