//! Attention over many short sequences, and its gradient.
//!
//! One sequence and one head at a time: scores, weights and their gradients stay in the nearest cache,
//! and the gradient computes the weights anew instead of reading them back from memory.

#![expect(
    clippy::inline_always,
    reason = "code in vectors must be part of the function that is compiled for them"
)]

use super::matrix::{Matrix, MatrixMut};
use super::rotation::Rotation;
use super::vector;
use crate::kernels::{Axis, GridShape, TextMask};

/// Where the tokens of each sequence lie among the rows `[q | k | v]`.
#[derive(Debug, Clone)]
pub(in crate::kernels) struct AttentionShape {
    heads: usize,
    width: usize,
    /// Tokens of a sequence.
    tokens: usize,
    /// Row of the first token of each sequence.
    starts: Vec<usize>,
    /// Rows from token to token.
    step: usize,
    /// For text: which tokens of all sequences can be seen, and only backwards but for the first `mutual`.
    visible: Option<Vec<bool>>,
    mutual: usize,
}

/// Gradients of the parts.
pub(super) struct Gradient {
    /// `[rows, 3 · width]`.
    pub(super) qkv: Vec<f32>,
    /// `[tokens, head_dim / 2]`.
    pub(super) angles: Vec<f32>,
}

impl AttentionShape {
    /// Returns the sequences of a grid.
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

    /// Returns the sequences of texts.
    pub(in crate::kernels) fn of_texts(heads: usize, width: usize, mask: TextMask<'_>) -> Self {
        let TextMask { texts, mutual, visible } = mask;
        let tokens = mask.positions();
        let starts = (0..texts).map(|text| text * tokens).collect();
        Self { heads, width, tokens, starts, step: 1, visible: Some(visible.to_vec()), mutual }
    }

    /// Returns the shape of the angles.
    pub(super) const fn angle_shape(&self) -> [usize; 2] {
        [self.tokens, self.head_dim() / 2]
    }

    const fn head_dim(&self) -> usize {
        self.width / self.heads
    }

    fn heads(&self) -> impl Iterator<Item = Head<'_>> {
        let sequences = 0..self.starts.len();
        sequences.flat_map(move |sequence| {
            (0..self.heads).map(move |number| Head { shape: self, sequence, number })
        })
    }
}

/// Maps rows `[q | k | v]` to the mixed values `[rows, width]`.
pub(super) fn forward(qkv: &[f32], angles: Option<&[f32]>, shape: &AttentionShape) -> Vec<f32> {
    let mut out = vec![0.0; qkv.len() / 3];
    let rotation = Rotation::new(angles, shape.head_dim());
    let mut scratch = Scratch::new(shape);
    for head in shape.heads() {
        scratch.weigh(qkv, &rotation, &head);
        head.mixed_mut(&mut out).set_product(scratch.weights(), head.part(qkv, Part::Value));
    }
    out
}

/// Returns the gradients where the mixed values have the gradient given.
pub(super) fn backward(
    qkv: &[f32],
    angles: Option<&[f32]>,
    gradient: &[f32],
    shape: &AttentionShape,
) -> Gradient {
    let [tokens, pairs] = shape.angle_shape();
    let head_dim = shape.head_dim();
    let mut found = Gradient { qkv: vec![0.0; qkv.len()], angles: vec![0.0; tokens * pairs] };
    let rotation = Rotation::new(angles, head_dim);
    let mut scratch = Scratch::new(shape);
    let mut scores = vec![0.0; tokens * tokens];
    let mut turned = vec![0.0; tokens * head_dim];
    for head in shape.heads() {
        scratch.weigh(qkv, &rotation, &head);
        let mixed = head.mixed(gradient);
        let mut of_values = head.part_mut(&mut found.qkv, Part::Value);
        of_values.set_product(scratch.weights().transposed(), mixed);

        let values = head.part(qkv, Part::Value);
        MatrixMut::new(&mut scores, [tokens, tokens], tokens)
            .set_product(mixed, values.transposed());
        let weights = &scratch.weights;
        vector::run(
            #[inline(always)]
            || through_softmax(weights, &mut scores, tokens),
        );

        let of_scores = Matrix::new(&scores, [tokens, tokens], tokens);
        for part in [Part::Query, Part::Key] {
            // Queries were scaled before they were turned.
            let (of_scores, own, other, scale) = match part {
                Part::Query => (of_scores, &scratch.queries, scratch.keys(), scale(head_dim)),
                Part::Key | Part::Value => {
                    (of_scores.transposed(), &scratch.keys, scratch.queries(), 1.0)
                }
            };
            MatrixMut::new(&mut turned, [tokens, head_dim], head_dim).set_product(of_scores, other);
            let start = head.part_start(part);
            let (out, stride) = (&mut found.qkv[start..], 3 * head.stride());
            let angles = &mut found.angles;
            vector::run(
                #[inline(always)]
                || {
                    rotation.add_gradient(own, &turned, angles);
                    rotation.back(&turned, scale, out, stride);
                },
            );
        }
    }
    found
}

