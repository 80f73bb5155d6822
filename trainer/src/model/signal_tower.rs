//! The signal tower: maps ten channels of 30 seconds to one vector.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use super::{
    EmbeddingTable, ForwardContext, Linear, MultiHeadAttention, Pooler, RmsNorm, Rotary,
    SignalBlock, Trace, zeros,
};
use crate::config::ModelConfig;
use crate::kernels::{Axis, Dropout, GridShape, Kernels, composed};

/// Maps ten channels of 30 seconds to one vector, and to the memory that the caption decoder reads.
#[derive(Module, Debug)]
pub struct SignalTower<B: Backend> {
    /// Patches to vectors.
    pub patching: Patching<B>,
    /// Vectors to tokens.
    pub embed_projection: Linear<B>,
    /// One vector per channel, added to its tokens.
    pub channel_id_embed: EmbeddingTable<B>,
    /// Learned frequencies along channels.
    pub shared_channel_rope: Rotary<B>,
    /// The blocks.
    pub transformer_blocks: Vec<SignalBlock<B>>,
    /// After the last block, whose output is already normalised.
    pub ln_final: RmsNorm<B>,
    /// One query to all tokens; its output is the query of [`attn_pool`](Self::attn_pool).
    pub contrastive_pooler: Pooler<B>,
    /// Pools the memory tokens.
    pub decoder_pooler: Pooler<B>,
    /// Attends from the pooled query to the memory tokens.
    pub attn_pool: MultiHeadAttention<B>,
    /// To the width of an embedding.
    pub proj_to_embed: Linear<B>,
    heads: usize,
}

/// One convolution, shared by all channels, whose stride equals its length: a matrix product over patches.
#[derive(Module, Debug)]
pub struct Patching<B: Backend> {
    /// The convolution.
    pub conv_patching: Convolution<B>,
}

/// Weight and bias of a convolution over one channel.
#[derive(Module, Debug)]
pub struct Convolution<B: Backend> {
    /// `[out, 1, patch_size]`.
    pub weight: Param<Tensor<B, 3>>,
    /// `[out]`.
    pub bias: Param<Tensor<B, 1>>,
}

/// The output of the signal tower for a batch.
#[derive(Debug, Clone)]
pub struct SignalOutput<B: Backend> {
    /// `[batch, embed_dim]`, not normalised.
    pub embedding: Tensor<B, 2>,
    /// `[batch, decoder_tokens, width]`, the input of the caption decoder and the reconstruction head.
    pub memory: Tensor<B, 3>,
    /// Attention weights of the memory tokens over the grid, `[batch, heads, decoder_tokens, channels · patches]`.
    pub memory_weights: Tensor<B, 4>,
    /// Attention weights of the embedding over the memory tokens, `[batch, heads, 1, decoder_tokens]`.
    pub embedding_weights: Tensor<B, 4>,
}

impl<B: Backend> SignalOutput<B> {
    /// Returns the weight of each patch of each channel in the embedding, `[batch, channels, patches]`.
    ///
    /// The product of the two attentions, each averaged over its heads: a distribution over the grid of each epoch. It
    /// shows where the embedding attends, not why.
    pub fn attention_map(&self, channels: usize) -> Tensor<B, 3> {
        let [batch, _, queries, tokens] = self.memory_weights.dims();
        let memory = self.memory_weights.clone().mean_dim(1).reshape([batch, queries, tokens]);
        let embedding = self.embedding_weights.clone().mean_dim(1).reshape([batch, 1, queries]);
        embedding.matmul(memory).reshape([batch, channels, tokens / channels])
    }
}

