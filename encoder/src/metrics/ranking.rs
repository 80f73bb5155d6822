//! Rank metrics of scores against a binary truth: AUROC and average precision; Spearman's correlation.

/// Scores of epochs, sorted once; each metric, for any weights of the units, is one pass over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking {
    /// The highest score first.
    scores: Vec<RankedScore>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RankedScore {
    unit: u32,
    is_positive: bool,
    /// Whether the next score is lower.
    ends_tie: bool,
}

impl Ranking {
    /// Sorts scores, each with its truth and the number of its unit.
    ///
    /// # Panics
    ///
    /// Panics if the number of a unit does not fit in 32 bits.
    pub fn new(scored: impl IntoIterator<Item = (f32, bool, usize)>) -> Self {
        let mut scored: Vec<(f32, bool, usize)> = scored.into_iter().collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let next = |i: usize| scored.get(i + 1).map(|(score, ..)| *score);
        let scores = scored.iter().enumerate().map(|(i, (score, is_positive, unit))| RankedScore {
            unit: u32::try_from(*unit).expect("there are fewer than 2^32 units"),
            is_positive: *is_positive,
            ends_tie: next(i) != Some(*score),
        });
        Self { scores: scores.collect() }
    }

    /// Returns the number of scores.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Returns whether there are no scores.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// Returns the share of positives; `None` if the total weight is 0.
    pub fn prevalence(&self, weights: &[u32]) -> Option<f64> {
        let (positive, negative) = self.totals(weights);
        let all = positive + negative;
        (all > 0.0).then(|| positive / all)
    }

    /// Returns the area under the receiver operating characteristic: the probability that a positive scores above a
    /// negative, with ties counting half. `None` without positives or without negatives.
    ///
    /// # Panics
    ///
    /// Panics if there is no weight for a unit, as do the other metrics.
    pub fn auroc(&self, weights: &[u32]) -> Option<f64> {
        let (all_positive, all_negative) = self.totals(weights);
        if all_positive == 0.0 || all_negative == 0.0 {
            return None;
        }
        // `above` is the weight of the positives with higher scores.
        let (mut above, mut area) = (0.0, 0.0);
        self.for_each_tie(weights, |positive, negative| {
            area += negative * (above + positive / 2.0);
            above += positive;
        });
        Some(area / (all_positive * all_negative))
    }

    /// Returns the average precision: the area under the precision-recall curve without interpolation. Random scores give
    /// the prevalence. `None` without positives.
    pub fn average_precision(&self, weights: &[u32]) -> Option<f64> {
        let (all_positive, _) = self.totals(weights);
        if all_positive == 0.0 {
            return None;
        }
        let (mut found, mut seen, mut area) = (0.0, 0.0, 0.0);
        self.for_each_tie(weights, |positive, negative| {
            found += positive;
            seen += positive + negative;
            if positive > 0.0 {
                area += positive * found / seen;
            }
        });
        Some(area / all_positive)
    }

    /// Calls `take` with the weights of the positives and of the negatives of each distinct score, highest first.
    fn for_each_tie(&self, weights: &[u32], mut take: impl FnMut(f64, f64)) {
        let (mut positive, mut negative) = (0, 0);
        for score in &self.scores {
            let weight = weights[score.unit as usize];
            *(if score.is_positive { &mut positive } else { &mut negative }) += weight;
            if score.ends_tie {
                take(f64::from(positive), f64::from(negative));
                (positive, negative) = (0, 0);
            }
        }
    }

    fn totals(&self, weights: &[u32]) -> (f64, f64) {
        let (mut all_positive, mut all_negative) = (0.0, 0.0);
        self.for_each_tie(weights, |positive, negative| {
            all_positive += positive;
            all_negative += negative;
        });
        (all_positive, all_negative)
    }
}

/// Returns the area under the receiver operating characteristic of unweighted scores; see [`Ranking::auroc`].
pub fn auroc(scored: &[(f32, bool)]) -> Option<f64> {
    Ranking::new(scored.iter().map(|(score, is_positive)| (*score, *is_positive, 0))).auroc(&[1])
}

/// Returns Spearman's rank correlation; ties share their mean rank. `None` for fewer than three pairs or a constant side.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 {
        return None;
    }
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (a, b) = (ranks(&a), ranks(&b));
    let mean_rank = f64::midpoint(pairs.len() as f64, 1.0);
    let product = |x: &[f64], y: &[f64]| {
        x.iter().zip(y).map(|(x, y)| (x - mean_rank) * (y - mean_rank)).sum::<f64>()
    };
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (scale > 0.0).then(|| product(&a, &b) / scale)
}

/// Returns the rank of each value, from 1; ties share their mean rank.
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

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn check(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?}, expected {expected}");
    }

    #[test]
    fn auroc_counts_ties_half() {
        check(auroc(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]), 0.75);
        check(auroc(&[(0.5, false), (0.5, true)]), 0.5);
        assert_eq!(auroc(&[(0.5, true)]), None);
    }

    #[test]
    fn average_precision_matches_scikit_learn() {
        // sklearn.metrics.average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), and with two ties.
        let average_precision = |scored: &[(f32, bool)]| {
            let ranking = Ranking::new(scored.iter().map(|(score, truth)| (*score, *truth, 0)));
            ranking.average_precision(&[1])
        };
        check(
            average_precision(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]),
            5.0 / 6.0,
        );
        check(average_precision(&[(0.5, false), (0.5, true), (0.2, false), (0.2, true)]), 0.5);
        assert_eq!(average_precision(&[(0.5, false)]), None);
    }

    #[test]
    fn weighting_a_unit_equals_repeating_its_scores() {
        let mut random = Pcg64Mcg::seed_from_u64(5);
        // Few distinct values, so that many scores are tied across units.
        let scored: Vec<(f32, bool, usize)> = (0..300)
            .map(|i| (random.random_range(0..20) as f32, random.random_range(0..3) == 0, i % 4))
            .collect();
        let weights = [2, 0, 1, 3];
        let repeated = scored.iter().flat_map(|scored| {
            std::iter::repeat_n((scored.0, scored.1, 0), weights[scored.2] as usize)
        });
        let (ranking, repeated) = (Ranking::new(scored.clone()), Ranking::new(repeated));
        check(ranking.auroc(&weights), repeated.auroc(&[1]).unwrap());
        check(ranking.average_precision(&weights), repeated.average_precision(&[1]).unwrap());
        check(ranking.prevalence(&weights), repeated.prevalence(&[1]).unwrap());
    }

    #[test]
    fn spearman_depends_on_ranks_only() {
        check(spearman(&[(1.0, 10.0), (2.0, 100.0), (3.0, 1000.0)]), 1.0);
        check(spearman(&[(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0)]), 0.6);
        assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
    }
}
