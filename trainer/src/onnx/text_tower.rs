//! The text tower as a graph: `tokens [batch, length]` to `text_embedding [batch, dim]`.

use super::algebra::{scaled, transposed};
use super::builder::{Attribute, Builder, Dim, Model, Numbers, Value};
use super::token_table::{self, TokenSet};
use crate::model::LAYER_NORM_EPSILON;
use crate::weights::HostTensor;
use crate::{ModelConfig, Result, TextConfig, Weights};

/// Name of the input.
const INPUT: &str = "tokens";
/// Name of the output; not `embedding`, which is the name of a node in other exports and refused by ONNX Runtime.
const OUTPUT: &str = "text_embedding";

/// What is added to the score of a key that cannot be seen: its weight becomes exactly 0.
const HIDDEN: f32 = -1e30;

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
) -> Result<Model> {
    let mut builder = Builder::default();
    let dims = [Dim::Named("batch"), Dim::Named("length")];
    let tokens = builder.input(INPUT, Numbers::I64, &dims);
    let mut graph = TextGraph { builder, weights, config: &config.text_cfg };
    let lengths = graph.lengths(&tokens);
    let mut rows = graph.embed(&tokens, &lengths, trained)?;
    let mask = graph.mask(&tokens, &lengths);
    for block in 0..config.text_cfg.layers {
        rows = graph.block(&rows, &mask, block)?;
    }
    let class = graph.builder.reshape(&rows, &[-1, config.text_cfg.width as i64]);
    let class = graph.layer_norm(&class, "text.ln_final")?;
    let projection = graph.weights.need("text.text_projection")?;
    let projection = graph.builder.f32s(&projection.shape, &projection.values);
    let raw = graph.builder.matmul(&class, &projection);
    let unit = graph.builder.normalize(&raw);
    let facts = [
        ("embed_dim", config.embed_dim.to_string()),
        ("context_length", config.text_cfg.context_length.to_string()),
    ];
    let dims = [Dim::Named("batch"), Dim::Fixed(config.embed_dim)];
    Ok(graph.builder.finish(&unit, OUTPUT, &dims, &facts))
}

