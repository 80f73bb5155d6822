//! Attention along one axis of the token grid, and the packed attention of the text tower and the poolers.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor, activation};

use super::{Dropout, Linear, Rotary, zeros};
use crate::kernels::{GridShape, Kernels, TextMask, composed};

/// Attention along one axis of the grid of channels and patches, with rotary positions and no mask.
#[derive(Module, Debug)]
pub struct GridAttention<B: Backend> {
    /// Queries.
    pub q_proj: Linear<B>,
    /// Keys.
    pub k_proj: Linear<B>,
    /// Values.
    pub v_proj: Linear<B>,
    /// Back to the residual stream; the only one with a bias.
    pub out_proj: Linear<B>,
    /// Fixed frequencies along time; along channels they are shared and live in the tower.
    pub rotary_emb: Option<Rotary<B>>,
}

impl<B: Backend> GridAttention<B> {
    /// Builds attention whose frequencies are handed in.
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
    /// `angles` are those of [`Rotary::angles`]; dropout sits on the probabilities.
    pub fn forward(
        &self,
        rows: Tensor<B, 2>,
        angles: Tensor<B, 2>,
        shape: GridShape,
        dropout: &mut Dropout,
    ) -> Tensor<B, 2> {
        // One matrix product for all three: the input is read once.
        let weights = [&self.q_proj, &self.k_proj, &self.v_proj].map(|layer| layer.weight.val());
        let qkv = B::project(rows, Tensor::cat(weights.into(), 0));
        let attended = if dropout.is_on() {
            composed::grid_attention(qkv, angles, shape, dropout)
        } else {
            B::grid_attention(qkv, angles, shape)
        };
        self.out_proj.forward_without_bias(attended)
    }
}

/// `PyTorch`'s `MultiheadAttention` with packed projections and biases.
#[derive(Module, Debug)]
pub struct MultiHeadAttention<B: Backend> {
    /// Queries, keys and values, `[3 · width, width]`.
    pub in_proj_weight: Param<Tensor<B, 2>>,
    /// `[3 · width]`.
    pub in_proj_bias: Param<Tensor<B, 1>>,
    /// Back to the residual stream.
    pub out_proj: Linear<B>,
    heads: usize,
}

/// What queries have seen.
#[derive(Debug, Clone)]
pub struct Attended<B: Backend> {
    /// `[batch, queries, width]`.
    pub tokens: Tensor<B, 3>,
    /// How much of each token a query took, a distribution: `[batch, heads, queries, tokens]`.
    pub weights: Tensor<B, 4>,
}

/// One of the three packed projections.
#[derive(Debug, Clone, Copy)]
pub enum Projection {
    /// Rows `0..width`.
    Query = 0,
    /// Rows `width..2 · width`.
    Key = 1,
    /// Rows `2 · width..3 · width`.
    Value = 2,
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
    /// Lets `queries` `[batch, n, width]` look at `tokens` `[batch, m, width]`, without a mask.
    pub fn cross(&self, queries: Tensor<B, 3>, tokens: Tensor<B, 3>) -> Tensor<B, 3> {
        self.attend(queries, tokens, &mut Dropout::off()).tokens
    }

    /// As [`cross`](Self::cross), with dropout on the weights, which come along.
    pub fn attend(
        &self,
        queries: Tensor<B, 3>,
        tokens: Tensor<B, 3>,
        dropout: &mut Dropout,
    ) -> Attended<B> {
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
        Attended { tokens: self.out_proj.forward(mixed).reshape([batch, n, width]), weights }
    }

    /// Lets the positions of each text look back: `[texts · positions, width]` to the same.
    pub fn causal(&self, rows: Tensor<B, 2>, mask: TextMask<'_>) -> Tensor<B, 2> {
        let qkv =
            B::project(rows, self.in_proj_weight.val()) + self.in_proj_bias.val().unsqueeze::<2>();
        self.out_proj.forward(B::causal_attention(qkv, self.heads, mask))
    }
}
