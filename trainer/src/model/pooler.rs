//! Attention pooling with learned queries.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor, activation};

use super::attention::{AttentionOutput, MultiHeadAttention};
use super::zeros;
use crate::kernels::{Kernels, Projection};

/// Learned queries that attend to all tokens of an epoch; no norm, no MLP, no residual.
#[derive(Module, Debug)]
pub struct Pooler<B: Backend> {
    /// `[1, queries, width]`.
    pub query_tokens: Param<Tensor<B, 3>>,
    /// The attention.
    pub attn: MultiHeadAttention<B>,
}

impl<B: Backend> Pooler<B> {
    /// Builds the pooler.
    pub fn zeros(queries: usize, width: usize, heads: usize, device: &Device<B>) -> Self {
        Self {
            query_tokens: zeros([1, queries, width], device),
            attn: MultiHeadAttention::zeros(width, heads, device),
        }
    }
}

impl<B: Kernels> Pooler<B> {
    /// Maps the tokens of a batch `[batch, tokens, width]` to `[batch, queries, width]`.
    ///
    /// The queries are the same for every epoch, so the key projection is applied to them instead of the tokens, and
    /// the value projection to the weighted sums: `softmax((q Wkᵀ) xᵀ) x Wvᵀ`. The key bias shifts all scores of a
    /// query equally and cancels in the softmax.
    pub fn forward(&self, tokens: Tensor<B, 3>) -> AttentionOutput<B> {
        let [batch, n_tokens, width] = tokens.dims();
        let (heads, head_dim) = (self.attn.heads(), width / self.attn.heads());
        let folded = self.folded_queries();
        let columns = folded.dims()[0];
        let scores = tokens.clone().reshape([batch * n_tokens, width]).matmul(folded.transpose());
        let scores = scores.reshape([batch, n_tokens, columns]).swap_dims(1, 2);
        let weights = activation::softmax(scores, 2);
        let sums = weights.clone().matmul(tokens);
        let queries = columns / heads;
        let sums = sums.reshape([batch, heads, queries, width]).swap_dims(0, 1);
        let sums = sums.reshape([heads, batch * queries, width]);
        let (weight, bias) = self.attn.projection(Projection::Value);
        let weight = weight.reshape([heads, head_dim, width]).swap_dims(1, 2);
        let values = sums.matmul(weight).swap_dims(0, 1).reshape([batch * queries, width]);
        let out = self.attn.out_proj.forward(values + bias.unsqueeze::<2>());
        AttentionOutput {
            tokens: out.reshape([batch, queries, width]),
            weights: weights.reshape([batch, heads, queries, n_tokens]),
        }
    }

    /// Returns the queries after the key projection, `[heads · queries, width]`, scaled.
    fn folded_queries(&self) -> Tensor<B, 2> {
        let [_, queries, width] = self.query_tokens.dims();
        let (heads, head_dim) = (self.attn.heads(), width / self.attn.heads());
        let (weight, bias) = self.attn.projection(Projection::Query);
        let projected = self.query_tokens.val().reshape([queries, width]);
        let projected = projected.matmul(weight.transpose()) + bias.unsqueeze::<2>();
        let projected = projected.reshape([queries, heads, head_dim]).swap_dims(0, 1);
        let (weight, _) = self.attn.projection(Projection::Key);
        let folded = projected.matmul(weight.reshape([heads, head_dim, width]));
        folded.reshape([heads * queries, width]) * (head_dim as f64).powf(-0.5)
    }
}
