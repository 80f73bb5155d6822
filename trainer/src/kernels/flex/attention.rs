//! Attention over many short sequences and its gradient.
//!
//! Processes one head of one sequence at a time, so that scores, weights and their gradients stay in the L1 cache;
//! the backward pass recomputes the weights instead of reading them from memory.

#![expect(
    clippy::inline_always,
    reason = "SIMD code must be inlined into the function compiled for the instruction set"
)]

use super::matrix::{Matrix, MatrixMut};
use super::rotation::Rotation;
use super::vector;
use crate::kernels::{Axis, GridShape, Projection, TextMask};

/// Location of the tokens of each sequence among the packed rows `[q | k | v]`.
#[derive(Debug, Clone)]
pub(in crate::kernels) struct AttentionShape {
    heads: usize,
    width: usize,
    /// Number of tokens per sequence.
    tokens: usize,
    /// Row of the first token of each sequence.
    starts: Vec<usize>,
    /// Distance in rows between neighbouring tokens.
    step: usize,
    /// Which tokens may be attended to, `[sequences · tokens]`; `None` if attention is neither masked nor causal.
    visible: Option<Vec<bool>>,
    /// Number of leading tokens that attend to each other in both directions, if attention is causal.
    mutual: usize,
}

/// Gradients with respect to the inputs.
pub(super) struct AttentionGradient {
    /// `[rows, 3 · width]`.
    pub(super) qkv: Vec<f32>,
    /// `[tokens, head_dim / 2]`.
    pub(super) angles: Vec<f32>,
}

impl AttentionShape {
    /// Returns the sequences along one axis of a grid.
    pub(in crate::kernels) fn of_grid(grid: GridShape, width: usize) -> Self {
        let GridShape { batch, channels, patches, heads, axis } = grid;
        let (tokens, starts, step) = match axis {
            Axis::Time => (patches, (0..batch * channels).map(|row| row * patches).collect(), 1),
            Axis::Channels => {
                let first = |epoch: usize| epoch * channels * patches;
                let starts = (0..batch).flat_map(|epoch| first(epoch)..first(epoch) + patches);
                (channels, starts.collect(), patches)
            }
        };
        Self { heads, width, tokens, starts, step, visible: None, mutual: 0 }
    }

    /// Returns one causal sequence per text.
    pub(in crate::kernels) fn of_texts(heads: usize, width: usize, mask: TextMask<'_>) -> Self {
        let TextMask { texts, mutual, visible } = mask;
        let tokens = mask.positions();
        let starts = (0..texts).map(|text| text * tokens).collect();
        Self { heads, width, tokens, starts, step: 1, visible: Some(visible.to_vec()), mutual }
    }

    /// Returns the shape of the angles, `[tokens, head_dim / 2]`.
    pub(super) const fn angle_shape(&self) -> [usize; 2] {
        [self.tokens, self.head_dim() / 2]
    }

    const fn head_dim(&self) -> usize {
        self.width / self.heads
    }

    fn heads(&self) -> impl Iterator<Item = AttentionHead<'_>> {
        let sequences = 0..self.starts.len();
        sequences.flat_map(move |sequence| {
            (0..self.heads).map(move |number| AttentionHead { shape: self, sequence, number })
        })
    }
}

/// Maps packed rows `[q | k | v]` to attention outputs `[rows, width]`.
pub(super) fn forward(qkv: &[f32], angles: Option<&[f32]>, shape: &AttentionShape) -> Vec<f32> {
    let mut out = vec![0.0; qkv.len() / 3];
    let rotation = Rotation::new(angles, shape.head_dim());
    let mut scratch = AttentionScratch::new(shape);
    for head in shape.heads() {
        scratch.compute_weights(qkv, &rotation, &head);
        head.mixed_mut(&mut out).set_product(scratch.weights(), head.part(qkv, Projection::Value));
    }
    out
}