/// Queries, keys and values, in the order in which they lie in a row.
#[derive(Clone, Copy)]
enum Part {
    Query = 0,
    Key = 1,
    Value = 2,
}

/// One head of one sequence.
struct Head<'a> {
    shape: &'a AttentionShape,
    sequence: usize,
    number: usize,
}

impl Head<'_> {
    fn part<'b>(&self, qkv: &'b [f32], which: Part) -> Matrix<'b> {
        Matrix::new(&qkv[self.part_start(which)..], self.dims(), 3 * self.stride())
    }

    fn part_mut<'b>(&self, qkv: &'b mut [f32], which: Part) -> MatrixMut<'b> {
        MatrixMut::new(&mut qkv[self.part_start(which)..], self.dims(), 3 * self.stride())
    }

    /// Returns the head's part of rows `[rows, width]`.
    fn mixed<'b>(&self, mixed: &'b [f32]) -> Matrix<'b> {
        Matrix::new(&mixed[self.mixed_start()..], self.dims(), self.stride())
    }

    fn mixed_mut<'b>(&self, mixed: &'b mut [f32]) -> MatrixMut<'b> {
        MatrixMut::new(&mut mixed[self.mixed_start()..], self.dims(), self.stride())
    }

    /// Returns which tokens of the sequence can be seen.
    fn visible(&self) -> Option<&[bool]> {
        let tokens = self.shape.tokens;
        self.shape.visible.as_ref().map(|all| &all[self.sequence * tokens..][..tokens])
    }

    const fn dims(&self) -> [usize; 2] {
        [self.shape.tokens, self.shape.head_dim()]
    }

    /// Returns the numbers of rows `[rows, width]` from token to token.
    const fn stride(&self) -> usize {
        self.shape.step * self.shape.width
    }

    fn part_start(&self, which: Part) -> usize {
        let row = self.shape.starts[self.sequence];
        (3 * row + which as usize) * self.shape.width + self.number * self.shape.head_dim()
    }

    fn mixed_start(&self) -> usize {
        self.shape.starts[self.sequence] * self.shape.width + self.number * self.shape.head_dim()
    }
}

/// What one head needs at a time.
struct Scratch {
    dims: [usize; 2],
    /// Scaled and turned, `[tokens, head_dim]`.
    queries: Vec<f32>,
    /// Turned, `[tokens, head_dim]`.
    keys: Vec<f32>,
    /// `[tokens, tokens]`.
    weights: Vec<f32>,
}

impl Scratch {
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
    fn weigh(&mut self, qkv: &[f32], rotation: &Rotation, head: &Head<'_>) {
        let [tokens, head_dim] = self.dims;
        let stride = 3 * head.stride();
        let queries = &qkv[head.part_start(Part::Query)..];
        let keys = &qkv[head.part_start(Part::Key)..];
        vector::run(
            #[inline(always)]
            || {
                rotation.turn(queries, stride, scale(head_dim), &mut self.queries);
                rotation.turn(keys, stride, 1.0, &mut self.keys);
            },
        );
        let left = Matrix::new(&self.queries, self.dims, head_dim);
        let right = Matrix::new(&self.keys, self.dims, head_dim).transposed();
        MatrixMut::new(&mut self.weights, [tokens, tokens], tokens).set_product(left, right);
        let (weights, visible, mutual) = (&mut self.weights, head.visible(), head.shape.mutual);
        vector::run(
            #[inline(always)]
            || match visible {
                None => all_softmax(weights, tokens),
                Some(visible) => causal_softmax(weights, visible, mutual),
            },
        );
    }
}

fn scale(head_dim: usize) -> f32 {
    (head_dim as f32).powf(-0.5)
}

/// Turns rows of scores into weights.
#[inline(always)]
fn all_softmax(scores: &mut [f32], tokens: usize) {
    for row in scores.chunks_exact_mut(tokens) {
        softmax(row);
    }
}

/// Turns rows of scores into weights of the keys up to the row's own, and of the first `mutual`, that can be seen.
#[inline(always)]
fn causal_softmax(scores: &mut [f32], visible: &[bool], mutual: usize) {
    let tokens = visible.len();
    for (query, row) in scores.chunks_exact_mut(tokens).enumerate() {
        let (seen, later) = row.split_at_mut(mutual.max(query + 1));
        for (score, visible) in seen.iter_mut().zip(visible) {
            *score = if *visible { *score } else { f32::MIN };
        }
        softmax(seen);
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

/// Turns the gradient of weights into that of scores, row after row.
#[inline(always)]
fn through_softmax(weights: &[f32], gradient: &mut [f32], tokens: usize) {
    let rows = weights.chunks_exact(tokens).zip(gradient.chunks_exact_mut(tokens));
    for (weights, gradient) in rows {
        let mean = vector::dot(weights, gradient);
        for (gradient, weight) in gradient.iter_mut().zip(weights) {
            *gradient = weight * (*gradient - mean);
        }
    }
}
