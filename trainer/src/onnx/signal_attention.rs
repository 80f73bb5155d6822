//! Attention across channels and along time in the signal tower's graph.

use super::graph_builder::GraphValue;
use super::signal_tower::SignalGraph;
use super::weight_algebra::{rotation_tables, scaled, transposed};
use crate::error::Result;
use crate::kernels::Axis;

impl SignalGraph<'_> {
    /// Returns attention along one axis of `[batch, channels, patches, width]`.
    pub(super) fn attention(
        &mut self,
        tokens: &GraphValue,
        name: &str,
        axis: Axis,
        frequencies: &[f32],
    ) -> Result<GraphValue> {
        let (width, heads) = (self.config.transformer_width, self.config.transformer_heads);
        let (channels, patches) = (self.config.input_channels, self.config.patches());
        let head_dim = self.config.head_dim();
        let packed = self.packed_projections(name)?;
        let (positions, turn_shape) = match axis {
            Axis::Channels => (channels, [channels, 1, width]),
            Axis::Time => (patches, [1, patches, width]),
        };
        let (cos, sin) = rotation_tables(frequencies, positions, 2 * heads);
        let builder = &mut self.layers.builder;
        let packed = builder.f32s(&[width, 3 * width], &packed);
        let projected = builder.matmul(tokens, &packed);
        // `even` and `odd` hold one component of each pair, first of all queries, then of all keys.
        let [even, odd, values] = builder.split(&projected, -1, [width; 3]);
        let cos = builder.f32s(&turn_shape, &cos);
        let sin = builder.f32s(&turn_shape, &sin);
        let (even_cos, odd_sin) = (builder.mul(&even, &cos), builder.mul(&odd, &sin));
        let (even_sin, odd_cos) = (builder.mul(&even, &sin), builder.mul(&odd, &cos));
        let even = builder.node("Sub", &[&even_cos, &odd_sin], &[]);
        let odd = builder.add(&even_sin, &odd_cos);
        let grid = [-1, channels as i64, patches as i64];
        let [even_queries, even_keys] = builder.split(&even, -1, [width / 2; 2]);
        let [odd_queries, odd_keys] = builder.split(&odd, -1, [width / 2; 2]);
        let mut joined = |even: &GraphValue, odd: &GraphValue| {
            let halves = [grid.as_slice(), &[heads as i64, head_dim as i64 / 2]].concat();
            let (even, odd) = (builder.reshape(even, &halves), builder.reshape(odd, &halves));
            builder.concat(&[&even, &odd], -1)
        };
        let (queries, keys) = (joined(&even_queries, &odd_queries), joined(&even_keys, &odd_keys));
        let values =
            builder.reshape(&values, &[grid.as_slice(), &[heads as i64, head_dim as i64]].concat());
        // The attended axis comes second to last, after the heads.
        let (order, key_order, back) = match axis {
            Axis::Channels => ([0, 2, 3, 1, 4], [0, 2, 3, 4, 1], [0, 3, 1, 2, 4]),
            Axis::Time => ([0, 1, 3, 2, 4], [0, 1, 3, 4, 2], [0, 1, 3, 2, 4]),
        };
        let queries = builder.transpose(&queries, &order);
        let keys = builder.transpose(&keys, &key_order);
        let values = builder.transpose(&values, &order);
        let scores = builder.matmul(&queries, &keys);
        let weights = builder.softmax(&scores);
        let weighted_values = builder.matmul(&weights, &values);
        let weighted_values = builder.transpose(&weighted_values, &back);
        let weighted_values =
            builder.reshape(&weighted_values, &[grid.as_slice(), &[width as i64]].concat());
        self.linear(&weighted_values, &format!("{name}.out_proj"))
    }

    /// Returns `[width, 3 · width]`, whose columns are, for all heads: the even components of the scaled queries and of
    /// the keys; the odd components of the same; the values.
    fn packed_projections(&self, name: &str) -> Result<Vec<f32>> {
        let width = self.config.transformer_width;
        let scale = (self.config.head_dim() as f64).powf(-0.5);
        let queries = self.weight(&format!("{name}.q_proj.weight"))?;
        let keys = self.weight(&format!("{name}.k_proj.weight"))?;
        let values = self.weight(&format!("{name}.v_proj.weight"))?;
        let mut rows: Vec<f32> = Vec::with_capacity(3 * width * width);
        for parity in 0..2 {
            for (part, scale) in [(queries, scale), (keys, 1.0)] {
                for row in part.values.chunks_exact(width).skip(parity).step_by(2) {
                    rows.extend(scaled(row, scale));
                }
            }
        }
        rows.extend_from_slice(&values.values);
        Ok(transposed(&rows, 3 * width, width))
    }
}