/// Returns the gradients for `gradient` with respect to the attention outputs.
pub(super) fn backward(
    qkv: &[f32],
    angles: Option<&[f32]>,
    gradient: &[f32],
    shape: &AttentionShape,
) -> AttentionGradient {
    let [tokens, pairs] = shape.angle_shape();
    let head_dim = shape.head_dim();
    let mut result =
        AttentionGradient { qkv: vec![0.0; qkv.len()], angles: vec![0.0; tokens * pairs] };
    let rotation = Rotation::new(angles, head_dim);
    let mut scratch = AttentionScratch::new(shape);
    let mut scores = vec![0.0; tokens * tokens];
    let mut rotated = vec![0.0; tokens * head_dim];
    for head in shape.heads() {
        scratch.compute_weights(qkv, &rotation, &head);
        let mixed = head.mixed(gradient);
        let mut value_gradient = head.part_mut(&mut result.qkv, Projection::Value);
        value_gradient.set_product(scratch.weights().transposed(), mixed);

        let values = head.part(qkv, Projection::Value);
        MatrixMut::new(&mut scores, [tokens, tokens], tokens)
            .set_product(mixed, values.transposed());
        let weights = &scratch.weights;
        vector::run(
            #[inline(always)]
            || softmax_backward(weights, &mut scores, tokens),
        );

        let score_gradient = Matrix::new(&scores, [tokens, tokens], tokens);
        for part in [Projection::Query, Projection::Key] {
            // Queries were scaled before they were rotated.
            let (score_gradient, own, other, scale) = match part {
                Projection::Query => {
                    (score_gradient, &scratch.queries, scratch.keys(), scale(head_dim))
                }
                Projection::Key | Projection::Value => {
                    (score_gradient.transposed(), &scratch.keys, scratch.queries(), 1.0)
                }
            };
            MatrixMut::new(&mut rotated, [tokens, head_dim], head_dim)
                .set_product(score_gradient, other);
            let start = head.part_start(part);
            let (out, stride) = (&mut result.qkv[start..], 3 * head.stride());
            let angles = &mut result.angles;
            vector::run(
                #[inline(always)]
                || {
                    rotation.add_gradient(own, &rotated, angles);
                    rotation.rotate_back(&rotated, scale, out, stride);
                },
            );
        }
    }
    result
}

/// One head of one sequence.
struct AttentionHead<'a> {
    shape: &'a AttentionShape,
    sequence: usize,
    number: usize,
}

impl AttentionHead<'_> {
    fn part<'b>(&self, qkv: &'b [f32], which: Projection) -> Matrix<'b> {
        Matrix::new(&qkv[self.part_start(which)..], self.dims(), 3 * self.stride())
    }

    fn part_mut<'b>(&self, qkv: &'b mut [f32], which: Projection) -> MatrixMut<'b> {
        MatrixMut::new(&mut qkv[self.part_start(which)..], self.dims(), 3 * self.stride())
    }

    /// Returns this head's columns of attention outputs `[rows, width]`.
    fn mixed<'b>(&self, mixed: &'b [f32]) -> Matrix<'b> {
        Matrix::new(&mixed[self.mixed_start()..], self.dims(), self.stride())
    }

    fn mixed_mut<'b>(&self, mixed: &'b mut [f32]) -> MatrixMut<'b> {
        MatrixMut::new(&mut mixed[self.mixed_start()..], self.dims(), self.stride())
    }

    /// Returns which tokens of the sequence may be attended to.
    fn visible(&self) -> Option<&[bool]> {
        let tokens = self.shape.tokens;
        self.shape.visible.as_ref().map(|all| &all[self.sequence * tokens..][..tokens])
    }

    const fn dims(&self) -> [usize; 2] {
        [self.shape.tokens, self.shape.head_dim()]
    }

    /// Returns the distance between neighbouring tokens in rows `[rows, width]`.
    const fn stride(&self) -> usize {
        self.shape.step * self.shape.width
    }

    fn part_start(&self, which: Projection) -> usize {
        let row = self.shape.starts[self.sequence];
        (3 * row + which as usize) * self.shape.width + self.number * self.shape.head_dim()
    }

    fn mixed_start(&self) -> usize {
        self.shape.starts[self.sequence] * self.shape.width + self.number * self.shape.head_dim()
    }
}

