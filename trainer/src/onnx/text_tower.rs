//! The text tower as a graph: `tokens [batch, length]` to `text_embedding [batch, dim]`.

use super::builder::{Attribute, Builder, Dim, GraphOptions, Model, Numbers, Value};
use super::layers::{Attention, HIDDEN, Layers, Part};
use super::token_table;
use crate::{ModelConfig, Result, TextConfig, TokenSet, Weights};

/// Name of the input.
const INPUT: &str = "tokens";
/// Name of the output; not `embedding`, which is the name of a node in other exports and refused by ONNX Runtime.
const OUTPUT: &str = "text_embedding";

/// Builds the graph of the text tower.
///
/// Each row of tokens must end with a pad unless it has the full context length: the first pad takes part.
/// The class token is added inside. In the last block only its row is computed, since nothing else is read.
/// `trained` leaves the vectors of all other tokens out; they become zero.
///
/// # Errors
///
/// [`Error::Mismatch`](crate::Error::Mismatch) where a weight is missing.
pub fn text_tower(
    weights: &Weights,
    config: &ModelConfig,
    trained: Option<&TokenSet>,
    options: GraphOptions,
) -> Result<Model> {
    let mut layers = Layers::new(weights, options);
    let dims = [Dim::Named("batch"), Dim::Named("length")];
    let tokens = layers.builder.input(INPUT, Numbers::I64, &dims);
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
    layers: Layers<'a>,
    config: &'a TextConfig,
}

/// Lengths that are known at run time only, each a row of one integer.
struct Lengths {
    batch: Value,
    length: Value,
    /// With the class token.
    positions: Value,
}

/// What is added to scores.
struct Mask {
    /// `[batch, 1, positions, positions]`.
    all: Value,
    /// The class token's row, `[batch, 1, 1, positions]`.
    class: Value,
}

impl TextGraph<'_> {
    fn lengths(&mut self, tokens: &Value) -> Lengths {
        let builder = &mut self.layers.builder;
        let (batch, length) = (builder.length(tokens, 0), builder.length(tokens, 1));
        let one = builder.i64s(&[1]);
        let positions = builder.add(&length, &one);
        Lengths { batch, length, positions }
    }

    /// Returns tokens and class token with their positions, `[batch, positions, width]`.
    fn embed(
        &mut self,
        tokens: &Value,
        lengths: &Lengths,
        trained: Option<&TokenSet>,
    ) -> Result<Value> {
        let width = self.config.width;
        let table = self.layers.weights.need("text.token_embedding.weight")?;
        let positions = self.layers.weights.need("text.positional_embedding")?;
        let class = self.layers.weights.need("text.cls_emb")?;
        // The class token has the row behind a full context, however short the text.
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

    /// Hides keys behind the query, and keys whose token before is a pad; the first key is always seen.
    fn mask(&mut self, tokens: &Value, lengths: &Lengths) -> Mask {
        let builder = &mut self.layers.builder;
        let pad = builder.i64s(&[0]);
        let is_pad = builder.node("Equal", &[tokens, &pad], &[]);
        let is_pad = builder.node("Cast", &[&is_pad], &[Attribute::Int("to", 1)]);
        let begin = builder.i64s(&[0, 1, 0, 0]);
        let is_hidden = builder.node("Pad", &[&is_pad, &begin], &[]);
        let hidden = builder.f32(HIDDEN);
        let keys = builder.mul(&is_hidden, &hidden);
        let axes = builder.i64s(&[1, 2]);
        let class = builder.node("Unsqueeze", &[&keys, &axes], &[]);
        let square = builder.concat(&[&lengths.positions, &lengths.positions], 0);
        let hidden = builder.f32s(&[1, 1], &[HIDDEN]);
        let square = builder.node("Expand", &[&hidden, &square], &[]);
        let above = builder.i64(1);
        let later = builder.node("Trilu", &[&square, &above], &[Attribute::Int("upper", 1)]);
        let all = builder.add(&class, &later);
        Mask { all, class }
    }

    fn block(&mut self, rows: &Value, mask: &Mask, block: usize) -> Result<Value> {
        let name = format!("text.transformer.resblocks.{block}");
        // Of the last block nothing else is read. Whoever probes wants all of it.
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
        let seen = Attention {
            queries: heads(&looking, Part::Query)?,
            keys: heads(&normed, Part::Key)?,
            values: heads(&normed, Part::Value)?,
        };
        let update = self.layers.attend(&seen, Some(mask), &attention)?;
        let rows = self.layers.builder.add(&kept, &update);
        let normed = self.layers.layer_norm(&rows, &format!("{name}.ln_2"))?;
        let update = self.layers.mlp(&normed, &format!("{name}.mlp"))?;
        Ok(self.layers.builder.add(&rows, &update))
    }

    /// Puts out what the caption decoder would read: all rows but the class token's.
    fn probe_states(&mut self, rows: &Value) {
        let builder = &mut self.layers.builder;
        if builder.is_probed() {
            let (start, end) = (builder.i64s(&[0]), builder.i64s(&[-1]));
            let states = builder.slice(rows, 1, &start, &end);
            builder.probe(&states, "text_token_states");
        }
    }
}

/// Returns the last row of each text, `[batch, 1, width]`.
fn class_row(builder: &mut Builder, rows: &Value) -> Value {
    let (start, end) = (builder.i64s(&[-1]), builder.i64s(&[i64::MAX]));
    builder.slice(rows, 1, &start, &end)
}
