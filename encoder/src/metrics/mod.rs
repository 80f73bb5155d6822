//! Metrics of predictions against the truth, with bootstrap intervals.
//!
//! Epochs come from units: subjects, recordings or spans of time.
//! Every metric can be computed for any integer weights of the units, so that [`Bootstrap`] can resample units without a
//! second pass over the epochs.

mod bootstrap;
mod confusion;
mod ranking;
mod reliability;
mod retrieval;
mod unit_sums;

pub use bootstrap::{Bootstrap, percentiles95};
pub use confusion::ConfusionMatrix;
pub use ranking::{Ranking, auroc, spearman};
pub use reliability::Reliability;
pub use retrieval::{RetrievalPair, average_precision_of_relevant, rank_of_partner};
pub use unit_sums::UnitSums;

/// Returns the mean; `None` if there are no values.
pub fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0);
    for value in values {
        sum += value;
        n += 1;
    }
    (n > 0).then(|| sum / f64::from(n))
}

/// Returns the standard deviation of a sample (with `n - 1`); `None` for fewer than two values.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values.iter().copied())?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_standard_deviation_of_a_sample() {
        assert_eq!(mean([2.0, 4.0, 9.0]), Some(5.0));
        assert_eq!(mean([]), None);
        assert_eq!(standard_deviation(&[2.0, 4.0, 9.0]), Some(13f64.sqrt()));
        assert_eq!(standard_deviation(&[2.0]), None);
    }
}