struct TextGraph<'a> {
    builder: Builder,
    weights: &'a Weights,
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
        let builder = &mut self.builder;
        let mut axis = |start, end| {
            let attributes = [Attribute::Int("start", start), Attribute::Int("end", end)];
            builder.node("Shape", &[tokens], &attributes)
        };
        let (batch, length) = (axis(0, 1), axis(1, 2));
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
        let table = self.weights.need("text.token_embedding.weight")?;
        let positions = self.weights.need("text.positional_embedding")?;
        let class = self.weights.need("text.cls_emb")?;
        // The class token has the row behind a full context, however short the text.
        let (places, last) = positions.values.split_at(self.config.context_length * width);
        let class: Vec<f32> = class.values.iter().zip(last).map(|(a, b)| a + b).collect();
        let builder = &mut self.builder;
        let words = token_table::look_up(builder, table, trained, tokens);
        let places = builder.f32s(&[self.config.context_length, width], places);
        let (zero, first_axis) = (builder.i64s(&[0]), builder.i64s(&[0]));
        let places = builder.node("Slice", &[&places, &zero, &lengths.length, &first_axis], &[]);
        let words = builder.add(&words, &places);
        let class = builder.f32s(&[1, 1, width], &class);
        let ones = builder.i64s(&[1, 1]);
        let shape = builder.concat(&[&lengths.batch, &ones], 0);
        let class = builder.node("Expand", &[&class, &shape], &[]);
        Ok(builder.concat(&[&words, &class], 1))
    }

    /// Hides keys behind the query, and keys whose token before is a pad; the first key is always seen.
    fn mask(&mut self, tokens: &Value, lengths: &Lengths) -> Mask {
        let builder = &mut self.builder;
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
        let is_last = block + 1 == self.config.layers;
        let normed = self.layer_norm(rows, &format!("{name}.ln_1"))?;
        let (kept, queries, mask) = if is_last {
            (self.class_row(rows), self.class_row(&normed), &mask.class)
        } else {
            (rows.clone(), normed.clone(), &mask.all)
        };
        let update = self.attention(&queries, &normed, mask, &format!("{name}.attn"))?;
        let rows = self.builder.add(&kept, &update);
        let normed = self.layer_norm(&rows, &format!("{name}.ln_2"))?;
        let update = self.mlp(&normed, &format!("{name}.mlp"))?;
        Ok(self.builder.add(&rows, &update))
    }

    /// Returns the last row of each text, `[batch, 1, width]`.
    fn class_row(&mut self, rows: &Value) -> Value {
        let builder = &mut self.builder;
        let (start, end, axis) =
            (builder.i64s(&[-1]), builder.i64s(&[i64::MAX]), builder.i64s(&[1]));
        builder.node("Slice", &[rows, &start, &end, &axis], &[])
    }

    fn attention(
        &mut self,
        queries: &Value,
        tokens: &Value,
        mask: &Value,
        name: &str,
    ) -> Result<Value> {
        let (width, heads) = (self.config.width, self.config.heads);
        let weights = self.weights;
        let packed = weights.need(&format!("{name}.in_proj_weight"))?;
        let bias = weights.need(&format!("{name}.in_proj_bias"))?;
        let factor = ((width / heads) as f64).powf(-0.5);
        let builder = &mut self.builder;
        let mut project = |input: &Value, part: usize, order: &[i64]| {
            let factor = if part == 0 { factor } else { 1.0 };
            let weight = scaled(&packed.values[part * width * width..][..width * width], factor);
            let bias = scaled(&bias.values[part * width..][..width], factor);
            let weight = builder.f32s(&[width, width], &transposed(&weight, width, width));
            let bias = builder.f32s(&[width], &bias);
            let rows = builder.matmul(input, &weight);
            let rows = builder.add(&rows, &bias);
            let rows = builder.reshape(&rows, &[0, 0, heads as i64, (width / heads) as i64]);
            builder.transpose(&rows, order)
        };
        let queries = project(queries, 0, &[0, 2, 1, 3]);
        let keys = project(tokens, 1, &[0, 2, 3, 1]);
        let values = project(tokens, 2, &[0, 2, 1, 3]);
        let scores = builder.matmul(&queries, &keys);
        let scores = builder.add(&scores, mask);
        let weights = builder.softmax(&scores);
        let mixed = builder.matmul(&weights, &values);
        let mixed = builder.transpose(&mixed, &[0, 2, 1, 3]);
        let mixed = builder.reshape(&mixed, &[0, 0, width as i64]);
        self.linear(&mixed, &format!("{name}.out_proj"))
    }

    fn mlp(&mut self, rows: &Value, name: &str) -> Result<Value> {
        let hidden = self.linear(rows, &format!("{name}.c_fc"))?;
        let builder = &mut self.builder;
        let (root, one, half) =
            (builder.f32(std::f32::consts::SQRT_2), builder.f32(1.0), builder.f32(0.5));
        let erf = builder.node("Div", &[&hidden, &root], &[]);
        let erf = builder.node("Erf", &[&erf], &[]);
        let erf = builder.add(&erf, &one);
        let open = builder.mul(&hidden, &erf);
        let open = builder.mul(&open, &half);
        self.linear(&open, &format!("{name}.c_proj"))
    }

    fn layer_norm(&mut self, rows: &Value, name: &str) -> Result<Value> {
        let weight = self.weights.need(&format!("{name}.weight"))?;
        let bias = self.weights.need(&format!("{name}.bias"))?;
        let builder = &mut self.builder;
        let weight = builder.f32s(&weight.shape, &weight.values);
        let bias = builder.f32s(&bias.shape, &bias.values);
        let attributes =
            [Attribute::Int("axis", -1), Attribute::Float("epsilon", LAYER_NORM_EPSILON)];
        Ok(builder.node("LayerNormalization", &[rows, &weight, &bias], &attributes))
    }

    fn linear(&mut self, rows: &Value, name: &str) -> Result<Value> {
        let HostTensor { shape, values } = self.weights.need(&format!("{name}.weight"))?;
        let bias = self.weights.need(&format!("{name}.bias"))?;
        let builder = &mut self.builder;
        let weight = builder.f32s(&[shape[1], shape[0]], &transposed(values, shape[0], shape[1]));
        let bias = builder.f32s(&bias.shape, &bias.values);
        let rows = builder.matmul(rows, &weight);
        Ok(builder.add(&rows, &bias))
    }
}
