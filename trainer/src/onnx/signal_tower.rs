//! The signal tower as a graph: from the signals of epochs to their embeddings, and what was looked at.

use super::algebra::{product, transposed};
use super::builder::{Attribute, Builder, Dim, Model, Numbers, Value};
use crate::kernels::Axis;
use crate::model::RMS_NORM_EPSILON;
use crate::weights::HostTensor;
use crate::{ModelConfig, Result, SignalConfig, Weights};

/// Name of the input.
const INPUT: &str = "signals";
/// Name of the output.
const OUTPUT: &str = "signal_embedding";

/// Name of the share of each patch in the embedding.
const ATTENTION: &str = "attention";
/// Name of what the caption decoder looks at.
const MEMORY: &str = "memory";

/// Builds the graph of the signal tower.
///
/// From `signals [batch, 10, 1920] f32` to `signal_embedding [batch, dim] f32` of unit length,
/// `attention [batch, 10, patches] f32`, the share of each patch in the embedding, which adds up to 1 for each epoch,
/// and, where the weights hold a caption decoder, `memory [batch, memory_tokens, width] f32`, what it looks at.
///
/// Folded into constants, which saves work and costs no accuracy: the convolution and the projection behind it,
/// which are one affine map of a patch; the scale of the queries; the poolers' queries behind their key projection.
/// The components of queries and keys are put in another order, the same for both,
/// so that rotating them needs no shuffle.
///
/// # Errors
///
/// [`Error::Mismatch`](crate::Error::Mismatch) where a weight is missing.
pub fn signal_tower(weights: &Weights, config: &ModelConfig) -> Result<Model> {
    let signal = &config.biosignals_cfg;
    let mut graph = SignalGraph { builder: Builder::default(), weights, config: signal };
    let dims =
        [Dim::Named("batch"), Dim::Fixed(signal.input_channels), Dim::Fixed(signal.signal_length)];
    let input = graph.builder.input(INPUT, Numbers::F32, &dims);
    let mut tokens = graph.tokens(&input)?;
    for block in 0..signal.transformer_layers {
        tokens = graph.block(&tokens, block)?;
    }
    let tokens = graph.rms_norm(&tokens, "ln_final")?;
    let pooled = graph.pooled(&tokens)?;
    let raw = graph.linear(&pooled.token, "proj_to_embed")?;
    let mut builder = graph.builder;
    let unit = builder.normalize(&raw);
    let batch = Dim::Named("batch");
    let [channels, patches] = [signal.input_channels, signal.patches()].map(Dim::Fixed);
    builder.output(&unit, OUTPUT, &[batch, Dim::Fixed(config.embed_dim)]);
    builder.output(&pooled.attention, ATTENTION, &[batch, channels, patches]);
    if weights.has_captioner() {
        let [tokens, width] = [signal.decoder_tokens, signal.transformer_width].map(Dim::Fixed);
        builder.output(&pooled.memory, MEMORY, &[batch, tokens, width]);
    }
    Ok(builder.finish(OUTPUT, &[("embed_dim", config.embed_dim.to_string())]))
}

/// The graph in the making, and what it is made of.
pub(super) struct SignalGraph<'a> {
    pub(super) builder: Builder,
    pub(super) config: &'a SignalConfig,
    weights: &'a Weights,
}