impl<B: Backend> SignalTower<B> {
    /// Builds the tower.
    pub fn zeros(config: &ModelConfig, device: &Device<B>) -> Self {
        let signal = &config.biosignals_cfg;
        let (width, heads) = (signal.transformer_width, signal.transformer_heads);
        let patching = Convolution {
            weight: zeros([signal.conv_embed_dim, 1, signal.patch_size], device),
            bias: zeros([signal.conv_embed_dim], device),
        };
        Self {
            patching: Patching { conv_patching: patching },
            embed_projection: Linear::zeros(signal.conv_embed_dim, width, device),
            channel_id_embed: EmbeddingTable::zeros(signal.input_channels, width, device),
            shared_channel_rope: Rotary::zeros(signal.head_dim(), device),
            transformer_blocks: (0..signal.transformer_layers)
                .map(|_| SignalBlock::zeros(signal, device))
                .collect(),
            ln_final: RmsNorm::zeros(width, device),
            contrastive_pooler: Pooler::zeros(1, width, heads, device),
            decoder_pooler: Pooler::zeros(signal.decoder_tokens, width, heads, device),
            attn_pool: MultiHeadAttention::zeros(width, heads, device),
            proj_to_embed: Linear::zeros(width, config.embed_dim, device),
            heads,
        }
    }
}

impl<B: Kernels> SignalTower<B> {
    /// Maps epochs `[batch, channels, samples]` to their embeddings and memories.
    pub fn forward(&self, signals: Tensor<B, 3>, dropout: &mut Dropout) -> SignalOutput<B> {
        self.forward_traced(signals, dropout, &mut Trace::off())
    }

    /// As [`forward`](Self::forward); the trace records every step under `sig.`.
    pub fn forward_traced(
        &self,
        signals: Tensor<B, 3>,
        dropout: &mut Dropout,
        trace: &mut Trace,
    ) -> SignalOutput<B> {
        trace.enter("sig");
        let (mut rows, shape) = self.tokens(signals, trace);
        let angles = self.shared_channel_rope.angles(shape.channels);
        for (number, block) in self.transformer_blocks.iter().enumerate() {
            trace.enter(format_args!("sig.block{number}"));
            rows = block.forward(rows, angles.clone(), shape, ForwardContext { dropout, trace });
        }
        trace.enter("sig");
        let rows = self.ln_final.forward(rows);
        let [_, width] = rows.dims();
        let GridShape { batch, channels, patches, .. } = shape;
        trace.keep("ln_final", || rows.clone().reshape([batch, channels, patches, width]));
        let tokens = rows.reshape([batch, channels * patches, width]);
        let pooled = self.contrastive_pooler.forward(tokens.clone()).tokens;
        trace.keep("contrastive_token", || pooled.clone());
        let memory = self.decoder_pooler.forward(tokens);
        trace.keep("decoder_tokens", || memory.tokens.clone());
        let global = self.attn_pool.attend(pooled, memory.tokens.clone(), &mut Dropout::off());
        trace.keep("attn_pool", || global.tokens.clone());
        SignalOutput {
            embedding: self.proj_to_embed.forward(global.tokens.reshape([batch, width])),
            memory: memory.tokens,
            memory_weights: memory.weights,
            embedding_weights: global.weights,
        }
    }

    /// Cuts epochs into patches and returns their tokens `[batch · channels · patches, width]`.
    fn tokens(&self, signals: Tensor<B, 3>, trace: &mut Trace) -> (Tensor<B, 2>, GridShape) {
        let [batch, channels, samples] = signals.dims();
        let convolution = &self.patching.conv_patching;
        let [conv_dim, _, patch_size] = convolution.weight.dims();
        let patches = samples / patch_size;
        let kernel = convolution.weight.val().reshape([conv_dim, patch_size]);
        let rows = signals.reshape([batch * channels * patches, patch_size]);
        let rows = composed::project(rows, kernel) + convolution.bias.val().unsqueeze::<2>();
        trace.keep("patching", || rows.clone().reshape([batch, channels, patches, conv_dim]));
        let rows = self.embed_projection.forward(rows);
        let [_, width] = rows.dims();
        trace.keep("embed_projection", || rows.clone().reshape([batch, channels, patches, width]));
        let names = self.channel_id_embed.weight.val().reshape([1, channels, 1, width]);
        let tokens = rows.reshape([batch, channels, patches, width]) + names;
        let shape = GridShape { batch, channels, patches, heads: self.heads, axis: Axis::Time };
        (tokens.reshape([batch * channels * patches, width]), shape)
    }
}
