//! The confusion matrix of exclusive labels, and the metrics derived from it.

use super::mean;

/// Counts of true and predicted labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    n_labels: usize,
    /// `counts[truth · n_labels + prediction]`.
    counts: Vec<usize>,
}

impl ConfusionMatrix {
    /// Counts pairs of truth and prediction, both below `n_labels`.
    ///
    /// # Panics
    ///
    /// Panics if a label is not below `n_labels`.
    pub fn count(n_labels: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut counts = vec![0; n_labels * n_labels];
        for (truth, prediction) in pairs {
            assert!(truth < n_labels && prediction < n_labels, "label out of range");
            counts[truth * n_labels + prediction] += 1;
        }
        Self { n_labels, counts }
    }

    /// Creates a matrix from counts, `[n_labels, n_labels]`, which must be integers.
    ///
    /// # Panics
    ///
    /// Panics if the number of counts differs.
    pub fn from_sums(n_labels: usize, sums: &[f64]) -> Self {
        assert_eq!(sums.len(), n_labels * n_labels, "there is a count for each pair of labels");
        Self { n_labels, counts: sums.iter().map(|sum| *sum as usize).collect() }
    }

    /// Returns the count of a true and a predicted label.
    pub fn get(&self, truth: usize, prediction: usize) -> usize {
        self.counts[truth * self.n_labels + prediction]
    }

    /// Returns the number of pairs.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Returns the mean recall over the labels that occur in the truth.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let recall = |label| ratio(self.get(label, label), self.truths(label));
        mean((0..self.n_labels).filter_map(recall))
    }

    /// Returns the F1 score of a label, the harmonic mean of precision and recall; `None` if it does not occur in the
    /// truth.
    pub fn f1(&self, label: usize) -> Option<f64> {
        let truths = self.truths(label);
        let f1 = ratio(2 * self.get(label, label), truths + self.predictions(label));
        f1.filter(|_| truths > 0)
    }

    /// Returns the mean F1 score over the labels that occur in the truth.
    pub fn macro_f1(&self) -> Option<f64> {
        mean((0..self.n_labels).filter_map(|label| self.f1(label)))
    }

    /// Returns Cohen's kappa: the agreement beyond chance (Cohen 1960).
    pub fn kappa(&self) -> Option<f64> {
        let total = self.total() as f64;
        let observed =
            (0..self.n_labels).map(|label| self.get(label, label)).sum::<usize>() as f64 / total;
        let expected: f64 = (0..self.n_labels)
            .map(|label| self.truths(label) as f64 * self.predictions(label) as f64)
            .sum::<f64>()
            / (total * total);
        (total > 0.0 && expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
    }

    fn truths(&self, label: usize) -> usize {
        (0..self.n_labels).map(|prediction| self.get(label, prediction)).sum()
    }

    fn predictions(&self, label: usize) -> usize {
        (0..self.n_labels).map(|truth| self.get(truth, label)).sum()
    }
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?}, expected {expected}");
    }

    #[test]
    fn metrics_of_a_small_matrix() {
        // 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: kappa 0.4.
        let matrix = ConfusionMatrix::from_sums(2, &[20.0, 5.0, 10.0, 15.0]);
        check(matrix.kappa(), 0.4);
        check(matrix.balanced_accuracy(), f64::midpoint(0.8, 0.6));
        check(matrix.f1(0), 40.0 / 55.0);
        check(matrix.macro_f1(), f64::midpoint(40.0 / 55.0, 30.0 / 45.0));
        assert_eq!(matrix.total(), 50);
    }

    #[test]
    fn labels_that_do_not_occur_are_ignored() {
        let matrix = ConfusionMatrix::count(3, [(0, 0), (1, 2)]);
        check(matrix.balanced_accuracy(), 0.5);
        assert_eq!(matrix.f1(2), None);
        assert_eq!(ConfusionMatrix::count(3, []).balanced_accuracy(), None);
    }
}
