//! One step of Adam that reads and writes each number once.

use super::vector;
use crate::kernels::AdamStep;

/// Returns `[values, first moment, second moment]` after a step from `[values, gradient, first moment, second moment]`.
pub(super) fn step(inputs: [&[f32]; 4], step: AdamStep) -> [Vec<f32>; 3] {
    let [values, gradient, first, second] = inputs;
    let mut values = values.to_vec();
    let (mut first, mut second) = (first.to_vec(), second.to_vec());
    vector::run(
        #[inline(always)]
        || {
            let moments = first.iter_mut().zip(&mut second);
            for ((value, gradient), (first, second)) in values.iter_mut().zip(gradient).zip(moments)
            {
                *first += (gradient - *first) * step.first;
                *second += (gradient * gradient - *second) * step.second;
                let denominator = second.sqrt() / step.root + step.epsilon;
                *value = *value * step.decay - step.rate * (*first / denominator);
            }
        },
    );
    [values, first, second]
}
