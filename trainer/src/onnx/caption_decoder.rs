//! The caption decoder as a graph for one decoding step: from the tokens so far to the logits of the next one.
//!
//! One graph serves the first and all later steps. Keys and values of previous steps come in as caches and go out
//! extended, so a later step computes only the new positions. Text tower and decoder are causal, so the caches change
//! results only by rounding.

use super::graph_builder::{Dim, GraphOptions, GraphValue, InputType, NodeAttribute, OnnxModel};
use super::key_value_cache::{CacheNames, CacheSizes, KeyValueCache};
use super::layers::{AttentionInputs, LayerBuilder, MASKED_SCORE};
use super::token_table;
use crate::config::ModelConfig;
use crate::error::Result;
use crate::kernels::Projection;
use crate::tokens::TokenSet;
use crate::weights::Weights;

/// Name of the output besides the caches.
const OUTPUT: &str = "logits";

/// Builds the graph of one decoding step.
///
/// Inputs:
///
/// - `tokens [batch, length] i64`: all tokens so far, starting with the start token; cached tokens are included,
///   because a pad hides the position after it;
/// - `conditions [batch, prefix] i64`: the caption kinds, rows of `channel_embeddings`, or -1 for `padding_embedding`;
///   with no columns after the first step;
/// - `memory [batch, memory_tokens, width] f32`: the memory of the signal tower; with no rows after the first step;
/// - `text_cache`, `decoder_cache`, `cross_cache`, `[2 · layers, batch, heads, past, head_dim] f32`: without positions
///   in the first step, then the outputs of the previous step.
///
/// Outputs: `logits [batch, new, vocabulary] f32` of the new positions, which are the tokens after those in `text_cache`;
/// `text_cache_out`, `decoder_cache_out`, `cross_cache_out`.
///
/// With `trained`, all other tokens are left out: their embeddings become zero and their logits -1e30.
///
/// # Errors
///
/// [`Error::WeightMismatch`](crate::error::Error::WeightMismatch) if a weight is missing.
pub fn caption_decoder(
    weights: &Weights,
    config: &ModelConfig,
    trained: Option<&TokenSet>,
    options: GraphOptions,
) -> Result<OnnxModel> {
    let mut graph = CaptionGraph { layers: LayerBuilder::new(weights, options), config, trained };
    let mut inputs = graph.inputs();
    let states = graph.token_states(&inputs.tokens, &mut inputs.text_cache)?;
    let logits = graph.logits(&states, &mut inputs)?;
    let mut builder = graph.layers.builder;
    let dims = [Dim::Named("batch"), Dim::Named("new"), Dim::Fixed(config.text_cfg.vocab_size)];
    builder.output(&logits, OUTPUT, &dims);
    inputs.text_cache.output(&mut builder);
    inputs.decoder_cache.output(&mut builder);
    inputs.cross_cache.output(&mut builder);
    Ok(builder.finish("caption", &facts(config)))
}

fn facts(config: &ModelConfig) -> [(&'static str, String); 11] {
    let (text, decoder, signal) =
        (&config.text_cfg, &config.multimodal_cfg, &config.biosignals_cfg);
    [
        ("text_layers", text.layers.to_string()),
        ("text_heads", text.heads.to_string()),
        ("text_head_dim", (text.width / text.heads).to_string()),
        ("decoder_layers", decoder.layers.to_string()),
        ("decoder_heads", decoder.heads.to_string()),
        ("decoder_head_dim", (decoder.width / decoder.heads).to_string()),
        ("width", decoder.width.to_string()),
        ("memory_tokens", signal.decoder_tokens.to_string()),
        ("context_length", text.context_length.to_string()),
        ("prefix_len", config.prefix_len.to_string()),
        ("condition_kinds", config.num_caption_channels.to_string()),
    ]
}

struct CaptionGraph<'a> {
    layers: LayerBuilder<'a>,
    config: &'a ModelConfig,
    trained: Option<&'a TokenSet>,
}

struct CaptionInputs {
    tokens: GraphValue,
    conditions: GraphValue,
    memory: GraphValue,
    text_cache: KeyValueCache,
    decoder_cache: KeyValueCache,
    cross_cache: KeyValueCache,
}

