//! The text tower: maps tokens to one vector.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use super::{EmbeddingTable, LayerNorm, TextBlock, Trace, zeros};
use crate::config::{ModelConfig, TEXT_MLP_RATIO};
use crate::kernels::{Kernels, TextMask};
use crate::tokens::TokenBatch;

/// Maps tokens to one vector, the state of a class token after the text.
#[derive(Module, Debug)]
pub struct TextTower<B: Backend> {
    /// The class token, `[width]`.
    pub cls_emb: Param<Tensor<B, 1>>,
    /// `[context + 1, width]`; the last row belongs to the class token.
    pub positional_embedding: Param<Tensor<B, 2>>,
    /// `[width, embed_dim]`, multiplied from the right.
    pub text_projection: Param<Tensor<B, 2>>,
    /// One vector per token.
    pub token_embedding: EmbeddingTable<B>,
    /// The transformer blocks.
    pub transformer: Transformer<B>,
    /// Applied only to the class token.
    pub ln_final: LayerNorm<B>,
}

/// The blocks of the text tower.
#[derive(Module, Debug)]
pub struct Transformer<B: Backend> {
    /// In order.
    pub resblocks: Vec<TextBlock<B>>,
}

/// The output of the text tower for a batch.
#[derive(Debug, Clone)]
pub struct TextOutput<B: Backend> {
    /// `[texts, embed_dim]`, not normalised.
    pub embedding: Tensor<B, 2>,
    /// `[texts, length, width]`, without the class token and the final norm: the input of the caption decoder.
    pub states: Tensor<B, 3>,
}

impl<B: Backend> TextTower<B> {
    /// Builds the tower.
    pub fn zeros(config: &ModelConfig, device: &Device<B>) -> Self {
        let text = &config.text_cfg;
        let (width, hidden) = (text.width, TEXT_MLP_RATIO * text.width);
        Self {
            cls_emb: zeros([width], device),
            positional_embedding: zeros([text.context_length + 1, width], device),
            text_projection: zeros([width, config.embed_dim], device),
            token_embedding: EmbeddingTable::zeros(text.vocab_size, width, device),
            transformer: Transformer {
                resblocks: (0..text.layers)
                    .map(|_| TextBlock::zeros(width, text.heads, hidden, device))
                    .collect(),
            },
            ln_final: LayerNorm::zeros(width, device),
        }
    }
}

impl<B: Kernels> TextTower<B> {
    /// Maps texts to their embeddings and token states.
    pub fn forward(&self, tokens: &TokenBatch) -> TextOutput<B> {
        self.forward_traced(tokens, &mut Trace::off())
    }

    /// As [`forward`](Self::forward); the trace records the output of every block, `[texts, length + 1, width]`.
    pub fn forward_traced(&self, tokens: &TokenBatch, trace: &mut Trace) -> TextOutput<B> {
        let (texts, positions) = (tokens.rows(), tokens.length() + 1);
        let visible = tokens.visible_keys();
        let mask = TextMask { texts, mutual: 0, visible: &visible };
        let mut rows = self.embed(tokens);
        let [_, width] = rows.dims();
        trace.enter("text");
        for (number, block) in self.transformer.resblocks.iter().enumerate() {
            rows = block.forward(rows, mask);
            trace.keep(format_args!("block{number}"), || {
                rows.clone().reshape([texts, positions, width])
            });
        }
        let states = rows.reshape([texts, positions, width]);
        let class = states.clone().narrow(1, positions - 1, 1).reshape([texts, width]);
        let embedding = self.ln_final.forward(class).matmul(self.text_projection.val());
        TextOutput { embedding, states: states.narrow(1, 0, positions - 1) }
    }

    /// Returns the tokens followed by the class token, with positions, `[texts · (length + 1), width]`.
    fn embed(&self, tokens: &TokenBatch) -> Tensor<B, 2> {
        let (texts, length) = (tokens.rows(), tokens.length());
        let positions = self.positional_embedding.val();
        let [all_positions, width] = positions.dims();
        let words = self.token_embedding.forward(tokens.to_tensor(&positions.device()));
        let words = words.reshape([texts, length, width])
            + positions.clone().narrow(0, 0, length).unsqueeze::<3>();
        // The class token has the position after a full context, however short the text is.
        let class = self.cls_emb.val().unsqueeze::<2>() + positions.narrow(0, all_positions - 1, 1);
        let class = class.unsqueeze::<3>().expand([texts, 1, width]);
        Tensor::cat(vec![words, class], 1).reshape([texts * (length + 1), width])
    }
}
