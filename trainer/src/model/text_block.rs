//! One residual block of the text tower.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use super::{GeluMlp, LayerNorm, MultiHeadAttention};
use crate::config::TEXT_MLP_RATIO;
use crate::kernels::Kernels;

/// Attention and MLP, each behind a layer norm and added to the stream.
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
    pub fn zeros(width: usize, heads: usize, device: &Device<B>) -> Self {
        Self {
            ln_1: LayerNorm::zeros(width, device),
            attn: MultiHeadAttention::zeros(width, heads, device),
            ln_2: LayerNorm::zeros(width, device),
            mlp: GeluMlp::zeros(width, TEXT_MLP_RATIO * width, device),
        }
    }
}

impl<B: Kernels> TextBlock<B> {
    /// Maps `[texts · positions, width]` to the same; see [`MultiHeadAttention::causal`].
    pub fn forward(&self, rows: Tensor<B, 2>, texts: usize, visible: &[bool]) -> Tensor<B, 2> {
        let update = self.attn.causal(self.ln_1.forward(rows.clone()), texts, visible);
        let rows = rows + update;
        let update = self.mlp.forward(self.ln_2.forward(rows.clone()));
        rows + update
    }
}
