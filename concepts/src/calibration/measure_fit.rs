//! From what the model finds in nights to a measure with prediction intervals.
//!
//! The measure is a monotone function of what is found; how far the truth lies from it is measured on nights that the
//! function was not fitted to (cross-conformal prediction with two tails, Vovk 2015), by level of the estimate and on a
//! square-root scale, because rates scatter more where they are high.

use nocturne_encoder::metrics::spearman;

use crate::calibration::file::{Band, MIN_NIGHTS, MeasureModel, interpolate};

/// Number of parts that nights are split into; each is held out once.
pub const FOLDS: usize = 5;
/// Number of corners of the function.
const CORNERS: usize = 12;
/// Number of levels of the estimate with an interval of their own, where there are enough nights.
const BANDS: usize = 3;
/// Share of the nights that lies beyond each end of an interval.
const TAIL: f64 = 0.025;
/// Rank correlation below which a measure is refused.
const MIN_SPEARMAN: f64 = 0.6;
/// Mean width of intervals, relative to the central 95 % of the true values, above which a measure is refused.
const MAX_WIDTH: f64 = 0.6;

/// A night: what the model found in it, and the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NightPair {
    /// What the model found, by curves that were not fitted to this night.
    pub found: f64,
    /// The value of the measure by the scoring.
    pub truth: f64,
}

/// Fits the model of a measure, in its normal form such as `rate(arousal)`. Nights should be of different subjects; one in
/// five is held out in turn to measure the intervals.
pub fn fit_measure(measure: &str, nights: &[NightPair]) -> MeasureModel {
    let points = monotone(nights);
    let held_out = held_out(nights);
    let bands = bands(&held_out);
    let spearman = spearman(&held_out).unwrap_or(0.0);
    let mut model = MeasureModel {
        measure: measure.to_owned(),
        nights: nights.len(),
        spearman,
        relative_width: 0.0,
        refused: None,
        points,
        bands,
    };
    let width = |(estimate, _): &(f64, f64)| {
        let (low, high) = model.interval(*estimate);
        high - low
    };
    let mean_width = held_out.iter().map(width).sum::<f64>() / held_out.len().max(1) as f64;
    model.relative_width = mean_width / central_range(nights).max(f64::MIN_POSITIVE);
    model.refused = refusal(&model);
    model
}

/// Returns why a measure must not be answered.
fn refusal(model: &MeasureModel) -> Option<String> {
    if model.nights < MIN_NIGHTS {
        return Some(format!(
            "it was calibrated on {} nights; at least {MIN_NIGHTS} are needed",
            model.nights
        ));
    }
    if model.spearman < MIN_SPEARMAN {
        return Some(format!(
            "on its calibration nights the estimates do not follow the scored values (rank correlation {:.2}; at least {MIN_SPEARMAN} is needed)",
            model.spearman
        ));
    }
    (model.relative_width > MAX_WIDTH).then(|| {
        format!(
            "its 95 % intervals are too wide to distinguish nights ({:.2} of the range of the calibration nights; at most {MAX_WIDTH} is allowed)",
            model.relative_width
        )
    })
}

/// Returns estimate and truth of each night, the estimate by a function that was fitted to the other parts.
fn held_out(nights: &[NightPair]) -> Vec<(f64, f64)> {
    let mut pairs = vec![(0.0, 0.0); nights.len()];
    for fold in 0..FOLDS {
        let is_out = |i: usize| i % FOLDS == fold;
        let rest: Vec<NightPair> = nights
            .iter()
            .enumerate()
            .filter(|(i, _)| !is_out(*i))
            .map(|(_, night)| *night)
            .collect();
        let points = monotone(&rest);
        for (i, night) in nights.iter().enumerate().filter(|(i, _)| is_out(*i)) {
            pairs[i] = (interpolate(&points, night.found).max(0.0), night.truth);
        }
    }
    pairs
}

/// Returns the corners of a monotone piecewise linear function: means of groups of nights of ascending `found`, pooled
/// where they would descend (pool adjacent violators; Barlow 1972).
fn monotone(nights: &[NightPair]) -> Vec<[f64; 2]> {
    let mut sorted = nights.to_vec();
    sorted.sort_by(|a, b| a.found.total_cmp(&b.found));
    let mut pools: Vec<(f64, f64, f64)> = Vec::new();
    for group in sorted.chunks(sorted.len().div_ceil(CORNERS).max(1)) {
        let n = group.len() as f64;
        let found = group.iter().map(|night| night.found).sum::<f64>();
        let truth = group.iter().map(|night| night.truth).sum::<f64>();
        pools.push((n, found, truth));
        while let [.., (n0, found0, truth0), (n1, found1, truth1)] = pools[..]
            && truth1 / n1 <= truth0 / n0
        {
            pools.pop();
            pools.pop();
            pools.push((n0 + n1, found0 + found1, truth0 + truth1));
        }
    }
    let mut points: Vec<[f64; 2]> =
        pools.iter().map(|(n, found, truth)| [found / n, truth / n]).collect();
    points.dedup_by(|b, a| b[0] <= a[0]);
    if let [only] = points[..] {
        // A function of one value: every night has the mean.
        points.push([only[0] + 1.0, only[1]]);
    }
    points
}

