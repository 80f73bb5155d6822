//! The operations in which training spends its time, which a back end may do in one pass over memory.
//!
//! Each is written twice: [`composed`] of tensor operations, for every back end and as the reference,
//! and by hand for the CPU, with its gradient.

mod autodiff;
pub mod composed;
mod flex;
#[cfg(test)]
mod tests;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::model::Dropout;

/// A back end with the operations of the two towers.
pub trait Kernels: Backend {
    /// Returns `rows · weightᵀ`: `[n, in]` and `[out, in]` to `[n, out]`.
    fn project(rows: Tensor<Self, 2>, weight: Tensor<Self, 2>) -> Tensor<Self, 2> {
        composed::project(rows, weight)
    }

    /// Returns `down(silu(w1 x) ⊙ w2 x)` of rows `[n, width]`.
    ///
    /// `gates` is `w1` over `w2`, `[2 · hidden, width]`; `down` is `[width, hidden]`.
    fn swiglu(
        rows: Tensor<Self, 2>,
        gates: Tensor<Self, 2>,
        down: Tensor<Self, 2>,
    ) -> Tensor<Self, 2> {
        composed::swiglu(rows, gates, down, &mut Dropout::off())
    }

    /// Returns the RMS norm of `rows + update + bias`, times `weight`; all rows are `[n, width]`.
    fn add_rms_norm(
        rows: Tensor<Self, 2>,
        update: Tensor<Self, 2>,
        bias: Tensor<Self, 1>,
        weight: Tensor<Self, 1>,
    ) -> Tensor<Self, 2> {
        composed::add_rms_norm(rows, update, bias, weight)
    }

    /// Returns attention along one axis of the grid: rows `[q | k | v]`, `[n, 3 · width]`, to `[n, width]`.
    ///
    /// Queries and keys turn by `angles` `[positions, head_dim / 2]`.
    fn grid_attention(
        qkv: Tensor<Self, 2>,
        angles: Tensor<Self, 2>,
        shape: GridShape,
    ) -> Tensor<Self, 2> {
        composed::grid_attention(qkv, angles, shape, &mut Dropout::off())
    }

    /// Returns causal attention within each text: rows `[q | k | v]`, `[texts · positions, 3 · width]`,
    /// to `[texts · positions, width]`.
    ///
    /// The first position of each text must be visible.
    fn causal_attention(qkv: Tensor<Self, 2>, heads: usize, mask: TextMask<'_>) -> Tensor<Self, 2> {
        composed::causal_attention(qkv, heads, mask)
    }

    /// Takes a step of Adam: `[values, gradient, first mean, second mean]` to `[values, first mean, second mean]`.
    fn adam_step(tensors: [Tensor<Self, 1>; 4], step: AdamStep) -> [Tensor<Self, 1>; 3] {
        composed::adam_step(tensors, step)
    }
}

#[cfg(feature = "cuda")]
impl Kernels for burn::backend::Cuda {}
#[cfg(feature = "cuda")]
impl Kernels for burn::backend::Autodiff<burn::backend::Cuda> {}

/// The axis along which tokens look at each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The channels at one time.
    Channels,
    /// The patches of one channel.
    Time,
}

/// How the rows of a grid of tokens lie: epoch by epoch, channel by channel, patch by patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridShape {
    /// Epochs.
    pub batch: usize,
    /// Channels of an epoch.
    pub channels: usize,
    /// Patches of a channel.
    pub patches: usize,
    /// Attention heads.
    pub heads: usize,
    /// Along which axis tokens look at each other.
    pub axis: Axis,
}

/// Which positions of a text look at which.
#[derive(Debug, Clone, Copy)]
pub struct TextMask<'a> {
    /// Texts, all of one length.
    pub texts: usize,
    /// How many positions at the begin of a text look at each other both ways; all others look back only.
    pub mutual: usize,
    /// For every position of every text, whether it can be looked at.
    pub visible: &'a [bool],
}

impl TextMask<'_> {
    /// Returns the positions of a text.
    pub const fn positions(&self) -> usize {
        self.visible.len() / self.texts
    }
}

/// Constants of a step of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Share of a value that decay leaves.
    pub kept: f32,
    /// Share of the gradient in its mean.
    pub first: f32,
    /// Share of the gradient's square in its mean.
    pub second: f32,
    /// Root of the share of the second mean that has come in so far.
    pub root: f32,
    /// Added to the root of the mean square.
    pub epsilon: f32,
    /// Learning rate over the share of the first mean that has come in so far.
    pub rate: f32,
}
