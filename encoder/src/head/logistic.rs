//! Logistic regression on embeddings, for one concept.

use serde::{Deserialize, Serialize};

/// Number of Newton steps, more than enough for a ridge-penalised likelihood to converge.
const STEPS: usize = 25;

/// Weights of a logistic regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogisticHead {
    /// One for each value of an embedding.
    pub weights: Vec<f64>,
    /// The intercept.
    pub bias: f64,
}

impl LogisticHead {
    /// Fits a head by maximum likelihood with a ridge penalty of half of `ridge` times the squared norm of the weights.
    ///
    /// Both classes have equal weight, whatever their number of epochs.
    /// The method is Newton's; the penalty makes the solution unique, even if the classes are linearly separable.
    ///
    /// # Panics
    ///
    /// Panics if a class is empty, the embeddings differ in length, or the ridge is not positive.
    pub fn fit(epochs: &[(&[f32], bool)], ridge: f64) -> Self {
        assert!(ridge > 0.0, "the ridge makes the solution unique");
        let n_with = epochs.iter().filter(|(_, has_it)| *has_it).count();
        let n_without = epochs.len() - n_with;
        assert!(n_with > 0 && n_without > 0, "both classes have epochs");
        let dim = epochs[0].0.len();
        let mut head = vec![0.0; dim + 1];
        for _ in 0..STEPS {
            let mut gradient: Vec<f64> = head.iter().map(|weight| ridge * weight).collect();
            let mut hessian = vec![0.0; (dim + 1) * (dim + 1)];
            (0..=dim).for_each(|i| hessian[i * (dim + 2)] = ridge);
            // The bias is not penalised, except for a trace that keeps the matrix invertible.
            gradient[dim] = 1e-9 * head[dim];
            hessian[dim * (dim + 2)] = 1e-9;
            for (embedding, has_it) in epochs {
                assert_eq!(embedding.len(), dim, "embeddings have the same length");
                let share = 0.5 / if *has_it { n_with } else { n_without } as f64;
                let x: Vec<f64> =
                    embedding.iter().map(|x| f64::from(*x)).chain(std::iter::once(1.0)).collect();
                let probability = sigmoid(head.iter().zip(&x).map(|(w, x)| w * x).sum());
                let residual = share * (probability - f64::from(u8::from(*has_it)));
                let curvature = share * probability * (1.0 - probability);
                // Only the lower triangle: `solved` reads no more, and the matrix is symmetric.
                for i in 0..=dim {
                    gradient[i] += residual * x[i];
                    for j in 0..=i {
                        hessian[i * (dim + 1) + j] += curvature * x[i] * x[j];
                    }
                }
            }
            let step = solved(hessian, gradient);
            head.iter_mut().zip(step).for_each(|(weight, step)| *weight -= step);
        }
        let bias = head.pop().expect("the bias comes last");
        Self { weights: head, bias }
    }

    /// Returns the probability of the concept, assuming that both classes are equally frequent.
    pub fn probability(&self, embedding: &[f32]) -> f64 {
        let sum: f64 =
            self.weights.iter().zip(embedding).map(|(weight, x)| weight * f64::from(*x)).sum();
        sigmoid(sum + self.bias)
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Solves `matrix · x = right` by Cholesky decomposition; reads only the lower triangle of the positive definite matrix.
fn solved(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| matrix[i * n + k] * matrix[j * n + k]).sum();
            let remainder = matrix[i * n + j] - dot;
            matrix[i * n + j] = if i == j {
                // The ridge keeps it positive, up to rounding.
                remainder.max(f64::MIN_POSITIVE).sqrt()
            } else {
                remainder / matrix[j * n + j]
            };
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
    use super::*;

    #[test]
    fn equations_are_solved() {
        let matrix = vec![4.0, 0.0, 0.0, 2.0, 5.0, 0.0, -1.0, 1.0, 6.0];
        // The right side is [[4, 2, -1], [2, 5, 1], [-1, 1, 6]] times [1, -2, 3].
        let found = solved(matrix, vec![-3.0, -5.0, 15.0]);
        for (found, expected) in found.iter().zip([1.0, -2.0, 3.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn gradient_is_zero_at_the_solution() {
        let points = [[0.1f32, 0.9], [0.4, 0.3], [0.9, 0.2], [0.6, 0.6], [0.2, 0.1]];
        let truth = [false, true, true, false, true];
        let epochs: Vec<_> = points.iter().map(<[f32; 2]>::as_slice).zip(truth).collect();
        let (head, ridge) = (LogisticHead::fit(&epochs, 0.05), 0.05);
        for i in 0..2 {
            let contribution = |(embedding, has_it): &(&[f32], bool)| {
                let share = 0.5 / if *has_it { 3.0 } else { 2.0 };
                let residual = head.probability(embedding) - f64::from(u8::from(*has_it));
                share * residual * f64::from(embedding[i])
            };
            let gradient = ridge * head.weights[i] + epochs.iter().map(contribution).sum::<f64>();
            assert!(gradient.abs() < 1e-9, "{gradient}");
        }
    }
}
