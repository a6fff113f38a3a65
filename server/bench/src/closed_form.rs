//! The hit ratio that theory expects, for requests that arrive independently (Poisson) at each key.
//!
//! See Jung, Berger, Balakrishnan, "Modeling TTL-based Internet Caches", IEEE INFOCOM 2003.

/// Hit ratio of a cache that keeps each key for `life` seconds from its load, without refreshes:
/// the sum of p·λT / (1 + λT), λ being `rate`·p.
///
/// A load begins a cycle; in its life λT requests are expected, all hits; the next one is the miss that ends it.
pub(crate) fn plain(probabilities: impl Iterator<Item = f64>, rate: f64, life: f64) -> f64 {
    refreshed(probabilities, rate, life, life)
}

/// Hit ratio of a cache that answers for `hard` seconds, and loads anew behind the first request past `soft`:
/// the sum of p·(1 − e^(−λ(H−S)) / (1 + λS)).
///
/// In the soft life λS hits are expected. The request after it ends the cycle: a hit that refreshes if it comes before the
/// hard end, which it does with probability 1 − e^(−λ(H−S)), a miss otherwise.
pub(crate) fn refreshed(probabilities: impl Iterator<Item = f64>, rate: f64, soft: f64, hard: f64) -> f64 {
    probabilities
        .map(|part| {
            let arrivals = rate * part;
            part * (1.0 - (-arrivals * (hard - soft)).exp() / (1.0 + arrivals * soft))
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zipf::Zipf;

    #[test]
    fn one_key_by_hand() {
        // Two requests a second, a life of three seconds: six hits a miss.
        assert!((plain([1.0].into_iter(), 2.0, 3.0) - 6.0 / 7.0).abs() < 1e-12);
        // With a hard end far away nothing but the first load is a miss.
        assert!(refreshed([1.0].into_iter(), 2.0, 3.0, 1_000.0) > 0.999_999);
        assert_eq!(plain(std::iter::empty(), 1.0, 1.0), 0.0);
    }

    /// Plays the cycles through in virtual time.
    fn played(zipf: &Zipf, rate: f64, soft: f64, hard: f64) -> f64 {
        let mut random = fastrand::Rng::with_seed(3);
        let mut loaded = vec![f64::NEG_INFINITY; zipf.probabilities().count()];
        let (mut now, mut hits, mut reads) = (0.0, 0u32, 0u32);
        for n in 0..400_000 {
            now += -(1.0 - random.f64()).ln() / rate;
            let key = zipf.draw(&mut random);
            let age = now - loaded[key];
            if age >= soft {
                loaded[key] = now;
            }
            if n >= 100_000 {
                reads += 1;
                hits += u32::from(age < hard);
            }
        }
        f64::from(hits) / f64::from(reads)
    }

    #[test]
    fn theory_agrees_with_a_simulation() {
        for (exponent, soft, hard) in [(0.8, 1.0, 1.0), (1.0, 1.0, 1.0), (1.2, 1.0, 1.0), (1.0, 1.0, 4.0)] {
            let zipf = Zipf::new(2_000, exponent);
            let expected = refreshed(zipf.probabilities(), 3_000.0, soft, hard);
            let found = played(&zipf, 3_000.0, soft, hard);
            assert!((expected - found).abs() < 0.006, "{exponent} {hard}: {expected} {found}");
        }
    }
}
