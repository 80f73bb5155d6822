//! Scores against the truth by their order alone.

/// Scores of epochs, sorted once, so that figures of any mixture of units are one walk along them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking {
    /// The greatest score first.
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    unit: u32,
    is_positive: bool,
    /// Whether the next place has a lower score.
    ends_tie: bool,
}

impl Ranking {
    /// Sorts scores, each with whether the truth is positive and the number of its unit.
    ///
    /// # Panics
    ///
    /// Panics where a unit's number does not fit 32 bits.
    pub fn new(scored: impl IntoIterator<Item = (f32, bool, usize)>) -> Self {
        let mut scored: Vec<(f32, bool, usize)> = scored.into_iter().collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let next = |i: usize| scored.get(i + 1).map(|(score, ..)| *score);
        let places = scored.iter().enumerate().map(|(i, (score, is_positive, unit))| Place {
            unit: u32::try_from(*unit).expect("units are few"),
            is_positive: *is_positive,
            ends_tie: next(i) != Some(*score),
        });
        Self { places: places.collect() }
    }

    /// Returns the number of scores.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns whether there is no score.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns the share of positives, or `None` where nothing weighs anything.
    pub fn prevalence(&self, weights: &[u32]) -> Option<f64> {
        let (positive, negative) = self.totals(weights);
        let all = positive + negative;
        (all > 0.0).then(|| positive / all)
    }

    /// Returns the area under the receiver operating characteristic: the chance that a positive scores above a
    /// negative, ties counting half. `None` where one of the two is missing.
    ///
    /// # Panics
    ///
    /// Panics where a unit has no weight, as all figures do.
    pub fn auroc(&self, weights: &[u32]) -> Option<f64> {
        let (all_positive, all_negative) = self.totals(weights);
        if all_positive == 0.0 || all_negative == 0.0 {
            return None;
        }
        let (mut above, mut area) = (0.0, 0.0);
        self.for_each_tie(weights, |positive, negative| {
            area += negative * (above + positive / 2.0);
            above += positive;
        });
        Some(area / (all_positive * all_negative))
    }

    /// Returns the average precision, which is the area under the curve of precision over recall without
    /// interpolation. Chance gives the prevalence. `None` where there is no positive.
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

    /// Gives the weight of the positives and of the negatives of each score, the greatest score first.
    fn for_each_tie(&self, weights: &[u32], mut take: impl FnMut(f64, f64)) {
        let (mut positive, mut negative) = (0, 0);
        for place in &self.places {
            let weight = weights[place.unit as usize];
            *(if place.is_positive { &mut positive } else { &mut negative }) += weight;
            if place.ends_tie {
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

/// Returns the area under the receiver operating characteristic of scores that all come from one unit, see
/// [`Ranking::auroc`].
pub fn auroc(scored: &[(f32, bool)]) -> Option<f64> {
    Ranking::new(scored.iter().map(|(score, is_positive)| (*score, *is_positive, 0))).auroc(&[1])
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
    fn average_precision_is_that_of_scikit_learn() {
        // sklearn.metrics.average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), and with two ties.
        let of = |scored: &[(f32, bool)]| {
            let ranking = Ranking::new(scored.iter().map(|(score, truth)| (*score, *truth, 0)));
            ranking.average_precision(&[1])
        };
        check(of(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]), 5.0 / 6.0);
        check(of(&[(0.5, false), (0.5, true), (0.2, false), (0.2, true)]), 0.5);
        assert_eq!(of(&[(0.5, false)]), None);
    }

    #[test]
    fn weighing_a_unit_is_repeating_its_scores() {
        let mut random = Pcg64Mcg::seed_from_u64(5);
        // Few values, so that many scores are tied across units.
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
    fn spearman_follows_ranks() {
        check(spearman(&[(1.0, 10.0), (2.0, 100.0), (3.0, 1000.0)]), 1.0);
        check(spearman(&[(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0)]), 0.6);
        assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
    }
}
