//! RMS norm of the sum of rows, an update and a bias, and its gradient.

#![expect(
    clippy::inline_always,
    reason = "SIMD code must be inlined into the function compiled for the instruction set"
)]

use super::vector;
use crate::kernels::RMS_NORM_EPSILON;

/// Input of the norm as row-major slices; a row has the length of the bias.
#[derive(Clone, Copy)]
pub(super) struct NormRows<'a> {
    /// The residual stream.
    pub(super) rows: &'a [f32],
    /// Added to the stream, row by row.
    pub(super) update: &'a [f32],
    /// Added to each row.
    pub(super) bias: &'a [f32],
}

/// Gradients with respect to the inputs.
pub(super) struct NormGradient {
    /// Gradient of the stream, and equally of the update.
    pub(super) rows: Vec<f32>,
    /// Gradient of the bias.
    pub(super) bias: Vec<f32>,
    /// Gradient of the weight.
    pub(super) weight: Vec<f32>,
}

/// Returns `s / sqrt(mean(s²) + ε) · weight` for each row `s = row + update + bias`.
pub(super) fn forward(input: &NormRows<'_>, weight: &[f32]) -> Vec<f32> {
    let width = weight.len();
    let mut out = vec![0.0; input.rows.len()];
    vector::run(
        #[inline(always)]
        || {
            let inputs = input.rows.chunks_exact(width).zip(input.update.chunks_exact(width));
            for ((row, update), out) in inputs.zip(out.chunks_exact_mut(width)) {
                add(row, update, input.bias, out);
                let scale = scale(out);
                for (out, weight) in out.iter_mut().zip(weight) {
                    *out *= scale * weight;
                }
            }
        },
    );
    out
}

/// Returns the gradients for `gradient` with respect to the normed rows.
pub(super) fn backward(input: &NormRows<'_>, weight: &[f32], gradient: &[f32]) -> NormGradient {
    let width = weight.len();
    let mut result = NormGradient {
        rows: vec![0.0; input.rows.len()],
        bias: vec![0.0; width],
        weight: vec![0.0; width],
    };
    let (mut normed, mut weighted) = (vec![0.0; width], vec![0.0; width]);
    vector::run(
        #[inline(always)]
        || {
            let inputs = input.rows.chunks_exact(width).zip(input.update.chunks_exact(width));
            let rows = inputs.zip(gradient.chunks_exact(width));
            for (((row, update), gradient), out) in rows.zip(result.rows.chunks_exact_mut(width)) {
                add(row, update, input.bias, &mut normed);
                let scale = scale(&normed);
                let columns = normed.iter_mut().zip(&mut weighted).zip(&mut *result.weight);
                for (((normed, weighted), weight_gradient), (gradient, weight)) in
                    columns.zip(gradient.iter().zip(weight))
                {
                    *normed *= scale;
                    *weighted = gradient * weight;
                    *weight_gradient += gradient * *normed;
                }
                // d(s · scale)/ds removes the component of the gradient along the normed row.
                let along = vector::dot(&weighted, &normed) / width as f32;
                let columns = out.iter_mut().zip(&mut *result.bias);
                for ((out, bias_gradient), (normed, weighted)) in
                    columns.zip(normed.iter().zip(&weighted))
                {
                    *out = scale * (weighted - normed * along);
                    *bias_gradient += *out;
                }
            }
        },
    );
    result
}

#[inline(always)]
fn add(row: &[f32], update: &[f32], bias: &[f32], out: &mut [f32]) {
    for (((row, update), bias), out) in row.iter().zip(update).zip(bias).zip(out) {
        *out = row + update + bias;
    }
}

#[inline(always)]
fn scale(row: &[f32]) -> f32 {
    (vector::dot(row, row) / row.len() as f32 + RMS_NORM_EPSILON).sqrt().recip()
}
