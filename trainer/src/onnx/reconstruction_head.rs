//! The reconstruction head as a graph: from the memory of epochs to their signals.
//!
//! Not part of a bundle; used to compare with other implementations.

use super::graph_builder::{Dim, GraphOptions, GraphValue, InputType, OnnxModel};
use super::layers::{AttentionInputs, LayerBuilder};
use crate::config::ModelConfig;
use crate::error::Result;
use crate::kernels::Projection;
use crate::weights::Weights;

/// Name of the input.
const INPUT: &str = "memory";
/// Name of the output.
const OUTPUT: &str = "reconstructed_signal";

/// Builds the graph of the reconstruction head.
///
/// From `memory [batch, memory_tokens, width] f32` to `reconstructed_signal [batch, 10, 1920] f32`.
///
/// # Errors
///
/// [`Error::WeightMismatch`](crate::error::Error::WeightMismatch) if a weight is missing.
pub fn reconstruction_head(
    weights: &Weights,
    config: &ModelConfig,
    options: GraphOptions,
) -> Result<OnnxModel> {
    let signal = &config.biosignals_cfg;
    let [tokens, width] = [signal.decoder_tokens, signal.transformer_width].map(Dim::Fixed);
    let mut layers = LayerBuilder::new(weights, options);
    let dims = [Dim::Named("batch"), tokens, width];
    let mut rows = layers.builder.input(INPUT, InputType::F32, &dims);
    for name in (0..).map(|layer| format!("signal_decoder.transformer.layers.{layer}")) {
        if weights.get(&format!("{name}.norm1.weight")).is_none() {
            break;
        }
        rows = layer(&mut layers, &rows, &name, signal.transformer_heads)?;
    }
    let mean = layers.builder.mean(&rows, 1);
    let hidden = layers.linear(&mean, "signal_decoder.to_signal.0")?;
    let hidden = layers.builder.node("Relu", &[&hidden], &[]);
    let samples = layers.linear(&hidden, "signal_decoder.to_signal.2")?;
    let shape = [signal.input_channels, signal.signal_length];
    let mut builder = layers.builder;
    let signals = builder.reshape(&samples, &[-1, shape[0] as i64, shape[1] as i64]);
    let [channels, length] = shape.map(Dim::Fixed);
    builder.output(&signals, OUTPUT, &[Dim::Named("batch"), channels, length]);
    Ok(builder.finish(OUTPUT, &[]))
}

/// Applies a pre-norm layer of PyTorch's `TransformerEncoder`.
fn layer(
    layers: &mut LayerBuilder<'_>,
    rows: &GraphValue,
    name: &str,
    heads: usize,
) -> Result<GraphValue> {
    let attention = format!("{name}.self_attn");
    let normed = layers.layer_norm(rows, &format!("{name}.norm1"))?;
    let seen = AttentionInputs {
        queries: layers.heads(&normed, &attention, Projection::Query, heads)?,
        keys: layers.heads(&normed, &attention, Projection::Key, heads)?,
        values: layers.heads(&normed, &attention, Projection::Value, heads)?,
    };
    let update = layers.attend(&seen, None, &attention)?;
    let rows = layers.builder.add(rows, &update);
    let normed = layers.layer_norm(&rows, &format!("{name}.norm2"))?;
    let hidden = layers.linear(&normed, &format!("{name}.linear1"))?;
    let hidden = layers.builder.node("Relu", &[&hidden], &[]);
    let update = layers.linear(&hidden, &format!("{name}.linear2"))?;
    Ok(layers.builder.add(&rows, &update))
}
