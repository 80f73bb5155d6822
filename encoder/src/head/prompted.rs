//! Few-shot learning for exclusive labels: a softmax regression that corrects zero-shot logits.
//!
//! The learned weights have a Gaussian prior around zero that weighs as much as a fixed number of shots.
//! So without shots the head gives the zero-shot answer, and with more shots it can move further away from it.

/// A labelled epoch (a shot).
#[derive(Debug, Clone, Copy)]
pub struct Shot<'a> {
    /// The input of the head.
    pub features: &'a [f32],
    /// Zero-shot logits, one for each label.
    pub zero_shot: &'a [f32],
    /// Index of its label.
    pub label: usize,
}

/// Weights whose logits are added to zero-shot logits.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptedHead {
    n_features: usize,
    /// `[n_labels, n_features + 1]`, the bias of each label last.
    weights: Vec<f64>,
}

/// Maximum number of steps of accelerated gradient descent (Nesterov 1983).
const STEPS: usize = 300;
/// Gradient, relative to the largest one a shot can have, at which the descent has converged.
const CONVERGED: f64 = 1e-5;
/// Precision of the biases' prior relative to the weights' prior: prompts contain little about the frequency of labels.
const BIAS_PRIOR: f64 = 1e-3;

impl PromptedHead {
    /// Learns from shots. All labels with shots have equal weight, whatever their number; a label without shots keeps its
    /// zero-shot logit.
    ///
    /// `prior` is the precision of the Gaussian prior of the weights. Features should have a standard deviation near 1.
    ///
    /// # Panics
    ///
    /// Panics if there are no shots, shots differ in length, or `prior` is not positive.
    pub fn fit(shots: &[Shot<'_>], prior: f64) -> Self {
        assert!(prior > 0.0, "the prior makes the solution unique");
        let n_labels = shots.first().expect("there is a shot").zero_shot.len();
        let n_features = shots[0].features.len();
        let same = |shot: &Shot<'_>| {
            shot.features.len() == n_features
                && shot.zero_shot.len() == n_labels
                && shot.label < n_labels
        };
        assert!(shots.iter().all(same), "shots have the same length");
        let width = n_features + 1;
        // Precision of the prior of each weight, per shot.
        let ridges: Vec<f64> = (0..n_labels * width)
            .map(|i| {
                prior / shots.len() as f64 * if i % width == n_features { BIAS_PRIOR } else { 1.0 }
            })
            .collect();
        let shares = shares(shots, n_labels);
        let lipschitz = lipschitz_constant(shots, &shares) + prior / shots.len() as f64;
        let mut head = Self { n_features, weights: vec![0.0; n_labels * width] };
        // The gradient is taken at a point extrapolated from the last two iterates; `t` is Nesterov's sequence, from which
        // the momentum follows.
        let mut extrapolated = head.clone();
        let mut t = 1.0f64;
        for _ in 0..STEPS {
            let gradient = extrapolated.gradient(shots, &shares, &ridges);
            if gradient.iter().all(|gradient| gradient.abs() < CONVERGED) {
                break;
            }
            // A step of one over the Lipschitz constant cannot overshoot.
            let next: Vec<f64> = extrapolated
                .weights
                .iter()
                .zip(&gradient)
                .map(|(weight, gradient)| weight - gradient / lipschitz)
                .collect();
            let next_t = f64::midpoint(1.0, (4.0 * t).mul_add(t, 1.0).sqrt());
            let momentum = (t - 1.0) / next_t;
            let weights = extrapolated.weights.iter_mut().zip(&next).zip(&head.weights);
            for ((extrapolated, next), last) in weights {
                *extrapolated = momentum.mul_add(next - last, *next);
            }
            (head.weights, t) = (next, next_t);
        }
        head
    }

    /// Returns the logits of an epoch: the zero-shot logits plus the learned ones.
    pub fn logits(&self, features: &[f32], zero_shot: &[f32]) -> Vec<f64> {
        let rows = self.weights.chunks_exact(self.n_features + 1);
        let logit = |(row, zero_shot): (&[f64], &f32)| {
            let (weights, bias) = row.split_at(self.n_features);
            let sum: f64 = weights.iter().zip(features).map(|(w, x)| w * f64::from(*x)).sum();
            f64::from(*zero_shot) + sum + bias[0]
        };
        rows.zip(zero_shot).map(logit).collect()
    }

