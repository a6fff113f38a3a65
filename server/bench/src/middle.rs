//! Medians and quantiles.

/// The value that this part of all is below; 0 of nothing.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * part).round() as usize).copied().unwrap_or(0.0)
}

/// The value in the middle; 0 of nothing.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// Two things measured in turns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs {
    ours: Vec<f64>,
    bare: Vec<f64>,
}

/// The middle of both, and of the ratios of neighbours: what else the machine does hits neighbours alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Middle {
    pub ours: f64,
    pub bare: f64,
    pub ratio: f64,
}

impl Pairs {
    pub const fn new() -> Self {
        Self { ours: Vec::new(), bare: Vec::new() }
    }

    pub fn push(&mut self, ours: f64, bare: f64) {
        self.ours.push(ours);
        self.bare.push(bare);
    }

    pub fn append(&mut self, mut other: Self) {
        self.ours.append(&mut other.ours);
        self.bare.append(&mut other.bare);
    }

    pub fn middle(mut self) -> Middle {
        let mut ratios: Vec<f64> =
            self.ours.iter().zip(&self.bare).filter(|(_, bare)| **bare > 0.0).map(|(o, b)| o / b).collect();
        Middle { ours: median(&mut self.ours), bare: median(&mut self.bare), ratio: median(&mut ratios) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_ignores_what_is_far_out() {
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(median(&mut [3.0, 1.0, 900.0]), 3.0);
        assert_eq!(quantile(&mut [1.0, 2.0, 3.0, 4.0, 5.0], 1.0), 5.0);
        let mut pairs = Pairs::default();
        for (ours, bare) in [(2.0, 1.0), (20.0, 10.0), (4.0, 2.0), (100.0, 1.0)] {
            pairs.push(ours, bare);
        }
        assert_eq!(pairs.middle().ratio, 2.0);
    }
}
