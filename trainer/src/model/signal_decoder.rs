//! The reconstruction head: maps the memory of an epoch back to its samples.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor, activation};

use super::{LayerNorm, Linear, MultiHeadAttention};
use crate::config::{ReconstructionConfig, SignalConfig};
use crate::kernels::{Dropout, Kernels};

/// Maps memory tokens to the samples of all channels; its loss trains the memory to retain the shape of the signals.
#[derive(Module, Debug)]
pub struct SignalDecoder<B: Backend> {
    /// The transformer layers on the memory tokens.
    pub transformer: TransformerEncoder<B>,
    /// Maps the mean token to the samples. The entry between the two layers is the `ReLU`, which has no weights.
    pub to_signal: Vec<Option<Linear<B>>>,
    channels: usize,
}

/// PyTorch's `TransformerEncoder` without a final norm.
#[derive(Module, Debug)]
pub struct TransformerEncoder<B: Backend> {
    /// In order.
    pub layers: Vec<TransformerEncoderLayer<B>>,
}

/// PyTorch's `TransformerEncoderLayer`, pre-norm, with `ReLU`.
#[derive(Module, Debug)]
pub struct TransformerEncoderLayer<B: Backend> {
    /// Self-attention.
    pub self_attn: MultiHeadAttention<B>,
    /// To the hidden width.
    pub linear1: Linear<B>,
    /// Back to the width of a token.
    pub linear2: Linear<B>,
    /// Before attention.
    pub norm1: LayerNorm<B>,
    /// Before the linear layers.
    pub norm2: LayerNorm<B>,
}

impl<B: Backend> SignalDecoder<B> {
    /// Builds the head for the memory of a signal tower.
    pub fn zeros(signal: &SignalConfig, head: &ReconstructionConfig, device: &Device<B>) -> Self {
        let (width, channels) = (signal.transformer_width, signal.input_channels);
        let layer = || TransformerEncoderLayer {
            self_attn: MultiHeadAttention::zeros(width, signal.transformer_heads, device),
            linear1: Linear::zeros(width, head.feed_forward, device),
            linear2: Linear::zeros(head.feed_forward, width, device),
            norm1: LayerNorm::zeros(width, device),
            norm2: LayerNorm::zeros(width, device),
        };
        let samples = channels * signal.signal_length;
        Self {
            transformer: TransformerEncoder { layers: (0..head.layers).map(|_| layer()).collect() },
            to_signal: vec![
                Some(Linear::zeros(width, head.hidden, device)),
                None,
                Some(Linear::zeros(head.hidden, samples, device)),
            ],
            channels,
        }
    }
}

impl<B: Kernels> SignalDecoder<B> {
    /// Maps memories `[batch, tokens, width]` to signals `[batch, channels, samples]`.
    pub fn forward(&self, memory: Tensor<B, 3>, dropout: &mut Dropout) -> Tensor<B, 3> {
        let mut tokens = memory;
        for layer in &self.transformer.layers {
            tokens = layer.forward(tokens, dropout);
        }
        let [batch, _, width] = tokens.dims();
        let mut rows = tokens.mean_dim(1).reshape([batch, width]);
        for place in &self.to_signal {
            rows = match place {
                Some(layer) => layer.forward(rows),
                None => activation::relu(rows),
            };
        }
        let samples = rows.dims()[1] / self.channels;
        rows.reshape([batch, self.channels, samples])
    }
}

impl<B: Kernels> TransformerEncoderLayer<B> {
    /// Maps `[batch, tokens, width]` to the same.
    ///
    /// Dropout applies where PyTorch applies it: to the attention weights, after the `ReLU`, and to both updates.
    pub fn forward(&self, tokens: Tensor<B, 3>, dropout: &mut Dropout) -> Tensor<B, 3> {
        let shape @ [batch, n, width] = tokens.dims();
        let rows = tokens.reshape([batch * n, width]);
        let normed = self.norm1.forward(rows.clone()).reshape(shape);
        let update = self.self_attn.attend(normed.clone(), normed, dropout).tokens;
        let rows = rows + dropout.apply(update).reshape([batch * n, width]);
        let hidden = activation::relu(self.linear1.forward(self.norm2.forward(rows.clone())));
        let update = self.linear2.forward(dropout.apply(hidden));
        (rows + dropout.apply(update)).reshape(shape)
    }
}
