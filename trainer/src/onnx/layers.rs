//! The layers of the text tower, the caption decoder and the reconstruction head.

use super::graph_builder::{GraphBuilder, GraphOptions, GraphValue, NodeAttribute};
use super::weight_algebra::{scaled, transposed};
use crate::error::Result;
use crate::host_tensor::HostTensor;
use crate::kernels::Projection;
use crate::model::LAYER_NORM_EPSILON;
use crate::weights::Weights;

/// Added to the score of a masked key: its weight becomes exactly 0.
pub(super) const MASKED_SCORE: f32 = -1e30;

/// A graph under construction, and the weights that it uses, by full name.
pub(super) struct LayerBuilder<'a> {
    pub(super) builder: GraphBuilder,
    pub(super) weights: &'a Weights,
}

/// Queries `[batch, heads, rows, head_dim]`, keys `[batch, heads, keys, head_dim]` and values of the keys' shape.
pub(super) struct AttentionInputs {
    pub(super) queries: GraphValue,
    pub(super) keys: GraphValue,
    pub(super) values: GraphValue,
}

impl<'a> LayerBuilder<'a> {
    pub(super) fn new(weights: &'a Weights, options: GraphOptions) -> Self {
        Self { builder: GraphBuilder::new(options), weights }
    }

    /// Returns a weight as a constant.
    pub(super) fn constant(&mut self, name: &str) -> Result<GraphValue> {
        let HostTensor { shape, values } = self.weights.need(name)?;
        Ok(self.builder.f32s(shape, values))
    }

    /// Returns `rows · weightᵀ + bias`.
    pub(super) fn linear(&mut self, rows: &GraphValue, name: &str) -> Result<GraphValue> {
        let HostTensor { shape, values } = self.weights.need(&format!("{name}.weight"))?;
        let weight = transposed(values, shape[0], shape[1]);
        let weight = self.builder.f32s(&[shape[1], shape[0]], &weight);
        let bias = self.constant(&format!("{name}.bias"))?;
        let rows = self.builder.matmul(rows, &weight);
        Ok(self.builder.add(&rows, &bias))
    }

    pub(super) fn layer_norm(&mut self, rows: &GraphValue, name: &str) -> Result<GraphValue> {
        let weight = self.constant(&format!("{name}.weight"))?;
        let bias = self.constant(&format!("{name}.bias"))?;
        let attributes =
            [NodeAttribute::Int("axis", -1), NodeAttribute::Float("epsilon", LAYER_NORM_EPSILON)];
        Ok(self.builder.node("LayerNormalization", &[rows, &weight, &bias], &attributes))
    }

    /// Returns `c_proj(gelu(c_fc(rows)))`, with the exact GELU.
    pub(super) fn mlp(&mut self, rows: &GraphValue, name: &str) -> Result<GraphValue> {
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

    /// Projects rows `[batch, rows, width]` to heads, `[batch, heads, rows, head_dim]`.
    ///
    /// Queries are divided by the square root of the head width.
    pub(super) fn heads(
        &mut self,
        rows: &GraphValue,
        name: &str,
        part: Projection,
        heads: usize,
    ) -> Result<GraphValue> {
        let packed = self.weights.need(&format!("{name}.in_proj_weight"))?;
        let bias = self.weights.need(&format!("{name}.in_proj_bias"))?;
        let width = packed.shape[1];
        let head_dim = width / heads;
        let factor = if part == Projection::Query { (head_dim as f64).powf(-0.5) } else { 1.0 };
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

    /// Attends from the queries to the keys, adding the mask to the scores, and returns `[batch, rows, width]`.
    pub(super) fn attend(
        &mut self,
        attention: &AttentionInputs,
        mask: Option<&GraphValue>,
        name: &str,
    ) -> Result<GraphValue> {
        let attention_weights = self.attention_weights(&attention.queries, &attention.keys, mask);
        self.weighted_values(&attention_weights, &attention.values, name)
    }

    /// Returns the attention weights, `[batch, heads, rows, keys]`.
    pub(super) fn attention_weights(
        &mut self,
        queries: &GraphValue,
        keys: &GraphValue,
        mask: Option<&GraphValue>,
    ) -> GraphValue {
        let builder = &mut self.builder;
        let keys = builder.transpose(keys, &[0, 1, 3, 2]);
        let mut scores = builder.matmul(queries, &keys);
        if let Some(mask) = mask {
            scores = builder.add(&scores, mask);
        }
        builder.softmax(&scores)
    }

    /// Returns the weighted sum of the values after the output projection, `[batch, rows, width]`.
    pub(super) fn weighted_values(
        &mut self,
        attention_weights: &GraphValue,
        values: &GraphValue,
        name: &str,
    ) -> Result<GraphValue> {
        let width = self.weights.need(&format!("{name}.out_proj.bias"))?.values.len();
        let builder = &mut self.builder;
        let weighted_values = builder.matmul(attention_weights, values);
        let weighted_values = builder.transpose(&weighted_values, &[0, 2, 1, 3]);
        let weighted_values = builder.reshape(&weighted_values, &[0, 0, width as i64]);
        self.linear(&weighted_values, &format!("{name}.out_proj"))
    }
}
