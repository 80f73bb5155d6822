//! The reconstruction head as a graph: from the memory of epochs back to their signals.
//!
//! No bundle holds it: it serves the training, and the comparison with other implementations.

use super::builder::{Dim, GraphOptions, Model, Numbers, Value};
use super::layers::{Attention, Layers, Part};
use crate::{ModelConfig, Result, Weights};

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
/// [`Error::Mismatch`](crate::Error::Mismatch) where a weight is missing.
pub fn reconstruction_head(
    weights: &Weights,
    config: &ModelConfig,
    options: GraphOptions,
) -> Result<Model> {
    let signal = &config.biosignals_cfg;
    let [tokens, width] = [signal.decoder_tokens, signal.transformer_width].map(Dim::Fixed);
    let mut layers = Layers::new(weights, options);
    let dims = [Dim::Named("batch"), tokens, width];
    let mut rows = layers.builder.input(INPUT, Numbers::F32, &dims);
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

/// Applies a layer of `PyTorch`'s `TransformerEncoder` whose norms come first.
fn layer(layers: &mut Layers<'_>, rows: &Value, name: &str, heads: usize) -> Result<Value> {
    let attention = format!("{name}.self_attn");
    let normed = layers.layer_norm(rows, &format!("{name}.norm1"))?;
    let seen = Attention {
        queries: layers.heads(&normed, &attention, Part::Query, heads)?,
        keys: layers.heads(&normed, &attention, Part::Key, heads)?,
        values: layers.heads(&normed, &attention, Part::Value, heads)?,
    };
    let update = layers.attend(&seen, None, &attention)?;
    let rows = layers.builder.add(rows, &update);
    let normed = layers.layer_norm(&rows, &format!("{name}.norm2"))?;
    let hidden = layers.linear(&normed, &format!("{name}.linear1"))?;
    let hidden = layers.builder.node("Relu", &[&hidden], &[]);
    let update = layers.linear(&hidden, &format!("{name}.linear2"))?;
    Ok(layers.builder.add(&rows, &update))
}
