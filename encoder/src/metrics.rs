//! How well guesses agree with the truth.

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
        let recalls = (0..self.n_labels)
            .filter_map(|label| ratio(self.get(label, label), self.truths(label)));
        mean(recalls)
    }

    /// Returns the mean F1 over the labels that occur in the truth.
    pub fn macro_f1(&self) -> Option<f64> {
        let f1 =
            |label| ratio(2 * self.get(label, label), self.truths(label) + self.guesses(label));
        mean((0..self.n_labels).filter(|label| self.truths(*label) > 0).filter_map(f1))
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

/// Returns the area under the receiver operating characteristic: the chance that a positive scores above a negative,
/// ties counting half; `None` where one of the two is missing.
pub fn auroc(scored: &[(f32, bool)]) -> Option<f64> {
    let ranks = ranks(&scored.iter().map(|(score, _)| f64::from(*score)).collect::<Vec<_>>());
    let n_positive = scored.iter().filter(|(_, positive)| *positive).count() as f64;
    let n_negative = scored.len() as f64 - n_positive;
    if n_positive == 0.0 || n_negative == 0.0 {
        return None;
    }
    let sum: f64 =
        ranks.iter().zip(scored).filter(|(_, (_, positive))| *positive).map(|(rank, _)| rank).sum();
    Some((sum - n_positive * (n_positive + 1.0) / 2.0) / (n_positive * n_negative))
}

/// Returns Spearman's rank correlation, ties sharing their mean rank; `None` below three pairs or where one side is constant.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 {
        return None;
    }
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (a, b) = (ranks(&a), ranks(&b));
    let middle = f64::midpoint(pairs.len() as f64, 1.0);
    let product = |x: &[f64], y: &[f64]| {
        x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>()
    };
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (scale > 0.0).then(|| product(&a, &b) / scale)
}

/// Returns the rank of each value from 1, ties sharing their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for tied in order.chunk_by(|i, j| values[*i] == values[*j]) {
        let rank = first as f64 + f64::midpoint(tied.len() as f64, 1.0);
        tied.iter().for_each(|i| ranks[*i] = rank);
        first += tied.len();
    }
    ranks
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
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
        let pairs = [((0, 0), 20), ((0, 1), 5), ((1, 0), 10), ((1, 1), 15)];
        let table = Confusion::count(
            2,
            pairs.into_iter().flat_map(|(pair, n)| std::iter::repeat_n(pair, n)),
        );
        check(table.kappa(), 0.4);
        check(table.balanced_accuracy(), f64::midpoint(0.8, 0.6));
        check(table.macro_f1(), f64::midpoint(40.0 / 55.0, 30.0 / 45.0));
    }

    #[test]
    fn label_that_never_occurs_is_left_out() {
        check(Confusion::count(3, [(0, 0), (1, 2)]).balanced_accuracy(), 0.5);
        assert_eq!(Confusion::count(3, []).balanced_accuracy(), None);
    }

    #[test]
    fn auroc_counts_ties_half() {
        check(auroc(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]), 0.75);
        check(auroc(&[(0.5, false), (0.5, true)]), 0.5);
        assert_eq!(auroc(&[(0.5, true)]), None);
    }

    #[test]
    fn spearman_follows_ranks() {
        check(spearman(&[(1.0, 10.0), (2.0, 100.0), (3.0, 1000.0)]), 1.0);
        check(spearman(&[(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0)]), 0.6);
        assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
    }
}
