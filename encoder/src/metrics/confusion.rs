//! Guesses of exclusive labels against the truth, as counts.

use super::mean;

/// Guesses of exclusive labels against the truth, as counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    n_labels: usize,
    /// `counts[truth · n_labels + guess]`.
    counts: Vec<usize>,
}

impl Confusion {
    /// Counts pairs of truth and guess, both below `n_labels`.
    ///
    /// # Panics
    ///
    /// Panics where a label is not below `n_labels`.
    pub fn count(n_labels: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut counts = vec![0; n_labels * n_labels];
        for (truth, guess) in pairs {
            assert!(truth < n_labels && guess < n_labels, "label out of range");
            counts[truth * n_labels + guess] += 1;
        }
        Self { n_labels, counts }
    }

    /// Takes the counts of every truth and guess, `[n_labels, n_labels]`, as whole numbers.
    ///
    /// # Panics
    ///
    /// Panics where they are not as many.
    pub fn of_sums(n_labels: usize, sums: &[f64]) -> Self {
        assert_eq!(sums.len(), n_labels * n_labels, "each truth has a count for each guess");
        Self { n_labels, counts: sums.iter().map(|sum| *sum as usize).collect() }
    }

    /// Returns the number of pairs of a truth and a guess.
    pub fn get(&self, truth: usize, guess: usize) -> usize {
        self.counts[truth * self.n_labels + guess]
    }

    /// Returns the number of pairs.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Returns the mean, over the labels that occur in the truth, of the share that was guessed right.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let recall = |label| ratio(self.get(label, label), self.truths(label));
        mean((0..self.n_labels).filter_map(recall))
    }

    /// Returns the F1 of a label, the harmonic mean of precision and recall; `None` where it does not occur in the
    /// truth.
    pub fn f1(&self, label: usize) -> Option<f64> {
        let truths = self.truths(label);
        let f1 = ratio(2 * self.get(label, label), truths + self.guesses(label));
        f1.filter(|_| truths > 0)
    }

    /// Returns the mean F1 over the labels that occur in the truth.
    pub fn macro_f1(&self) -> Option<f64> {
        mean((0..self.n_labels).filter_map(|label| self.f1(label)))
    }

    /// Returns Cohen's kappa: agreement beyond what chance would give (Cohen 1960).
    pub fn kappa(&self) -> Option<f64> {
        let total = self.total() as f64;
        let observed =
            (0..self.n_labels).map(|label| self.get(label, label)).sum::<usize>() as f64 / total;
        let by_chance: f64 = (0..self.n_labels)
            .map(|label| self.truths(label) as f64 * self.guesses(label) as f64)
            .sum::<f64>()
            / (total * total);
        (total > 0.0 && by_chance < 1.0).then(|| (observed - by_chance) / (1.0 - by_chance))
    }

    fn truths(&self, label: usize) -> usize {
        (0..self.n_labels).map(|guess| self.get(label, guess)).sum()
    }

    fn guesses(&self, label: usize) -> usize {
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
    fn agreement_of_a_small_table() {
        // 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: kappa 0.4.
        let table = Confusion::of_sums(2, &[20.0, 5.0, 10.0, 15.0]);
        check(table.kappa(), 0.4);
        check(table.balanced_accuracy(), f64::midpoint(0.8, 0.6));
        check(table.f1(0), 40.0 / 55.0);
        check(table.macro_f1(), f64::midpoint(40.0 / 55.0, 30.0 / 45.0));
        assert_eq!(table.total(), 50);
    }

    #[test]
    fn label_that_never_occurs_is_left_out() {
        let table = Confusion::count(3, [(0, 0), (1, 2)]);
        check(table.balanced_accuracy(), 0.5);
        assert_eq!(table.f1(2), None);
        assert_eq!(Confusion::count(3, []).balanced_accuracy(), None);
    }
}
