//! One step of Adam over a tensor: each number is read once and written once.

use super::vector;
use crate::kernels::AdamStep;

/// Returns the moved values, and the means of the gradients and of their squares.
pub(super) fn step(inputs: [&[f32]; 4], step: AdamStep) -> [Vec<f32>; 3] {
    let [values, gradient, first, second] = inputs;
    let mut moved = values.to_vec();
    let (mut first, mut second) = (first.to_vec(), second.to_vec());
    vector::run(
        #[inline(always)]
        || {
            let means = first.iter_mut().zip(&mut second);
            for ((value, gradient), (first, second)) in moved.iter_mut().zip(gradient).zip(means) {
                *first += (gradient - *first) * step.first;
                *second += (gradient * gradient - *second) * step.second;
                let denominator = second.sqrt() / step.root + step.epsilon;
                *value = *value * step.kept - step.rate * (*first / denominator);
            }
        },
    );
    [moved, first, second]
}
