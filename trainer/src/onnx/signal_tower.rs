//! The signal tower as a graph: from the signals of epochs to their embeddings, and what was looked at.

use super::algebra::transposed;
use super::builder::{Attribute, Dim, GraphOptions, Model, Numbers, Value};
use super::layers::Layers;
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
/// Folded into constants, where the options say so, which saves work and costs no accuracy: the convolution and the
/// projection behind it, which are one affine map of a patch, and the poolers' queries behind their key projection.
/// The scale of the queries always is.
/// The components of queries and keys are put in another order, the same for both,
/// so that rotating them needs no shuffle.
///
/// # Errors
///
/// [`Error::Mismatch`](crate::Error::Mismatch) where a weight is missing.
pub fn signal_tower(
    weights: &Weights,
    config: &ModelConfig,
    options: GraphOptions,
) -> Result<Model> {
    let signal = &config.biosignals_cfg;
    let layers = Layers::new(weights, options);
    let mut graph = SignalGraph { layers, config: signal, is_folded: options.folded };
    let dims =
        [Dim::Named("batch"), Dim::Fixed(signal.input_channels), Dim::Fixed(signal.signal_length)];
    let input = graph.layers.builder.input(INPUT, Numbers::F32, &dims);
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

/// The graph in the making, and what it is made of.
pub(super) struct SignalGraph<'a> {
    pub(super) layers: Layers<'a>,
    pub(super) config: &'a SignalConfig,
    pub(super) is_folded: bool,
}

impl SignalGraph<'_> {
    /// Returns a weight of the tower.
    pub(super) fn weight(&self, name: &str) -> Result<&HostTensor> {
        self.layers.weights.need(&whole(name))
    }

    fn block(&mut self, tokens: &Value, block: usize) -> Result<Value> {
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

    fn swiglu(&mut self, tokens: &Value, name: &str) -> Result<Value> {
        let gate = self.matmul_by(tokens, &format!("{name}.gate_proj.w1.weight"))?;
        let value = self.matmul_by(tokens, &format!("{name}.gate_proj.w2.weight"))?;
        let open = self.layers.builder.node("Sigmoid", &[&gate], &[]);
        let gate = self.layers.builder.mul(&gate, &open);
        let gated = self.layers.builder.mul(&gate, &value);
        self.matmul_by(&gated, &format!("{name}.down_proj.weight"))
    }

    fn rms_norm(&mut self, rows: &Value, name: &str) -> Result<Value> {
        let weight = self.weight(&format!("{name}.weight"))?.clone();
        let builder = &mut self.layers.builder;
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
        self.layers.linear(rows, &whole(name))
    }

    /// Puts out what an attention gave, `[batch · patches, channels, width]` or `[batch · channels, patches, width]`.
    fn probe_attention(&mut self, update: &Value, name: &str, axis: Axis) {
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
    fn matmul_by(&mut self, rows: &Value, name: &str) -> Result<Value> {
        let weight = self.weight(name)?;
        let [outputs, inputs] = [weight.shape[0], weight.shape[1]];
        let weight = transposed(&weight.values, outputs, inputs);
        let weight = self.layers.builder.f32s(&[inputs, outputs], &weight);
        Ok(self.layers.builder.matmul(rows, &weight))
    }
}

/// Returns the whole name of a weight of the tower.
pub(super) fn whole(name: &str) -> String {
    format!("biosignals.{name}")
}
