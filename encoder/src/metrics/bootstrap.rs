//! Bootstrap intervals: units are resampled with replacement (Efron 1979).
//!
//! Epochs of a night are correlated, so units are nights or subjects, never epochs.
//! With few units the interval is too narrow.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Minimum share of the draws in which a metric must exist for its interval to be reported.
const MIN_SHARE: f64 = 0.5;

/// Bootstrap draws of units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrap {
    n_units: usize,
    /// How often each unit was drawn, `[draws, n_units]`.
    weights: Vec<u32>,
}

impl Bootstrap {
    /// Draws `n_units` units with replacement, `draws` times.
    pub fn draw(n_units: usize, draws: usize, seed: u64) -> Self {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut weights = vec![0; draws * n_units];
        for draw in weights.chunks_exact_mut(n_units.max(1)) {
            for _ in 0..n_units {
                draw[random.random_range(0..n_units)] += 1;
            }
        }
        Self { n_units, weights }
    }

    /// Returns the weights of the original sample: each unit once.
    pub fn once(&self) -> Vec<u32> {
        vec![1; self.n_units]
    }

    /// Returns the number of units.
    pub fn n_units(&self) -> usize {
        self.n_units
    }

    /// Returns the metric of each draw; `None` if it does not exist there.
    pub fn values(&self, metric: impl FnMut(&[u32]) -> Option<f64>) -> Vec<Option<f64>> {
        self.weights.chunks_exact(self.n_units.max(1)).map(metric).collect()
    }

    /// Returns the 95 % interval of a metric; see [`percentiles95`]. `None` if there are fewer than two units.
    pub fn interval(&self, metric: impl FnMut(&[u32]) -> Option<f64>) -> Option<[f64; 2]> {
        if self.n_units < 2 {
            return None;
        }
        percentiles95(&self.values(metric))
    }
}

/// Returns the 2.5th and 97.5th percentiles of the values that exist; `None` if fewer than half of them do.
pub fn percentiles95(values: &[Option<f64>]) -> Option<[f64; 2]> {
    let mut found: Vec<f64> = values.iter().copied().flatten().collect();
    if found.is_empty() || (found.len() as f64) < MIN_SHARE * values.len() as f64 {
        return None;
    }
    found.sort_by(f64::total_cmp);
    let at = |share: f64| {
        // Linear interpolation between the two nearest ranks.
        let rank = share * (found.len() - 1) as f64;
        let (below, fraction) = (rank as usize, rank.fract());
        let above = (below + 1).min(found.len() - 1);
        (found[above] - found[below]).mul_add(fraction, found[below])
    };
    Some([at(0.025), at(0.975)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_draw_has_as_many_units_as_the_sample() {
        let bootstrap = Bootstrap::draw(7, 50, 3);
        assert!(bootstrap.weights.chunks_exact(7).all(|draw| draw.iter().sum::<u32>() == 7));
        assert_eq!(bootstrap, Bootstrap::draw(7, 50, 3));
        assert_ne!(bootstrap, Bootstrap::draw(7, 50, 4));
    }

    #[test]
    fn interval_of_a_mean_matches_the_textbook() {
        // 100 units with the values 0 to 99 have a standard error of 28.9 / 10, so the interval is the mean ± 5.66.
        let mean = |weights: &[u32]| {
            let sum: f64 = weights.iter().enumerate().map(|(i, n)| i as f64 * f64::from(*n)).sum();
            Some(sum / 100.0)
        };
        let [low, high] = Bootstrap::draw(100, 4000, 1).interval(mean).unwrap();
        assert!((low - 43.84).abs() < 0.5 && (high - 55.16).abs() < 0.5, "{low} {high}");
    }

    #[test]
    fn one_unit_has_no_interval() {
        assert_eq!(Bootstrap::draw(1, 10, 1).interval(|_| Some(1.0)), None);
        assert_eq!(Bootstrap::draw(0, 10, 1).interval(|_| Some(1.0)), None);
    }

    #[test]
    fn metric_that_rarely_exists_has_no_interval() {
        assert_eq!(percentiles95(&[None, None, Some(1.0)]), None);
        assert_eq!(percentiles95(&[None, Some(2.0), Some(1.0)]), Some([1.025, 1.975]));
        assert_eq!(percentiles95(&[]), None);
    }
}
