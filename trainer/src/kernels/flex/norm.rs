//! The RMS norm of a sum, and its gradient.

#![expect(
    clippy::inline_always,
    reason = "code in vectors must be part of the function that is compiled for them"
)]

use super::vector;
use crate::model::RMS_NORM_EPSILON;

/// What is normed, row after row of the bias's length.
#[derive(Clone, Copy)]
pub(super) struct Sum<'a> {
    /// The residual stream.
    pub(super) rows: &'a [f32],
    /// What is added to it.
    pub(super) update: &'a [f32],
    /// Added to every row.
    pub(super) bias: &'a [f32],
}

/// Gradients of the parts.
pub(super) struct Gradient {
    /// Of the sum, and so of the stream and of the update alike.
    pub(super) sum: Vec<f32>,
    /// Of the bias.
    pub(super) bias: Vec<f32>,
    /// Of the weight.
    pub(super) weight: Vec<f32>,
}

/// Returns `s / sqrt(mean(s²) + ε) · weight` of each row `s` of the sum.
pub(super) fn forward(sum: &Sum<'_>, weight: &[f32]) -> Vec<f32> {
    let width = weight.len();
    let mut out = vec![0.0; sum.rows.len()];
    vector::run(
        #[inline(always)]
        || {
            let inputs = sum.rows.chunks_exact(width).zip(sum.update.chunks_exact(width));
            for ((row, update), out) in inputs.zip(out.chunks_exact_mut(width)) {
                add(row, update, sum.bias, out);
                let scale = scale(out);
                for (out, weight) in out.iter_mut().zip(weight) {
                    *out *= scale * weight;
                }
            }
        },
    );
    out
}

/// Returns the gradients where the normed rows have the gradient given.
pub(super) fn backward(sum: &Sum<'_>, weight: &[f32], gradient: &[f32]) -> Gradient {
    let width = weight.len();
    let mut found = Gradient {
        sum: vec![0.0; sum.rows.len()],
        bias: vec![0.0; width],
        weight: vec![0.0; width],
    };
    let (mut normed, mut weighted) = (vec![0.0; width], vec![0.0; width]);
    vector::run(
        #[inline(always)]
        || {
            let inputs = sum.rows.chunks_exact(width).zip(sum.update.chunks_exact(width));
            let rows = inputs.zip(gradient.chunks_exact(width));
            for (((row, update), gradient), out) in rows.zip(found.sum.chunks_exact_mut(width)) {
                add(row, update, sum.bias, &mut normed);
                let scale = scale(&normed);
                let columns = normed.iter_mut().zip(&mut weighted).zip(&mut *found.weight);
                for (((normed, weighted), of_weight), (gradient, weight)) in
                    columns.zip(gradient.iter().zip(weight))
                {
                    *normed *= scale;
                    *weighted = gradient * weight;
                    *of_weight += gradient * *normed;
                }
                let along = vector::dot(&weighted, &normed) / width as f32;
                let columns = out.iter_mut().zip(&mut *found.bias);
                for ((out, of_bias), (normed, weighted)) in
                    columns.zip(normed.iter().zip(&weighted))
                {
                    *out = scale * (weighted - normed * along);
                    *of_bias += *out;
                }
            }
        },
    );
    found
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
