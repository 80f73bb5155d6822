//! The logistic curve of a concept over embeddings, fitted to epochs of scored nights.

use std::collections::BTreeMap;

use crate::calibration::event_labels::EventLabels;
use crate::calibration::file::{EpochModel, EpochQuality};
use crate::night::EncodedNight;
use crate::registry::Registry;
use crate::registry::concept::{Concept, Kind, Source};

/// An epoch and whether it has the concept.
pub(super) type LabelledEpoch<'a> = (&'a [f32], bool);

/// Most Newton steps; a penalised likelihood converges long before.
const STEPS: usize = 30;
/// Relative change of the loss at which a fit has converged.
const CONVERGED: f64 = 1e-7;
/// The smallest share of a Newton step.
const MIN_STEP: f64 = 1e-3;
/// Precision of the prior of each weight, in epochs: it only matters where embeddings separate the classes.
const RIDGE: f64 = 1e-2;
/// Most epochs that a curve is fitted to, evenly spread over the nights.
const MAX_EPOCHS: usize = 60_000;
/// Minimum number of epochs with and without the concept.
const MIN_EPOCHS: usize = 50;
/// Number of bins of the expected calibration error.
const BINS: usize = 15;

/// Fits a curve by maximum likelihood with a small ridge (Newton's method); `None` if there are too few epochs of a class.
///
/// Unlike [`LogisticHead`](nocturne_encoder::head::LogisticHead), classes keep their frequencies, so that the curve gives
/// probabilities.
fn fit(epochs: &[LabelledEpoch<'_>]) -> Option<(Vec<f64>, f64)> {
    let stride = epochs.len().div_ceil(MAX_EPOCHS).max(1);
    let epochs: Vec<_> = epochs.iter().step_by(stride).collect();
    let n_with = epochs.iter().filter(|(_, has_it)| *has_it).count();
    if n_with.min(epochs.len() - n_with) < MIN_EPOCHS {
        return None;
    }
    let dim = epochs[0].0.len();
    let width = dim + 1;
    let mut curve = vec![0.0; width];
    curve[dim] = (n_with as f64 / (epochs.len() - n_with) as f64).ln();
    for _ in 0..STEPS {
        let step = newton_step(&epochs, &curve);
        let loss = loss(&epochs, &curve);
        // A full step can overshoot where almost all probabilities are 0 or 1.
        let mut share = 1.0;
        let (next, next_loss) = loop {
            let next: Vec<f64> =
                curve.iter().zip(&step).map(|(w, step)| w - share * step).collect();
            let next_loss = self::loss(&epochs, &next);
            if next_loss <= loss || share < MIN_STEP {
                break (next, next_loss);
            }
            share *= 0.5;
        };
        curve = next;
        if loss - next_loss <= CONVERGED * loss {
            break;
        }
    }
    let bias = curve.pop()?;
    Some((curve, bias))
}

/// Returns the Newton step of the penalised likelihood.
fn newton_step(epochs: &[&LabelledEpoch<'_>], curve: &[f64]) -> Vec<f64> {
    let width = curve.len();
    let mut gradient: Vec<f64> = curve.iter().map(|weight| RIDGE * weight).collect();
    let mut hessian = vec![0.0; width * width];
    (0..width).for_each(|i| hessian[i * (width + 1)] = RIDGE);
    let mut x = vec![1.0; width];
    for (embedding, has_it) in epochs {
        x.iter_mut().zip(*embedding).for_each(|(x, number)| *x = f64::from(*number));
        let p = sigmoid(x.iter().zip(curve).map(|(x, weight)| x * weight).sum());
        let residual = p - f64::from(u8::from(*has_it));
        let curvature = p * (1.0 - p);
        // Only the lower triangle: the matrix is symmetric, and `solve` reads no more.
        for (i, row) in hessian.chunks_exact_mut(width).enumerate() {
            gradient[i] += residual * x[i];
            let factor = curvature * x[i];
            row[..=i].iter_mut().zip(&x).for_each(|(h, x)| *h += factor * x);
        }
    }
    solve(hessian, gradient)
}

/// Returns the penalised negative log-likelihood.
fn loss(epochs: &[&LabelledEpoch<'_>], curve: &[f64]) -> f64 {
    let (weights, bias) = curve.split_at(curve.len() - 1);
    let of = |(embedding, has_it): &&LabelledEpoch<'_>| {
        let x: f64 = weights.iter().zip(*embedding).map(|(w, x)| w * f64::from(*x)).sum();
        let logit = if *has_it { x + bias[0] } else { -(x + bias[0]) };
        // −ln σ(logit) without overflow.
        (-logit.abs()).exp().ln_1p() + (-logit).max(0.0)
    };
    let penalty = 0.5 * RIDGE * curve.iter().map(|weight| weight * weight).sum::<f64>();
    epochs.iter().map(of).sum::<f64>() + penalty
}

/// Fits the curves of all event concepts that the model answers for, by id, to nights of different subjects. A concept
/// with too few scored epochs is left out: the model does not answer for it.
///
/// Their thresholds and their quality are not known yet; see [`EpochModel::judge`].
pub fn fit_curves(nights: &[&EncodedNight], registry: &Registry) -> BTreeMap<String, EpochModel> {
    let is_fitted = |it: &&Concept| it.kind == Kind::Event && it.has_source(Source::Model);
    let curve = |concept: &Concept| {
        let labels = EventLabels::new(concept, registry);
        let scored = nights.iter().filter(|night| labels.is_scored(night));
        let epochs: Vec<LabelledEpoch<'_>> =
            scored.flat_map(|night| labels.labelled(night)).collect();
        let (weights, bias) = fit(&epochs)?;
        let model = EpochModel {
            weights: weights.iter().map(|weight| *weight as f32).collect(),
            bias: bias as f32,
            threshold: 0.5,
            quality: EpochQuality::default(),
        };
        Some((concept.id.clone(), model))
    };
    registry.concepts().iter().filter(is_fitted).filter_map(curve).collect()
}

impl EpochModel {
    /// Sets threshold and quality by probabilities and truths of nights that the curve was not fitted to.
    pub fn judge(&mut self, held_out: &[(f64, bool)]) {
        self.threshold = best_threshold(held_out) as f32;
        self.quality = EpochQuality::of(held_out);
    }
}

/// Returns the threshold with the highest F1 score.
fn best_threshold(held_out: &[(f64, bool)]) -> f64 {
    let mut sorted = held_out.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let n_with = sorted.iter().filter(|(_, has_it)| *has_it).count();
    let (mut hits, mut best) = (0, (0.0, 1.0));
    for (n, (p, has_it)) in sorted.iter().enumerate() {
        hits += usize::from(*has_it);
        let f1 = 2.0 * f64::from(hits as u32) / (n + 1 + n_with) as f64;
        if f1 > best.0 {
            best = (f1, *p);
        }
    }
    best.1
}

impl EpochQuality {
    /// Measures probabilities against the truth.
    pub fn of(epochs: &[(f64, bool)]) -> Self {
        let n = epochs.len() as f64;
        let positive = epochs.iter().filter(|(_, has_it)| *has_it).count();
        let target = |has_it: bool| f64::from(u8::from(has_it));
        let brier = epochs.iter().map(|(p, has_it)| (p - target(*has_it)).powi(2)).sum::<f64>() / n;
        let share = positive as f64 / n;
        let mut sorted = epochs.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let bins = sorted.chunks(sorted.len().div_ceil(BINS).max(1));
        let gaps =
            bins.map(|bin| bin.iter().map(|(p, has_it)| p - target(*has_it)).sum::<f64>().abs());
        Self {
            positive,
            negative: epochs.len() - positive,
            ece: gaps.sum::<f64>() / n,
            brier_skill: 1.0 - brier / (share * (1.0 - share)),
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Solves `matrix · x = right` by Cholesky decomposition; reads only the lower triangle of the positive definite matrix.
fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| matrix[i * n + k] * matrix[j * n + k]).sum();
            let rest = matrix[i * n + j] - dot;
            matrix[i * n + j] =
                if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / matrix[j * n + j] };
        }
        let dot: f64 = (0..i).map(|k| matrix[i * n + k] * right[k]).sum();
        right[i] = (right[i] - dot) / matrix[i * n + i];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| matrix[k * n + i] * right[k]).sum();
        right[i] = (right[i] - dot) / matrix[i * n + i];
    }
    right
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Epochs on a line, with the concept by the logistic curve `4 x − 1`.
    fn epochs(n: usize) -> Vec<(Vec<f32>, bool)> {
        let mut random = Pcg64Mcg::seed_from_u64(3);
        let mut epoch = || {
            let x = random.random_range(-1.0f32..1.0);
            let p = sigmoid(f64::from(4.0 * x - 1.0));
            (vec![x, 0.3], random.random_bool(p))
        };
        (0..n).map(|_| epoch()).collect()
    }

    fn labelled(epochs: &[(Vec<f32>, bool)]) -> Vec<LabelledEpoch<'_>> {
        epochs.iter().map(|(x, has_it)| (x.as_slice(), *has_it)).collect()
    }

    #[test]
    fn curve_follows_the_epochs() {
        let epochs = epochs(20_000);
        let (weights, bias) = fit(&labelled(&epochs)).unwrap();
        let offset = bias + 0.3 * weights[1];
        assert!((weights[0] - 4.0).abs() < 0.2 && (offset + 1.0).abs() < 0.1, "{weights:?} {bias}");
    }

    #[test]
    fn probabilities_of_the_true_curve_are_calibrated() {
        let epochs = epochs(20_000);
        let pairs: Vec<(f64, bool)> = epochs
            .iter()
            .map(|(x, has_it)| (sigmoid(f64::from(4.0 * x[0] - 1.0)), *has_it))
            .collect();
        let quality = EpochQuality::of(&pairs);
        assert!(quality.ece < 0.02 && quality.brier_skill > 0.3, "{quality:?}");
        let doubled: Vec<(f64, bool)> =
            pairs.iter().map(|(p, has_it)| ((2.0 * p).min(1.0), *has_it)).collect();
        assert!(EpochQuality::of(&doubled).ece > 0.1);
    }

    #[test]
    fn separated_classes_have_a_finite_curve() {
        let epochs: Vec<(Vec<f32>, bool)> =
            (0..400).map(|i| (vec![if i < 200 { -1.0 } else { 1.0 }], i >= 200)).collect();
        let (weights, bias) = fit(&labelled(&epochs)).unwrap();
        assert!(weights[0].is_finite() && weights[0] > 1.0 && bias.is_finite(), "{weights:?}");
    }

    #[test]
    fn rare_concepts_have_no_curve() {
        let epochs: Vec<(Vec<f32>, bool)> = (0..400).map(|i| (vec![0.5], i < 49)).collect();
        assert_eq!(fit(&labelled(&epochs)), None);
    }
}
