//! A head for exclusive labels that begins with what the prompts say and learns from shots how far that is off.
//!
//! With no shot it is the zero-shot answer, and the more shots there are, the further it may move away from it: the
//! weights that are added have a Gaussian prior around zero, which weighs as much as a fixed number of shots.

/// A labelled epoch to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Shot<'a> {
    /// What the head reads of the epoch.
    pub features: &'a [f32],
    /// Zero-shot logits, one for each label.
    pub start: &'a [f32],
    /// Place of its label.
    pub label: usize,
}

/// Weights that are added to zero-shot logits.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptedHead {
    n_features: usize,
    /// `[n_labels, n_features + 1]`, the bias of each label last.
    weights: Vec<f64>,
}

/// Most steps down the slope; each is accelerated (Nesterov 1983).
const STEPS: usize = 300;
/// The slope, relative to the steepest that a shot can have, below which the bottom is reached.
const FLAT: f64 = 1e-5;
/// Prior of the biases relative to that of the weights: prompts know little of how frequent a label is.
const BIAS_PRIOR: f64 = 1e-3;

impl PromptedHead {
    /// Learns from shots. Each label that occurs among them counts alike, however many shots it has; one that does not
    /// occur keeps its zero-shot logit.
    ///
    /// `prior` is the precision of the Gaussian around zero that the weights come from: a shot moves them as far as
    /// its features' squared length over `prior` allows. Features should have a deviation near 1.
    ///
    /// # Panics
    ///
    /// Panics where there is no shot, shots differ in length, or `prior` is not positive.
    pub fn fit(shots: &[Shot<'_>], prior: f64) -> Self {
        assert!(prior > 0.0, "the prior makes the solution one");
        let n_labels = shots.first().expect("there is a shot").start.len();
        let n_features = shots[0].features.len();
        let same = |shot: &Shot<'_>| {
            shot.features.len() == n_features
                && shot.start.len() == n_labels
                && shot.label < n_labels
        };
        assert!(shots.iter().all(same), "shots are of one length");
        let width = n_features + 1;
        let ridges: Vec<f64> = (0..n_labels * width)
            .map(|i| {
                prior / shots.len() as f64 * if i % width == n_features { BIAS_PRIOR } else { 1.0 }
            })
            .collect();
        let shares = shares(shots, n_labels);
        let steepness = steepness(shots, &shares) + prior / shots.len() as f64;
        let mut head = Self { n_features, weights: vec![0.0; n_labels * width] };
        // Looks ahead from where it stands, by how far it came in the step before.
        let mut ahead = head.clone();
        let mut momentum = 1.0f64;
        for _ in 0..STEPS {
            let slope = ahead.slope(shots, &shares, &ridges);
            if slope.iter().all(|slope| slope.abs() < FLAT) {
                break;
            }
            let next: Vec<f64> = ahead
                .weights
                .iter()
                .zip(&slope)
                .map(|(weight, slope)| weight - slope / steepness)
                .collect();
            let next_momentum = f64::midpoint(1.0, (4.0 * momentum).mul_add(momentum, 1.0).sqrt());
            let trust = (momentum - 1.0) / next_momentum;
            for ((ahead, next), last) in ahead.weights.iter_mut().zip(&next).zip(&head.weights) {
                *ahead = trust.mul_add(next - last, *next);
            }
            (head.weights, momentum) = (next, next_momentum);
        }
        head
    }

    /// Returns the logits of an epoch: the zero-shot ones, and what was learned.
    pub fn logits(&self, features: &[f32], start: &[f32]) -> Vec<f64> {
        let rows = self.weights.chunks_exact(self.n_features + 1);
        let logit = |(row, start): (&[f64], &f32)| {
            let (weights, bias) = row.split_at(self.n_features);
            let sum: f64 = weights.iter().zip(features).map(|(w, x)| w * f64::from(*x)).sum();
            f64::from(*start) + sum + bias[0]
        };
        rows.zip(start).map(logit).collect()
    }

