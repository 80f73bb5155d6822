//! A block of the caption decoder that attends to the memory of the signal tower.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use super::{GeluMlp, LayerNorm, MultiHeadAttention};
use crate::kernels::Kernels;

/// Cross-attention to the memory and an MLP, each after a layer norm and added to the residual stream.
#[derive(Module, Debug)]
pub struct CrossBlock<B: Backend> {
    /// Before attention, on the text.
    pub ln_1: LayerNorm<B>,
    /// Before attention, on the memory.
    pub ln_1_kv: LayerNorm<B>,
    /// Attention from the text to the memory.
    pub attn: MultiHeadAttention<B>,
    /// Before the MLP.
    pub ln_2: LayerNorm<B>,
    /// The MLP.
    pub mlp: GeluMlp<B>,
}

impl<B: Backend> CrossBlock<B> {
    /// Builds the block.
    pub fn zeros(width: usize, heads: usize, hidden: usize, device: &Device<B>) -> Self {
        Self {
            ln_1: LayerNorm::zeros(width, device),
            ln_1_kv: LayerNorm::zeros(width, device),
            attn: MultiHeadAttention::zeros(width, heads, device),
            ln_2: LayerNorm::zeros(width, device),
            mlp: GeluMlp::zeros(width, hidden, device),
        }
    }
}

impl<B: Kernels> CrossBlock<B> {
    /// Maps `[texts · positions, width]` to the same; `memory` is `[texts, tokens, width]`.
    pub fn forward(&self, rows: Tensor<B, 2>, memory: &Tensor<B, 3>) -> Tensor<B, 2> {
        let [n, width] = rows.dims();
        let [texts, tokens, _] = memory.dims();
        let queries = self.ln_1.forward(rows.clone()).reshape([texts, n / texts, width]);
        let memory = self.ln_1_kv.forward(memory.clone().reshape([texts * tokens, width]));
        let update = self.attn.cross(queries, memory.reshape([texts, tokens, width]));
        let rows = rows + update.reshape([n, width]);
        let update = self.mlp.forward(self.ln_2.forward(rows.clone()));
        rows + update
    }
}
