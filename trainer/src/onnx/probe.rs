//! Runs the graphs and returns all results, including intermediate ones, for comparison with other implementations.

use std::collections::BTreeMap;

use nocturne_encoder::graph::{Graph, GraphInput, GraphOutput, TensorValues};
use nocturne_encoder::runtime::Runtime;

use super::{
    GraphOptions, OnnxModel, caption_decoder, reconstruction_head, signal_tower, text_tower,
};
use crate::config::ModelConfig;
use crate::error::Result;
use crate::host_tensor::HostTensor;
use crate::weights::Weights;

/// The inputs of the graphs.
#[derive(Debug, Clone, Copy)]
pub struct ProbeInputs<'a> {
    /// Epochs, `[epochs, 10, 1920]`.
    pub signals: &'a HostTensor,
    /// Texts of one length, padded with 0 to the context. If the model has a caption decoder, the first are those of
    /// the epochs.
    pub texts: &'a [Vec<i64>],
    /// The conditions of each epoch's caption, all of one length.
    pub conditions: &'a [Vec<i64>],
}

/// Runs every graph that the weights allow, and returns tensors by name:
///
/// - `signal_embedding`, `signal_embedding_raw`, `signal_decoder_memory`, `attention`; `sig.block{i}`,
///   `sig.block{i}.channel_attention`, `sig.block{i}.temporal_attention`, `sig.ln_final`, `sig.contrastive_token`,
///   `sig.decoder_tokens`, `sig.attn_pool`; without folding also `sig.patching` and `sig.embed_projection`;
/// - `text_embedding`, `text_embedding_raw`, `text_token_states`, `text.block{i}`;
/// - with a caption decoder `condition_embs`, and for every position of every epoch's text but the last
///   `caption_logits` and `caption_logits_nocond`, `[epochs, length - 1, vocabulary]`;
/// - with a reconstruction head `reconstructed_signal`.
///
/// # Errors
///
/// [`Error::WeightMismatch`](crate::error::Error::WeightMismatch) if a weight is missing,
/// [`Error::Bundle`](crate::error::Error::Bundle) if the runtime fails.
pub fn probe(
    runtime: Runtime,
    weights: &Weights,
    config: &ModelConfig,
    inputs: ProbeInputs<'_>,
    is_folded: bool,
) -> Result<BTreeMap<String, HostTensor>> {
    let options = GraphOptions { folded: is_folded, probed: true };
    let run = |model: &OnnxModel, inputs: &[GraphInput<'_>]| -> Result<GraphOutputs> {
        Ok(Graph::from_bytes(runtime, &model.to_bytes(), 1)?.run(inputs)?)
    };
    let HostTensor { shape, values } = inputs.signals;
    let signals = GraphInput { name: "signals", shape, values: TensorValues::F32(values) };
    let mut found = run(&signal_tower(weights, config, options)?, &[signals])?;
    found.remove("memory");
    let texts = IdRows::new(inputs.texts);
    found.extend(run(&text_tower(weights, config, None, options)?, &[texts.input("tokens")])?);
    let memory = found["signal_decoder_memory"].clone();
    if weights.has_captioner() {
        let mut graph = Graph::from_bytes(
            runtime,
            &caption_decoder(weights, config, None, options)?.to_bytes(),
            1,
        )?;
        found.extend(captions(&mut graph, config, &inputs, &memory)?);
    }
    if weights.get("signal_decoder.to_signal.0.weight").is_some() {
        let graph = reconstruction_head(weights, config, options)?;
        found.extend(run(&graph, &[input_of("memory", &memory)])?);
    }
    let tensor = |GraphOutput { shape, values }| HostTensor { shape, values };
    Ok(found.into_iter().map(|(name, output)| (name, tensor(output))).collect())
}

/// The outputs of a graph by name.
type GraphOutputs = BTreeMap<String, GraphOutput>;

/// Returns the decoder's logits for each epoch's text, with and without the conditions.
fn captions(
    graph: &mut Graph,
    config: &ModelConfig,
    inputs: &ProbeInputs<'_>,
    memory: &GraphOutput,
) -> Result<GraphOutputs> {
    let epochs = memory.shape[0];
    let texts: Vec<Vec<i64>> = inputs.texts[..epochs]
        .iter()
        .map(|text| text[..text.len().saturating_sub(1)].to_vec())
        .collect();
    let (text, decoder) = (&config.text_cfg, &config.multimodal_cfg);
    let empty = |layers: usize, heads: usize, width: usize| GraphOutput {
        shape: vec![2 * layers, epochs, heads, 0, width / heads],
        values: Vec::new(),
    };
    let of_text = empty(text.layers, text.heads, text.width);
    let of_decoder = empty(decoder.layers, decoder.heads, decoder.width);
    let tokens = IdRows::new(&texts);
    let mut logits = |conditions: &IdRows| -> Result<GraphOutputs> {
        Ok(graph.run(&[
            tokens.input("tokens"),
            conditions.input("conditions"),
            input_of("memory", memory),
            input_of("text_cache", &of_text),
            input_of("decoder_cache", &of_decoder),
            input_of("cross_cache", &of_decoder),
        ])?)
    };
    let nothing = vec![Vec::new(); epochs];
    let mut with = logits(&IdRows::new(inputs.conditions))?;
    let mut without = logits(&IdRows::new(&nothing))?;
    let found = [
        ("caption_logits", with.remove("logits")),
        ("condition_embs", with.remove("condition_embs")),
        ("caption_logits_nocond", without.remove("logits")),
    ];
    let named = |(name, output): (&str, Option<GraphOutput>)| Some((name.to_owned(), output?));
    Ok(found.into_iter().filter_map(named).collect())
}

/// Rows of ids of one length.
struct IdRows {
    shape: [usize; 2],
    ids: Vec<i64>,
}

impl IdRows {
    fn new(rows: &[Vec<i64>]) -> Self {
        Self { shape: [rows.len(), rows.first().map_or(0, Vec::len)], ids: rows.concat() }
    }

    fn input<'a>(&'a self, name: &'a str) -> GraphInput<'a> {
        GraphInput { name, shape: &self.shape, values: TensorValues::I64(&self.ids) }
    }
}

fn input_of<'a>(name: &'a str, output: &'a GraphOutput) -> GraphInput<'a> {
    GraphInput { name, shape: &output.shape, values: TensorValues::F32(&output.values) }
}