impl SignalGraph<'_> {
    /// Returns a weight of the tower.
    pub(super) fn weight(&self, name: &str) -> Result<&HostTensor> {
        self.weights.need(&format!("biosignals.{name}"))
    }

    /// Returns the tokens of all patches, `[batch, channels, patches, width]`.
    fn tokens(&mut self, signals: &Value) -> Result<Value> {
        let SignalConfig { input_channels, patch_size, transformer_width: width, .. } =
            *self.config;
        let patches = self.config.patches();
        let convolution = self.weight("patching.conv_patching.weight")?;
        let convolution_bias = self.weight("patching.conv_patching.bias")?;
        let projection = self.weight("embed_projection.weight")?;
        let projection_bias = self.weight("embed_projection.bias")?;
        let names = self.weight("channel_id_embed.weight")?;
        let inner = convolution_bias.values.len();
        let folded = product(&projection.values, &convolution.values, inner);
        let offset = product(&projection.values, &convolution_bias.values, inner);
        // What is added depends on the channel only: the bias and the channel's own vector.
        let offsets: Vec<f32> = names
            .values
            .iter()
            .enumerate()
            .map(|(i, name)| name + offset[i % width] + projection_bias.values[i % width])
            .collect();
        let folded = transposed(&folded, width, patch_size);
        let builder = &mut self.builder;
        let rows = builder
            .reshape(signals, &[-1, input_channels as i64, patches as i64, patch_size as i64]);
        let folded = builder.f32s(&[patch_size, width], &folded);
        let rows = builder.matmul(&rows, &folded);
        let offsets = builder.f32s(&[input_channels, 1, width], &offsets);
        Ok(builder.add(&rows, &offsets))
    }

    fn block(&mut self, tokens: &Value, block: usize) -> Result<Value> {
        let name = |part: &str| format!("transformer_blocks.{block}.{part}");
        let frequencies = self.weight("shared_channel_rope.freqs")?.values.clone();
        let update =
            self.attention(tokens, &name("channel_attention"), Axis::Channels, &frequencies)?;
        let tokens = self.builder.add(tokens, &update);
        let tokens = self.rms_norm(&tokens, &name("channel_norm"))?;
        let update = self.swiglu(&tokens, &name("channel_mlp"))?;
        let tokens = self.builder.add(&tokens, &update);
        let mut tokens = self.rms_norm(&tokens, &name("channel_mlp_norm"))?;
        for layer in 0..self.config.num_temporal_layers {
            let attention = name(&format!("temporal_attention_layers.{layer}"));
            let frequencies = self.weight(&format!("{attention}.rotary_emb.freqs"))?.values.clone();
            let update = self.attention(&tokens, &attention, Axis::Time, &frequencies)?;
            tokens = self.builder.add(&tokens, &update);
            tokens = self.rms_norm(&tokens, &name(&format!("temporal_norms.{layer}")))?;
            let update = self.swiglu(&tokens, &name(&format!("temporal_mlps.{layer}")))?;
            tokens = self.builder.add(&tokens, &update);
            tokens = self.rms_norm(&tokens, &name(&format!("temporal_mlp_norms.{layer}")))?;
        }
        Ok(tokens)
    }

    fn swiglu(&mut self, tokens: &Value, name: &str) -> Result<Value> {
        let gate = self.matmul_by(tokens, &format!("{name}.gate_proj.w1.weight"))?;
        let value = self.matmul_by(tokens, &format!("{name}.gate_proj.w2.weight"))?;
        let open = self.builder.node("Sigmoid", &[&gate], &[]);
        let gate = self.builder.mul(&gate, &open);
        let gated = self.builder.mul(&gate, &value);
        self.matmul_by(&gated, &format!("{name}.down_proj.weight"))
    }

    fn rms_norm(&mut self, rows: &Value, name: &str) -> Result<Value> {
        let weight = self.weight(&format!("{name}.weight"))?.clone();
        let builder = &mut self.builder;
        let two = builder.f32(2.0);
        let square = builder.node("Pow", &[rows, &two], &[]);
        let attributes = [Attribute::Ints("axes", &[-1]), Attribute::Int("keepdims", 1)];
        let mean = builder.node("ReduceMean", &[&square], &attributes);
        let epsilon = builder.f32(RMS_NORM_EPSILON);
        let mean = builder.add(&mean, &epsilon);
        let root = builder.node("Sqrt", &[&mean], &[]);
        let normed = builder.node("Div", &[rows, &root], &[]);
        let weight = builder.f32s(&weight.shape, &weight.values);
        Ok(builder.mul(&normed, &weight))
    }

    /// Returns `rows · weightᵀ + bias`.
    pub(super) fn linear(&mut self, rows: &Value, name: &str) -> Result<Value> {
        let rows = self.matmul_by(rows, &format!("{name}.weight"))?;
        let bias = self.weight(&format!("{name}.bias"))?.clone();
        let bias = self.builder.f32s(&bias.shape, &bias.values);
        Ok(self.builder.add(&rows, &bias))
    }

    /// Multiplies rows by a weight `[out, in]`.
    fn matmul_by(&mut self, rows: &Value, name: &str) -> Result<Value> {
        let weight = self.weight(name)?;
        let [outputs, inputs] = [weight.shape[0], weight.shape[1]];
        let weight = transposed(&weight.values, outputs, inputs);
        let weight = self.builder.f32s(&[inputs, outputs], &weight);
        Ok(self.builder.matmul(rows, &weight))
    }
}
