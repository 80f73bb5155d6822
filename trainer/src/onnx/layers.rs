//! The layers that the text tower, the caption decoder and the reconstruction head are made of.

use super::algebra::{scaled, transposed};
use super::builder::{Attribute, Builder, GraphOptions, Value};
use crate::model::LAYER_NORM_EPSILON;
use crate::weights::HostTensor;
use crate::{Result, Weights};

/// What is added to the score of a key that cannot be seen: its weight becomes exactly 0.
pub(super) const HIDDEN: f32 = -1e30;

/// A graph in the making, and the weights that it is made of, by their whole names.
pub(super) struct Layers<'a> {
    pub(super) builder: Builder,
    pub(super) weights: &'a Weights,
}

/// One of the three projections that `in_proj_weight` packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Query,
    Key,
    Value,
}

/// Queries `[batch, heads, rows, head_dim]`, keys `[batch, heads, keys, head_dim]` and values of the keys' shape.
pub(super) struct Attention {
    pub(super) queries: Value,
    pub(super) keys: Value,
    pub(super) values: Value,
}

impl<'a> Layers<'a> {
    pub(super) fn new(weights: &'a Weights, options: GraphOptions) -> Self {
        Self { builder: Builder::new(options), weights }
    }

    /// Returns a weight as a constant.
    pub(super) fn constant(&mut self, name: &str) -> Result<Value> {
        let HostTensor { shape, values } = self.weights.need(name)?;
        Ok(self.builder.f32s(shape, values))
    }

    /// Returns `rows · weightᵀ + bias`.
    pub(super) fn linear(&mut self, rows: &Value, name: &str) -> Result<Value> {
        let HostTensor { shape, values } = self.weights.need(&format!("{name}.weight"))?;
        let weight = transposed(values, shape[0], shape[1]);
        let weight = self.builder.f32s(&[shape[1], shape[0]], &weight);
        let bias = self.constant(&format!("{name}.bias"))?;
        let rows = self.builder.matmul(rows, &weight);
        Ok(self.builder.add(&rows, &bias))
    }

    pub(super) fn layer_norm(&mut self, rows: &Value, name: &str) -> Result<Value> {
        let weight = self.constant(&format!("{name}.weight"))?;
        let bias = self.constant(&format!("{name}.bias"))?;
        let attributes =
            [Attribute::Int("axis", -1), Attribute::Float("epsilon", LAYER_NORM_EPSILON)];
        Ok(self.builder.node("LayerNormalization", &[rows, &weight, &bias], &attributes))
    }

    /// Returns `c_proj(gelu(c_fc(rows)))`, with the exact GELU.
    pub(super) fn mlp(&mut self, rows: &Value, name: &str) -> Result<Value> {
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

    /// Projects rows `[batch, rows, width]` to what each head sees, `[batch, heads, rows, head_dim]`.
    ///
    /// Queries are scaled by the root of the heads' width.
    pub(super) fn heads(
        &mut self,
        rows: &Value,
        name: &str,
        part: Part,
        heads: usize,
    ) -> Result<Value> {
        let packed = self.weights.need(&format!("{name}.in_proj_weight"))?;
        let bias = self.weights.need(&format!("{name}.in_proj_bias"))?;
        let width = packed.shape[1];
        let head_dim = width / heads;
        let factor = if part == Part::Query { (head_dim as f64).powf(-0.5) } else { 1.0 };
        let first = part as usize * width;
        let weight = scaled(&packed.values[first * width..][..width * width], factor);
        let bias = scaled(&bias.values[first..][..width], factor);
        let builder = &mut self.builder;
        let weight = builder.f32s(&[width, width], &transposed(&weight, width, width));
        let bias = builder.f32s(&[width], &bias);
        let rows = builder.matmul(rows, &weight);
        let rows = builder.add(&rows, &bias);
        let rows = builder.reshape(&rows, &[0, 0, heads as i64, head_dim as i64]);
        Ok(builder.transpose(&rows, &[0, 2, 1, 3]))
    }

    /// Lets the queries look at the keys that the mask, added to the scores, leaves to be seen,
    /// and returns `[batch, rows, width]`.
    pub(super) fn attend(
        &mut self,
        attention: &Attention,
        mask: Option<&Value>,
        name: &str,
    ) -> Result<Value> {
        let shares = self.shares(&attention.queries, &attention.keys, mask);
        self.mixed(&shares, &attention.values, name)
    }

    /// Returns how much each query looks at each key, `[batch, heads, rows, keys]`.
    pub(super) fn shares(&mut self, queries: &Value, keys: &Value, mask: Option<&Value>) -> Value {
        let builder = &mut self.builder;
        let keys = builder.transpose(keys, &[0, 1, 3, 2]);
        let mut scores = builder.matmul(queries, &keys);
        if let Some(mask) = mask {
            scores = builder.add(&scores, mask);
        }
        builder.softmax(&scores)
    }

    /// Mixes the values by their shares and projects what all heads give, `[batch, rows, width]`.
    pub(super) fn mixed(&mut self, shares: &Value, values: &Value, name: &str) -> Result<Value> {
        let width = self.weights.need(&format!("{name}.out_proj.bias"))?.values.len();
        let builder = &mut self.builder;
        let mixed = builder.matmul(shares, values);
        let mixed = builder.transpose(&mixed, &[0, 2, 1, 3]);
        let mixed = builder.reshape(&mixed, &[0, 0, width as i64]);
        self.linear(&mixed, &format!("{name}.out_proj"))
    }
}
