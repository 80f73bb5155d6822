//! The signal tower as a graph: from the signals of epochs to their embeddings and attention maps.

use super::graph_builder::{Dim, GraphOptions, GraphValue, InputType, NodeAttribute, OnnxModel};
use super::layers::LayerBuilder;
use super::weight_algebra::transposed;
use crate::config::{ModelConfig, SignalConfig};
use crate::error::Result;
use crate::host_tensor::HostTensor;
use crate::kernels::{Axis, RMS_NORM_EPSILON};
use crate::weights::Weights;

/// Name of the input.
const INPUT: &str = "signals";
/// Name of the output.
const OUTPUT: &str = "signal_embedding";

/// Name of the attention map.
const ATTENTION: &str = "attention";
/// Name of the caption decoder's memory.
const MEMORY: &str = "memory";

/// Builds the graph of the signal tower.
///
/// From `signals [batch, 10, 1920] f32` to `signal_embedding [batch, dim] f32` of unit length; `attention [batch, 10,
/// patches] f32`, the weight of each patch in the embedding, which sums to 1 for each epoch; and, if the weights have a
/// caption decoder, `memory [batch, memory_tokens, width] f32`.
///
/// If the options ask for it, constant subexpressions are folded, which saves work at no loss of accuracy: the
/// convolution and the projection after it, which are one affine map of a patch, and the poolers' queries with their
/// key projection. The scale of the queries is always folded. The components of queries and keys are permuted, in the
/// same way for both, so that rotating them needs no shuffle.
///
/// # Errors
///
/// [`Error::WeightMismatch`](crate::error::Error::WeightMismatch) if a weight is missing.
pub fn signal_tower(
    weights: &Weights,
    config: &ModelConfig,
    options: GraphOptions,
) -> Result<OnnxModel> {
    let signal = &config.biosignals_cfg;
    let layers = LayerBuilder::new(weights, options);
    let mut graph = SignalGraph { layers, config: signal, is_folded: options.folded };
    let dims =
        [Dim::Named("batch"), Dim::Fixed(signal.input_channels), Dim::Fixed(signal.signal_length)];
    let input = graph.layers.builder.input(INPUT, InputType::F32, &dims);
    let mut tokens = graph.tokens(&input)?;
    for block in 0..signal.transformer_layers {
        tokens = graph.block(&tokens, block)?;
        graph.layers.builder.probe(&tokens, &format!("sig.block{block}"));
    }
    let tokens = graph.rms_norm(&tokens, "ln_final")?;
    graph.layers.builder.probe(&tokens, "sig.ln_final");
    let pooled = graph.pooled(&tokens)?;
    let raw = graph.linear(&pooled.token, "proj_to_embed")?;
    let mut builder = graph.layers.builder;
    builder.probe(&raw, "signal_embedding_raw");
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

/// The graph under construction, and its inputs.
pub(super) struct SignalGraph<'a> {
    pub(super) layers: LayerBuilder<'a>,
    pub(super) config: &'a SignalConfig,
    pub(super) is_folded: bool,
}

