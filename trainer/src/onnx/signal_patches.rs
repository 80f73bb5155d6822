//! Patch embedding at the start of the signal tower's graph.

use super::graph_builder::GraphValue;
use super::signal_tower::SignalGraph;
use super::weight_algebra::{product, transposed};
use crate::config::SignalConfig;
use crate::error::Result;

impl SignalGraph<'_> {
    /// Returns the tokens of all patches, `[batch, channels, patches, width]`.
    pub(super) fn tokens(&mut self, signals: &GraphValue) -> Result<GraphValue> {
        let SignalConfig { input_channels, patch_size, .. } = *self.config;
        let shape = [-1, input_channels as i64, self.config.patches() as i64, patch_size as i64];
        let patches = self.layers.builder.reshape(signals, &shape);
        if self.is_folded { self.folded_tokens(&patches) } else { self.plain_tokens(&patches) }
    }

    /// Applies convolution and projection as one affine map of a patch.
    fn folded_tokens(&mut self, patches: &GraphValue) -> Result<GraphValue> {
        let SignalConfig { input_channels, patch_size, transformer_width: width, .. } =
            *self.config;
        let convolution = self.weight("patching.conv_patching.weight")?;
        let convolution_bias = self.weight("patching.conv_patching.bias")?;
        let projection = self.weight("embed_projection.weight")?;
        let projection_bias = self.weight("embed_projection.bias")?;
        let names = self.weight("channel_id_embed.weight")?;
        let inner = convolution_bias.values.len();
        let folded = product(&projection.values, &convolution.values, inner);
        let offset = product(&projection.values, &convolution_bias.values, inner);
        // The offset depends only on the channel: the bias plus the channel's embedding.
        let offsets: Vec<f32> = names
            .values
            .iter()
            .enumerate()
            .map(|(i, name)| name + offset[i % width] + projection_bias.values[i % width])
            .collect();
        let folded = transposed(&folded, width, patch_size);
        let builder = &mut self.layers.builder;
        let folded = builder.f32s(&[patch_size, width], &folded);
        let rows = builder.matmul(patches, &folded);
        let offsets = builder.f32s(&[input_channels, 1, width], &offsets);
        Ok(builder.add(&rows, &offsets))
    }

    /// Applies convolution and projection one after the other.
    ///
    /// The windows of the convolution do not overlap, so it is a matrix product over patches.
    fn plain_tokens(&mut self, patches: &GraphValue) -> Result<GraphValue> {
        let SignalConfig { input_channels, patch_size, transformer_width: width, .. } =
            *self.config;
        let convolution = self.weight("patching.conv_patching.weight")?.values.clone();
        let bias = self.weight("patching.conv_patching.bias")?.values.clone();
        let names = self.weight("channel_id_embed.weight")?.values.clone();
        let builder = &mut self.layers.builder;
        let convolution = transposed(&convolution, bias.len(), patch_size);
        let convolution = builder.f32s(&[patch_size, bias.len()], &convolution);
        let bias = builder.f32s(&[bias.len()], &bias);
        let rows = builder.matmul(patches, &convolution);
        let rows = builder.add(&rows, &bias);
        builder.probe(&rows, "sig.patching");
        let rows = self.linear(&rows, "embed_projection")?;
        self.layers.builder.probe(&rows, "sig.embed_projection");
        let names = self.layers.builder.f32s(&[input_channels, 1, width], &names);
        Ok(self.layers.builder.add(&rows, &names))
    }
}
