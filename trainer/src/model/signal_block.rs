//! A block of the signal tower: attention across channels, then along time.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor};

use super::{GridAttention, RmsNorm, Rotary, SwiGlu, Trace};
use crate::config::SignalConfig;
use crate::kernels::{Axis, Dropout, GridShape, Kernels};

/// Channel attention, MLP, then one or more layers of temporal attention, MLP.
///
/// Post-norm: the update is added first, then the sum is normalised.
#[derive(Module, Debug)]
pub struct SignalBlock<B: Backend> {
    /// Attention across the ten channels at one time.
    pub channel_attention: GridAttention<B>,
    /// After channel attention.
    pub channel_norm: RmsNorm<B>,
    /// After channel attention and its norm.
    pub channel_mlp: SwiGlu<B>,
    /// After the MLP.
    pub channel_mlp_norm: RmsNorm<B>,
    /// Attention along the patches of one channel.
    pub temporal_attention_layers: Vec<GridAttention<B>>,
    /// After each temporal attention.
    pub temporal_norms: Vec<RmsNorm<B>>,
    /// After each temporal attention and its norm.
    pub temporal_mlps: Vec<SwiGlu<B>>,
    /// After each temporal MLP.
    pub temporal_mlp_norms: Vec<RmsNorm<B>>,
}

/// State that a forward pass carries through the blocks.
#[derive(Debug)]
pub struct ForwardContext<'a> {
    /// Zeroes values in training.
    pub dropout: &'a mut Dropout,
    /// Records intermediate tensors.
    pub trace: &'a mut Trace,
}

impl<B: Backend> SignalBlock<B> {
    /// Builds the block.
    pub fn zeros(config: &SignalConfig, device: &Device<B>) -> Self {
        let width = config.transformer_width;
        let norm = || RmsNorm::zeros(width, device);
        let mlp = || SwiGlu::zeros(width, config.hidden(), device);
        let temporal = || GridAttention {
            rotary_emb: Some(Rotary::zeros(config.head_dim(), device)),
            ..GridAttention::zeros(width, device)
        };
        let layers = config.num_temporal_layers;
        Self {
            channel_attention: GridAttention::zeros(width, device),
            channel_norm: norm(),
            channel_mlp: mlp(),
            channel_mlp_norm: norm(),
            temporal_attention_layers: (0..layers).map(|_| temporal()).collect(),
            temporal_norms: (0..layers).map(|_| norm()).collect(),
            temporal_mlps: (0..layers).map(|_| mlp()).collect(),
            temporal_mlp_norms: (0..layers).map(|_| norm()).collect(),
        }
    }
}

impl<B: Kernels> SignalBlock<B> {
    /// Maps the grid `[batch · channels · patches, width]` to the same.
    ///
    /// `channel_angles` are the learned ones; `shape.axis` is ignored. The trace records the updates of both
    /// attentions, `[sequences, tokens, width]`, and the output, `[batch, channels, patches, width]`.
    pub fn forward(
        &self,
        rows: Tensor<B, 2>,
        channel_angles: Tensor<B, 2>,
        shape: GridShape,
        mode: ForwardContext<'_>,
    ) -> Tensor<B, 2> {
        let ForwardContext { dropout, trace } = mode;
        let GridShape { batch, channels, patches, .. } = shape;
        let [_, width] = rows.dims();
        let along_channels = GridShape { axis: Axis::Channels, ..shape };
        let along_time = GridShape { axis: Axis::Time, ..shape };
        let attention = &self.channel_attention;
        let update = attention.forward(rows.clone(), channel_angles, along_channels, dropout);
        trace.keep("channel_attention", || {
            let update = attention.out_proj.with_bias(update.clone());
            let grid = update.reshape([batch, channels, patches, width]).swap_dims(1, 2);
            grid.reshape([batch * patches, channels, width])
        });
        let rows = self.channel_norm.forward_sum(rows, update, attention.out_proj.bias.as_ref());
        let update = self.channel_mlp.forward(rows.clone(), dropout);
        let mut rows = self.channel_mlp_norm.forward_sum(rows, update, None);
        for (layer, attention) in self.temporal_attention_layers.iter().enumerate() {
            let rotary =
                attention.rotary_emb.as_ref().expect("`zeros` creates one for temporal layers");
            let angles = rotary.angles(shape.patches);
            let update = attention.forward(rows.clone(), angles, along_time, dropout);
            trace.keep(temporal_name(layer), || {
                let update = attention.out_proj.with_bias(update.clone());
                update.reshape([batch * channels, patches, width])
            });
            let bias = attention.out_proj.bias.as_ref();
            rows = self.temporal_norms[layer].forward_sum(rows, update, bias);
            let update = self.temporal_mlps[layer].forward(rows.clone(), dropout);
            rows = self.temporal_mlp_norms[layer].forward_sum(rows, update, None);
        }
        trace.keep("", || rows.clone().reshape([batch, channels, patches, width]));
        rows
    }
}

/// Returns the trace name of a temporal attention; the published model has one in each block.
fn temporal_name(layer: usize) -> String {
    if layer == 0 { "temporal_attention".to_owned() } else { format!("temporal_attention_{layer}") }
}