/// Returns the intervals by level of the estimate.
fn bands(held_out: &[(f64, f64)]) -> Vec<Band> {
    let mut sorted = held_out.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n_bands = (sorted.len() / MIN_NIGHTS).clamp(1, BANDS);
    let size = sorted.len().div_ceil(n_bands).max(1);
    let groups: Vec<&[(f64, f64)]> = sorted.chunks(size).collect();
    let band = |i: usize| {
        let mut residuals: Vec<f64> = groups[i]
            .iter()
            .map(|(estimate, truth)| (truth + 1.0).sqrt() - (estimate + 1.0).sqrt())
            .collect();
        residuals.sort_by(f64::total_cmp);
        let below = groups.get(i + 1).map(|next| next[0].0);
        Band { below, lower: quantile(&residuals, TAIL), upper: quantile(&residuals, 1.0 - TAIL) }
    };
    (0..groups.len()).map(band).collect()
}

/// Returns a quantile of ascending values as the value at the rank `(n + 1) · share`, between its neighbours: of another
/// night, this share is expected to be below. A rank beyond the ends is that of the extreme night.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    let rank = ((sorted.len() + 1) as f64 * share - 1.0).clamp(0.0, last as f64);
    let (before, after) = (rank.floor() as usize, rank.ceil() as usize);
    sorted[before] + (rank - rank.floor()) * (sorted[after] - sorted[before])
}

/// Returns the width of the central 95 % of the true values.
fn central_range(nights: &[NightPair]) -> f64 {
    let mut truths: Vec<f64> = nights.iter().map(|night| night.truth).collect();
    truths.sort_by(f64::total_cmp);
    let at = |share: f64| truths[((truths.len() - 1) as f64 * share).round() as usize];
    at(1.0 - TAIL) - at(TAIL)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Nights whose rate is 80 times what is found, with an error that grows with it.
    fn nights(n: usize, seed: u64, error: f64) -> Vec<NightPair> {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut night = || {
            let found: f64 = random.random_range(0.0..0.5);
            let noise: f64 = random.random_range(-1.0..1.0);
            let truth = (80.0 * found + error * noise * (80.0 * found + 1.0).sqrt()).max(0.0);
            NightPair { found, truth }
        };
        (0..n).map(|_| night()).collect()
    }

    #[test]
    fn intervals_hold_the_truth_of_other_nights() {
        let model = fit_measure("rate(arousal)", &nights(400, 1, 1.0));
        assert_eq!(model.refused, None);
        let others = nights(2000, 2, 1.0);
        let held = others.iter().filter(|night| {
            let (low, high) = model.interval(model.estimate(night.found));
            (low..=high).contains(&night.truth)
        });
        let share = held.count() as f64 / 2000.0;
        assert!((0.93..0.97).contains(&share), "{share}");
    }

    #[test]
    fn quantiles_lie_between_the_values_beside_their_rank() {
        let values: Vec<f64> = (1..=39).map(f64::from).collect();
        assert_eq!((quantile(&values, 0.025), quantile(&values, 0.975)), (1.0, 39.0));
        let values: Vec<f64> = (1..=59).map(f64::from).collect();
        assert_eq!((quantile(&values, 0.025), quantile(&values, 0.975)), (1.5, 58.5));
        assert_eq!(quantile(&[3.0], 0.975), 3.0);
    }

    #[test]
    fn intervals_contain_their_estimate_and_are_not_negative() {
        let model = fit_measure("rate(arousal)", &nights(200, 1, 1.0));
        for found in [0.0, 0.001, 0.1, 0.5, 2.0] {
            let estimate = model.estimate(found);
            let (low, high) = model.interval(estimate);
            assert!(0.0 <= low && low <= estimate && estimate <= high, "{low} {estimate} {high}");
        }
    }

    #[test]
    fn estimates_ascend_with_what_is_found() {
        let model = fit_measure("rate(arousal)", &nights(200, 1, 3.0));
        let estimates: Vec<f64> = (0..60).map(|i| model.estimate(f64::from(i) / 100.0)).collect();
        assert!(estimates.is_sorted(), "{estimates:?}");
    }

    #[test]
    fn few_nights_and_measures_without_a_relation_are_refused() {
        let refused =
            |nights: &[NightPair]| fit_measure("rate(x)", nights).refused.unwrap_or_default();
        assert!(refused(&nights(38, 1, 0.1)).starts_with("it was calibrated on 38 nights"));
        let mut shuffled = nights(100, 1, 0.1);
        let truths: Vec<f64> = nights(100, 5, 0.1).iter().map(|night| night.truth).collect();
        shuffled.iter_mut().zip(truths).for_each(|(night, truth)| night.truth = truth);
        assert!(
            refused(&shuffled).contains("do not follow the scored values"),
            "{}",
            refused(&shuffled)
        );
    }
}