    /// Returns the gradient of the penalised negative log-likelihood.
    fn gradient(&self, shots: &[Shot<'_>], shares: &[f64], ridges: &[f64]) -> Vec<f64> {
        let mut gradient: Vec<f64> = self.weights.iter().zip(ridges).map(|(w, r)| w * r).collect();
        let occurs = occurring(shots, shots[0].zero_shot.len());
        for (shot, share) in shots.iter().zip(shares) {
            let mut logits = self.logits(shot.features, shot.zero_shot);
            // Labels without shots are excluded: the shots contain no evidence about them.
            let others = logits.iter_mut().zip(&occurs).filter(|(_, occurs)| !**occurs);
            others.for_each(|(logit, _)| *logit = f64::NEG_INFINITY);
            for (label, probability) in softmax(&logits).into_iter().enumerate() {
                let residual = share * (probability - f64::from(u8::from(label == shot.label)));
                let row = &mut gradient[label * (self.n_features + 1)..][..=self.n_features];
                row.iter_mut().zip(shot.features).for_each(|(g, x)| *g += residual * f64::from(*x));
                row[self.n_features] += residual;
            }
        }
        gradient
    }
}

/// Returns the exponentials of the logits, scaled to the sum 1.
fn softmax(logits: &[f64]) -> Vec<f64> {
    let maximum = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.iter().map(|logit| (logit - maximum).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}

/// Returns which labels have shots.
fn occurring(shots: &[Shot<'_>], n_labels: usize) -> Vec<bool> {
    let mut occurs = vec![false; n_labels];
    shots.iter().for_each(|shot| occurs[shot.label] = true);
    occurs
}

/// Returns the weight of each shot; they add up to 1, and to equal parts for the labels that occur.
fn shares(shots: &[Shot<'_>], n_labels: usize) -> Vec<f64> {
    let mut counts = vec![0usize; n_labels];
    shots.iter().for_each(|shot| counts[shot.label] += 1);
    let n_occurring = counts.iter().filter(|count| **count > 0).count();
    shots.iter().map(|shot| 1.0 / (n_occurring * counts[shot.label]) as f64).collect()
}

/// Returns a bound on the Lipschitz constant of the gradient of the likelihood.
///
/// The largest eigenvalue of the Hessian of a softmax is at most a half; features contribute their mean squared length.
fn lipschitz_constant(shots: &[Shot<'_>], shares: &[f64]) -> f64 {
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
            .map(|(features, zero_shot, label)| Shot { features, zero_shot, label: *label })
            .collect()
    }

    fn predicted(logits: &[f64]) -> usize {
        (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap()
    }

    #[test]
    fn weak_prior_fits_the_shots() {
        let head = PromptedHead::fit(&shots(), 0.01);
        for shot in shots() {
            assert_eq!(predicted(&head.logits(shot.features, shot.zero_shot)), shot.label);
        }
    }

    #[test]
    fn strong_prior_changes_only_the_biases() {
        let head = PromptedHead::fit(&shots(), 1e9);
        let [first, second] = [[1.0, 0.0], [0.0, 1.0]].map(|x| head.logits(&x, &[0.0; 3]));
        assert!(first.iter().zip(second).all(|(a, b)| (a - b).abs() < 1e-6), "{first:?}");
    }

    #[test]
    fn gradient_is_near_zero_at_the_solution() {
        let (shots, prior) = (shots(), 2.0);
        let head = PromptedHead::fit(&shots, prior);
        let ridges = [1.0, 1.0, BIAS_PRIOR].map(|part| part * prior / shots.len() as f64).repeat(3);
        let gradient = head.gradient(&shots, &shares(&shots, 3), &ridges);
        assert!(gradient.iter().all(|gradient| gradient.abs() < 1e-3), "{gradient:?}");
    }

    #[test]
    fn label_without_shots_keeps_its_zero_shot_logit() {
        let shots: Vec<Shot<'_>> = shots().into_iter().filter(|shot| shot.label != 1).collect();
        let logits = PromptedHead::fit(&shots, 1.0).logits(&[0.3, 1.0], &[0.1, 0.2, 0.3]);
        assert!((logits[1] - 0.2).abs() < 1e-6 && logits[0] != 0.1, "{logits:?}");
    }
}