    fn slope(&self, shots: &[Shot<'_>], shares: &[f64], ridges: &[f64]) -> Vec<f64> {
        let mut slope: Vec<f64> = self.weights.iter().zip(ridges).map(|(w, r)| w * r).collect();
        let occurs = occurring(shots, shots[0].start.len());
        for (shot, share) in shots.iter().zip(shares) {
            let mut logits = self.logits(shot.features, shot.start);
            // Nothing is known of how likely the others are, so they take no part.
            let others = logits.iter_mut().zip(&occurs).filter(|(_, occurs)| !**occurs);
            others.for_each(|(logit, _)| *logit = f64::NEG_INFINITY);
            for (label, probability) in softmax(&logits).into_iter().enumerate() {
                let rest = share * (probability - f64::from(u8::from(label == shot.label)));
                let row = &mut slope[label * (self.n_features + 1)..][..=self.n_features];
                row.iter_mut().zip(shot.features).for_each(|(s, x)| *s += rest * f64::from(*x));
                row[self.n_features] += rest;
            }
        }
        slope
    }
}

/// Returns the logits' exponentials, brought to the sum 1.
fn softmax(logits: &[f64]) -> Vec<f64> {
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.iter().map(|logit| (logit - greatest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}

/// Returns which labels have a shot.
fn occurring(shots: &[Shot<'_>], n_labels: usize) -> Vec<bool> {
    let mut occurs = vec![false; n_labels];
    shots.iter().for_each(|shot| occurs[shot.label] = true);
    occurs
}

/// Returns how much each shot counts; the whole is 1.
fn shares(shots: &[Shot<'_>], n_labels: usize) -> Vec<f64> {
    let mut counts = vec![0usize; n_labels];
    shots.iter().for_each(|shot| counts[shot.label] += 1);
    let n_occurring = counts.iter().filter(|count| **count > 0).count();
    shots.iter().map(|shot| 1.0 / (n_occurring * counts[shot.label]) as f64).collect()
}

/// Returns a bound on how much the slope of the likelihood may change in a step of length 1.
///
/// The curvature of a softmax is at most a half, and that of the shots at most their mean squared length.
fn steepness(shots: &[Shot<'_>], shares: &[f64]) -> f64 {
    let square =
        |shot: &Shot<'_>| 1.0 + shot.features.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    0.5 * shots.iter().zip(shares).map(|(shot, share)| share * square(shot)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOTS: [([f32; 2], [f32; 3], usize); 5] = [
        ([1.0, 0.2], [0.0, 0.5, 0.0], 0),
        ([0.8, -0.1], [0.3, 0.0, 0.1], 0),
        ([-0.5, 1.0], [0.0, 0.2, 0.0], 1),
        ([-0.7, -0.9], [0.0, 0.0, 0.0], 2),
        ([0.1, -1.2], [0.4, 0.0, 0.0], 2),
    ];

    fn shots() -> Vec<Shot<'static>> {
        SHOTS
            .iter()
            .map(|(features, start, label)| Shot { features, start, label: *label })
            .collect()
    }

    fn guess(logits: &[f64]) -> usize {
        (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap()
    }

    #[test]
    fn weak_prior_lets_the_shots_be_learned() {
        let head = PromptedHead::fit(&shots(), 0.01);
        for shot in shots() {
            assert_eq!(guess(&head.logits(shot.features, shot.start)), shot.label);
        }
    }

    #[test]
    fn strong_prior_leaves_the_prompts_as_they_are_but_for_their_bias() {
        let head = PromptedHead::fit(&shots(), 1e9);
        let [first, second] = [[1.0, 0.0], [0.0, 1.0]].map(|x| head.logits(&x, &[0.0; 3]));
        assert!(first.iter().zip(second).all(|(a, b)| (a - b).abs() < 1e-6), "{first:?}");
    }

    #[test]
    fn the_slope_is_flat_where_it_ends() {
        let (shots, prior) = (shots(), 2.0);
        let head = PromptedHead::fit(&shots, prior);
        let ridges = [1.0, 1.0, BIAS_PRIOR].map(|part| part * prior / shots.len() as f64).repeat(3);
        let slope = head.slope(&shots, &shares(&shots, 3), &ridges);
        assert!(slope.iter().all(|slope| slope.abs() < 1e-3), "{slope:?}");
    }

    #[test]
    fn label_without_a_shot_keeps_its_zero_shot_logit() {
        let shots: Vec<Shot<'_>> = shots().into_iter().filter(|shot| shot.label != 1).collect();
        let logits = PromptedHead::fit(&shots, 1.0).logits(&[0.3, 1.0], &[0.1, 0.2, 0.3]);
        assert!((logits[1] - 0.2).abs() < 1e-6 && logits[0] != 0.1, "{logits:?}");
    }
}
