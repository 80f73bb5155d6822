//! Attention along one axis of the token grid, and the packed attention of the text tower and the poolers.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor, activation};

use super::{Linear, Rotary, zeros};
use crate::kernels::{Dropout, GridShape, Kernels, Projection, TextMask, composed};

/// Attention along one axis of the grid of channels and patches, with rotary positions and no mask.
#[derive(Module, Debug)]
pub struct GridAttention<B: Backend> {
    /// Queries.
    pub q_proj: Linear<B>,
    /// Keys.
    pub k_proj: Linear<B>,
    /// Values.
    pub v_proj: Linear<B>,
    /// Output projection; the only one with a bias.
    pub out_proj: Linear<B>,
    /// Fixed frequencies along time; those along channels are shared and belong to the tower.
    pub rotary_emb: Option<Rotary<B>>,
}

impl<B: Backend> GridAttention<B> {
    /// Builds attention without frequencies of its own.
    pub fn zeros(width: usize, device: &Device<B>) -> Self {
        let projection = || Linear::zeros_without_bias(width, width, device);
        Self {
            q_proj: projection(),
            k_proj: projection(),
            v_proj: projection(),
            out_proj: Linear::zeros(width, width, device),
            rotary_emb: None,
        }
    }
}

impl<B: Kernels> GridAttention<B> {
    /// Maps `[n, width]` to `[n, width]`, without the bias of `out_proj`.
    ///
    /// `angles` are those of [`Rotary::angles`]; dropout applies to the attention weights.
    pub fn forward(
        &self,
        rows: Tensor<B, 2>,
        angles: Tensor<B, 2>,
        shape: GridShape,
        dropout: &mut Dropout,
    ) -> Tensor<B, 2> {
        // One matrix product for all three: the input is read once.
        let weights = [&self.q_proj, &self.k_proj, &self.v_proj].map(|layer| layer.weight.val());
        let qkv = composed::project(rows, Tensor::cat(weights.into(), 0));
        let attended = if dropout.is_on() {
            composed::grid_attention(qkv, angles, shape, dropout)
        } else {
            B::grid_attention(qkv, angles, shape)
        };
        self.out_proj.forward_without_bias(attended)
    }
}

/// PyTorch's `MultiheadAttention` with packed projections and biases.
#[derive(Module, Debug)]
pub struct MultiHeadAttention<B: Backend> {
    /// Queries, keys and values, `[3 · width, width]`.
    pub in_proj_weight: Param<Tensor<B, 2>>,
    /// `[3 · width]`.
    pub in_proj_bias: Param<Tensor<B, 1>>,
    /// Output projection.
    pub out_proj: Linear<B>,
    heads: usize,
}

/// The output of attention.
#[derive(Debug, Clone)]
pub struct AttentionOutput<B: Backend> {
    /// `[batch, queries, width]`.
    pub tokens: Tensor<B, 3>,
    /// Attention weights, a distribution over the tokens: `[batch, heads, queries, tokens]`.
    pub weights: Tensor<B, 4>,
}

impl<B: Backend> MultiHeadAttention<B> {
    /// Builds the attention.
    pub fn zeros(width: usize, heads: usize, device: &Device<B>) -> Self {
        Self {
            in_proj_weight: zeros([3 * width, width], device),
            in_proj_bias: zeros([3 * width], device),
            out_proj: Linear::zeros(width, width, device),
            heads,
        }
    }

    /// Returns the number of heads.
    pub const fn heads(&self) -> usize {
        self.heads
    }

    /// Returns the weight `[width, width]` and the bias `[width]` of one projection.
    pub fn projection(&self, which: Projection) -> (Tensor<B, 2>, Tensor<B, 1>) {
        let weight = self.in_proj_weight.val();
        let width = weight.dims()[1];
        let start = which as usize * width;
        (weight.narrow(0, start, width), self.in_proj_bias.val().narrow(0, start, width))
    }
}

impl<B: Kernels> MultiHeadAttention<B> {
    /// Attends from `queries` `[batch, n, width]` to `tokens` `[batch, m, width]`, without a mask.
    pub fn cross(&self, queries: Tensor<B, 3>, tokens: Tensor<B, 3>) -> Tensor<B, 3> {
        self.attend(queries, tokens, &mut Dropout::off()).tokens
    }

    /// As [`cross`](Self::cross), with dropout on the attention weights, which are also returned.
    pub fn attend(
        &self,
        queries: Tensor<B, 3>,
        tokens: Tensor<B, 3>,
        dropout: &mut Dropout,
    ) -> AttentionOutput<B> {
        let project = |x: Tensor<B, 3>, which| {
            let [batch, n, width] = x.dims();
            let (weight, bias) = self.projection(which);
            let rows = x.reshape([batch * n, width]).matmul(weight.transpose());
            let rows = rows + bias.unsqueeze::<2>();
            rows.reshape([batch, n, self.heads, width / self.heads]).swap_dims(1, 2)
        };
        let [batch, n, width] = queries.dims();
        let scale = ((width / self.heads) as f64).powf(-0.5);
        let queries = project(queries, Projection::Query) * scale;
        let keys = project(tokens.clone(), Projection::Key);
        let values = project(tokens, Projection::Value);
        let weights = activation::softmax(queries.matmul(keys.swap_dims(2, 3)), 3);
        let mixed = dropout.apply(weights.clone()).matmul(values);
        let mixed = mixed.swap_dims(1, 2).reshape([batch * n, width]);
        AttentionOutput { tokens: self.out_proj.forward(mixed).reshape([batch, n, width]), weights }
    }

    /// Causal self-attention within each text: `[texts · positions, width]` to the same.
    pub fn causal(&self, rows: Tensor<B, 2>, mask: TextMask<'_>) -> Tensor<B, 2> {
        let qkv = composed::project(rows, self.in_proj_weight.val())
            + self.in_proj_bias.val().unsqueeze::<2>();
        self.out_proj.forward(B::causal_attention(qkv, self.heads, mask))
    }
}
