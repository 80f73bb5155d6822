//! The caption decoder: maps token states and the memory of an epoch to the next tokens.

use burn::module::{Module, Param};
use burn::tensor::Device;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{CrossBlock, LayerNorm, TextBlock, zeros};
use crate::config::{DecoderConfig, ModelConfig};
use crate::kernels::{Kernels, TextMask};

/// Pairs of blocks: causal self-attention of the text, then cross-attention to the memory of the signal tower.
#[derive(Module, Debug)]
pub struct CaptionDecoder<B: Backend> {
    /// `[width, vocabulary]`, multiplied from the right; not tied to the token embeddings.
    pub text_projection: Param<Tensor<B, 2>>,
    /// Before the projection.
    pub ln_final: LayerNorm<B>,
    /// The self-attention blocks.
    pub resblocks: Vec<TextBlock<B>>,
    /// The cross-attention blocks, one after each self-attention block.
    pub cross_attn: Vec<CrossBlock<B>>,
}

impl<B: Backend> CaptionDecoder<B> {
    /// Builds the decoder.
    pub fn zeros(config: &ModelConfig, device: &Device<B>) -> Self {
        let decoder @ &DecoderConfig { width, heads, layers, .. } = &config.multimodal_cfg;
        let hidden = decoder.hidden();
        Self {
            text_projection: zeros([width, config.text_cfg.vocab_size], device),
            ln_final: LayerNorm::zeros(width, device),
            resblocks: (0..layers)
                .map(|_| TextBlock::zeros(width, heads, hidden, device))
                .collect(),
            cross_attn: (0..layers)
                .map(|_| CrossBlock::zeros(width, heads, hidden, device))
                .collect(),
        }
    }
}

impl<B: Kernels> CaptionDecoder<B> {
    /// Maps token states `[texts, length, width]` to states of the same shape, from which [`logits`](Self::logits)
    /// computes the scores of each position's next token.
    ///
    /// `memory` is that of the signal tower, `[texts, tokens, width]`. `prefix` `[texts, slots, width]` encodes the
    /// kind of caption: its slots see each other, every token sees all of them, and none sees a token. They have no
    /// positions, so their order does not matter.
    ///
    /// # Why is there no mask for pads?
    ///
    /// Pads come last and attention is causal, so no token before them sees one.
    pub fn forward(
        &self,
        states: Tensor<B, 3>,
        memory: &Tensor<B, 3>,
        prefix: Option<Tensor<B, 3>>,
    ) -> Tensor<B, 3> {
        let [texts, length, width] = states.dims();
        let mutual = prefix.as_ref().map_or(0, |prefix| prefix.dims()[1]);
        let sequence = match prefix {
            Some(prefix) => Tensor::cat(vec![prefix, states], 1),
            None => states,
        };
        let positions = mutual + length;
        let visible = vec![true; texts * positions];
        let mask = TextMask { texts, mutual, visible: &visible };
        let mut rows = sequence.reshape([texts * positions, width]);
        for (own, cross) in self.resblocks.iter().zip(&self.cross_attn) {
            rows = cross.forward(own.forward(rows, mask), memory);
        }
        let states = rows.reshape([texts, positions, width]).narrow(1, mutual, length);
        let rows = self.ln_final.forward(states.reshape([texts * length, width]));
        rows.reshape([texts, length, width])
    }

    /// Maps states `[n, width]` to the scores of their next tokens, `[n, vocabulary]`.
    pub fn logits(&self, states: Tensor<B, 2>) -> Tensor<B, 2> {
        states.matmul(self.text_projection.val())
    }
}