impl SignalGraph<'_> {
    /// Returns a weight of the tower.
    pub(super) fn weight(&self, name: &str) -> Result<&HostTensor> {
        self.layers.weights.need(&full_name(name))
    }

    fn block(&mut self, tokens: &GraphValue, block: usize) -> Result<GraphValue> {
        let name = |part: &str| format!("transformer_blocks.{block}.{part}");
        let frequencies = self.weight("shared_channel_rope.freqs")?.values.clone();
        let update =
            self.attention(tokens, &name("channel_attention"), Axis::Channels, &frequencies)?;
        self.probe_attention(
            &update,
            &format!("sig.block{block}.channel_attention"),
            Axis::Channels,
        );
        let tokens = self.layers.builder.add(tokens, &update);
        let tokens = self.rms_norm(&tokens, &name("channel_norm"))?;
        let update = self.swiglu(&tokens, &name("channel_mlp"))?;
        let tokens = self.layers.builder.add(&tokens, &update);
        let mut tokens = self.rms_norm(&tokens, &name("channel_mlp_norm"))?;
        for layer in 0..self.config.num_temporal_layers {
            let attention = name(&format!("temporal_attention_layers.{layer}"));
            let frequencies = self.weight(&format!("{attention}.rotary_emb.freqs"))?.values.clone();
            let update = self.attention(&tokens, &attention, Axis::Time, &frequencies)?;
            if layer == 0 {
                self.probe_attention(
                    &update,
                    &format!("sig.block{block}.temporal_attention"),
                    Axis::Time,
                );
            }
            tokens = self.layers.builder.add(&tokens, &update);
            tokens = self.rms_norm(&tokens, &name(&format!("temporal_norms.{layer}")))?;
            let update = self.swiglu(&tokens, &name(&format!("temporal_mlps.{layer}")))?;
            tokens = self.layers.builder.add(&tokens, &update);
            tokens = self.rms_norm(&tokens, &name(&format!("temporal_mlp_norms.{layer}")))?;
        }
        Ok(tokens)
    }

    fn swiglu(&mut self, tokens: &GraphValue, name: &str) -> Result<GraphValue> {
        let gate = self.matmul_by(tokens, &format!("{name}.gate_proj.w1.weight"))?;
        let value = self.matmul_by(tokens, &format!("{name}.gate_proj.w2.weight"))?;
        let open = self.layers.builder.node("Sigmoid", &[&gate], &[]);
        let gate = self.layers.builder.mul(&gate, &open);
        let gated = self.layers.builder.mul(&gate, &value);
        self.matmul_by(&gated, &format!("{name}.down_proj.weight"))
    }

    fn rms_norm(&mut self, rows: &GraphValue, name: &str) -> Result<GraphValue> {
        let weight = self.weight(&format!("{name}.weight"))?.clone();
        let builder = &mut self.layers.builder;
        let two = builder.f32(2.0);
        let square = builder.node("Pow", &[rows, &two], &[]);
        let attributes = [NodeAttribute::Ints("axes", &[-1]), NodeAttribute::Int("keepdims", 1)];
        let mean = builder.node("ReduceMean", &[&square], &attributes);
        let epsilon = builder.f32(RMS_NORM_EPSILON);
        let mean = builder.add(&mean, &epsilon);
        let root = builder.node("Sqrt", &[&mean], &[]);
        let normed = builder.node("Div", &[rows, &root], &[]);
        let weight = builder.f32s(&weight.shape, &weight.values);
        Ok(builder.mul(&normed, &weight))
    }

    /// Returns `rows · weightᵀ + bias`.
    pub(super) fn linear(&mut self, rows: &GraphValue, name: &str) -> Result<GraphValue> {
        self.layers.linear(rows, &full_name(name))
    }

    /// Outputs the update of an attention, `[batch · patches, channels, width]` or `[batch · channels, patches,
    /// width]`.
    fn probe_attention(&mut self, update: &GraphValue, name: &str, axis: Axis) {
        let (channels, patches) = (self.config.input_channels as i64, self.config.patches() as i64);
        let width = self.config.transformer_width as i64;
        let builder = &mut self.layers.builder;
        if !builder.is_probed() {
            return;
        }
        let sequences = match axis {
            Axis::Channels => {
                let along = builder.transpose(update, &[0, 2, 1, 3]);
                builder.reshape(&along, &[-1, channels, width])
            }
            Axis::Time => builder.reshape(update, &[-1, patches, width]),
        };
        builder.probe(&sequences, name);
    }

    /// Multiplies rows by a weight `[out, in]`.
    fn matmul_by(&mut self, rows: &GraphValue, name: &str) -> Result<GraphValue> {
        let weight = self.weight(name)?;
        let [outputs, inputs] = [weight.shape[0], weight.shape[1]];
        let weight = transposed(&weight.values, outputs, inputs);
        let weight = self.layers.builder.f32s(&[inputs, outputs], &weight);
        Ok(self.layers.builder.matmul(rows, &weight))
    }
}

/// Returns the full name of a weight of the tower.
pub(super) fn full_name(name: &str) -> String {
    format!("biosignals.{name}")
}
