//! How well guesses agree with the truth, and how sure that is.
//!
//! Each figure can be had for any weights of the units that the epochs come from — people, recordings or stretches of
//! time — so that [`Bootstrap`] can draw the units again and say how far a figure may be off.

mod bootstrap;
mod confusion;
mod partners;
mod ranking;
mod reliability;
mod unit_sums;

pub use bootstrap::{Bootstrap, percentiles95};
pub use confusion::Confusion;
pub use partners::{Pair, average_precision_of_relevant, rank_of_partner};
pub use ranking::{Ranking, auroc, spearman};
pub use reliability::Reliability;
pub use unit_sums::UnitSums;

/// Returns the mean, or `None` of nothing.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0);
    for value in values {
        sum += value;
        n += 1;
    }
    (n > 0).then(|| sum / f64::from(n))
}

/// Returns the deviation of a sample, with `n - 1` below; `None` for fewer than two values.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let middle = mean(values.iter().copied())?;
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_of_a_sample() {
        assert_eq!(mean([2.0, 4.0, 9.0]), Some(5.0));
        assert_eq!(mean([]), None);
        assert_eq!(deviation(&[2.0, 4.0, 9.0]), Some(13f64.sqrt()));
        assert_eq!(deviation(&[2.0]), None);
    }
}
