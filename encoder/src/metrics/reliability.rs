//! May probabilities be taken at their word?

use super::UnitSums;

/// Bins of equal width between 0 and 1.
const BINS: usize = 15;
/// Quantities of a bin: how many guesses, the sum of their probabilities, how many of them were right.
const IN_A_BIN: usize = 3;
/// Behind the bins: the sum of the squared errors, and how many there are.
const SQUARES: usize = BINS * IN_A_BIN;
const COUNT: usize = SQUARES + 1;

/// Probabilities and what came true of them, unit by unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability(UnitSums);

impl Reliability {
    /// Makes a reliability of no guess.
    pub fn new(n_units: usize) -> Self {
        Self(UnitSums::new(n_units, COUNT + 1))
    }

    /// Adds a guess that is said to be right with a probability from 0 to 1.
    pub fn add(&mut self, unit: usize, probability: f64, is_right: bool) {
        let error = probability - f64::from(u8::from(is_right));
        self.add_with_square(unit, probability, is_right, error * error);
    }

    /// Adds the probabilities of exclusive labels, of which the greatest is the guess.
    ///
    /// # Panics
    ///
    /// Panics where `truth` is none of the labels.
    pub fn add_exclusive(&mut self, unit: usize, probabilities: &[f64], truth: usize) {
        assert!(truth < probabilities.len(), "the truth is a label");
        let by_probability = |a: &usize, b: &usize| probabilities[*a].total_cmp(&probabilities[*b]);
        let guess = (0..probabilities.len()).max_by(by_probability).expect("there are labels");
        let error = |(label, probability): (usize, &f64)| {
            (probability - f64::from(u8::from(label == truth))).powi(2)
        };
        let square = probabilities.iter().enumerate().map(error).sum();
        self.add_with_square(unit, probabilities[guess], guess == truth, square);
    }

    /// Returns the expected calibration error: the mean distance of a guess's probability from the share of right
    /// guesses among those of like probability, in 15 bins of equal width (Naeini 2015). `None` of no guess.
    pub fn ece(&self, weights: &[u32]) -> Option<f64> {
        let sums = self.0.weighted(weights);
        let distance = |bin: &[f64]| (bin[1] - bin[2]).abs();
        let whole: f64 = sums[..SQUARES].chunks_exact(IN_A_BIN).map(distance).sum();
        (sums[COUNT] > 0.0).then(|| whole / sums[COUNT])
    }

    /// Returns the Brier score: the mean squared error of the probabilities, summed over exclusive labels
    /// (Brier 1950). `None` of no guess.
    pub fn brier(&self, weights: &[u32]) -> Option<f64> {
        let sums = self.0.weighted(weights);
        (sums[COUNT] > 0.0).then(|| sums[SQUARES] / sums[COUNT])
    }

    fn add_with_square(&mut self, unit: usize, probability: f64, is_right: bool, square: f64) {
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1) * IN_A_BIN;
        let right = f64::from(u8::from(is_right));
        let quantities =
            [(bin, 1.0), (bin + 1, probability), (bin + 2, right), (SQUARES, square), (COUNT, 1.0)];
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
    fn guesses_that_come_true_as_often_as_said_are_calibrated() {
        let mut reliability = Reliability::new(1);
        (0..10).for_each(|i| reliability.add(0, 0.3, i < 3));
        check(reliability.ece(&[1]), 0.0);
        check(reliability.brier(&[1]), 0.3 * 0.7);
        assert_eq!(reliability.ece(&[0]), None);
    }

    #[test]
    fn overconfidence_is_the_distance_to_the_share() {
        let mut reliability = Reliability::new(2);
        (0..4).for_each(|i| reliability.add(0, 0.95, i < 2));
        (0..4).for_each(|_| reliability.add(1, 0.0, false));
        check(reliability.ece(&[1, 0]), 0.45);
        check(reliability.ece(&[1, 1]), 0.225);
    }

    #[test]
    fn exclusive_labels_are_judged_by_the_greatest() {
        let mut reliability = Reliability::new(1);
        reliability.add_exclusive(0, &[0.2, 0.7, 0.1], 0);
        check(reliability.ece(&[1]), 0.7);
        check(reliability.brier(&[1]), 0.64 + 0.49 + 0.01);
    }
}
