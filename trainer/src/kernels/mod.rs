//! The operations that take most of the time of a training step.
//!
//! [`composed`] builds each of them from tensor operations, for every backend and as the reference for tests.
//! `flex` has fused versions for the CPU with hand-written gradients.

mod autodiff;
pub mod composed;
mod dropout;
mod flex;
#[cfg(test)]
mod tests;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

pub use dropout::Dropout;

/// Added to the mean square in an RMS norm, before the square root.
pub const RMS_NORM_EPSILON: f32 = 1e-6;

/// One of the three projections of attention, in the order of packed rows `[q | k | v]` and packed weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// Rows `0..width` of a packed weight.
    Query = 0,
    /// Rows `width..2 · width`.
    Key = 1,
    /// Rows `2 · width..3 · width`.
    Value = 2,
}

/// A backend with the operations of the two towers.
pub trait Kernels: Backend {
    /// Returns `down(silu(w1 x) ⊙ w2 x)` for each row `x` of `[n, width]`.
    ///
    /// `gates` stacks `w1` on `w2`, `[2 · hidden, width]`; `down` is `[width, hidden]`.
    fn swiglu(
        rows: Tensor<Self, 2>,
        gates: Tensor<Self, 2>,
        down: Tensor<Self, 2>,
    ) -> Tensor<Self, 2> {
        composed::swiglu(rows, gates, down, &mut Dropout::off())
    }

    /// Returns the RMS norm of `rows + update + bias`, times `weight`; `rows` and `update` are `[n, width]`.
    fn add_rms_norm(
        rows: Tensor<Self, 2>,
        update: Tensor<Self, 2>,
        bias: Tensor<Self, 1>,
        weight: Tensor<Self, 1>,
    ) -> Tensor<Self, 2> {
        composed::add_rms_norm(rows, update, bias, weight)
    }

    /// Returns self-attention along one axis of the grid, `[n, width]`, for packed rows `[q | k | v]`, `[n, 3 · width]`.
    ///
    /// Queries and keys are rotated by `angles`, `[positions, head_dim / 2]` in radians.
    fn grid_attention(
        qkv: Tensor<Self, 2>,
        angles: Tensor<Self, 2>,
        shape: GridShape,
    ) -> Tensor<Self, 2> {
        composed::grid_attention(qkv, angles, shape, &mut Dropout::off())
    }

    /// Returns causal self-attention within each text, `[texts · positions, width]`,
    /// for packed rows `[q | k | v]`, `[texts · positions, 3 · width]`.
    ///
    /// The first position of each text must be visible.
    fn causal_attention(qkv: Tensor<Self, 2>, heads: usize, mask: TextMask<'_>) -> Tensor<Self, 2> {
        composed::causal_attention(qkv, heads, mask)
    }

    /// Returns `[values, first moment, second moment]` after one step of Adam
    /// from `[values, gradient, first moment, second moment]`.
    fn adam_step(tensors: [Tensor<Self, 1>; 4], step: AdamStep) -> [Tensor<Self, 1>; 3] {
        composed::adam_step(tensors, step)
    }
}

#[cfg(feature = "cuda")]
impl Kernels for burn::backend::Cuda {}
#[cfg(feature = "cuda")]
impl Kernels for burn::backend::Autodiff<burn::backend::Cuda> {}

/// The axis along which tokens attend to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Across the channels at one time.
    Channels,
    /// Across the patches of one channel.
    Time,
}

/// Layout of a grid of tokens whose rows are ordered by epoch, then channel, then patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridShape {
    /// Number of epochs.
    pub batch: usize,
    /// Number of channels per epoch.
    pub channels: usize,
    /// Number of patches per channel.
    pub patches: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Axis of attention.
    pub axis: Axis,
}

/// Which positions of a text attend to which.
#[derive(Debug, Clone, Copy)]
pub struct TextMask<'a> {
    /// Number of texts, all of the same length.
    pub texts: usize,
    /// Number of leading positions that attend to each other in both directions; the rest is causal.
    pub mutual: usize,
    /// Whether each position of each text may be attended to, `[texts · positions]`.
    pub visible: &'a [bool],
}

impl TextMask<'_> {
    /// Returns the number of positions of each text.
    pub const fn positions(&self) -> usize {
        self.visible.len() / self.texts
    }
}

/// Constants of one step of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Factor on the values, 1 minus weight decay times learning rate.
    pub decay: f32,
    /// 1 − β₁: weight of the gradient in the first moment.
    pub first: f32,
    /// 1 − β₂: weight of the squared gradient in the second moment.
    pub second: f32,
    /// Bias correction of the second moment, √(1 − β₂ᵗ).
    pub root: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Learning rate with the bias correction of the first moment, lr / (1 − β₁ᵗ).
    pub rate: f32,
}