/// Intermediate results of one head.
struct AttentionScratch {
    dims: [usize; 2],
    /// Scaled and rotated, `[tokens, head_dim]`.
    queries: Vec<f32>,
    /// Rotated, `[tokens, head_dim]`.
    keys: Vec<f32>,
    /// `[tokens, tokens]`.
    weights: Vec<f32>,
}

impl AttentionScratch {
    fn new(shape: &AttentionShape) -> Self {
        let dims @ [tokens, head_dim] = [shape.tokens, shape.head_dim()];
        Self {
            dims,
            queries: vec![0.0; tokens * head_dim],
            keys: vec![0.0; tokens * head_dim],
            weights: vec![0.0; tokens * tokens],
        }
    }

    fn queries(&self) -> Matrix<'_> {
        Matrix::new(&self.queries, self.dims, self.dims[1])
    }

    fn keys(&self) -> Matrix<'_> {
        Matrix::new(&self.keys, self.dims, self.dims[1])
    }

    fn weights(&self) -> Matrix<'_> {
        let [tokens, _] = self.dims;
        Matrix::new(&self.weights, [tokens, tokens], tokens)
    }

    /// Computes the attention weights of a head.
    fn compute_weights(&mut self, qkv: &[f32], rotation: &Rotation, head: &AttentionHead<'_>) {
        let [tokens, head_dim] = self.dims;
        let stride = 3 * head.stride();
        let queries = &qkv[head.part_start(Projection::Query)..];
        let keys = &qkv[head.part_start(Projection::Key)..];
        vector::run(
            #[inline(always)]
            || {
                rotation.rotate(queries, stride, scale(head_dim), &mut self.queries);
                rotation.rotate(keys, stride, 1.0, &mut self.keys);
            },
        );
        let left = Matrix::new(&self.queries, self.dims, head_dim);
        let right = Matrix::new(&self.keys, self.dims, head_dim).transposed();
        MatrixMut::new(&mut self.weights, [tokens, tokens], tokens).set_product(left, right);
        let (weights, visible, mutual) = (&mut self.weights, head.visible(), head.shape.mutual);
        vector::run(
            #[inline(always)]
            || match visible {
                None => full_softmax(weights, tokens),
                Some(visible) => causal_softmax(weights, visible, mutual),
            },
        );
    }
}

fn scale(head_dim: usize) -> f32 {
    (head_dim as f32).powf(-0.5)
}

/// Replaces each row of scores by its softmax.
#[inline(always)]
fn full_softmax(scores: &mut [f32], tokens: usize) {
    for row in scores.chunks_exact_mut(tokens) {
        softmax(row);
    }
}

/// Replaces each row of scores by its softmax over the visible keys up to the row's own or among the first `mutual`.
#[inline(always)]
fn causal_softmax(scores: &mut [f32], visible: &[bool], mutual: usize) {
    let tokens = visible.len();
    for (query, row) in scores.chunks_exact_mut(tokens).enumerate() {
        let (attended, later) = row.split_at_mut(mutual.max(query + 1));
        for (score, visible) in attended.iter_mut().zip(visible) {
            *score = if *visible { *score } else { f32::MIN };
        }
        softmax(attended);
        later.fill(0.0);
    }
}

#[inline(always)]
fn softmax(scores: &mut [f32]) {
    let largest = vector::largest(scores);
    for score in &mut *scores {
        *score = vector::exp(*score - largest);
    }
    let factor = 1.0 / vector::sum(scores);
    for score in scores {
        *score *= factor;
    }
}

/// Replaces the gradient with respect to the weights by that with respect to the scores, row by row.
#[inline(always)]
fn softmax_backward(weights: &[f32], gradient: &mut [f32], tokens: usize) {
    let rows = weights.chunks_exact(tokens).zip(gradient.chunks_exact_mut(tokens));
    for (weights, gradient) in rows {
        let mean = vector::dot(weights, gradient);
        for (gradient, weight) in gradient.iter_mut().zip(weights) {
            *gradient = weight * (*gradient - mean);
        }
    }
}