impl CaptionGraph<'_> {
    fn inputs(&mut self) -> CaptionInputs {
        let (text, decoder) = (&self.config.text_cfg, &self.config.multimodal_cfg);
        let builder = &mut self.layers.builder;
        let batch = Dim::Named("batch");
        let tokens = [batch, Dim::Named("length")];
        let conditions = [batch, Dim::Named("prefix")];
        let memory = [batch, Dim::Named("memory"), Dim::Fixed(decoder.width)];
        let sizes = |layers, heads, width| CacheSizes { layers, heads, head_dim: width / heads };
        let of_text = sizes(text.layers, text.heads, text.width);
        let of_decoder = sizes(decoder.layers, decoder.heads, decoder.width);
        let names = |input, output, past| CacheNames { input, output, past };
        CaptionInputs {
            tokens: builder.input("tokens", InputType::I64, &tokens),
            conditions: builder.input("conditions", InputType::I64, &conditions),
            memory: builder.input("memory", InputType::F32, &memory),
            text_cache: KeyValueCache::new(
                builder,
                names("text_cache", "text_cache_out", "past"),
                of_text,
            ),
            decoder_cache: KeyValueCache::new(
                builder,
                names("decoder_cache", "decoder_cache_out", "past_with_prefix"),
                of_decoder,
            ),
            cross_cache: KeyValueCache::new(
                builder,
                names("cross_cache", "cross_cache_out", "memory_so_far"),
                of_decoder,
            ),
        }
    }

    /// Returns the text tower's states of the new tokens, `[batch, new, width]`, without its final norm.
    fn token_states(
        &mut self,
        tokens: &GraphValue,
        cache: &mut KeyValueCache,
    ) -> Result<GraphValue> {
        let table = self.layers.weights.need("text.token_embedding.weight")?;
        let places = self.layers.constant("text.positional_embedding")?;
        let builder = &mut self.layers.builder;
        let (past, length) = (cache.past(builder), builder.length(tokens, 1));
        let new = builder.slice(tokens, 1, &past, &length);
        let words = token_table::look_up(builder, table, self.trained, &new);
        let places = builder.slice(&places, 0, &past, &length);
        let mut rows = builder.add(&words, &places);
        let no_prefix = builder.i64s(&[0]);
        let causal_mask = self.causal_mask(&past, &length, &no_prefix);
        let pads = self.pad_mask(tokens, &length);
        let mask = self.layers.builder.add(&causal_mask, &pads);
        for block in 0..self.config.text_cfg.layers {
            let name = format!("text.transformer.resblocks.{block}");
            rows = self.self_block(&rows, &mask, cache, &name)?;
        }
        Ok(rows)
    }

    /// Returns the logits of the new tokens.
    fn logits(&mut self, states: &GraphValue, inputs: &mut CaptionInputs) -> Result<GraphValue> {
        let builder = &mut self.layers.builder;
        let prefix_len = builder.length(&inputs.conditions, 1);
        let past = inputs.decoder_cache.past(builder);
        let prefix = self.prefix(&inputs.conditions)?;
        let builder = &mut self.layers.builder;
        let mut rows = builder.concat(&[&prefix, states], 1);
        let n_rows = builder.length(&rows, 1);
        let length = builder.add(&past, &n_rows);
        let mask = self.causal_mask(&past, &length, &prefix_len);
        for block in 0..self.config.multimodal_cfg.layers {
            let name = format!("text_decoder.resblocks.{block}");
            rows = self.self_block(&rows, &mask, &mut inputs.decoder_cache, &name)?;
            rows = self.cross_block(&rows, &inputs.memory, &mut inputs.cross_cache, block)?;
        }
        let end = self.layers.builder.i64s(&[i64::MAX]);
        let rows = self.layers.builder.slice(&rows, 1, &prefix_len, &end);
        let normed = self.layers.layer_norm(&rows, "text_decoder.ln_final")?;
        let projection = self.layers.weights.need("text_decoder.text_projection")?;
        Ok(token_table::logits(&mut self.layers.builder, projection, self.trained, &normed))
    }

    /// Returns the embeddings of the conditions, `[batch, prefix, width]`.
    fn prefix(&mut self, conditions: &GraphValue) -> Result<GraphValue> {
        let kinds = self.layers.weights.need("channel_embeddings")?;
        let none = self.layers.weights.need("padding_embedding")?;
        // The last row belongs to -1: ONNX counts negative indices from the end.
        let rows = [kinds.values.as_slice(), &none.values].concat();
        let builder = &mut self.layers.builder;
        let table = builder.f32s(&[kinds.shape[0] + 1, kinds.shape[1]], &rows);
        let prefix = builder.gather(&table, 0, conditions);
        builder.probe(&prefix, "condition_embs");
        Ok(prefix)
    }

    fn self_block(
        &mut self,
        rows: &GraphValue,
        mask: &GraphValue,
        cache: &mut KeyValueCache,
        name: &str,
    ) -> Result<GraphValue> {
        let (attention, heads) = (format!("{name}.attn"), cache.heads());
        let normed = self.layers.layer_norm(rows, &format!("{name}.ln_1"))?;
        let queries = self.layers.heads(&normed, &attention, Projection::Query, heads)?;
        let keys = self.layers.heads(&normed, &attention, Projection::Key, heads)?;
        let values = self.layers.heads(&normed, &attention, Projection::Value, heads)?;
        let keys = cache.extend(&mut self.layers.builder, &keys);
        let values = cache.extend(&mut self.layers.builder, &values);
        let seen = AttentionInputs { queries, keys, values };
        let update = self.layers.attend(&seen, Some(mask), &attention)?;
        self.with_mlp(rows, &update, name)
    }

    /// Attends from every row to the memory, without a mask.
    fn cross_block(
        &mut self,
        rows: &GraphValue,
        memory: &GraphValue,
        cache: &mut KeyValueCache,
        block: usize,
    ) -> Result<GraphValue> {
        let name = format!("text_decoder.cross_attn.{block}");
        let (attention, heads) = (format!("{name}.attn"), cache.heads());
        let normed = self.layers.layer_norm(rows, &format!("{name}.ln_1"))?;
        let queries = self.layers.heads(&normed, &attention, Projection::Query, heads)?;
        let memory = self.layers.layer_norm(memory, &format!("{name}.ln_1_kv"))?;
        let keys = self.layers.heads(&memory, &attention, Projection::Key, heads)?;
        let values = self.layers.heads(&memory, &attention, Projection::Value, heads)?;
        let keys = cache.extend(&mut self.layers.builder, &keys);
        let values = cache.extend(&mut self.layers.builder, &values);
        let seen = AttentionInputs { queries, keys, values };
        let update = self.layers.attend(&seen, None, &attention)?;
        self.with_mlp(rows, &update, &name)
    }

    fn with_mlp(
        &mut self,
        rows: &GraphValue,
        update: &GraphValue,
        name: &str,
    ) -> Result<GraphValue> {
        let rows = self.layers.builder.add(rows, update);
        let normed = self.layers.layer_norm(&rows, &format!("{name}.ln_2"))?;
        let update = self.layers.mlp(&normed, &format!("{name}.mlp"))?;
        Ok(self.layers.builder.add(&rows, &update))
    }

    /// Masks later keys, `[new, length]`; the rows of a prefix see each other.
    fn causal_mask(
        &mut self,
        past: &GraphValue,
        length: &GraphValue,
        prefix_len: &GraphValue,
    ) -> GraphValue {
        let builder = &mut self.layers.builder;
        let (start, step, first_axis, last_axis) =
            (builder.i64(0), builder.i64(1), builder.i64s(&[0]), builder.i64s(&[1]));
        let end = builder.node("Squeeze", &[length, &first_axis], &[]);
        let keys = builder.node("Range", &[&start, &end, &step], &[]);
        let queries = builder.slice(&keys, 0, past, length);
        // A prefix row attends up to the last prefix row. Without a prefix the maximum changes nothing.
        let one = builder.i64s(&[1]);
        let last_of_prefix = builder.node("Sub", &[prefix_len, &one], &[]);
        let last_key = builder.node("Max", &[&queries, &last_of_prefix], &[]);
        let last_key = builder.node("Unsqueeze", &[&last_key, &last_axis], &[]);
        let is_later = builder.node("Greater", &[&keys, &last_key], &[]);
        let is_later = builder.node("Cast", &[&is_later], &[NodeAttribute::Int("to", 1)]);
        let hidden = builder.f32(MASKED_SCORE);
        builder.mul(&is_later, &hidden)
    }

    /// Masks keys whose previous token is a pad, `[batch, 1, 1, length]`; the first key is always visible.
    fn pad_mask(&mut self, tokens: &GraphValue, length: &GraphValue) -> GraphValue {
        let builder = &mut self.layers.builder;
        let pad = builder.i64s(&[0]);
        let is_pad = builder.node("Equal", &[tokens, &pad], &[]);
        let is_pad = builder.node("Cast", &[&is_pad], &[NodeAttribute::Int("to", 1)]);
        let start = builder.i64s(&[0, 1, 0, 0]);
        let is_hidden = builder.node("Pad", &[&is_pad, &start], &[]);
        let is_hidden = builder.slice(&is_hidden, 1, &pad, length);
        let hidden = builder.f32(MASKED_SCORE);
        let keys = builder.mul(&is_hidden, &hidden);
        let axes = builder.i64s(&[1, 2]);
        builder.node("Unsqueeze", &[&keys, &axes], &[])
    }
}
