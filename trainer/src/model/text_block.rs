//! A self-attention block of the text tower and of the caption decoder.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use super::{GeluMlp, LayerNorm, MultiHeadAttention};
use crate::kernels::{Kernels, TextMask};

/// Attention and MLP, each after a layer norm and added to the residual stream.
#[derive(Module, Debug)]
pub struct TextBlock<B: Backend> {
    /// Before attention.
    pub ln_1: LayerNorm<B>,
    /// Causal attention.
    pub attn: MultiHeadAttention<B>,
    /// Before the MLP.
    pub ln_2: LayerNorm<B>,
    /// The MLP.
    pub mlp: GeluMlp<B>,
}

impl<B: Backend> TextBlock<B> {
    /// Builds the block.
    pub fn zeros(width: usize, heads: usize, hidden: usize, device: &Device<B>) -> Self {
        Self {
            ln_1: LayerNorm::zeros(width, device),
            attn: MultiHeadAttention::zeros(width, heads, device),
            ln_2: LayerNorm::zeros(width, device),
            mlp: GeluMlp::zeros(width, hidden, device),
        }
    }
}

impl<B: Kernels> TextBlock<B> {
    /// Maps `[texts · positions, width]` to the same; see [`MultiHeadAttention::causal`].
    pub fn forward(&self, rows: Tensor<B, 2>, mask: TextMask<'_>) -> Tensor<B, 2> {
        let update = self.attn.causal(self.ln_1.forward(rows.clone()), mask);
        let rows = rows + update;
        let update = self.mlp.forward(self.ln_2.forward(rows.clone()));
        rows + update
    }
}
