//! The text tower as a graph: `tokens [batch, length]` to `text_embedding [batch, dim]`.

use super::graph_builder::{
    Dim, GraphBuilder, GraphOptions, GraphValue, InputType, NodeAttribute, OnnxModel,
};
use super::layers::{AttentionInputs, LayerBuilder, MASKED_SCORE};
use super::token_table;
use crate::config::{ModelConfig, TextConfig};
use crate::error::Result;
use crate::kernels::Projection;
use crate::tokens::TokenSet;
use crate::weights::Weights;

/// Name of the input.
const INPUT: &str = "tokens";
/// Name of the output; not `embedding`, which is the name of a node in other exports and rejected by ONNX Runtime.
const OUTPUT: &str = "text_embedding";

/// Builds the graph of the text tower.
///
/// Each row of tokens must end with a pad unless it fills the context: the first pad is visible. The class token is
/// added inside. In the last block only its row is computed, since nothing else is read. With `trained`, the embeddings
/// of all other tokens are left out; they become zero.
///
/// # Errors
///
/// [`Error::WeightMismatch`](crate::error::Error::WeightMismatch) if a weight is missing.
pub fn text_tower(
    weights: &Weights,
    config: &ModelConfig,
    trained: Option<&TokenSet>,
    options: GraphOptions,
) -> Result<OnnxModel> {
    let mut layers = LayerBuilder::new(weights, options);
    let dims = [Dim::Named("batch"), Dim::Named("length")];
    let tokens = layers.builder.input(INPUT, InputType::I64, &dims);
    let mut graph = TextGraph { layers, config: &config.text_cfg };
    let lengths = graph.lengths(&tokens);
    let mut rows = graph.embed(&tokens, &lengths, trained)?;
    let mask = graph.mask(&tokens, &lengths);
    for block in 0..config.text_cfg.layers {
        rows = graph.block(&rows, &mask, block)?;
        graph.layers.builder.probe(&rows, &format!("text.block{block}"));
    }
    graph.probe_states(&rows);
    let mut layers = graph.layers;
    let class = class_row(&mut layers.builder, &rows);
    let class = layers.builder.reshape(&class, &[-1, config.text_cfg.width as i64]);
    let class = layers.layer_norm(&class, "text.ln_final")?;
    let projection = layers.constant("text.text_projection")?;
    let mut builder = layers.builder;
    let raw = builder.matmul(&class, &projection);
    builder.probe(&raw, "text_embedding_raw");
    let unit = builder.normalize(&raw);
    builder.output(&unit, OUTPUT, &[Dim::Named("batch"), Dim::Fixed(config.embed_dim)]);
    let facts = [
        ("embed_dim", config.embed_dim.to_string()),
        ("context_length", config.text_cfg.context_length.to_string()),
    ];
    Ok(builder.finish(OUTPUT, &facts))
}

struct TextGraph<'a> {
    layers: LayerBuilder<'a>,
    config: &'a TextConfig,
}

/// Lengths known only at run time, each a vector of one integer.
struct TextLengths {
    batch: GraphValue,
    length: GraphValue,
    /// With the class token.
    positions: GraphValue,
}

/// Masks that are added to scores.
struct AttentionMask {
    /// `[batch, 1, positions, positions]`.
    all: GraphValue,
    /// The class token's row, `[batch, 1, 1, positions]`.
    class: GraphValue,
}

