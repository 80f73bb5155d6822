//! How far a figure may be off: units are drawn again with replacement (Efron 1979).
//!
//! Epochs of one night are alike, so nights are drawn and never epochs. With few units the interval is too narrow.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Least share of the draws in which a figure must exist for its interval to be told.
const LEAST_SHARE: f64 = 0.5;

/// How often each unit was drawn, draw by draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrap {
    n_units: usize,
    /// `[draws, n_units]`.
    weights: Vec<u32>,
}

impl Bootstrap {
    /// Draws as many units as there are, `draws` times.
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

    /// Returns the weights of the figure itself: each unit once.
    pub fn once(&self) -> Vec<u32> {
        vec![1; self.n_units]
    }

    /// Returns the number of units.
    pub fn n_units(&self) -> usize {
        self.n_units
    }

    /// Returns a figure in each draw; `None` where the draw has none.
    pub fn values(&self, figure: impl FnMut(&[u32]) -> Option<f64>) -> Vec<Option<f64>> {
        self.weights.chunks_exact(self.n_units.max(1)).map(figure).collect()
    }

    /// Returns the 95 % interval of a figure, see [`percentiles95`]; `None` where there are fewer than two units, whose
    /// drawing says nothing.
    pub fn interval(&self, figure: impl FnMut(&[u32]) -> Option<f64>) -> Option<[f64; 2]> {
        if self.n_units < 2 {
            return None;
        }
        percentiles95(&self.values(figure))
    }
}

/// Returns the 2.5th and 97.5th percentile of the values that exist; `None` where fewer than half of them do.
pub fn percentiles95(values: &[Option<f64>]) -> Option<[f64; 2]> {
    let mut found: Vec<f64> = values.iter().copied().flatten().collect();
    if found.is_empty() || (found.len() as f64) < LEAST_SHARE * values.len() as f64 {
        return None;
    }
    found.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (found.len() - 1) as f64;
        let (below, rest) = (place as usize, place.fract());
        let above = (below + 1).min(found.len() - 1);
        (found[above] - found[below]).mul_add(rest, found[below])
    };
    Some([at(0.025), at(0.975)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_draw_has_as_many_units_as_there_are() {
        let bootstrap = Bootstrap::draw(7, 50, 3);
        assert!(bootstrap.weights.chunks_exact(7).all(|draw| draw.iter().sum::<u32>() == 7));
        assert_eq!(bootstrap, Bootstrap::draw(7, 50, 3));
        assert_ne!(bootstrap, Bootstrap::draw(7, 50, 4));
    }

    #[test]
    fn interval_of_a_mean_is_that_of_the_textbook() {
        // Of 100 units with the values 0 to 99: standard error 28.9 / 10, so the mean plus and minus 5.66.
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
    fn figure_that_seldom_exists_has_no_interval() {
        assert_eq!(percentiles95(&[None, None, Some(1.0)]), None);
        assert_eq!(percentiles95(&[None, Some(2.0), Some(1.0)]), Some([1.025, 1.975]));
        assert_eq!(percentiles95(&[]), None);
    }
}
