//! Gradient clipping by norm.

use burn::tensor::ElementConversion;
use burn::tensor::backend::Backend;

use crate::parameters::NamedTensors;

/// Scales gradients so that their common norm is at most `limit`; returns the norm before.
///
/// As PyTorch's `clip_grad_norm_`, with its 1e-6 in the denominator.
pub fn clip_to_norm<B: Backend>(gradients: &mut NamedTensors<B>, limit: f64) -> f32 {
    let square: f64 = gradients
        .values()
        .map(|gradient| {
            let square: f32 = (gradient.clone() * gradient.clone()).sum().into_scalar().elem();
            f64::from(square)
        })
        .sum();
    let norm = square.sqrt();
    let factor = limit / (norm + 1e-6);
    if factor < 1.0 {
        for gradient in gradients.values_mut() {
            *gradient = gradient.clone() * factor as f32;
        }
    }
    norm as f32
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::{Device, Tensor};

    use super::*;

    #[test]
    fn only_gradients_above_the_limit_are_scaled() {
        let device = Device::<Flex>::default();
        let gradients = |scale: f32| {
            let of = |values: [f32; 2]| Tensor::<Flex, 1>::from_floats(values, &device) * scale;
            NamedTensors::from([("a".to_owned(), of([3.0, 0.0])), ("b".to_owned(), of([0.0, 4.0]))])
        };
        let mut short = gradients(0.1);
        assert!((clip_to_norm(&mut short, 1.0) - 0.5).abs() < 1e-6);
        assert_eq!(short["b"].to_data(), gradients(0.1)["b"].to_data());
        let mut long = gradients(1.0);
        assert!((clip_to_norm(&mut long, 1.0) - 5.0).abs() < 1e-6);
        let found: Vec<f32> = long["a"].to_data().into_vec().unwrap();
        assert!((found[0] - 0.6).abs() < 1e-6);
    }
}
