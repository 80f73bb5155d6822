//! The operations built from tensor operations, for every backend and as the reference for the fused ones.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, activation};

use super::{AdamStep, Axis, Dropout, GridShape, RMS_NORM_EPSILON, TextMask};

/// Added to the score of a masked key, so that its attention weight is exactly 0.
const MASKED_SCORE: f32 = -1e30;

/// Returns `rows · weightᵀ`, `[n, out]`, for `rows` `[n, in]` and `weight` `[out, in]`.
pub fn project<B: Backend>(rows: Tensor<B, 2>, weight: Tensor<B, 2>) -> Tensor<B, 2> {
    rows.matmul(weight.transpose())
}

/// See [`Kernels::swiglu`](super::Kernels::swiglu); dropout is applied after the gate and after `down`.
pub fn swiglu<B: Backend>(
    rows: Tensor<B, 2>,
    gates: Tensor<B, 2>,
    down: Tensor<B, 2>,
    dropout: &mut Dropout,
) -> Tensor<B, 2> {
    let gates = project(rows, gates);
    let hidden = gates.dims()[1] / 2;
    let gate = activation::silu(gates.clone().narrow(1, 0, hidden));
    let gated = dropout.apply(gate * gates.narrow(1, hidden, hidden));
    dropout.apply(project(gated, down))
}

/// See [`Kernels::add_rms_norm`](super::Kernels::add_rms_norm).
pub fn add_rms_norm<B: Backend>(
    rows: Tensor<B, 2>,
    update: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    weight: Tensor<B, 1>,
) -> Tensor<B, 2> {
    let sum = rows + update + bias.unsqueeze::<2>();
    let square = sum.clone().powi_scalar(2).mean_dim(1);
    sum * (square + RMS_NORM_EPSILON).sqrt().recip() * weight.unsqueeze::<2>()
}

/// See [`Kernels::grid_attention`](super::Kernels::grid_attention); dropout is applied to the attention weights.
#[expect(
    clippy::needless_pass_by_value,
    reason = "tensors are handles, which `burn` passes by value"
)]
pub fn grid_attention<B: Backend>(
    qkv: Tensor<B, 2>,
    angles: Tensor<B, 2>,
    shape: GridShape,
    dropout: &mut Dropout,
) -> Tensor<B, 2> {
    let [rows, packed] = qkv.dims();
    let width = packed / 3;
    let GridShape { batch, channels, patches, heads, axis } = shape;
    let grid = [batch, channels, patches, heads, width / heads];
    // `[.., heads, tokens, head_dim]`, with the axis of attention as the tokens.
    let order = match axis {
        Axis::Channels => [0, 2, 3, 1, 4],
        Axis::Time => [0, 1, 3, 2, 4],
    };
    let part = |which| qkv.clone().narrow(1, which * width, width).reshape(grid).permute(order);
    let queries = rotate(part(0), angles.clone());
    let keys = rotate(part(1), angles);
    let scale = ((width / heads) as f64).powf(-0.5);
    let weights = activation::softmax((queries * scale).matmul(keys.swap_dims(3, 4)), 4);
    let mixed = dropout.apply(weights).matmul(part(2));
    let back = match axis {
        Axis::Channels => [0, 3, 1, 2, 4],
        Axis::Time => [0, 1, 3, 2, 4],
    };
    mixed.permute(back).reshape([rows, width])
}

/// See [`Kernels::causal_attention`](super::Kernels::causal_attention).
#[expect(
    clippy::needless_pass_by_value,
    reason = "tensors are handles, which `burn` passes by value"
)]
pub fn causal_attention<B: Backend>(
    qkv: Tensor<B, 2>,
    heads: usize,
    mask: TextMask<'_>,
) -> Tensor<B, 2> {
    let [rows, packed] = qkv.dims();
    let (width, texts, positions) = (packed / 3, mask.texts, mask.positions());
    let part = |which| {
        let part = qkv.clone().narrow(1, which * width, width);
        part.reshape([texts, positions, heads, width / heads]).swap_dims(1, 2)
    };
    let scale = ((width / heads) as f64).powf(-0.5);
    let scores = (part(0) * scale).matmul(part(1).swap_dims(2, 3));
    let score_mask = Tensor::from_data(
        TensorData::new(score_mask(mask), [texts, 1, positions, positions]),
        &qkv.device(),
    );
    let mixed = activation::softmax(scores + score_mask, 3).matmul(part(2));
    mixed.swap_dims(1, 2).reshape([rows, width])
}

/// See [`Kernels::adam_step`](super::Kernels::adam_step).
pub fn adam_step<B: Backend>(tensors: [Tensor<B, 1>; 4], step: AdamStep) -> [Tensor<B, 1>; 3] {
    let [values, gradient, first, second] = tensors;
    let first = first.clone() + (gradient.clone() - first) * step.first;
    let second = second.clone() + (gradient.clone() * gradient - second) * step.second;
    let denominator = second.clone().sqrt() / step.root + step.epsilon;
    let values = values * step.decay - first.clone() / denominator * step.rate;
    [values, first, second]
}

/// Returns the value to add to the score of each query (row) and key (column) of each text.
fn score_mask(mask: TextMask<'_>) -> Vec<f32> {
    let positions = mask.positions();
    let mut scores = Vec::with_capacity(mask.visible.len() * positions);
    for text in mask.visible.chunks(positions) {
        for query in 0..positions {
            let visible = |key: usize| text[key] && key < mask.mutual.max(query + 1);
            scores.extend((0..positions).map(|key| if visible(key) { 0.0 } else { MASKED_SCORE }));
        }
    }
    scores
}

/// Rotates the pairs of components `(2i, 2i + 1)` of `[.., positions, head_dim]` by `angles`.
fn rotate<B: Backend>(x: Tensor<B, 5>, angles: Tensor<B, 2>) -> Tensor<B, 5> {
    let [a, b, c, positions, head_dim] = x.dims();
    let pairs = x.reshape([a, b, c, positions, head_dim / 2, 2]);
    let (even, odd) = (pairs.clone().narrow(5, 0, 1), pairs.narrow(5, 1, 1));
    let angles = angles.reshape([1, 1, 1, positions, head_dim / 2, 1]);
    let (cos, sin) = (angles.clone().cos(), angles.sin());
    let rotated = Tensor::cat(
        vec![even.clone() * cos.clone() - odd.clone() * sin.clone(), even * sin + odd * cos],
        5,
    );
    rotated.reshape([a, b, c, positions, head_dim])
}