impl TextGraph<'_> {
    fn lengths(&mut self, tokens: &GraphValue) -> TextLengths {
        let builder = &mut self.layers.builder;
        let (batch, length) = (builder.length(tokens, 0), builder.length(tokens, 1));
        let one = builder.i64s(&[1]);
        let positions = builder.add(&length, &one);
        TextLengths { batch, length, positions }
    }

    /// Returns the tokens and the class token with their positions, `[batch, positions, width]`.
    fn embed(
        &mut self,
        tokens: &GraphValue,
        lengths: &TextLengths,
        trained: Option<&TokenSet>,
    ) -> Result<GraphValue> {
        let width = self.config.width;
        let table = self.layers.weights.need("text.token_embedding.weight")?;
        let positions = self.layers.weights.need("text.positional_embedding")?;
        let class = self.layers.weights.need("text.cls_emb")?;
        // The class token has the position after a full context, however short the text is.
        let (places, last) = positions.values.split_at(self.config.context_length * width);
        let class: Vec<f32> = class.values.iter().zip(last).map(|(a, b)| a + b).collect();
        let builder = &mut self.layers.builder;
        let words = token_table::look_up(builder, table, trained, tokens);
        let places = builder.f32s(&[self.config.context_length, width], places);
        let zero = builder.i64s(&[0]);
        let places = builder.slice(&places, 0, &zero, &lengths.length);
        let words = builder.add(&words, &places);
        let class = builder.f32s(&[1, 1, width], &class);
        let ones = builder.i64s(&[1, 1]);
        let shape = builder.concat(&[&lengths.batch, &ones], 0);
        let class = builder.node("Expand", &[&class, &shape], &[]);
        Ok(builder.concat(&[&words, &class], 1))
    }

    /// Masks later keys, and keys whose previous token is a pad; the first key is always visible.
    fn mask(&mut self, tokens: &GraphValue, lengths: &TextLengths) -> AttentionMask {
        let builder = &mut self.layers.builder;
        let pad = builder.i64s(&[0]);
        let is_pad = builder.node("Equal", &[tokens, &pad], &[]);
        let is_pad = builder.node("Cast", &[&is_pad], &[NodeAttribute::Int("to", 1)]);
        let start = builder.i64s(&[0, 1, 0, 0]);
        let is_hidden = builder.node("Pad", &[&is_pad, &start], &[]);
        let hidden = builder.f32(MASKED_SCORE);
        let keys = builder.mul(&is_hidden, &hidden);
        let axes = builder.i64s(&[1, 2]);
        let class = builder.node("Unsqueeze", &[&keys, &axes], &[]);
        let square = builder.concat(&[&lengths.positions, &lengths.positions], 0);
        let hidden = builder.f32s(&[1, 1], &[MASKED_SCORE]);
        let square = builder.node("Expand", &[&hidden, &square], &[]);
        let above = builder.i64(1);
        let causal_mask =
            builder.node("Trilu", &[&square, &above], &[NodeAttribute::Int("upper", 1)]);
        let all = builder.add(&class, &causal_mask);
        AttentionMask { all, class }
    }

    fn block(
        &mut self,
        rows: &GraphValue,
        mask: &AttentionMask,
        block: usize,
    ) -> Result<GraphValue> {
        let name = format!("text.transformer.resblocks.{block}");
        // Only the class token of the last block is read, unless the graph is probed.
        let is_class_only = block + 1 == self.config.layers && !self.layers.builder.is_probed();
        let normed = self.layers.layer_norm(rows, &format!("{name}.ln_1"))?;
        let (kept, looking, mask) = if is_class_only {
            let builder = &mut self.layers.builder;
            (class_row(builder, rows), class_row(builder, &normed), &mask.class)
        } else {
            (rows.clone(), normed.clone(), &mask.all)
        };
        let attention = format!("{name}.attn");
        let mut heads = |rows, part| self.layers.heads(rows, &attention, part, self.config.heads);
        let seen = AttentionInputs {
            queries: heads(&looking, Projection::Query)?,
            keys: heads(&normed, Projection::Key)?,
            values: heads(&normed, Projection::Value)?,
        };
        let update = self.layers.attend(&seen, Some(mask), &attention)?;
        let rows = self.layers.builder.add(&kept, &update);
        let normed = self.layers.layer_norm(&rows, &format!("{name}.ln_2"))?;
        let update = self.layers.mlp(&normed, &format!("{name}.mlp"))?;
        Ok(self.layers.builder.add(&rows, &update))
    }

    /// Outputs the states that the caption decoder would read: all rows but the class token's.
    fn probe_states(&mut self, rows: &GraphValue) {
        let builder = &mut self.layers.builder;
        if builder.is_probed() {
            let (start, end) = (builder.i64s(&[0]), builder.i64s(&[-1]));
            let states = builder.slice(rows, 1, &start, &end);
            builder.probe(&states, "text_token_states");
        }
    }
}

/// Returns the last row of each text, `[batch, 1, width]`.
fn class_row(builder: &mut GraphBuilder, rows: &GraphValue) -> GraphValue {
    let (start, end) = (builder.i64s(&[-1]), builder.i64s(&[i64::MAX]));
    builder.slice(rows, 1, &start, &end)
}
