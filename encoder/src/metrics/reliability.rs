//! Reliability of probabilities: calibration error and Brier score.

use super::UnitSums;

/// Number of bins of equal width between 0 and 1.
const BINS: usize = 15;
/// Sums per bin: number of predictions, their probabilities, and the correct ones.
const SUMS_PER_BIN: usize = 3;
/// After the bins: the sum of the squared errors and the number of predictions.
const SQUARED_ERRORS: usize = BINS * SUMS_PER_BIN;
const COUNT: usize = SQUARED_ERRORS + 1;

/// Probabilities with their outcomes, summed by unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability(UnitSums);

impl Reliability {
    /// Creates a reliability without predictions.
    pub fn new(n_units: usize) -> Self {
        Self(UnitSums::new(n_units, COUNT + 1))
    }

    /// Adds a prediction with its probability, from 0 to 1.
    pub fn add(&mut self, unit: usize, probability: f64, is_correct: bool) {
        let error = probability - f64::from(u8::from(is_correct));
        self.add_with_square(unit, probability, is_correct, error * error);
    }

    /// Adds the probabilities of exclusive labels; the label with the highest one is the prediction.
    ///
    /// # Panics
    ///
    /// Panics if `truth` is not one of the labels.
    pub fn add_exclusive(&mut self, unit: usize, probabilities: &[f64], truth: usize) {
        assert!(truth < probabilities.len(), "the truth is one of the labels");
        let by_probability = |a: &usize, b: &usize| probabilities[*a].total_cmp(&probabilities[*b]);
        let predicted = (0..probabilities.len()).max_by(by_probability).expect("there are labels");
        let error = |(label, probability): (usize, &f64)| {
            (probability - f64::from(u8::from(label == truth))).powi(2)
        };
        let square = probabilities.iter().enumerate().map(error).sum();
        self.add_with_square(unit, probabilities[predicted], predicted == truth, square);
    }

    /// Returns the expected calibration error: the mean distance between probability and accuracy in 15 bins of equal
    /// width (Naeini 2015). `None` without predictions.
    pub fn ece(&self, weights: &[u32]) -> Option<f64> {
        let sums = self.0.weighted(weights);
        let distance = |bin: &[f64]| (bin[1] - bin[2]).abs();
        let total: f64 = sums[..SQUARED_ERRORS].chunks_exact(SUMS_PER_BIN).map(distance).sum();
        (sums[COUNT] > 0.0).then(|| total / sums[COUNT])
    }

    /// Returns the Brier score: the mean squared error of the probabilities, summed over exclusive labels (Brier 1950).
    /// `None` without predictions.
    pub fn brier(&self, weights: &[u32]) -> Option<f64> {
        let sums = self.0.weighted(weights);
        (sums[COUNT] > 0.0).then(|| sums[SQUARED_ERRORS] / sums[COUNT])
    }

    fn add_with_square(&mut self, unit: usize, probability: f64, is_correct: bool, square: f64) {
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1) * SUMS_PER_BIN;
        let correct = f64::from(u8::from(is_correct));
        let quantities = [
            (bin, 1.0),
            (bin + 1, probability),
            (bin + 2, correct),
            (SQUARED_ERRORS, square),
            (COUNT, 1.0),
        ];
        for (quantity, value) in quantities {
            self.0.add(unit, quantity, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?}, expected {expected}");
    }

    #[test]
    fn accurate_probabilities_have_no_calibration_error() {
        let mut reliability = Reliability::new(1);
        (0..10).for_each(|i| reliability.add(0, 0.3, i < 3));
        check(reliability.ece(&[1]), 0.0);
        check(reliability.brier(&[1]), 0.3 * 0.7);
        assert_eq!(reliability.ece(&[0]), None);
    }

    #[test]
    fn overconfidence_is_the_distance_to_the_accuracy() {
        let mut reliability = Reliability::new(2);
        (0..4).for_each(|i| reliability.add(0, 0.95, i < 2));
        (0..4).for_each(|_| reliability.add(1, 0.0, false));
        check(reliability.ece(&[1, 0]), 0.45);
        check(reliability.ece(&[1, 1]), 0.225);
    }

    #[test]
    fn the_most_probable_label_is_the_prediction() {
        let mut reliability = Reliability::new(1);
        reliability.add_exclusive(0, &[0.2, 0.7, 0.1], 0);
        check(reliability.ece(&[1]), 0.7);
        check(reliability.brier(&[1]), 0.64 + 0.49 + 0.01);
    }
}
