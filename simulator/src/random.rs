//! Reproducible random numbers: one stream for each seed, night and purpose.

use rand::Rng;
use rand_pcg::Pcg64Mcg;
use sha2::{Digest, Sha256};

/// A stream of random numbers for one purpose in one night.
///
/// Why not `rand_distr`? Its algorithms may change between versions, and a night must never change. Only the generator
/// (PCG) comes from a library; every distribution is implemented here.
#[derive(Debug, Clone)]
pub(super) struct Random {
    generator: Pcg64Mcg,
    /// The second of the two numbers that one round of the polar method yields.
    spare_normal: Option<f64>,
}

impl Random {
    /// Creates the stream of a purpose, independent of the streams of other purposes and nights.
    pub(super) fn new(seed: u64, night: u32, purpose: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(night.to_le_bytes());
        hash.update(purpose.as_bytes());
        let mut state = [0; 16];
        state.copy_from_slice(&hash.finalize()[..16]);
        Self { generator: Pcg64Mcg::new(u128::from_le_bytes(state)), spare_normal: None }
    }

    /// Returns 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Returns a number in `[0, 1)`.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a number in `[low, high)`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Returns `true` with the given probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Returns −1 or 1.
    pub(super) fn sign(&mut self) -> f64 {
        if self.chance(0.5) { -1.0 } else { 1.0 }
    }

    /// Returns a standard normal number (Marsaglia's polar method).
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.spare_normal = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// Returns a log-normal number; `sigma` is the standard deviation of its logarithm.
    pub(super) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Returns a log-normal number truncated to `[low, high]` by rejection.
    pub(super) fn log_normal_within(
        &mut self,
        (median, sigma): (f64, f64),
        (low, high): (f64, f64),
    ) -> f64 {
        // Bounded, because a range in the far tail would reject almost every draw.
        for _ in 0..64 {
            let value = self.log_normal(median, sigma);
            if (low..=high).contains(&value) {
                return value;
            }
        }
        median.clamp(low, high)
    }

    /// Returns a normal number truncated to `[low, high]` by rejection.
    pub(super) fn normal_within(&mut self, (mean, sd): (f64, f64), (low, high): (f64, f64)) -> f64 {
        for _ in 0..64 {
            let value = mean + sd * self.normal();
            if (low..=high).contains(&value) {
                return value;
            }
        }
        mean.clamp(low, high)
    }

    /// Returns an exponentially distributed waiting time with the given mean.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }

    /// Returns one of the values with a probability proportional to its weight.
    ///
    /// # Panics
    ///
    /// Panics if `weighted` is empty.
    pub(super) fn pick<T: Copy>(&mut self, weighted: &[(T, f64)]) -> T {
        let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
        let mut left = self.uniform() * total;
        for (value, weight) in weighted {
            left -= weight;
            if left < 0.0 {
                return *value;
            }
        }
        weighted.last().expect("callers pass at least one value").0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_night_and_purpose() {
        let first = |seed, night, purpose| Random::new(seed, night, purpose).bits();
        assert_eq!(first(7, 1, "eeg"), first(7, 1, "eeg"));
        assert_ne!(first(7, 1, "eeg"), first(8, 1, "eeg"));
        assert_ne!(first(7, 1, "eeg"), first(7, 2, "eeg"));
        assert_ne!(first(7, 1, "eeg"), first(7, 1, "ecg"));
    }

    #[test]
    fn the_stream_never_changes() {
        let mut random = Random::new(1, 1, "test");
        assert_eq!(
            [random.bits(), random.bits()],
            [14_624_444_367_926_760_605, 7_699_324_896_507_296_356]
        );
    }

    #[test]
    fn distributions_have_the_expected_moments() {
        let mut random = Random::new(1, 1, "moments");
        let n = 20_000;
        let normals: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let mean = normals.iter().sum::<f64>() / f64::from(n);
        let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
        let waiting = (0..n).map(|_| random.exponential(5.0)).sum::<f64>() / f64::from(n);
        assert!((waiting - 5.0).abs() < 0.2, "{waiting}");
        let heads = (0..n).filter(|_| random.pick(&[(true, 3.0), (false, 1.0)])).count();
        assert!((f64::from(heads as u32) / f64::from(n) - 0.75).abs() < 0.02, "{heads}");
    }
}
