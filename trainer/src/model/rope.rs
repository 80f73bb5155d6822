//! Rotary position embedding with interleaved pairs.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor, TensorData};

use super::zeros;

/// Base of the fixed frequencies along time.
pub const TEMPORAL_THETA: f64 = 10_000.0;

/// One frequency for each pair of components: `2i` and `2i + 1` are rotated by `position · freqs[i]`.
///
/// Along channels the frequencies are learned and shared by every head and block; along time they are fixed, and the
/// state dict has them as a buffer.
#[derive(Module, Debug)]
pub struct Rotary<B: Backend> {
    /// `[head_dim / 2]`, radians per position.
    pub freqs: Param<Tensor<B, 1>>,
}

impl<B: Backend> Rotary<B> {
    /// Builds the frequencies for a head width.
    pub fn zeros(head_dim: usize, device: &Device<B>) -> Self {
        Self { freqs: zeros([head_dim / 2], device) }
    }

    /// Returns the angles `[positions, head_dim / 2]` in radians.
    pub fn angles(&self, positions: usize) -> Tensor<B, 2> {
        let freqs = self.freqs.val();
        let numbers: Vec<f32> = (0..positions).map(|position| position as f32).collect();
        let positions =
            Tensor::from_data(TensorData::new(numbers, [positions, 1]), &freqs.device());
        positions * freqs.unsqueeze::<2>()
    }
}

/// Returns the fixed frequencies along time, `10000^(-2i / head_dim)`.
///
/// Exponent and power are rounded to 32 bits as PyTorch rounds them.
pub fn temporal_frequencies(head_dim: usize) -> Vec<f32> {
    (0..head_dim / 2)
        .map(|pair| {
            let exponent = (2 * pair) as f32 / head_dim as f32;
            1.0 / (TEMPORAL_THETA as f32).powf(exponent)
        })
        .collect()
}
